#pragma once
// Filters as RFC 7644 section 3.4.2.2 has them, the whole grammar, for the strict SCIM service of tests.

#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace linkspan::testkit {

/// Parsed once, asked often. Immutable.
class ScimFilter {
 public:
  /// Of resources of "Users" or "Groups". Throws ScimRefusal 400 `scim_type` for what is no filter, names an attribute
  /// that no schema has, or compares what cannot be compared.
  static ScimFilter parse(const std::string& endpoint, std::string_view text,
                          const std::string& scim_type = "invalidFilter");
  /// The inside of `attribute[…]`: its names are sub-attributes of `attribute`, a schema's complex one.
  static ScimFilter parse_element(const nlohmann::json& attribute, std::string_view text, const std::string& scim_type);

  /// A resource, or an element.
  [[nodiscard]] bool matches(const nlohmann::json& object) const;

  struct Node;

 private:
  explicit ScimFilter(std::shared_ptr<const Node> root) : root_(std::move(root)) {}
  std::shared_ptr<const Node> root_;
};

}  // namespace linkspan::testkit
