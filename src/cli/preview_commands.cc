// preview: what would happen to one object, and why.

#include <fmt/format.h>

#include "base/text.h"
#include "cli/internal/nouns.h"
#include "cli/session.h"
#include "run/review.h"

namespace linkspan::cli {
namespace {

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += between;
    out += part;
  }
  return out;
}

Json rules_json(const std::vector<sync::PreviewRule>& rules) {
  Json list = Json::list();
  for (const sync::PreviewRule& one : rules) {
    list.push(Json::object({{"rule", one.rule},
                            {"connector", one.connector},
                            {"direction", one.direction},
                            {"precedence", one.precedence},
                            {"in_scope", one.in_scope},
                            {"because", one.because}}));
  }
  return list;
}

Json flows_json(const std::vector<sync::PreviewFlow>& flows) {
  Json list = Json::list();
  for (const sync::PreviewFlow& one : flows) {
    list.push(Json::object({{"attribute", one.attribute},
                            {"rule", one.rule},
                            {"connector", one.connector},
                            {"object", one.object},
                            {"value", one.value},
                            {"won", one.won}}));
  }
  return list;
}

Json joins_json(const std::vector<sync::PreviewJoin>& joins) {
  Json list = Json::list();
  for (const sync::PreviewJoin& one : joins) {
    list.push(Json::object({{"rule", one.rule},
                            {"group", one.group},
                            {"condition", one.condition},
                            {"value", one.value},
                            {"matches", one.matches},
                            {"remark", one.remark.empty() ? Json() : Json(one.remark)}}));
  }
  return list;
}

Json to_json(const sync::Preview& preview) {
  Json targets = Json::list();
  for (const sync::PreviewTarget& one : preview.targets) {
    Json changes = Json::list();
    for (const auto& change : one.changes) {
      changes.push(Json::object({{"attribute", change.attribute}, {"before", change.before}, {"after", change.after}}));
    }
    targets.push(Json::object({{"connector", one.connector},
                               {"operation", one.operation},
                               {"decision", one.decision},
                               {"name", one.name},
                               {"rules", rules_json(one.rules)},
                               {"joins", joins_json(one.joins)},
                               {"flows", flows_json(one.flows)},
                               {"changes", std::move(changes)},
                               {"dropped_references", one.dropped_references},
                               {"problem", one.problem.empty() ? Json() : Json(one.problem)}}));
  }
  return Json::object({{"connector", preview.connector},
                       {"object", preview.object},
                       {"type", preview.type},
                       {"state", preview.state},
                       {"decision", preview.decision},
                       {"rules", rules_json(preview.rules)},
                       {"joins", joins_json(preview.joins)},
                       {"flows", flows_json(preview.flows)},
                       {"targets", std::move(targets)},
                       {"errors", preview.errors}});
}

void print_rules(Output& out, const std::vector<sync::PreviewRule>& rules) {
  for (const sync::PreviewRule& one : rules) {
    out.line(
        fmt::format("  {} {} {}{}", one.in_scope ? "in scope    " : "out of scope", one.precedence, printable(one.rule),
                    one.because.empty()
                        ? ""
                        : fmt::format(" ({})", printable(joined(one.because, one.in_scope ? " and " : " | "), 400))));
  }
}

void print_joins(Output& out, const std::vector<sync::PreviewJoin>& joins) {
  for (const sync::PreviewJoin& one : joins) {
    const std::string what =
        one.remark.empty() ? fmt::format("\"{}\": {} found", printable(one.value), one.matches) : one.remark;
    out.line(
        fmt::format("  join group {}: {}, {} ({})", one.group, printable(one.condition), what, printable(one.rule)));
  }
}

void print_flows(Output& out, const std::vector<sync::PreviewFlow>& flows) {
  Table table({"  Attribute", "", "Value", "Rule", "From"});
  for (const sync::PreviewFlow& one : flows) {
    table.add({"  " + printable(one.attribute), one.won ? "won" : "", printable(one.value, 80), printable(one.rule, 60),
               printable(one.connector)});
  }
  if (!table.empty()) out.print(table);
}

void print_target(Output& out, const sync::PreviewTarget& target) {
  out.line(fmt::format("\nTo {}: {}{}", target.connector, target.operation,
                       target.name.empty() ? "" : " " + printable(target.name)));
  if (!target.decision.empty()) out.line("  " + printable(target.decision));
  print_rules(out, target.rules);
  print_joins(out, target.joins);
  print_flows(out, target.flows);
  for (const auto& change : target.changes) {
    for (const std::string& value : change.before)
      out.line(fmt::format("    {}  - {}", printable(change.attribute), printable(value)));
    for (const std::string& value : change.after)
      out.line(fmt::format("    {}  + {}", printable(change.attribute), printable(value)));
  }
  for (const std::string& one : target.dropped_references)
    out.line("    dropped, for it is not in this connector: " + printable(one));
  if (!target.problem.empty()) out.line("  problem: " + printable(target.problem, 500));
}

int show_preview(Session& session, const Arguments& arguments) {
  const sync::Preview preview = run::preview(session.environment(), arguments.text("CONNECTOR"), arguments.text("DN"));
  session.progress().clear();
  Output& out = session.out();
  if (session.json()) {
    out.print(to_json(preview));
    return exit_done;
  }
  out.line(fmt::format("{} {} of {}: {}", preview.type, printable(preview.object), preview.connector, preview.state));
  out.line(preview.decision);
  out.line("\nInbound rules");
  print_rules(out, preview.rules);
  print_joins(out, preview.joins);
  out.line("\nMetaverse object");
  print_flows(out, preview.flows);
  for (const sync::PreviewTarget& target : preview.targets) print_target(out, target);
  for (const std::string& error : preview.errors) out.line("error: " + printable(error, 500));
  out.line("\nNothing was changed.");
  return exit_done;
}

}  // namespace

Commands preview_commands() {
  return {{"preview",
           "What would happen to one object: scope, joins, each flow with the rule that won, resulting exports",
           {{"CONNECTOR", "Where the object is", true, false, {}}, {"DN", "Its DN or anchor", true, false, {}}},
           show_preview}};
}

}  // namespace linkspan::cli
