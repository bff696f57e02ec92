// The schemas of RFC 7643 section 4, for services that do not list their own.

#include <initializer_list>

#include "connector_scim/internal/shape.h"

namespace linkspan::connector_scim {
namespace {

using Type = Attribute::Type;
using Names = std::initializer_list<const char*>;

Attribute simple(std::string name, Type type = Type::string, bool case_exact = false) {
  Attribute made;
  made.name = std::move(name);
  made.type = type;
  made.case_exact = case_exact;
  return made;
}

Attribute read_only(Attribute attribute) {
  attribute.writable = false;
  return attribute;
}

Attribute complex(std::string name, Names parts) {
  Attribute made = simple(std::move(name), Type::complex);
  for (const char* part : parts) made.sub.push_back(simple(part));
  return made;
}

/// The common form of multi-valued attributes: elements told apart by their type.
Attribute elements(std::string name, Names parts, Names types) {
  Attribute made = complex(std::move(name), parts);
  made.multi_valued = true;
  Attribute type = simple("type");
  type.canonical.assign(types.begin(), types.end());
  made.sub.push_back(std::move(type));
  made.sub.push_back(simple("primary", Type::boolean));
  return made;
}

Attribute link(std::string name, bool multi_valued) {
  Attribute made = complex(std::move(name), {"value"});
  made.sub.front().case_exact = true;
  made.sub.push_back(read_only(simple("display")));
  made.sub.push_back(simple("$ref", Type::reference, true));
  made.link = true;
  made.multi_valued = multi_valued;
  return made;
}

Attribute certificates() {
  Attribute made = elements("x509Certificates", {"display"}, {});
  made.sub.push_back(simple("value", Type::binary, true));
  return made;
}

Attribute password() {
  Attribute made = simple("password", Type::string, true);
  made.readable = false;
  return made;
}

Shape enterprise() {
  Shape made;
  made.urn = k_enterprise_schema;
  for (const char* name : {"employeeNumber", "costCenter", "organization", "division", "department"}) {
    made.attributes.push_back(simple(name));
  }
  made.attributes.push_back(link("manager", false));
  return made;
}

}  // namespace

ResourceType standard_user(bool with_enterprise) {
  ResourceType user;
  user.name = "User";
  user.endpoint = "Users";
  user.core.urn = k_user_schema;
  auto& all = user.core.attributes;
  all.push_back(simple("externalId", Type::string, true));
  for (const char* name :
       {"userName", "displayName", "nickName", "title", "userType", "preferredLanguage", "locale", "timezone"}) {
    all.push_back(simple(name));
  }
  all.push_back(simple("profileUrl", Type::reference, true));
  all.push_back(simple("active", Type::boolean));
  all.push_back(password());
  all.push_back(
      complex("name", {"formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix"}));
  all.push_back(elements("emails", {"value", "display"}, {"work", "home", "other"}));
  all.push_back(elements("phoneNumbers", {"value", "display"}, {"work", "home", "mobile", "fax", "pager", "other"}));
  all.push_back(elements("ims", {"value", "display"}, {}));
  all.push_back(elements("photos", {"value", "display"}, {"photo", "thumbnail"}));
  all.push_back(elements("addresses", {"formatted", "streetAddress", "locality", "region", "postalCode", "country"},
                         {"work", "home", "other"}));
  all.push_back(elements("entitlements", {"value", "display"}, {}));
  all.push_back(elements("roles", {"value", "display"}, {}));
  all.push_back(certificates());
  all.push_back(read_only(elements("groups", {"value", "display", "$ref"}, {"direct", "indirect"})));
  if (with_enterprise) user.extensions.push_back(enterprise());
  return user;
}

ResourceType foreign_type(std::string name) {
  ResourceType type;
  type.name = std::move(name);
  type.core.attributes.push_back(simple("externalId", Type::string, true));
  return type;
}

ResourceType standard_group() {
  ResourceType group;
  group.name = "Group";
  group.endpoint = "Groups";
  group.core.urn = k_group_schema;
  group.core.attributes.push_back(simple("externalId", Type::string, true));
  group.core.attributes.push_back(simple("displayName"));
  group.core.attributes.push_back(link("members", true));
  return group;
}

}  // namespace linkspan::connector_scim
