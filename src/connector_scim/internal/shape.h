#pragma once
// What a service says its resources look like, and what RFC 7643 says where it does not.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connector_scim/internal/path.h"
#include "model/schema.h"

namespace linkspan::connector_scim {

/// One attribute of a schema (RFC 7643 section 7).
struct Attribute {
  enum class Type : unsigned char { string, boolean, decimal, integer, time, binary, reference, complex };
  std::string name;
  Type type = Type::string;
  bool multi_valued = false;
  bool writable = true;
  bool readable = true;
  bool case_exact = false;
  bool link = false;  ///< complex, and its `value` is the id of a resource (manager, members)
  std::vector<Attribute> sub;
  std::vector<std::string> canonical;  ///< the values of a `type` that the schema suggests
};

/// A schema: `urn` and its attributes. Names compare without case.
struct Shape {
  std::string urn;
  std::vector<Attribute> attributes;
  [[nodiscard]] const Attribute* find(std::string_view name) const;
};

/// "User", "Group", or a type of the service's own: where it lives and what it is made of.
struct ResourceType {
  std::string name;
  std::string endpoint;  ///< "Users", without slashes at its ends
  Shape core;
  std::vector<Shape> extensions;

  /// The attribute a path begins with, or nullptr where no schema speaks of it.
  [[nodiscard]] const Attribute* find(const Path& path) const;
  /// The attribute whose value a path names: the sub-attribute, or the attribute itself; nullptr likewise.
  [[nodiscard]] const Attribute* find_leaf(const Path& path) const;
  [[nodiscard]] const Shape* extension(std::string_view urn) const;
  /// What a person calls one of these: userName or displayName; of a type of the service's own displayName, name or
  /// externalId, whichever its schema has first.
  [[nodiscard]] std::string_view title_attribute() const;
};

[[nodiscard]] const Attribute* find_attribute(const std::vector<Attribute>& attributes, std::string_view name);

/// RFC 7643 sections 4.1, 4.2 and 4.3. `with_enterprise` adds the extension to User.
[[nodiscard]] ResourceType standard_user(bool with_enterprise);
[[nodiscard]] ResourceType standard_group();
/// One that only the service knows: what every resource has (RFC 7643 section 3.1), until /ResourceTypes and /Schemas
/// tell the rest.
[[nodiscard]] ResourceType foreign_type(std::string name);

/// A schema resource as /Schemas lists it; nullopt when `json` is none. Bounded: at most 1,000 attributes, one level of
/// sub-attributes.
[[nodiscard]] std::optional<Shape> parse_shape(std::string_view json);

/// The flat attributes of a resource type, as an administrator maps them.
[[nodiscard]] model::SchemaClass flatten(const ResourceType& type);

}  // namespace linkspan::connector_scim
