#include "testkit/graph_writes.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace linkspan::testkit {

using nlohmann::json;

namespace {

enum class Kind { text, flag, list, time, object };
enum class Right { write, birth, read };

struct Property {
  const char* name;
  Kind kind;
  Right right;
  std::size_t longest;
};

// graph/api/resources/user
constexpr std::array k_user{
    Property{"accountEnabled", Kind::flag, Right::write, 0},
    Property{"ageGroup", Kind::text, Right::write, 64},
    Property{"businessPhones", Kind::list, Right::write, 64},
    Property{"city", Kind::text, Right::write, 128},
    Property{"companyName", Kind::text, Right::write, 64},
    Property{"consentProvidedForMinor", Kind::text, Right::write, 64},
    Property{"country", Kind::text, Right::write, 128},
    Property{"createdDateTime", Kind::time, Right::read, 0},
    Property{"creationType", Kind::text, Right::read, 0},
    Property{"department", Kind::text, Right::write, 64},
    Property{"displayName", Kind::text, Right::write, 256},
    Property{"employeeHireDate", Kind::time, Right::write, 0},
    Property{"employeeId", Kind::text, Right::write, 16},
    Property{"employeeLeaveDateTime", Kind::time, Right::read, 0},
    Property{"employeeOrgData", Kind::object, Right::write, 0},
    Property{"employeeType", Kind::text, Right::write, 64},
    Property{"externalUserState", Kind::text, Right::read, 0},
    Property{"faxNumber", Kind::text, Right::write, 64},
    Property{"givenName", Kind::text, Right::write, 64},
    Property{"imAddresses", Kind::list, Right::read, 0},
    Property{"jobTitle", Kind::text, Right::write, 128},
    Property{"mail", Kind::text, Right::write, 256},
    Property{"mailNickname", Kind::text, Right::write, 64},
    Property{"mobilePhone", Kind::text, Right::write, 64},
    Property{"officeLocation", Kind::text, Right::write, 128},
    Property{"onPremisesDistinguishedName", Kind::text, Right::read, 0},
    Property{"onPremisesDomainName", Kind::text, Right::read, 0},
    Property{"onPremisesExtensionAttributes", Kind::object, Right::write, 0},
    Property{"onPremisesImmutableId", Kind::text, Right::write, 256},
    Property{"onPremisesSamAccountName", Kind::text, Right::read, 0},
    Property{"onPremisesSecurityIdentifier", Kind::text, Right::read, 0},
    Property{"onPremisesSyncEnabled", Kind::flag, Right::read, 0},
    Property{"onPremisesUserPrincipalName", Kind::text, Right::read, 0},
    Property{"otherMails", Kind::list, Right::write, 250},
    Property{"passwordPolicies", Kind::text, Right::write, 64},
    Property{"passwordProfile", Kind::object, Right::write, 0},
    Property{"postalCode", Kind::text, Right::write, 40},
    Property{"preferredDataLocation", Kind::text, Right::write, 8},
    Property{"preferredLanguage", Kind::text, Right::write, 64},
    Property{"proxyAddresses", Kind::list, Right::read, 0},
    Property{"securityIdentifier", Kind::text, Right::read, 0},
    Property{"showInAddressList", Kind::flag, Right::write, 0},
    Property{"state", Kind::text, Right::write, 128},
    Property{"streetAddress", Kind::text, Right::write, 1024},
    Property{"surname", Kind::text, Right::write, 64},
    Property{"usageLocation", Kind::text, Right::write, 2},
    Property{"userPrincipalName", Kind::text, Right::write, 113},
    Property{"userType", Kind::text, Right::write, 64},
};

// graph/api/resources/group, graph/api/group-upsert
constexpr std::array k_group{
    Property{"classification", Kind::text, Right::write, 128},
    Property{"createdDateTime", Kind::time, Right::read, 0},
    Property{"description", Kind::text, Right::write, 1024},
    Property{"displayName", Kind::text, Right::write, 256},
    Property{"groupTypes", Kind::list, Right::birth, 64},
    Property{"isAssignableToRole", Kind::flag, Right::birth, 0},
    Property{"mail", Kind::text, Right::read, 0},
    Property{"mailEnabled", Kind::flag, Right::birth, 0},
    Property{"mailNickname", Kind::text, Right::write, 64},
    Property{"membershipRule", Kind::text, Right::write, 3072},
    Property{"membershipRuleProcessingState", Kind::text, Right::write, 16},
    Property{"onPremisesDomainName", Kind::text, Right::read, 0},
    Property{"onPremisesNetBiosName", Kind::text, Right::read, 0},
    Property{"onPremisesSamAccountName", Kind::text, Right::read, 0},
    Property{"onPremisesSecurityIdentifier", Kind::text, Right::read, 0},
    Property{"onPremisesSyncEnabled", Kind::flag, Right::read, 0},
    Property{"preferredDataLocation", Kind::text, Right::write, 8},
    Property{"preferredLanguage", Kind::text, Right::write, 64},
    Property{"proxyAddresses", Kind::list, Right::read, 0},
    Property{"securityEnabled", Kind::flag, Right::write, 0},
    Property{"securityIdentifier", Kind::text, Right::read, 0},
    Property{"theme", Kind::text, Right::write, 16},
    Property{"uniqueName", Kind::text, Right::read, 0},  // given in the URL
    Property{"visibility", Kind::text, Right::write, 16},
};

const Property* find(const std::string& type, const std::string& name) {
  const auto search = [&](const auto& all) -> const Property* {
    const auto found = std::find_if(all.begin(), all.end(), [&](const Property& one) { return name == one.name; });
    return found == all.end() ? nullptr : &*found;
  };
  return type == "user" ? search(k_user) : search(k_group);
}

[[noreturn]] void refuse(const std::string& code, const std::string& message) {
  throw GraphRefusal{400, code, message};
}

void check_text(const std::string& name, const json& value, std::size_t longest) {
  if (!value.is_string())
    refuse("BadRequest", "Cannot convert the literal to the expected type 'Edm.String' of " + name);
  const auto& text = value.get_ref<const std::string&>();
  if (text.empty()) refuse("Request_BadRequest", "Invalid value specified for property '" + name + "' of resource.");
  if (longest != 0 && code_points(text) > longest) {
    refuse("Request_BadRequest", "The length of property '" + name + "' exceeds " + std::to_string(longest) + ".");
  }
}

void check_value(const std::string& name, const json& value, const Property& property) {
  switch (property.kind) {
    case Kind::text:
      if (!value.is_null()) check_text(name, value, property.longest);
      return;
    case Kind::flag:
      if (!value.is_boolean())
        refuse("BadRequest", "Cannot convert a primitive value to the expected type 'Edm.Boolean'.");
      return;
    case Kind::time:
      if (value.is_null()) return;
      try {
        (void)from_rfc3339(value.get<std::string>());
      } catch (const std::exception&) {
        refuse("BadRequest", "Cannot convert the literal to the expected type 'Edm.DateTimeOffset'.");
      }
      return;
    case Kind::list:
      if (!value.is_array()) refuse("BadRequest", "A 'StartArray' node was expected for '" + name + "'.");
      for (const json& each : value) check_text(name, each, property.longest);
      // "Only one number can be set for this property."
      if (name == "businessPhones" && value.size() > 1)
        refuse("Request_BadRequest", "Invalid value specified for property 'businessPhones' of resource 'User'.");
      return;
    case Kind::object:
      if (!value.is_object() && !value.is_null()) refuse("BadRequest", "An object was expected for '" + name + "'.");
      return;
  }
}

void check_inner(const std::string& name, const json& value) {
  if (!value.is_object()) return;
  for (const auto& [key, each] : value.items()) {
    const bool known = (name == "onPremisesExtensionAttributes" && key.starts_with("extensionAttribute") &&
                        to_integer(key.substr(18)).value_or(0) >= 1 && to_integer(key.substr(18)).value_or(99) <= 15) ||
                       (name == "employeeOrgData" && (key == "division" || key == "costCenter")) ||
                       (name == "passwordProfile" && (key == "password" || key == "forceChangePasswordNextSignIn"));
    if (!known) refuse("BadRequest", "The property '" + key + "' does not exist on the type of '" + name + "'.");
    if (name == "onPremisesExtensionAttributes" && !each.is_null()) check_text(key, each, 1024);
  }
}

/// graph/extensibility-overview: strings of 256 characters, booleans, integers, times, up to 256 bytes.
void check_extension(const std::string& name, const json& value, const json& declared) {
  const auto check_one = [&](const json& one) {
    const std::string type = declared.at("dataType").get<std::string>();
    const bool good = (type == "String" || type == "Binary" || type == "DateTime") ? one.is_string()
                      : type == "Boolean"                                          ? one.is_boolean()
                                                                                   : one.is_number_integer();
    if (!good) refuse("Request_BadRequest", "Invalid value specified for property '" + name + "' of resource 'User'.");
    if (one.is_string() && code_points(one.get<std::string>()) > 344) refuse("Request_BadRequest", "Too long: " + name);
  };
  if (value.is_null()) return;
  if (!declared.at("isMultiValued").get<bool>()) return check_one(value);
  if (!value.is_array()) refuse("Request_BadRequest", "An array was expected for " + name);
  for (const json& one : value) check_one(one);
}

}  // namespace

void check_graph_properties(const std::string& type, const json& body, bool is_new,
                            const std::map<std::string, json>& declared) {
  if (!body.is_object()) refuse("BadRequest", "Unable to read JSON request payload.");
  for (const auto& [name, value] : body.items()) {
    if (name.ends_with("@odata.bind")) continue;
    if (const auto extension = declared.find(name); extension != declared.end()) {
      check_extension(name, value, extension->second);
      continue;
    }
    const Property* property = find(type, name);
    if (property == nullptr) {
      refuse("BadRequest", "The property '" + name + "' does not exist on type 'microsoft.graph." + type +
                               "'. Make sure to only use property names that are defined by the type.");
    }
    if (property->right == Right::read || (property->right == Right::birth && !is_new)) {
      refuse("Request_BadRequest", "Property '" + name + "' is read-only and cannot be set.");
    }
    check_value(name, value, *property);
    if (property->kind == Kind::object) check_inner(name, value);
  }
  if (body.contains("usageLocation") && body.at("usageLocation").is_string() &&
      body.at("usageLocation").get<std::string>().size() != 2) {
    refuse("Request_BadRequest", "Invalid value specified for property 'usageLocation' of resource 'User'.");
  }
}

bool is_graph_property(const std::string& type, const std::string& name, const std::map<std::string, json>& declared) {
  return name == "id" || declared.contains(name) || find(type, name) != nullptr || name == "manager" ||
         name == "members" || name == "owners";
}

GraphFilter parse_graph_filter(const std::string& filter, bool advanced, const std::map<std::string, json>& declared) {
  GraphFilter made;
  std::string rest = filter;
  if (const std::size_t any = rest.find("/any("); any != std::string::npos && rest.ends_with(")")) {
    made.property = rest.substr(0, any);
    made.any = true;
    const std::string inner = rest.substr(any + 5, rest.size() - any - 6);
    const std::size_t colon = inner.find(':');
    const std::string variable = inner.substr(0, colon);
    if (colon == std::string::npos || !inner.substr(colon + 1).starts_with(variable + " eq ")) {
      refuse("BadRequest", "Invalid filter clause");
    }
    rest = inner.substr(colon + 1 + variable.size() + 4);
  } else {
    const std::size_t equal = rest.find(" eq ");
    if (equal == std::string::npos) refuse("BadRequest", "Invalid filter clause");
    made.property = rest.substr(0, equal);
    rest = rest.substr(equal + 4);
  }
  if (rest.size() >= 2 && rest.front() == '\'' && rest.back() == '\'') {
    for (std::size_t at = 1; at + 1 < rest.size(); ++at) {
      made.value += rest[at];
      if (rest[at] != '\'') continue;
      if (at + 2 >= rest.size() || rest[++at] != '\'') refuse("BadRequest", "Syntax error in the filter clause");
    }
  } else if (rest == "true" || rest == "false") {
    made.value = rest;
  } else {
    refuse("BadRequest", "Syntax error in the filter clause");
  }
  // graph/aad-advanced-queries: what the directory answers itself, and what only its search index can.
  const std::set<std::string> plain{
      "accountEnabled", "displayName",           "employeeId", "givenName",  "id",
      "mail",           "mailNickname",          "otherMails", "surname",    "userPrincipalName",
      "userType",       "onPremisesImmutableId", "uniqueName", "department", "jobTitle"};
  const std::set<std::string> indexed{"city", "companyName", "country", "officeLocation", "postalCode", "state"};
  const bool good =
      plain.contains(made.property) || declared.contains(made.property) ||
      (advanced && (indexed.contains(made.property) || made.property.starts_with("onPremisesExtensionAttributes/")));
  if (!good) {
    refuse("Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified for property '" +
                                           made.property + "' of resource 'User'.");
  }
  return made;
}

bool graph_filter_matches(const GraphFilter& filter, const json& properties, const std::string& id) {
  if (filter.property == "id") return filter.value == id;
  const json* at = &properties;
  for (const std::string_view part : split(filter.property, '/')) {
    const auto found = at->is_object() ? at->find(std::string(part)) : at->end();
    if (!at->is_object() || found == at->end()) return false;
    at = &*found;
  }
  const auto same = [&](const json& one) {
    if (one.is_boolean()) return filter.value == (one.get<bool>() ? "true" : "false");
    return one.is_string() && fold_key(one.get<std::string>()) == fold_key(filter.value);
  };
  if (!filter.any) return same(*at);
  return at->is_array() && std::any_of(at->begin(), at->end(), same);
}

}  // namespace linkspan::testkit
