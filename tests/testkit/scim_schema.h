#pragma once
// What the strict SCIM service of tests knows of resources: the schemas of RFC 7643 section 4 and one extension of its
// own, and whether a resource or a value keeps to them. Names compare without case (RFC 7643 section 2.1).

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace linkspan::testkit {

/// A refusal: the HTTP status and the scimType of RFC 7644 section 3.12.
struct ScimRefusal {
  int status = 400;
  std::string scim_type;
  std::string detail;
};

inline const std::string k_scim_user = "urn:ietf:params:scim:schemas:core:2.0:User";
inline const std::string k_scim_group = "urn:ietf:params:scim:schemas:core:2.0:Group";
inline const std::string k_scim_enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// An extension that no RFC has: berth (string), tonnage (integer), retired (boolean), codes (several strings).
inline const std::string k_scim_harbour = "urn:example:params:scim:schemas:extension:harbour:2.0:User";

/// A resource type that no RFC has: name (required), draught (integer), owner (a User), crew (Users).
inline const std::string k_scim_vessel = "urn:example:params:scim:schemas:harbour:2.0:Vessel";
/// "Vessels" of the resource type Vessel; "User" for Users.
[[nodiscard]] std::string scim_type_of_endpoint(const std::string& endpoint);

/// Every schema, as /Schemas lists it (RFC 7643 section 7).
[[nodiscard]] const nlohmann::json& scim_schemas();
/// As /ResourceTypes lists them (RFC 7643 section 6).
[[nodiscard]] nlohmann::json scim_resource_types();

[[nodiscard]] std::string scim_lower(std::string_view text);
/// `object`'s value of that name, whatever its case; null when there is none.
[[nodiscard]] const nlohmann::json* scim_member(const nlohmann::json& object, std::string_view name);

/// The attribute a path begins with: `urn` is empty for the core schema and the common attributes, `sub` null for none.
struct ScimAttribute {
  std::string urn;
  const nlohmann::json* attribute = nullptr;
  const nlohmann::json* sub = nullptr;

  [[nodiscard]] std::string name() const { return (*attribute)["name"]; }
  [[nodiscard]] std::string sub_name() const { return (*sub)["name"]; }
  [[nodiscard]] bool is(const char* flag) const { return attribute->value(flag, false); }
};

/// `[urn:]attribute[.sub]` of "Users" or "Groups" (RFC 7644 section 3.10). Throws ScimRefusal 400 `scim_type` for what
/// no schema has.
[[nodiscard]] ScimAttribute scim_attribute(const std::string& endpoint, const std::string& path,
                                           const std::string& scim_type);

/// Throws ScimRefusal 400 invalidValue unless `value` is of the attribute's type (RFC 7643 section 2.3), a list for one
/// with several values, its sub-attributes likewise, with one primary at most (section 2.4).
void scim_check(const nlohmann::json& attribute, const nlohmann::json& value);
/// One value, or one element of the list.
void scim_check_one(const nlohmann::json& attribute, const nlohmann::json& value);

/// A resource as POST and PUT bring it: `schemas` names the core schema and each extension used (RFC 7643 section 3),
/// nothing is unknown, all required is there (section 2.2), what is readOnly is dropped (RFC 7644 section 3.3). Returns
/// it under the schemas' own names. Throws ScimRefusal 400 invalidValue or invalidSyntax.
[[nodiscard]] nlohmann::json scim_checked(const std::string& endpoint, const nlohmann::json& body);

/// After a change: required attributes are there, empty extensions are not, `schemas` says what is used.
void scim_finish(const std::string& endpoint, nlohmann::json& resource);

}  // namespace linkspan::testkit
