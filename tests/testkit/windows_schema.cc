#include "testkit/windows_schema.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "testkit/windows_names.h"

namespace linkspan::testkit {

namespace {

using Syntax = WindowsSyntax;

constexpr const char* k_microsoft = "1.2.840.113556.1.";

/// Names, numbers and kinds; flags: s = one value, k = kept by the directory, c = constructed, l = not replicated.
struct Row {
  const char* name;
  const char* oid;  ///< "." at the start = below k_microsoft
  Syntax syntax;
  const char* flags;
  const char* partner;
};

constexpr Row k_attributes[] = {
    {"objectClass", "2.5.4.0", Syntax::identifier, "", ""},
    {"cn", "2.5.4.3", Syntax::text, "s", ""},
    {"sn", "2.5.4.4", Syntax::text, "s", ""},
    {"c", "2.5.4.6", Syntax::text, "s", ""},
    {"l", "2.5.4.7", Syntax::text, "s", ""},
    {"st", "2.5.4.8", Syntax::text, "s", ""},
    {"o", "2.5.4.10", Syntax::text, "", ""},
    {"ou", "2.5.4.11", Syntax::text, "", ""},
    {"title", "2.5.4.12", Syntax::text, "s", ""},
    {"description", "2.5.4.13", Syntax::text, "", ""},
    {"postalCode", "2.5.4.17", Syntax::text, "s", ""},
    {"physicalDeliveryOfficeName", "2.5.4.19", Syntax::text, "s", ""},
    {"telephoneNumber", "2.5.4.20", Syntax::text, "s", ""},
    {"member", "2.5.4.31", Syntax::name, "", "memberOf"},
    {"userPassword", "2.5.4.35", Syntax::octets, "", ""},
    {"givenName", "2.5.4.42", Syntax::text, "s", ""},
    {"initials", "2.5.4.43", Syntax::text, "s", ""},
    {"distinguishedName", "2.5.4.49", Syntax::name, "skl", ""},
    {"uid", "0.9.2342.19200300.100.1.1", Syntax::text, "", ""},
    {"mail", "0.9.2342.19200300.100.1.3", Syntax::text, "s", ""},
    {"manager", "0.9.2342.19200300.100.1.10", Syntax::name, "s", "directReports"},
    {"dc", "0.9.2342.19200300.100.1.25", Syntax::text, "s", ""},
    {"mobile", "0.9.2342.19200300.100.1.41", Syntax::text, "s", ""},
    {"jpegPhoto", "0.9.2342.19200300.100.1.60", Syntax::octets, "", ""},
    {"thumbnailPhoto", "2.16.840.1.113730.3.1.35", Syntax::octets, "s", ""},
    {"displayName", ".2.13", Syntax::text, "s", ""},
    {"instanceType", ".2.1", Syntax::integer, "sk", ""},
    {"whenCreated", ".2.2", Syntax::time, "sk", ""},
    {"whenChanged", ".2.3", Syntax::time, "skl", ""},
    {"nCName", ".2.16", Syntax::name, "sk", ""},
    {"uSNCreated", ".2.19", Syntax::integer, "skl", ""},
    {"isDeleted", ".2.48", Syntax::boolean, "sk", ""},
    {"info", ".2.81", Syntax::text, "s", ""},
    {"memberOf", ".2.102", Syntax::name, "kl", "member"},
    {"invocationId", ".2.115", Syntax::octets, "sk", ""},
    {"uSNChanged", ".2.120", Syntax::integer, "skl", ""},
    {"department", ".2.141", Syntax::text, "s", ""},
    {"company", ".2.146", Syntax::text, "s", ""},
    {"schemaIDGUID", ".4.148", Syntax::octets, "sk", ""},
    {"proxyAddresses", ".2.210", Syntax::text, "", ""},
    {"streetAddress", ".2.256", Syntax::text, "s", ""},
    {"nTSecurityDescriptor", ".2.281", Syntax::descriptor, "s", ""},
    {"directReports", ".2.436", Syntax::name, "kl", "manager"},
    {"lDAPDisplayName", ".2.460", Syntax::text, "sk", ""},
    {"wWWHomePage", ".2.464", Syntax::text, "s", ""},
    {"employeeNumber", ".2.610", Syntax::text, "s", ""},
    {"employeeType", ".2.613", Syntax::text, "s", ""},
    {"name", ".4.1", Syntax::text, "sk", ""},
    {"objectGUID", ".4.2", Syntax::octets, "sk", ""},
    {"userAccountControl", ".4.8", Syntax::integer, "s", ""},
    {"badPwdCount", ".4.12", Syntax::integer, "skl", ""},
    {"dnsRoot", ".4.28", Syntax::text, "k", ""},
    {"employeeID", ".4.35", Syntax::text, "s", ""},
    {"nETBIOSName", ".4.87", Syntax::text, "sk", ""},
    {"unicodePwd", ".4.90", Syntax::octets, "s", ""},
    {"pwdLastSet", ".4.96", Syntax::integer, "s", ""},
    {"primaryGroupID", ".4.98", Syntax::integer, "s", ""},
    {"objectSid", ".4.146", Syntax::octets, "sk", ""},
    {"accountExpires", ".4.159", Syntax::integer, "s", ""},
    {"sAMAccountName", ".4.221", Syntax::text, "s", ""},
    {"sAMAccountType", ".4.302", Syntax::integer, "sk", ""},
    {"systemFlags", ".4.375", Syntax::integer, "sk", ""},
    {"primaryGroupToken", ".4.1412", Syntax::integer, "skcl", ""},
    {"managedBy", ".4.653", Syntax::name, "s", "managedObjects"},
    {"managedObjects", ".4.654", Syntax::name, "kl", "managedBy"},
    {"userPrincipalName", ".4.656", Syntax::text, "s", ""},
    {"lockoutTime", ".4.662", Syntax::integer, "s", ""},
    {"url", ".4.749", Syntax::text, "", ""},
    {"groupType", ".4.750", Syntax::integer, "s", ""},
    {"lastKnownParent", ".4.781", Syntax::name, "sk", ""},
    {"objectCategory", ".4.782", Syntax::name, "s", ""},
    {"parentGUID", ".4.1224", Syntax::octets, "skc", ""},
    {"mS-DS-ConsistencyGuid", ".4.1360", Syntax::octets, "s", ""},
    {"isRecycled", ".4.2058", Syntax::boolean, "sk", ""},
    {"msDS-LastKnownRDN", ".4.2067", Syntax::text, "sk", ""},
};

const std::vector<std::string> k_of_people{"sn",
                                           "title",
                                           "postalCode",
                                           "physicalDeliveryOfficeName",
                                           "telephoneNumber",
                                           "userPassword",
                                           "givenName",
                                           "initials",
                                           "uid",
                                           "mail",
                                           "manager",
                                           "directReports",
                                           "mobile",
                                           "jpegPhoto",
                                           "thumbnailPhoto",
                                           "department",
                                           "company",
                                           "proxyAddresses",
                                           "streetAddress",
                                           "employeeNumber",
                                           "employeeType",
                                           "employeeID",
                                           "c",
                                           "l",
                                           "st",
                                           "o",
                                           "info",
                                           "ou"};
const std::vector<std::string> k_of_accounts{
    "objectSid",   "sAMAccountName", "sAMAccountType", "userAccountControl", "unicodePwd",       "pwdLastSet",
    "badPwdCount", "primaryGroupID", "accountExpires", "lockoutTime",        "userPrincipalName"};

std::string syntax_oid(Syntax syntax) {
  const auto rfc = [](const char* number) { return std::string("1.3.6.1.4.1.1466.115.121.1.") + number; };
  switch (syntax) {
    case Syntax::text:
      return rfc("15");
    case Syntax::integer:
      return rfc("27");
    case Syntax::boolean:
      return rfc("7");
    case Syntax::time:
      return rfc("24");
    case Syntax::octets:
      return rfc("40");
    case Syntax::name:
      return rfc("12");
    case Syntax::identifier:
      return rfc("38");
    case Syntax::descriptor:
      break;
  }
  return std::string(k_microsoft) + "4.907";
}

std::vector<WindowsAttribute> make_attributes() {
  std::vector<WindowsAttribute> made;
  for (const Row& row : k_attributes) {
    const std::string_view flags = row.flags;
    const bool own = row.oid[0] == '.';
    made.push_back({row.name, own ? std::string(k_microsoft) + (row.oid + 1) : row.oid, row.syntax,
                    flags.find('s') != flags.npos, flags.find('k') != flags.npos, flags.find('c') != flags.npos,
                    flags.find('l') != flags.npos, row.partner});
  }
  return made;
}

std::vector<WindowsClass> make_classes() {
  std::vector<std::string> user = k_of_accounts;
  std::vector<std::string> group = k_of_accounts;
  for (const char* name : {"member", "mail", "groupType", "managedBy", "proxyAddresses", "info", "primaryGroupToken"}) {
    group.emplace_back(name);
  }
  const std::string schema = std::string(k_microsoft) + "5.";
  std::vector<std::string> of_top;
  for (const char* name : {"cn",          "description",      "distinguishedName",    "displayName",
                           "whenCreated", "whenChanged",      "uSNCreated",           "isDeleted",
                           "memberOf",    "uSNChanged",       "nTSecurityDescriptor", "wWWHomePage",
                           "name",        "objectGUID",       "systemFlags",          "managedObjects",
                           "url",         "lastKnownParent",  "parentGUID",           "mS-DS-ConsistencyGuid",
                           "isRecycled",  "msDS-LastKnownRDN"}) {
    of_top.emplace_back(name);
  }
  return {{"top", "2.5.6.0", "", "CN", {"objectClass", "objectCategory", "instanceType"}, std::move(of_top)},
          {"person", "2.5.6.6", "top", "CN", {"cn"}, k_of_people},
          {"organizationalPerson", "2.5.6.7", "person", "CN", {}, k_of_people},
          {"user", schema + "9", "organizationalPerson", "CN", {}, std::move(user)},
          {"inetOrgPerson", "2.16.840.1.113730.3.2.2", "user", "CN", {}, {}},
          {"computer", schema + "3", "user", "CN", {}, {"managedBy"}},
          {"contact", schema + "15", "organizationalPerson", "CN", {"cn"}, {}},
          {"group", schema + "8", "top", "CN", {"groupType"}, std::move(group)},
          {"foreignSecurityPrincipal", schema + "76", "top", "CN", {"objectSid"}, {}},
          {"organizationalUnit", "2.5.6.5", "top", "OU", {"ou"}, {"managedBy", "l", "st", "c", "postalCode"}},
          {"container", schema + "23", "top", "CN", {"cn"}, {}},
          {"domain", schema + "66", "top", "DC", {"dc"}, {}},
          {"domainDNS", schema + "67", "domain", "DC", {}, {}},
          {"configuration", schema + "12", "top", "CN", {"cn"}, {}},
          {"dMD", schema + "9000", "top", "CN", {"cn"}, {}},
          {"crossRefContainer", schema + "7000", "top", "CN", {"cn"}, {}},
          {"crossRef", schema + "11", "top", "CN", {"cn", "nCName", "dnsRoot"}, {"nETBIOSName"}},
          {"nTDSDSA", schema + "7001", "top", "CN", {}, {"invocationId"}},
          {"attributeSchema", schema + "14", "top", "CN", {"cn", "lDAPDisplayName", "schemaIDGUID"}, {}},
          {"subSchema", "2.5.20.1", "top", "CN", {}, {}}};
}

template <class Row>
const Row* find_by_name(const std::vector<Row>& rows, std::string_view name) {
  static const auto index = [&] {
    std::map<std::string, const Row*, std::less<>> made;
    for (const Row& row : rows) {
      made.emplace(fold_name(row.name), &row);
      made.emplace(row.oid, &row);
    }
    return made;
  }();
  const auto found = index.find(fold_name(name));
  return found == index.end() ? nullptr : found->second;
}

const std::vector<WindowsClass>& classes() {
  static const std::vector<WindowsClass> made = make_classes();
  return made;
}

std::string join(const std::vector<std::string>& names) {
  std::string made;
  for (const std::string& name : names) made += (made.empty() ? "" : " $ ") + name;
  return made;
}

}  // namespace

const std::vector<WindowsAttribute>& windows_attributes() {
  static const std::vector<WindowsAttribute> made = make_attributes();
  return made;
}

const WindowsAttribute* windows_attribute(std::string_view name) { return find_by_name(windows_attributes(), name); }

const WindowsClass* windows_class(std::string_view name) { return find_by_name(classes(), name); }

std::vector<std::string> windows_class_line(std::string_view name) {
  std::vector<std::string> line;
  for (const WindowsClass* one = windows_class(name); one != nullptr; one = windows_class(one->superior)) {
    line.insert(line.begin(), one->name);
  }
  return line;
}

std::vector<std::string> windows_attribute_types() {
  std::vector<std::string> made;
  for (const WindowsAttribute& one : windows_attributes()) {
    made.push_back(fmt::format("( {} NAME '{}' SYNTAX '{}' {}{})", one.oid, one.name, syntax_oid(one.syntax),
                               one.single ? "SINGLE-VALUE " : "", one.kept ? "NO-USER-MODIFICATION " : ""));
  }
  return made;
}

std::vector<std::string> windows_object_classes() {
  std::vector<std::string> made;
  for (const WindowsClass& one : classes()) {
    const std::string superior = one.superior.empty() ? std::string() : " SUP " + one.superior;
    const std::string must = one.required.empty() ? std::string() : fmt::format(" MUST ({} )", join(one.required));
    const std::string may = one.allowed.empty() ? std::string() : fmt::format(" MAY ({} )", join(one.allowed));
    made.push_back(fmt::format("( {} NAME '{}'{} {}{}{} )", one.oid, one.name, superior,
                               one.name == "top" ? "ABSTRACT" : "STRUCTURAL", must, may));
  }
  return made;
}

}  // namespace linkspan::testkit
