#pragma once
// What Graph documents of users and groups: a table, and the tenant's own extensions beside it.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/schema.h"

namespace linkspan::connector_graph {

/// A directory extension as the tenant declares it.
struct Extension {
  std::string name;  ///< "extension_…_costCenter"
  model::ValueKind kind = model::ValueKind::text;
  bool multi_valued = false;
  std::vector<std::string> targets;  ///< "User", "Group"
};

enum class Access : unsigned char {
  read_only,  ///< Graph sets it
  at_birth,   ///< may be given when the object is made, and never changes
  writable,
};

struct Property {
  std::string name;  ///< "city", "onPremisesExtensionAttributes.extensionAttribute1"
  model::ValueKind kind = model::ValueKind::text;
  bool multi_valued = false;
  Access access = Access::writable;
  bool case_exact = false;
  bool required = false;  ///< to make one
};

struct Link {
  std::string name;  ///< "members"
  bool multi_valued = true;
};

/// "user" or "group".
struct ObjectType {
  std::string name;
  std::string collection;            ///< "users"
  std::string key;                   ///< carries the source anchor: onPremisesImmutableId, uniqueName
  std::string title;                 ///< what a person calls one: userPrincipalName, displayName
  std::vector<Property> properties;  ///< sorted by name
  std::vector<Link> links;

  /// nullptr where there is none of that name.
  [[nodiscard]] const Property* find(std::string_view name) const;
  [[nodiscard]] const Link* find_link(std::string_view name) const;

  /// The value of $select that asks for all of it, without links: "id,city,onPremisesExtensionAttributes,…".
  [[nodiscard]] std::string selection() const;
  /// What a watermark depends on: other properties or kinds need a full import.
  [[nodiscard]] std::string fingerprint() const;
};

/// Carries the source anchor of a user.
inline constexpr std::string_view k_immutable_id = "onPremisesImmutableId";

/// `name` is "user" or "group"; the extensions meant for it are among its properties.
[[nodiscard]] ObjectType object_type(std::string_view name, const std::vector<Extension>& extensions);

/// As an administrator maps it, links included.
[[nodiscard]] model::SchemaClass schema_of(const ObjectType& type);

}  // namespace linkspan::connector_graph
