// learn.microsoft.com/graph/api/resources/user and …/group: what lives in the directory itself, and so is in delta
// queries. What Graph keeps elsewhere (skills, photo, mailboxSettings) is left out.

#include "connector_graph/internal/shape.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/hash.h"
#include "base/text.h"

namespace linkspan::connector_graph {
namespace {

using model::ValueKind;

struct Documented {
  std::string_view name;
  ValueKind kind = ValueKind::text;
  Access access = Access::writable;
  bool multi_valued = false;
  bool case_exact = false;
  bool required = false;
};

constexpr Documented text(std::string_view name) { return {name}; }
constexpr Documented flag(std::string_view name) { return {name, ValueKind::boolean}; }
constexpr Documented list(std::string_view name) { return {name, ValueKind::text, Access::writable, true}; }
constexpr Documented fixed(std::string_view name, ValueKind kind = ValueKind::text) {
  return {name, kind, Access::read_only};
}
constexpr Documented fixed_list(std::string_view name) { return {name, ValueKind::text, Access::read_only, true}; }
constexpr Documented needed(std::string_view name, ValueKind kind = ValueKind::text) {
  return {name, kind, Access::writable, false, false, true};
}

constexpr std::array k_user{
    needed("accountEnabled", ValueKind::boolean),
    text("ageGroup"),
    list("businessPhones"),
    text("city"),
    text("companyName"),
    text("consentProvidedForMinor"),
    text("country"),
    fixed("createdDateTime", ValueKind::time),
    fixed("creationType"),
    text("department"),
    needed("displayName"),
    Documented{"employeeHireDate", ValueKind::time},
    text("employeeId"),
    Documented{"employeeLeaveDateTime", ValueKind::time, Access::read_only},
    text("employeeOrgData.costCenter"),
    text("employeeOrgData.division"),
    text("employeeType"),
    fixed("externalUserState"),
    text("faxNumber"),
    text("givenName"),
    fixed_list("imAddresses"),
    text("jobTitle"),
    text("mail"),
    needed("mailNickname"),
    text("mobilePhone"),
    text("officeLocation"),
    fixed("onPremisesDistinguishedName"),
    fixed("onPremisesDomainName"),
    Documented{k_immutable_id, ValueKind::text, Access::writable, false, true},
    fixed("onPremisesSamAccountName"),
    fixed("onPremisesSecurityIdentifier"),
    fixed("onPremisesSyncEnabled", ValueKind::boolean),
    fixed("onPremisesUserPrincipalName"),
    list("otherMails"),
    text("passwordPolicies"),
    text("postalCode"),
    text("preferredDataLocation"),
    text("preferredLanguage"),
    fixed_list("proxyAddresses"),
    fixed("securityIdentifier"),
    flag("showInAddressList"),
    text("state"),
    text("streetAddress"),
    text("surname"),
    text("usageLocation"),
    needed("userPrincipalName"),
    text("userType"),
};

constexpr std::array k_group{
    text("classification"),
    fixed("createdDateTime", ValueKind::time),
    text("description"),
    needed("displayName"),
    Documented{"groupTypes", ValueKind::text, Access::at_birth, true},
    Documented{"isAssignableToRole", ValueKind::boolean, Access::at_birth},
    fixed("mail"),
    Documented{"mailEnabled", ValueKind::boolean, Access::at_birth, false, false, true},
    needed("mailNickname"),
    text("membershipRule"),
    text("membershipRuleProcessingState"),
    fixed("onPremisesDomainName"),
    fixed("onPremisesNetBiosName"),
    fixed("onPremisesSamAccountName"),
    fixed("onPremisesSecurityIdentifier"),
    fixed("onPremisesSyncEnabled", ValueKind::boolean),
    text("preferredDataLocation"),
    text("preferredLanguage"),
    fixed_list("proxyAddresses"),
    needed("securityEnabled", ValueKind::boolean),
    fixed("securityIdentifier"),
    text("theme"),
    Documented{"uniqueName", ValueKind::text, Access::at_birth, false, true},
    Documented{"visibility", ValueKind::text, Access::writable},
};

void take(std::span<const Documented> documented, std::vector<Property>& out) {
  for (const Documented& one : documented) {
    out.push_back({std::string(one.name), one.kind, one.multi_valued, one.access, one.case_exact, one.required});
  }
}

const auto by_name = [](const auto& left, const auto& right) { return left.name < right.name; };

}  // namespace

const Property* ObjectType::find(std::string_view wanted) const {
  const auto found = std::lower_bound(properties.begin(), properties.end(), wanted,
                                      [](const Property& one, std::string_view text) { return one.name < text; });
  return found != properties.end() && found->name == wanted ? &*found : nullptr;
}

const Link* ObjectType::find_link(std::string_view wanted) const {
  const auto found = std::find_if(links.begin(), links.end(), [&](const Link& one) { return one.name == wanted; });
  return found == links.end() ? nullptr : &*found;
}

std::string ObjectType::selection() const {
  std::string all = "id";
  std::string last;
  for (const Property& one : properties) {
    const std::string outer = one.name.substr(0, one.name.find('.'));
    if (outer == last) continue;
    all += "," + outer;
    last = outer;
  }
  return all;
}

std::string ObjectType::fingerprint() const {
  std::string all = name;
  for (const Property& one : properties) {
    all += "\n" + one.name + " " + std::to_string(static_cast<int>(one.kind)) + (one.multi_valued ? "*" : "");
  }
  return std::to_string(hash64(all, 0));
}

ObjectType object_type(std::string_view name, const std::vector<Extension>& extensions) {
  ObjectType made;
  made.name = name;
  if (name == "user") {
    made.collection = "users";
    made.key = k_immutable_id;
    made.title = "userPrincipalName";
    made.links = {{"manager", false}};
    take(k_user, made.properties);
    for (int i = 1; i <= 15; ++i) {
      made.properties.push_back({"onPremisesExtensionAttributes.extensionAttribute" + std::to_string(i)});
    }
  } else {
    made.collection = "groups";
    made.key = "uniqueName";
    made.title = "displayName";
    made.links = {{"members", true}, {"owners", true}};
    take(k_group, made.properties);
  }
  for (const Extension& one : extensions) {
    const bool meant = std::any_of(one.targets.begin(), one.targets.end(),
                                   [&](const std::string& target) { return equal_ascii_case(target, name); });
    if (meant) made.properties.push_back({one.name, one.kind, one.multi_valued});
  }
  std::sort(made.properties.begin(), made.properties.end(), by_name);
  return made;
}

model::SchemaClass schema_of(const ObjectType& type) {
  model::SchemaClass made;
  made.name = type.name;
  for (const Property& one : type.properties) {
    made.attributes.push_back({one.name, one.kind, one.multi_valued, one.access != Access::read_only, one.case_exact});
  }
  for (const Link& one : type.links) {
    made.attributes.push_back({one.name, ValueKind::reference, one.multi_valued, true, true});
  }
  std::sort(made.attributes.begin(), made.attributes.end(), by_name);
  return made;
}

}  // namespace linkspan::connector_graph
