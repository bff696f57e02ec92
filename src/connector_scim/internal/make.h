#pragma once
// How scim_kind() makes a connector; for tests, which set what no setting does (the pace of retries).

#include <memory>

#include "base/log.h"
#include "connector/connector.h"
#include "connector_scim/internal/settings.h"

namespace linkspan::connector_scim {

[[nodiscard]] std::unique_ptr<connector::Connector> make_connector(Options options, Logger& logger);

}  // namespace linkspan::connector_scim
