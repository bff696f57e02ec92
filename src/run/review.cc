#include "run/review.h"

#include <fmt/format.h>

#include <map>

#include "run/internal/lookup.h"
#include "sync/configuration.h"

namespace linkspan::run {
namespace {

sync::Context make_context(const Environment& environment, const sync::Configuration& configuration) {
  return {environment.store, *configuration.rules, configuration.connectors, store::Lease{},
          environment.clock, environment.logger,   std::stop_token{},        environment.progress};
}

}  // namespace

std::vector<std::string> targets(const Environment& environment) {
  const auto configuration = sync::load_configuration(environment.store, environment.naming);
  std::vector<std::string> names;
  for (const sync::ConnectorInfo& info : configuration.connectors) {
    if (configuration.rules->has_outbound(info.name)) names.push_back(info.name);
  }
  return names;
}

Review review(const Environment& environment, std::string_view connector,
              const std::function<void(const sync::PendingExport&)>& visit) {
  const auto configuration = sync::load_configuration(environment.store, environment.naming);
  const sync::ConnectorInfo& info = find_info(configuration, connector);
  const sync::Context context = make_context(environment, configuration);
  Review out;
  out.connector = info.name;
  std::string correlation;
  try {
    correlation = environment.directories(find_row(environment.store, info.id))->capabilities().correlation_attribute;
  } catch (const Error& error) {
    out.unsure = error.message();
  }
  sync::ChangeSetBuilder builder;
  sync::each_pending(context, info, correlation, [&](const sync::PendingExport& pending) {
    builder.add(pending);
    if (visit) visit(pending);
    return true;
  });
  out.changes = builder.finish();
  if (!out.unsure.empty()) out.changes.fingerprint.clear();
  for (const store::ConnectorCounts& counts : environment.store.summary()->counts()) {
    if (counts.connector == info.id) out.objects = counts.objects - counts.adds;
  }
  out.verdict = sync::judge(out.changes.counts, out.objects,
                            sync::guard_limits(environment.store.configuration().settings(), info.name));
  return out;
}

sync::Preview preview(const Environment& environment, std::string_view connector, std::string_view name) {
  const auto configuration = sync::load_configuration(environment.store, environment.naming);
  const sync::ConnectorInfo& info = find_info(configuration, connector);
  return sync::preview(make_context(environment, configuration), info, name);
}

namespace {

/// Rules of a name that the database knows get its id, for links are by rule; others one that nobody has.
std::shared_ptr<const rules::RuleSet> compile(const Environment& environment, const sync::Configuration& configuration,
                                              std::vector<rules::Rule> rules,
                                              std::map<std::string, std::int64_t>& ids) {
  std::vector<model::RuleId> given;
  for (const rules::Rule& rule : rules)
    given.push_back({ids.emplace(rule.name, 1'000'000'000 + static_cast<std::int64_t>(ids.size())).first->second});
  std::vector<rules::ConnectorName> connectors;
  for (const sync::ConnectorInfo& info : configuration.connectors) connectors.push_back({info.name, info.kind});
  std::vector<rules::Problem> problems;
  auto set = rules::RuleSet::compile(std::move(rules), given, connectors, environment.store.names(), problems);
  if (set != nullptr) return set;
  std::string text;
  for (const rules::Problem& problem : problems) {
    if (problem.severity == rules::Problem::Severity::error) text += "\n" + rules::to_text(problem);
  }
  throw Error(Fault::invalid, "run.rules", "these rules cannot be used:" + text,
              "`linkspan rule check` says everything that is wrong with them.");
}

}  // namespace

sync::RuleDiff diff_rules(const Environment& environment, std::vector<rules::Rule> before,
                          std::vector<rules::Rule> after,
                          const std::function<void(const sync::RuleDifference&)>& visit) {
  const auto configuration = sync::load_configuration(environment.store, environment.naming);
  std::map<std::string, std::int64_t> ids;
  for (const store::RuleRow& row : environment.store.configuration().rules()) ids[row.name] = row.id.value;
  const auto first = compile(environment, configuration, std::move(before), ids);
  const auto second = compile(environment, configuration, std::move(after), ids);
  return sync::diff_rules(make_context(environment, configuration), *first, *second, visit);
}

}  // namespace linkspan::run
