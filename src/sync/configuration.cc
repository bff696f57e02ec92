#include "sync/configuration.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace linkspan::sync {

connector::Settings parse_settings(const store::ConnectorRow& row) {
  try {
    return nlohmann::json::parse(row.settings.empty() ? "{}" : row.settings)
        .get<std::map<std::string, std::vector<std::string>, std::less<>>>();
  } catch (const nlohmann::json::exception& problem) {
    throw Error(Fault::corrupt, "sync.connector_settings",
                fmt::format("the settings of connector {} cannot be read: {}", row.name, problem.what()),
                "Set them again with `linkspan connector edit`, or restore the database from a backup.");
  }
}

std::string print_settings(const connector::Settings& settings) { return nlohmann::json(settings).dump(); }

Configuration load_configuration(store::Store& store,
                                 const std::function<connector::Naming(std::string_view)>& naming) {
  Configuration out;
  std::vector<store::ConnectorRow> rows = store.configuration().connectors();
  std::sort(rows.begin(), rows.end(),
            [](const auto& a, const auto& b) { return std::tie(a.position, a.id) < std::tie(b.position, b.id); });
  std::vector<rules::ConnectorName> names;
  for (const store::ConnectorRow& row : rows) {
    const connector::Settings settings = parse_settings(row);
    const connector::Naming named = naming(row.kind);
    ConnectorInfo info{.id = row.id,
                       .name = row.name,
                       .kind = row.kind,
                       .position = row.position,
                       .references_by_anchor = named.references_by_anchor,
                       .objects_by_dn = named.objects_by_dn,
                       .canaries = {}};
    if (const auto canaries = settings.find("canaries"); canaries != settings.end()) info.canaries = canaries->second;
    if (const auto choice = settings.find("deprovision"); choice != settings.end() && !choice->second.empty()) {
      info.disconnect_instead_of_delete = choice->second.front() == "disconnect";
    }
    if (const auto list = settings.find("parameters"); list != settings.end()) {
      for (const std::string& one : list->second) {
        const std::size_t equals = std::min(one.find('='), one.size());
        if (equals != one.size()) info.parameters.emplace(one.substr(0, equals), one.substr(equals + 1));
      }
    }
    names.push_back({row.name, row.kind});
    out.connectors.push_back(std::move(info));
  }
  std::vector<rules::Rule> parsed;
  std::vector<model::RuleId> ids;
  std::vector<rules::Problem> problems;
  for (const store::RuleRow& row : store.configuration().rules()) {
    for (rules::Rule& rule : rules::parse_rules(row.definition, row.name, problems)) {
      parsed.push_back(std::move(rule));
      ids.push_back(row.id);
    }
  }
  out.rules = rules::RuleSet::compile(std::move(parsed), ids, names, store.names(), problems);
  if (const auto dn = store.names().find("dn")) {
    for (ConnectorInfo& info : out.connectors) info.dn = info.objects_by_dn ? *dn : 0;
  }
  std::string message;
  for (const rules::Problem& problem : problems) {
    if (problem.severity == rules::Problem::Severity::warning) {
      out.warnings.push_back(problem);
    } else {
      message += fmt::format("\n  {}: {}", problem.file, problem.message);
    }
  }
  if (!message.empty() || out.rules == nullptr) {
    throw Error(Fault::invalid, "sync.rules", "the rules in the database cannot be used:" + message,
                "`linkspan rule check` shows where; correct them and run `linkspan rule import` again.");
  }
  return out;
}

}  // namespace linkspan::sync
