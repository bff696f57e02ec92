#pragma once
// `connector test`: each thing an import and an export will need, tried in turn, nothing changed.

#include <vector>

#include "connector/connector.h"
#include "connector_graph/internal/tenant.h"

namespace linkspan::connector_graph {

[[nodiscard]] std::vector<connector::Check> run_checks(Tenant& tenant);

/// From when on the end of a certificate is worth a word.
inline constexpr std::chrono::days k_certificate_ends_soon{30};

}  // namespace linkspan::connector_graph
