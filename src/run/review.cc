#include "run/review.h"

#include <fmt/format.h>

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
  const auto configuration = sync::load_configuration(environment.store, environment.references_by_anchor);
  std::vector<std::string> names;
  for (const sync::ConnectorInfo& info : configuration.connectors) {
    if (configuration.rules->has_outbound(info.name)) names.push_back(info.name);
  }
  return names;
}

Review review(const Environment& environment, std::string_view connector,
              const std::function<void(const sync::PendingExport&)>& visit) {
  const auto configuration = sync::load_configuration(environment.store, environment.references_by_anchor);
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
  const auto configuration = sync::load_configuration(environment.store, environment.references_by_anchor);
  const sync::ConnectorInfo& info = find_info(configuration, connector);
  return sync::preview(make_context(environment, configuration), info, name);
}

}  // namespace linkspan::run
