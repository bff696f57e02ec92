#pragma once
// The small organisation of the stories: a corporate directory, an HR file, and a cloud service.

#include <testkit/world.h>

#include <string>

namespace linkspan::scenario {

inline const char* const k_rules = R"toml(
[[rule]]
name       = "In from corp: person"
direction  = "inbound"
connector  = "corp"
source     = "person"
target     = "person"
link       = "provision"
precedence = 100
scope      = [["kind NOTEQUAL system"]]
join       = [["number = number"]]
[rule.flows]
number      = "[number]"
anchor      = "[uid]"
displayName = "[cn]"
mail        = "LCase([mail])"
title       = "[title]"
active      = 'IIF([kind] = "disabled", False, True)'
manager     = "[manager]"

[[rule]]
name       = "In from hr: person"
direction  = "inbound"
connector  = "hr"
source     = "person"
target     = "person"
link       = "join"
precedence = 50
join       = [["number = number"]]
[rule.flows]
title      = "[title]"
department = "[department]"

[[rule]]
name       = "In from corp: group"
direction  = "inbound"
connector  = "corp"
source     = "group"
target     = "group"
link       = "provision"
precedence = 110
join       = [["uid = anchor"]]
[rule.flows]
anchor      = "[uid]"
displayName = "[cn]"
member      = "[member]"

[[rule]]
name       = "Out to cloud: user"
direction  = "outbound"
connector  = "cloud"
source     = "person"
target     = "User"
link       = "provision"
precedence = 200
scope      = [["mail ISNOTNULL"]]
join       = [["externalId = anchor"], ["userName = mail"]]
[rule.flows]
externalId  = "[anchor]"
userName    = "[mail]"
displayName = "[displayName]"
title       = "[title]"
department  = "[department]"
active      = "[active]"
manager     = "[manager]"

[[rule]]
name       = "Out to cloud: group"
direction  = "outbound"
connector  = "cloud"
source     = "group"
target     = "Group"
link       = "provision"
precedence = 210
join       = [["externalId = anchor"]]
[rule.flows]
externalId  = "[anchor]"
displayName = "[displayName]"
members     = "[member]"
)toml";

inline std::vector<testkit::DirectorySpec> directories() {
  connector::FakeOptions cloud;
  cloud.references_by_anchor = true;
  cloud.correlation_attribute = "externalId";
  cloud.unique_attribute = "userName";
  cloud.refuses_unknown_references = true;
  return {{"corp", "ldap", {}}, {"hr", "file", {}}, {"cloud", "scim", cloud}};
}

inline model::Values text(std::string value) { return {model::Value(std::move(value))}; }

inline std::string dn(const std::string& uid) { return "uid=" + uid + ",ou=people,dc=corp"; }

inline std::string add_person(connector::FakeDirectory& corp, const std::string& uid, const std::string& number,
                              const std::string& manager = {}) {
  model::Entry entry;
  entry.dn = dn(uid);
  entry.object_type = "person";
  entry.attributes = {{"uid", text(uid)},
                      {"number", text(number)},
                      {"cn", text("Name of " + uid)},
                      {"mail", text(uid + "@Corp.example")},
                      {"title", text("Engineer")}};
  if (!manager.empty()) entry.references = {{"manager", dn(manager)}};
  return corp.add(std::move(entry));
}

inline std::string add_group(connector::FakeDirectory& corp, const std::string& uid,
                             const std::vector<std::string>& members) {
  model::Entry entry;
  entry.dn = "cn=" + uid + ",ou=groups,dc=corp";
  entry.object_type = "group";
  entry.attributes = {{"uid", text(uid)}, {"cn", text("Group " + uid)}};
  for (const std::string& member : members) entry.references.push_back({"member", dn(member)});
  return corp.add(std::move(entry));
}

inline std::string add_hr(connector::FakeDirectory& hr, const std::string& number, const std::string& title) {
  model::Entry entry;
  entry.dn = "cn=" + number + ",dc=hr";
  entry.object_type = "person";
  entry.attributes = {{"number", text(number)}, {"title", text(title)}, {"department", text("Dept " + number)}};
  return hr.add(std::move(entry));
}

/// The one object of the cloud with that external id; fails the test where there is another number of them.
inline model::Entry in_cloud(testkit::World& world, const std::string& external_id) {
  const auto found = world.directory("cloud").where("externalId", model::Value(external_id));
  if (found.size() != 1) throw std::runtime_error(external_id + ": " + std::to_string(found.size()) + " in the cloud");
  return found.front();
}

inline std::string value_of(const model::Entry& entry, std::string_view name) {
  for (const auto& [attribute, values] : entry.attributes) {
    if (attribute == name && !values.empty()) return model::to_text(values.front());
  }
  return "(none)";
}

}  // namespace linkspan::scenario
