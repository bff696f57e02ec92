#pragma once
// From exports to request bodies. Pure but for the initial password; every function throws Fault::invalid
// ("graph.attribute", "graph.read_only", "graph.required", "graph.value") for what Graph cannot be told.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connector_graph/internal/shape.h"
#include "model/entry.h"
#include "model/export.h"

namespace linkspan::connector_graph {

/// A POST /users or /groups. All that Graph requires must be among the attributes. A new user gets an initial password
/// that nobody knows, to be changed at the first sign-in if `force_password_change`. The key of a group is left out:
/// it stands in the URL.
[[nodiscard]] std::string create_body(const ObjectType& type, const model::Export& add, bool force_password_change);

/// A PATCH of what changes; nullopt when nothing is left to change.
[[nodiscard]] std::optional<std::string> patch_body(const ObjectType& type, const model::Export& update);

/// A PATCH /groups/{id} that adds up to 20 members.
[[nodiscard]] std::string bind_body(std::string_view root, std::string_view link, std::span<const std::string> targets);
/// A POST or PUT …/$ref of one.
[[nodiscard]] std::string reference_body(std::string_view root, std::string_view target);

/// The one value an add gives `attribute`; empty when it gives none.
[[nodiscard]] std::string added_text(const model::Export& add, std::string_view attribute);

/// "onPremisesImmutableId eq 'it''s'", or an any() for what has many values. Throws "graph.attribute" for what the type
/// does not have.
[[nodiscard]] std::string equality_filter(const ObjectType& type, std::string_view attribute,
                                          const model::Value& value);

/// 'it''s': a text as OData writes it.
[[nodiscard]] std::string odata_string(std::string_view text);

}  // namespace linkspan::connector_graph
