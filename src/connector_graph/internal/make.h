#pragma once
// How graph_kind() makes a connector; for tests, which set what no setting does (clocks, the pace of retries).

#include <memory>

#include "base/clock.h"
#include "base/log.h"
#include "connector/connector.h"
#include "connector_graph/internal/settings.h"
#include "connector_graph/internal/tenant.h"

namespace linkspan::connector_graph {

/// Clock and logger outlive it.
[[nodiscard]] std::unique_ptr<connector::Connector> make_connector(Options options, const Clock& clock, Pace pace,
                                                                   Logger& logger);

}  // namespace linkspan::connector_graph
