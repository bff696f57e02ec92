#pragma once
// A worker as a bulk upload tells of one: the places of SCIM's User (RFC 7643 sections 4.1 and 4.3) that the
// provisioning service reads, by the names the SCIM connector gives them.

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "connector_graph/internal/settings.h"
#include "model/export.h"
#include "model/schema.h"

namespace linkspan::connector_graph {

inline constexpr std::string_view k_worker_type = "User";
/// Tells workers apart, in the source and in the job's mapping; never changes.
inline constexpr std::string_view k_worker_key = "externalId";
inline constexpr std::string_view k_worker_manager = "enterprise:manager";

[[nodiscard]] model::SchemaClass worker_schema(const Options& options);

/// The externalId of the worker an export is about. Throws Fault::invalid "graph.required" where it has none, and
/// "graph.read_only" where it would change.
[[nodiscard]] std::string worker_of(const model::Export& change);

/// The `data` of one operation: all the worker is (Export::whole), null for what is taken away; of a removal only that
/// the account is not active, for the service can delete nobody. Throws as worker_of, and Fault::invalid
/// "graph.attribute" and "graph.value".
[[nodiscard]] nlohmann::json worker_data(const Options& options, const model::Export& change);

}  // namespace linkspan::connector_graph
