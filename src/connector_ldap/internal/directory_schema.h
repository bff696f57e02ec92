#pragma once
// The server's schema (RFC 4512, section 4.2), as far as reading entries needs it.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "connector_ldap/internal/session.h"
#include "model/schema.h"

namespace linkspan::connector_ldap {

struct AttributeType {
  std::string name;  ///< the schema's first name
  model::ValueKind kind = model::ValueKind::text;
  bool single_valued = false;
  bool writable = true;
  bool case_exact = false;
  bool optional_uid = false;     ///< "DN#'0101'B"
  bool binary_transfer = false;  ///< goes by ";binary" only (RFC 4523): certificates

  /// In Active Directory: the far end of a link, which the directory keeps by itself (memberOf of member).
  [[nodiscard]] bool is_back_link() const { return kind == model::ValueKind::reference && !writable && !single_valued; }
};

struct ObjectClass {
  std::string name;
  std::vector<std::string> superiors;   ///< as written
  std::vector<std::string> attributes;  ///< own ones, as written
  std::vector<std::string> required;    ///< those of them that must have a value
  bool structural = false;
};

/// Immutable after it was read. Names are found without regard to case, and by OID.
class DirectorySchema {
 public:
  /// From the definitions as the server prints them. Definitions that cannot be read are left out. `content_rules`
  /// (RFC 4512, 4.1.6) name what auxiliary classes every entry of a class has.
  DirectorySchema(const std::vector<std::string>& attribute_types, const std::vector<std::string>& object_classes,
                  const std::vector<std::string>& content_rules = {});

  /// The attribute type of a description without options, or nullptr.
  [[nodiscard]] const AttributeType* attribute(std::string_view name) const;
  [[nodiscard]] const ObjectClass* object_class(std::string_view name) const;

  /// The class and all above it, lower-case names, itself first. Ends at what is unknown; a circle is no danger.
  [[nodiscard]] std::vector<std::string> ancestry(std::string_view name) const;

  /// The attributes that an object of that class must have a value of, as far as they are references to any number of
  /// objects: members of a group that may not be empty. The schema's spelling.
  [[nodiscard]] std::vector<std::string> required_references(std::string_view object_class) const;

  [[nodiscard]] model::Schema to_model() const;
  [[nodiscard]] std::size_t classes() const { return classes_.size(); }
  [[nodiscard]] std::size_t attributes() const { return attributes_.size(); }

 private:
  struct RawType;
  void add_attributes(const std::vector<std::string>& definitions);
  void add_classes(const std::vector<std::string>& definitions);
  void add_content_rules(const std::vector<std::string>& definitions);

  std::vector<AttributeType> attributes_;
  std::vector<ObjectClass> classes_;
  std::unordered_map<std::string, std::size_t> attribute_index_;  ///< lower-case names and OIDs
  std::unordered_map<std::string, std::size_t> class_index_;
};

/// Reads the schema that `subschema` (a DN from the rootDSE) holds. Throws as Session does; Fault::unavailable
/// "ldap.no_schema" when there is nothing to read.
[[nodiscard]] DirectorySchema load_schema(Session& session, const std::string& subschema,
                                          const std::stop_token& stop = {});

}  // namespace linkspan::connector_ldap
