#pragma once
// Objects read one by one, many at once: what a delta query names but does not show whole.

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "connector_graph/internal/reader.h"
#include "connector_graph/internal/tenant.h"

namespace linkspan::connector_graph {

/// How many objects look() takes at once: what it holds in memory beside the largest group among them.
inline constexpr std::size_t k_look_at_once = 80;

/// The present state of what `changed` names, in that order; nullopt for what Graph says is not there. What a delta
/// query said of it counts more than what the read shows, for the read may come from a copy that lags behind. At most
/// k_look_at_once. Throws what Tenant::get throws.
[[nodiscard]] std::vector<std::optional<model::Entry>> look(Tenant& tenant, const ObjectType& type,
                                                            const std::vector<Item>& changed, std::stop_token stop);

/// Lays what `news` says over `entry`: values, cleared properties, and links added and removed. References come out
/// sorted, each once.
void overlay(model::Entry& entry, const Item& news);

/// The replies to GETs, in the order of `paths`: batches of 20, several in flight, each item that was throttled or
/// failed asked again within reason. Throws what error_of says for an item that keeps failing; 404 is a reply.
[[nodiscard]] std::vector<net::Response> get_many(Tenant& tenant, const std::vector<std::string>& paths,
                                                  std::stop_token stop);

/// One call as an element of a batch: its JSON (learn.microsoft.com/graph/json-batching).
[[nodiscard]] std::string batch_element(std::string_view id, const Call& call);
/// The batch itself.
[[nodiscard]] Call batch_call(const std::string& elements);
inline constexpr std::size_t k_batch = 20;

}  // namespace linkspan::connector_graph
