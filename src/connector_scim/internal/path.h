#pragma once
// Attribute paths: how one flat name stands for a place inside a SCIM resource (RFC 7644 section 3.10, a subset).

#include <optional>
#include <string>
#include <string_view>

namespace linkspan::connector_scim {

inline constexpr std::string_view k_user_schema = "urn:ietf:params:scim:schemas:core:2.0:User";
inline constexpr std::string_view k_group_schema = "urn:ietf:params:scim:schemas:core:2.0:Group";
inline constexpr std::string_view k_enterprise_schema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// What our names say instead of the URN above.
inline constexpr std::string_view k_enterprise_prefix = "enterprise";

/// `[attribute eq value]`, the one form of value filter that names an element.
struct ElementFilter {
  std::string attribute;  ///< "type"
  std::string value;      ///< decoded; for a boolean "true" or "false"
  bool boolean = false;
  friend bool operator==(const ElementFilter&, const ElementFilter&) = default;
};

/// `urn:attribute[filter].sub`, everything but `attribute` optional.
struct Path {
  std::string urn;  ///< of an extension; empty = the resource's own schema
  std::string attribute;
  std::optional<ElementFilter> filter;
  std::string sub;
  friend bool operator==(const Path&, const Path&) = default;
};

/// Reads `userName`, `name.givenName`, `emails[type eq "work"].value`, `enterprise:manager`,
/// `urn:…:User:costCenter.id`. Throws Fault::invalid "scim.attribute_path" for anything else, and for more than 512
/// bytes.
[[nodiscard]] Path parse_path(std::string_view name);

/// The flat name; parse_path reads it back.
[[nodiscard]] std::string to_name(const Path& path);

/// The path as a PATCH operation or a filter writes it: the URN in full.
[[nodiscard]] std::string to_wire(const Path& path);

/// The part of to_wire before the sub-attribute: `emails[type eq "work"]`, `name`.
[[nodiscard]] std::string element_of(const Path& path);

/// A JSON string literal, quotes included. Throws Fault::invalid "scim.value" when `text` is not UTF-8.
[[nodiscard]] std::string json_string(std::string_view text);

/// `userName eq "ada"`, `emails[type eq "work" and value eq "a@b"]`; `literal` is JSON (a string, number or boolean).
[[nodiscard]] std::string equality_filter(const Path& path, std::string_view literal);

}  // namespace linkspan::connector_scim
