#pragma once
// How graph_kind() makes a connector; for tests, which set what no setting does (clocks, the pace of retries).

#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "connector/connector.h"
#include "connector_graph/internal/settings.h"
#include "connector_graph/internal/tenant.h"

namespace linkspan::connector_graph {

/// Clock and logger outlive it.
[[nodiscard]] std::unique_ptr<connector::Connector> make_connector(Options options, const Clock& clock, Pace pace,
                                                                   Logger& logger);

[[nodiscard]] std::unique_ptr<connector::Connector> make_upload_connector(Options options, const Clock& clock,
                                                                          Pace pace, Logger& logger);

/// As an application of the tenant that the settings name; `parse` reads the settings of the mode.
[[nodiscard]] connector::Registrar registrar_of(Options (*parse)(const connector::Settings&, connector::Secrets));
/// The one secret of both modes.
[[nodiscard]] std::vector<connector::SettingSpec> secret_specs();
/// Says so in the log where the certificate ends soon.
void warn_of_certificate(Tenant& tenant);
[[nodiscard]] const Clock& real_clock();

}  // namespace linkspan::connector_graph
