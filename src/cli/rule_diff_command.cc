// rule diff: what changed rules would do, as counts and as a list.

#include <fmt/format.h>

#include "base/text.h"
#include "cli/internal/rule_diff.h"
#include "cli/session.h"
#include "run/review.h"
#include "setup/rule_base.h"

namespace linkspan::cli {
namespace {

constexpr std::int64_t k_standard_limit = 100;

std::vector<rules::Rule> rules_of(Session& session, const std::string& where) {
  if (where == "database") return setup::stored_rules(session.installation()).rules;
  setup::RuleFiles files = setup::read_rules(where);
  if (files.usable()) return std::move(files.rules);
  throw Error(Fault::invalid, "setup.rules", "these rules cannot be used:\n" + setup::to_text(files.problems),
              "Correct what is named above; nothing was changed.");
}

std::int64_t limit_of(const Arguments& arguments) {
  const auto text = arguments.get("--limit");
  if (!text) return k_standard_limit;
  const auto limit = to_integer(*text);
  if (!limit || *limit < 0) {
    throw Error(Fault::invalid, "cli.usage", fmt::format("--limit takes a number, not {}", printable(*text, 40)),
                "Write it like --limit 20; 0 lists nothing.");
  }
  return *limit;
}

Json changes_json(const std::vector<sync::RuleDifference::Change>& changes) {
  Json list = Json::list();
  for (const auto& one : changes)
    list.push(Json::object({{"attribute", one.attribute}, {"before", one.before}, {"after", one.after}}));
  return list;
}

Json to_json(const sync::RuleDifference& one) {
  Json targets = Json::list();
  for (const auto& target : one.targets) {
    targets.push(Json::object({{"connector", target.connector},
                               {"before", target.before},
                               {"after", target.after},
                               {"changes", changes_json(target.changes)}}));
  }
  Json out = Json::object();
  out.set("metaverse", Json());
  if (one.metaverse != 0) out.set("metaverse", one.metaverse);
  out.set("connector", one.connector);
  out.set("object", one.object);
  out.set("links", one.links);
  out.set("changes", changes_json(one.metaverse_changes));
  out.set("targets", std::move(targets));
  return out;
}

Json counts_json(const std::map<std::string, std::int64_t>& counts) {
  Json out = Json::object();
  for (const auto& [name, count] : counts) out.set(name, count);
  return out;
}

Json to_json(const sync::RuleDiff& diff, Json differences) {
  Json targets = Json::list();
  for (const auto& [connector, target] : diff.targets) {
    targets.push(Json::object({{"connector", connector},
                               {"operations", counts_json(target.operations)},
                               {"attributes", counts_json(target.attributes)}}));
  }
  return Json::object({{"identities", diff.identities},
                       {"objects", diff.objects},
                       {"different", diff.different},
                       {"appear", diff.appear},
                       {"disappear", diff.disappear},
                       {"relinked", diff.relinked},
                       {"errors", diff.errors},
                       {"metaverse_attributes", counts_json(diff.metaverse_attributes)},
                       {"targets", std::move(targets)},
                       {"differences", std::move(differences)}});
}

void print_changes(Output& out, std::string_view where, const std::vector<sync::RuleDifference::Change>& changes) {
  for (const auto& change : changes) {
    for (const std::string& value : change.before)
      out.line(fmt::format("    {} {}  - {}", where, printable(change.attribute), printable(value)));
    for (const std::string& value : change.after)
      out.line(fmt::format("    {} {}  + {}", where, printable(change.attribute), printable(value)));
  }
}

void print(Output& out, const sync::RuleDifference& one) {
  out.line(fmt::format("{} {}{}", printable(one.connector), printable(one.object),
                       one.metaverse == 0 ? "" : fmt::format(" (metaverse object {})", one.metaverse)));
  for (const std::string& link : one.links) out.line("    " + printable(link, 400));
  print_changes(out, "metaverse", one.metaverse_changes);
  for (const auto& target : one.targets) {
    if (target.before != target.after)
      out.line(fmt::format("    {}: {} -> {}", printable(target.connector), target.before, target.after));
    print_changes(out, printable(target.connector), target.changes);
  }
}

std::string counts_text(const std::map<std::string, std::int64_t>& counts) {
  std::string out;
  for (const auto& [name, count] : counts)
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", printable(name), with_commas(count));
  return out;
}

void print(Output& out, const sync::RuleDiff& diff, std::int64_t limit) {
  if (diff.different > limit) out.line(fmt::format("… and {} more.", with_commas(diff.different - limit)));
  out.line(fmt::format("{} identities and {} objects without one looked at: {} are judged differently.",
                       with_commas(diff.identities), with_commas(diff.objects), with_commas(diff.different)));
  if (diff.different == 0) return;
  out.line(fmt::format("  identities: {} appear, {} disappear; links of {} objects change; {} new errors",
                       with_commas(diff.appear), with_commas(diff.disappear), with_commas(diff.relinked),
                       with_commas(diff.errors)));
  if (!diff.metaverse_attributes.empty()) out.line("  metaverse: " + counts_text(diff.metaverse_attributes));
  for (const auto& [connector, target] : diff.targets) {
    if (!target.operations.empty())
      out.line(fmt::format("  {}, what is pending becomes: {}", printable(connector), counts_text(target.operations)));
    if (!target.attributes.empty())
      out.line(fmt::format("  {}, attributes: {}", printable(connector), counts_text(target.attributes)));
  }
}

}  // namespace

int diff_rules(Session& session, const Arguments& arguments) {
  const std::int64_t limit = limit_of(arguments);
  auto before = rules_of(session, arguments.text("BEFORE"));
  auto after = rules_of(session, arguments.text("AFTER"));
  Json differences = Json::list();
  std::int64_t listed = 0;
  const sync::RuleDiff diff =
      run::diff_rules(session.environment(), std::move(before), std::move(after), [&](const sync::RuleDifference& one) {
        if (++listed > limit) return;
        session.progress().clear();
        if (session.json()) {
          differences.push(to_json(one));
        } else {
          print(session.out(), one);
        }
      });
  session.progress().clear();
  if (session.json()) {
    session.out().print(to_json(diff, std::move(differences)));
  } else {
    print(session.out(), diff, limit);
    session.out().line("Nothing was changed.");
  }
  return exit_done;
}

}  // namespace linkspan::cli
