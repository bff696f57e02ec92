#pragma once
// `connector test`: each thing an import and an export will need, tried in turn, nothing changed.

#include <vector>

#include "connector/connector.h"
#include "connector_scim/internal/service.h"

namespace linkspan::connector_scim {

[[nodiscard]] std::vector<connector::Check> run_checks(Service& service);

}  // namespace linkspan::connector_scim
