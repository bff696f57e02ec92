// Identifying users, rules.

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "setup/connectors.h"
#include "setup/internal/draft.h"

namespace linkspan::setup {
namespace {

constexpr std::string_view k_anchor_target = "sourceAnchor";

bool is_anchor_rule(const rules::Rule& rule) {
  return rule.direction == rules::Direction::inbound && rule.link == rules::LinkType::provision &&
         std::any_of(rule.flows.begin(), rule.flows.end(),
                     [](const auto& flow) { return flow.target == k_anchor_target; });
}

/// The anchor of Active Directory that is written back: its rules know it already, and take the objectGUID where it is
/// not set yet.
bool is_written_back(const std::string& anchor) { return equal_ascii_case(anchor, "mS-DS-ConsistencyGuid"); }

bool keeps_anchor(const rules::Rule& rule, const std::string& anchor) {
  return anchor.empty() || anchor == k_standard_anchor || (is_written_back(anchor) && rule.kind == "ad");
}

/// Another attribute becomes the source anchor, in flows and joins alike.
void put_anchor(rules::Rule& rule, const std::string& anchor) {
  for (rules::Flow& flow : rule.flows) {
    if (flow.target != k_anchor_target) continue;
    flow.kind = rules::Flow::Kind::direct;
    flow.text = anchor;
  }
  for (auto& group : rule.join) {
    for (rules::JoinClause& clause : group) {
      if (clause.target == k_anchor_target) clause.source = anchor;
    }
  }
}

bool flows_to(const RuleFiles& files, std::string_view type, std::string_view attribute) {
  return std::any_of(files.rules.begin(), files.rules.end(), [&](const rules::Rule& rule) {
    return rule.direction == rules::Direction::inbound && rule.target == type &&
           std::any_of(rule.flows.begin(), rule.flows.end(),
                       [&](const auto& flow) { return flow.target == attribute; });
  });
}

RuleFiles all_defaults(const Installation& installation, const Draft& draft) {
  RuleFiles out;
  std::set<std::pair<std::string, std::string>> pairs;
  std::set<std::string> names;
  for (const ConnectorDraft& from : draft.directories) {
    for (const ConnectorDraft& to : draft.targets) {
      if (!pairs.emplace(from.kind, to.kind).second) continue;
      RuleFiles some = default_rules(installation, from.kind, to.kind);
      std::move(some.problems.begin(), some.problems.end(), std::back_inserter(out.problems));
      for (rules::Rule& rule : some.rules) {
        // Rules between two directories of one kind name them so.
        if (rule.connector == "source") rule.connector = from.name;
        if (rule.connector == "target") rule.connector = to.name;
        if (names.insert(rule.name).second) out.rules.push_back(std::move(rule));
      }
    }
  }
  const bool reads_ad = std::ranges::any_of(draft.directories, [](const auto& one) { return one.kind == "ad"; });
  if (reads_ad && is_written_back(draft.anchor)) {
    RuleFiles back = read_rules(installation.wiring().rules_dir / "write-anchor-to-ad.toml");
    std::ranges::move(back.rules, std::back_inserter(out.rules));
    std::ranges::move(back.problems, std::back_inserter(out.problems));
  }
  return out;
}

}  // namespace

RuleFiles chosen_rules(const Installation& installation, const Draft& draft) {
  RuleFiles files = draft.rules_folder.empty() ? all_defaults(installation, draft) : read_rules(draft.rules_folder);
  if (draft.rules_folder.empty()) {
    for (rules::Rule& rule : files.rules) {
      if (!is_anchor_rule(rule)) continue;
      if (!keeps_anchor(rule, draft.anchor)) put_anchor(rule, draft.anchor);
      if (!draft.matching.empty() && flows_to(files, rule.target, draft.matching)) {
        rules::JoinClause same;
        same.source = same.target = draft.matching;
        rule.join.push_back({std::move(same)});
      }
    }
  }
  std::vector<std::pair<std::string, std::string>> connectors;
  for (const auto* some : {&draft.directories, &draft.targets}) {
    for (const ConnectorDraft& one : *some) connectors.emplace_back(one.name, one.kind);
  }
  check_rules_alone(files, std::move(connectors));
  return files;
}

void describe_identify(const Installation&, const Draft& draft, Step& step) {
  step.intro =
      "How an identity is known for good, and how the same person in several directories is recognised. The source "
      "anchor must be there, be unique, and never change.";
  step.fields.push_back({.id = "anchor",
                         .label = "Source anchor",
                         .help = "the attribute that never changes; mS-DS-ConsistencyGuid is written back to Active "
                                 "Directory",
                         .standard = std::string(k_standard_anchor),
                         .values = draft.anchor.empty() ? std::vector<std::string>{} : std::vector{draft.anchor}});
  step.fields.push_back(
      {.id = "matching",
       .label = "Match people across directories by",
       .help = "an attribute such as mail or employeeNumber. Empty: everybody is in one directory only",
       .values = draft.matching.empty() ? std::vector<std::string>{} : std::vector{draft.matching}});
}

void answer_identify(const PageContext& context, const Values& values) {
  const auto take = [&](std::string_view field, std::string& into) {
    if (!values.contains(field)) return;
    const std::string& text = first_of(values, field);
    const bool fits = text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char one) {
                        return (one >= 'a' && one <= 'z') || (one >= 'A' && one <= 'Z') || (one >= '0' && one <= '9') ||
                               one == '-' || one == '_' || one == '.';
                      });
    if (fits) {
      into = text;
    } else {
      context.refuse(field, Error(Fault::invalid, "setup.attribute_name",
                                  fmt::format("\"{}\" is no attribute name", printable(text, 60))));
    }
  };
  take("anchor", context.draft.anchor);
  take("matching", context.draft.matching);
}

void check_identify(const PageContext& context) {
  const Draft& draft = context.draft;
  if (draft.anchor.empty() || draft.anchor == k_standard_anchor) return;
  for (const ConnectorDraft& one : draft.directories) {
    connector::Secrets secrets;
    for (const auto& [name, secret] : one.secrets) secrets.emplace(name, secret.clone());
    try {
      const auto made = check_connector(context.installation, one.name, one.kind, one.settings, std::move(secrets));
      const model::Schema schema = made->schema();
      const bool known = std::any_of(schema.classes.begin(), schema.classes.end(), [&](const auto& type) {
        return std::any_of(type.attributes.begin(), type.attributes.end(),
                           [&](const auto& attribute) { return equal_ascii_case(attribute.name, draft.anchor); });
      });
      if (known || schema.classes.empty()) continue;
      context.refuse("anchor", Error(Fault::invalid, "setup.not_in_schema",
                                     fmt::format("{} has no attribute {}", one.name, draft.anchor),
                                     "The source anchor must be an attribute of every directory."));
    } catch (const Error& error) {
      context.refuse("anchor", error);
    }
  }
}

void describe_rules(const Installation&, const Draft& draft, Step& step) {
  step.intro = "Which identities go where, and with which values: docs/rules.md.";
  step.fields.push_back(
      {.id = "folder",
       .label = "Folder (or file) of rules of your own",
       .help = "empty: the default rules between these kinds",
       .values = draft.rules_folder.empty() ? std::vector<std::string>{} : std::vector{draft.rules_folder}});
}

void answer_rules(const PageContext& context, const Values& values) {
  if (!values.contains("folder")) return;
  const std::string& text = first_of(values, "folder");
  context.draft.rules_folder = text.empty() ? std::string() : std::filesystem::absolute(text).string();
}

void check_rules_page(const PageContext& context) {
  Draft& draft = context.draft;
  if (draft.mode == Mode::existing) return;
  if (draft.directories.empty() || draft.targets.empty()) return;  // said on their own pages
  if (!draft.rules_folder.empty() &&
      (!draft.matching.empty() || (!draft.anchor.empty() && draft.anchor != k_standard_anchor))) {
    context.refuse("folder", Error(Fault::invalid, "setup.own_rules",
                                   "source anchor and matching are chosen, and rules of your own are given",
                                   "Rules of your own say both themselves: leave these two out."));
    return;
  }
  try {
    draft.rules = chosen_rules(context.installation, draft);
  } catch (const Error& error) {
    context.refuse("folder", error);
    return;
  }
  if (!draft.rules.usable()) {
    context.refuse("folder",
                   Error(Fault::invalid, "setup.rules", "these rules cannot be used:\n" + to_text(draft.rules.problems),
                         "Correct what is named above."));
    return;
  }
  if (!draft.matching.empty() && !flows_to(draft.rules, "person", draft.matching)) {
    context.refuse("folder", Error(Fault::invalid, "setup.matching",
                                   fmt::format("people cannot be matched by {}: no rule flows it", draft.matching),
                                   "Choose an attribute of the default rules (mail, employeeNumber, userName)."));
  }
  auto& findings = draft.findings[std::string(context.step)];
  findings.push_back({Mark::good, fmt::format("{} rules", draft.rules.rules.size())});
  for (const rules::Problem& problem : draft.rules.problems) {
    findings.push_back({Mark::note, problem.message, problem.hint});
  }
}

}  // namespace linkspan::setup
