#include "connector_ldap/internal/added_object.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.h"
#include "connector_ldap/internal/session.h"
#include "connector_ldap/internal/values.h"
#include "model/dn.h"

namespace linkspan::connector_ldap {

namespace {

bool is_shown_as_written(std::string_view name) {
  constexpr std::array<std::string_view, 6> others{"unicodePwd", "userPassword",   "userAccountControl",
                                                   "pwdLastSet", "accountExpires", "objectClass"};
  return std::ranges::none_of(others, [&](std::string_view one) { return equal_ascii_case(one, name); });
}

bool holds(const std::vector<std::string>& values, const std::string& wanted, bool case_exact) {
  return std::ranges::any_of(values, [&](const std::string& value) {
    return value == wanted || (!case_exact && equal_ascii_case(value, wanted));
  });
}

/// Whether it says no more than the name does.
bool repeats_the_name(const model::Export& change, const model::AttributeChange& attribute) {
  const model::Dn dn = model::parse_dn(change.dn);
  return !dn.rdns.empty() && attribute.after.size() == 1 && std::ranges::any_of(dn.rdns.front(), [&](const auto& part) {
    return equal_ascii_case(part.second, wire_value(attribute.after.front()));
  });
}

}  // namespace

std::vector<std::string> telling_attributes(const model::Export& change) {
  std::vector<std::string> names;
  for (const model::AttributeChange& attribute : change.attributes) {
    if (!attribute.after.empty() && is_shown_as_written(attribute.name)) names.push_back(attribute.name);
  }
  return names;
}

bool is_what_was_added(LDAP* handle, LDAPMessage* entry, const model::Export& change, const DirectorySchema& schema) {
  const std::vector<std::string> names = telling_attributes(change);
  const bool tells = std::ranges::any_of(change.attributes, [&](const model::AttributeChange& attribute) {
    return std::ranges::find(names, attribute.name) != names.end() && !repeats_the_name(change, attribute);
  });
  if (!tells) return false;
  const auto classes = values_of(handle, entry, "objectClass");
  if (!holds(classes, change.object_type, false)) return false;
  return std::ranges::all_of(change.attributes, [&](const model::AttributeChange& attribute) {
    if (std::ranges::find(names, attribute.name) == names.end()) return true;
    const AttributeType* type = schema.attribute(std::string_view(attribute.name).substr(0, attribute.name.find(';')));
    const bool case_exact = type != nullptr && (type->case_exact || type->kind == model::ValueKind::binary);
    const auto values = values_of(handle, entry, attribute.name.c_str());
    return std::ranges::all_of(attribute.after,
                               [&](const model::Value& value) { return holds(values, wire_value(value), case_exact); });
  });
}

}  // namespace linkspan::connector_ldap
