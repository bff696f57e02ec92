// rule: sync rules in the database and in files.

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/internal/nouns.h"
#include "cli/internal/rule_diff.h"
#include "cli/internal/rule_import.h"
#include "cli/session.h"
#include "setup/rule_base.h"

namespace linkspan::cli {
namespace {

std::string_view direction_text(const rules::Rule& rule) {
  return rule.direction == rules::Direction::inbound ? "inbound" : "outbound";
}

std::string_view link_text(const rules::Rule& rule) {
  switch (rule.link) {
    case rules::LinkType::provision:
      return "provision";
    case rules::LinkType::join:
      return "join";
    case rules::LinkType::sticky_join:
      break;
  }
  return "sticky-join";
}

std::vector<rules::Rule> sorted_rules(Session& session) {
  std::vector<rules::Rule> all = setup::stored_rules(session.installation()).rules;
  std::stable_sort(all.begin(), all.end(), [](const rules::Rule& a, const rules::Rule& b) {
    return std::tie(a.direction, a.precedence) < std::tie(b.direction, b.precedence);
  });
  return all;
}

int list_rules(Session& session, const Arguments&) {
  Table table({"Precedence", "Direction", "Rule", "Connector", "From", "To", "Link", "Flows", ""});
  Json list = Json::list();
  for (const rules::Rule& rule : sorted_rules(session)) {
    const std::string where = rule.connector.empty() ? "kind " + rule.kind : rule.connector;
    table.add({std::to_string(rule.precedence), std::string(direction_text(rule)), printable(rule.name),
               printable(where), printable(rule.source), printable(rule.target), std::string(link_text(rule)),
               std::to_string(rule.flows.size()), rule.disabled ? "disabled" : ""});
    list.push(Json::object({{"name", rule.name},
                            {"direction", direction_text(rule)},
                            {"precedence", rule.precedence},
                            {"connector", rule.connector.empty() ? Json() : Json(rule.connector)},
                            {"kind", rule.kind.empty() ? Json() : Json(rule.kind)},
                            {"source", rule.source},
                            {"target", rule.target},
                            {"link", link_text(rule)},
                            {"flows", rule.flows.size()},
                            {"disabled", rule.disabled}}));
  }
  if (session.json()) {
    session.out().print(Json::object({{"rules", std::move(list)}}));
  } else if (table.empty()) {
    session.out().line("No rules yet: `linkspan rule import FOLDER`.");
  } else {
    session.out().print(table);
  }
  return exit_done;
}

int show_rule(Session& session, const Arguments& arguments) {
  const std::string& wanted = arguments.text("RULE");
  std::vector<std::string> names;
  for (const rules::Rule& rule : setup::stored_rules(session.installation()).rules) {
    names.push_back(rule.name);
    if (rule.name != wanted) continue;
    const std::string text = rules::print_rule(rule);
    if (session.json()) {
      session.out().print(Json::object({{"name", rule.name}, {"toml", text}}));
    } else {
      session.out().raw(text);
    }
    return exit_done;
  }
  const auto meant = nearest(wanted, names);
  throw Error(Fault::not_found, "cli.no_rule", fmt::format("there is no rule \"{}\"", printable(wanted, 100)),
              meant ? fmt::format("Is \"{}\" meant?", *meant) : "`linkspan rule list` names all.");
}

int check(Session& session, const Arguments& arguments) {
  setup::RuleFiles files;
  if (const auto path = arguments.get("PATH")) {
    files = setup::read_rules(*path);
    setup::check_rules_alone(files);
  } else {
    files = setup::stored_rules(session.installation());
    setup::check_rules(session.installation(), files);
  }
  if (session.json()) {
    session.out().print(Json::object(
        {{"usable", files.usable()}, {"rules", files.rules.size()}, {"problems", problems_json(files.problems)}}));
  } else {
    if (!files.problems.empty()) session.out().line(setup::to_text(files.problems));
    session.out().line(
        fmt::format("{} rules, {}.", files.rules.size(),
                    files.usable() ? (files.problems.empty() ? "nothing to say" : "usable") : "not usable"));
  }
  return files.usable() ? exit_done : exit_failed;
}

int export_rules(Session& session, const Arguments& arguments) {
  std::string text;
  for (const rules::Rule& rule : sorted_rules(session)) text += (text.empty() ? "" : "\n") + rules::print_rule(rule);
  if (const auto path = arguments.get("FILE")) {
    setup::write_file(*path, text, 0644);
    if (session.json()) {
      session.out().print(Json::object({{"file", *path}}));
    } else {
      session.out().line(fmt::format("The rules are in {}.", *path));
    }
  } else if (session.json()) {
    session.out().print(Json::object({{"toml", text}}));
  } else {
    session.out().raw(text);
  }
  return exit_done;
}

}  // namespace

Json problems_json(const std::vector<rules::Problem>& problems) {
  Json list = Json::list();
  for (const rules::Problem& one : problems) {
    list.push(Json::object({{"severity", one.severity == rules::Problem::Severity::error ? "error" : "warning"},
                            {"file", one.file},
                            {"line", one.position.line},
                            {"column", one.position.column},
                            {"length", static_cast<std::int64_t>(rules::underlined(one))},
                            {"source", one.source},
                            {"id", one.id},
                            {"message", one.message},
                            {"hint", one.hint}}));
  }
  return list;
}

Commands rule_commands() {
  return {
      {"rule list", "The rules in the database, by precedence", {}, list_rules},
      {"rule show", "One rule, as TOML", {{"RULE", "Its name", true, false, {}}}, show_rule},
      {"rule check",
       "Say everything that is wrong with a rule file or a folder of them; without one, with the database's rules",
       {{"PATH", "A .toml file or a folder"}},
       check,
       false},
      {"rule import",
       "Put rules into the database (those of the same name are replaced): from .toml files, or from a configuration "
       "export of Entra Connect, which --out turns into files instead",
       {{"PATH",
         "A .toml file or a folder of them; the export's folder, or its settings file (.json)",
         true,
         false,
         {}},
        {"--out DIR", "Write settings, rules and a report of everything there; nothing of it goes into the database"},
        {"--cloud KIND", "What the export's cloud connector becomes", false, false, {"graph", "scim"}},
        {"--replace", "Remove all other rules"}},
       import_rules},
      {"rule diff",
       "What changed rules would do to everything that is known, without doing it",
       {{"BEFORE", "database, or a file or a folder of rules", true, false, {}},
        {"AFTER", "Likewise", true, false, {}},
        {"--limit N", "How many differences to list (standard 100)"}},
       diff_rules},
      {"rule export", "All rules as one TOML file", {{"FILE", "Where to (standard: printed)"}}, export_rules},
  };
}

}  // namespace linkspan::cli
