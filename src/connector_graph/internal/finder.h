#pragma once
// Looking objects up by one value, and believing the answer only what it can show.

#include <string_view>
#include <vector>

#include "connector_graph/internal/tenant.h"
#include "model/entry.h"

namespace linkspan::connector_graph {

/// The objects whose `attribute` equals `value`, at most two. Graph answers from copies: what was made a moment ago may
/// not be found. Throws Fault::invalid "graph.object_type", "graph.attribute" and "graph.filter", and what Tenant::get
/// throws.
[[nodiscard]] std::vector<model::Entry> find_objects(Tenant& tenant, std::string_view object_type,
                                                     std::string_view attribute, const model::Value& value);

/// The same in two halves, for whoever sends requests himself.
[[nodiscard]] Call find_call(const ObjectType& type, std::string_view attribute, const model::Value& value);
[[nodiscard]] std::vector<model::Entry> matches_in(std::string_view body, const ObjectType& type,
                                                   std::string_view attribute, const model::Value& value);

/// A group by the key it was given: an entity of its own URL, read from the directory itself
/// (learn.microsoft.com/graph/api/group-upsert).
[[nodiscard]] std::string path_by_unique_name(std::string_view unique_name);

}  // namespace linkspan::connector_graph
