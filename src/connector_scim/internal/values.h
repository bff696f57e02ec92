#pragma once
// Values as the JSON their schema asks for.

#include <nlohmann/json_fwd.hpp>

#include "connector_scim/internal/settings.h"
#include "connector_scim/internal/shape.h"
#include "model/value.h"

namespace linkspan::connector_scim {

/// "True" becomes true where the schema says boolean, "7" becomes 7 where it says integer, a time RFC 3339, bytes
/// Base64; where no schema speaks (`leaf` nullptr) the value keeps its own kind. Throws Fault::invalid "scim.value".
[[nodiscard]] nlohmann::json to_json(const model::Value& value, const Attribute* leaf, std::string_view name);

/// The attribute an export names, checked: Fault::invalid "scim.attribute_path" where the name is no path,
/// "scim.read_only" where the service says that it sets this attribute itself.
[[nodiscard]] Path writable_path(const ResourceType& type, std::string_view name);

/// A PATCH (RFC 7644 section 3.5.2) of these operations, `{"op", "path", "value"}` each, as the service wants them.
[[nodiscard]] std::string patch_of(nlohmann::json operations, const Dialect& dialect);

/// Whether the values live in elements of a multi-valued complex attribute (`emails[…].value`, `roles.value`).
[[nodiscard]] bool is_in_elements(const Path& path, const Attribute* attribute);

/// The sub-attribute a path names, "value" where it names none.
[[nodiscard]] std::string sub_of(const Path& path);

[[nodiscard]] bool is_main_value(const Path& path);  ///< `….value`: without it the element is nothing

/// Throws Fault::invalid "scim.value" when there is more than one.
void require_one(const model::Values& values, std::string_view name);

/// Whether references of this name go by members: many, each a change of its own. Where no schema speaks, only
/// `members`.
[[nodiscard]] bool is_multi_link(const ResourceType& type, const Path& path);

/// The element that a filter names: {"type":"work"}.
[[nodiscard]] nlohmann::json element_for(const Path& path);

/// Whether `element` is the one, or one of those, that the path's filter names; without a filter: one without a type.
[[nodiscard]] bool matches(const nlohmann::json& element, const Path& path);

}  // namespace linkspan::connector_scim
