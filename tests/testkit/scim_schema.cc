#include "testkit/scim_schema.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"

namespace linkspan::testkit {

using nlohmann::json;

namespace {

/// RFC 7643 section 2.2: what an attribute is unless its schema says otherwise.
json attribute(const std::string& name, const std::string& type = "string", const json& more = json::object()) {
  json made = {{"name", name},
               {"type", type},
               {"multiValued", false},
               {"required", false},
               {"caseExact", type == "binary" || type == "reference"},
               {"mutability", "readWrite"},
               {"returned", "default"},
               {"uniqueness", "none"}};
  made.update(more);
  return made;
}

json read_only(const std::string& name, const std::string& type = "string") {
  return attribute(name, type, {{"mutability", "readOnly"}});
}

json texts(std::initializer_list<const char*> names) {
  json made = json::array();
  for (const char* name : names) made.push_back(attribute(name));
  return made;
}

json complex(const std::string& name, json subs, const json& more = json::object()) {
  json made = attribute(name, "complex", more);
  made["subAttributes"] = std::move(subs);
  return made;
}

json several(const std::string& name, const std::string& value_type, const json& types) {
  json subs = texts({"display"});
  subs.push_back(attribute("value", value_type));
  subs.push_back(attribute("type", "string", {{"canonicalValues", types}}));
  subs.push_back(attribute("primary", "boolean"));
  return complex(name, std::move(subs), {{"multiValued", true}});
}

json reference(const json& types) { return attribute("$ref", "reference", {{"referenceTypes", types}}); }

json user_attributes() {
  json all = json::array({attribute("userName", "string", {{"required", true}, {"uniqueness", "server"}})});
  all.push_back(complex(
      "name", texts({"formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix"})));
  for (const char* name : {"displayName", "nickName", "title", "userType", "preferredLanguage", "locale", "timezone"}) {
    all.push_back(attribute(name));
  }
  all.push_back(attribute("profileUrl", "reference"));
  all.push_back(attribute("active", "boolean"));
  all.push_back(attribute("password", "string", {{"mutability", "writeOnly"}, {"returned", "never"}}));
  all.push_back(several("emails", "string", {"work", "home", "other"}));
  all.push_back(several("phoneNumbers", "string", {"work", "home", "mobile", "fax", "pager", "other"}));
  all.push_back(several("ims", "string", {"aim", "xmpp"}));
  all.push_back(several("photos", "reference", {"photo", "thumbnail"}));
  json address = texts({"formatted", "streetAddress", "locality", "region", "postalCode", "country"});
  address.push_back(attribute("type", "string", {{"canonicalValues", {"work", "home", "other"}}}));
  address.push_back(attribute("primary", "boolean"));
  all.push_back(complex("addresses", std::move(address), {{"multiValued", true}}));
  json groups = json::array({read_only("value"), read_only("display"), reference({"Group"})});
  all.push_back(complex("groups", std::move(groups), {{"multiValued", true}, {"mutability", "readOnly"}}));
  all.push_back(several("entitlements", "string", json::array()));
  all.push_back(several("roles", "string", json::array()));
  all.push_back(several("x509Certificates", "binary", json::array()));
  return all;
}

json group_attributes() {
  json member = json::array({attribute("value", "string", {{"mutability", "immutable"}, {"caseExact", true}}),
                             attribute("display", "string", {{"mutability", "readOnly"}}),
                             attribute("type", "string", {{"mutability", "immutable"}}), reference({"User", "Group"})});
  return json::array({attribute("displayName", "string", {{"required", true}}),
                      complex("members", std::move(member), {{"multiValued", true}})});
}

json enterprise_attributes() {
  json all = texts({"employeeNumber", "costCenter", "organization", "division", "department"});
  all.push_back(complex("manager", json::array({attribute("value", "string", {{"caseExact", true}}),
                                                read_only("displayName"), reference({"User"})})));
  return all;
}

json harbour_attributes() {
  return json::array({attribute("berth"), attribute("tonnage", "integer"), attribute("retired", "boolean"),
                      attribute("codes", "string", {{"multiValued", true}})});
}

json vessel_attributes() {
  const auto person = [] {
    return json::array({attribute("value", "string", {{"caseExact", true}}), reference({"User"})});
  };
  return json::array({attribute("name", "string", {{"required", true}}), attribute("draught", "integer"),
                      complex("owner", person()), complex("crew", person(), {{"multiValued", true}})});
}

json schema(const std::string& urn, const std::string& name, json attributes) {
  return {{"schemas", {"urn:ietf:params:scim:schemas:core:2.0:Schema"}},
          {"id", urn},
          {"name", name},
          {"attributes", std::move(attributes)}};
}

/// RFC 7643 section 3.1.
const json& common_attributes() {
  static const json all =
      json::array({attribute("id", "string", {{"mutability", "readOnly"}, {"caseExact", true}, {"returned", "always"}}),
                   attribute("externalId", "string", {{"caseExact", true}}),
                   complex("meta",
                           json::array({read_only("resourceType"), read_only("created", "dateTime"),
                                        read_only("lastModified", "dateTime"), read_only("location", "reference"),
                                        read_only("version")}),
                           {{"mutability", "readOnly"}})});
  return all;
}

const json* find(const json& attributes, std::string_view name) {
  const std::string wanted = scim_lower(name);
  for (const json& each : attributes) {
    if (scim_lower(each["name"].get_ref<const std::string&>()) == wanted) return &each;
  }
  return nullptr;
}

const json& attributes_of(const std::string& urn) {
  for (const json& each : scim_schemas()) {
    if (scim_lower(each["id"].get_ref<const std::string&>()) == scim_lower(urn)) return each["attributes"];
  }
  static const json none = json::array();
  return none;
}

const std::string& core_of(const std::string& endpoint) {
  return endpoint == "Users" ? k_scim_user : endpoint == "Vessels" ? k_scim_vessel : k_scim_group;
}

/// The extension of that type whose URN `text` begins with, case ignored; empty for none.
std::string extension_in(const std::string& endpoint, std::string_view text) {
  for (const std::string* urn : {&k_scim_enterprise, &k_scim_harbour}) {
    if (endpoint == "Users" && scim_lower(text.substr(0, urn->size())) == scim_lower(*urn)) return *urn;
  }
  return {};
}

[[noreturn]] void refuse(const std::string& scim_type, const std::string& detail) {
  throw ScimRefusal{400, scim_type, detail};
}

bool is_of_type(const std::string& type, const json& value) {
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  if (type == "decimal") return value.is_number();
  if (type == "complex") return value.is_object();
  if (!value.is_string()) return false;
  if (type == "binary") return from_base64(value.get_ref<const std::string&>()).has_value();
  if (type != "dateTime") return true;
  try {
    (void)from_rfc3339(value.get_ref<const std::string&>());
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// The members of `object` that its attributes allow, readOnly ones left out.
json checked_members(const json& object, const json& attributes) {
  json made = json::object();
  for (const auto& [key, value] : object.items()) {
    const json* known = find(attributes, key);
    if (known == nullptr) refuse("invalidSyntax", "no attribute " + key);
    if ((*known)["mutability"] == "readOnly" || value.is_null()) continue;
    scim_check(*known, value);
    if (!value.is_array() || !value.empty()) made[(*known)["name"].get<std::string>()] = value;
  }
  return made;
}

void require(const json& resource, const json& attributes) {
  for (const json& each : attributes) {
    const std::string& name = each["name"].get_ref<const std::string&>();
    if (!each.value("required", false)) continue;
    if (!resource.contains(name) || resource[name] == "") refuse("invalidValue", name + " is required");
  }
}

}  // namespace

std::string scim_lower(std::string_view text) {
  std::string made(text);
  std::transform(made.begin(), made.end(), made.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return made;
}

const json* scim_member(const json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  if (const auto found = object.find(name); found != object.end()) return &*found;
  const std::string wanted = scim_lower(name);
  for (const auto& [key, value] : object.items()) {
    if (scim_lower(key) == wanted) return &value;
  }
  return nullptr;
}

const json& scim_schemas() {
  static const json all = json::array(
      {schema(k_scim_user, "User", user_attributes()), schema(k_scim_group, "Group", group_attributes()),
       schema(k_scim_enterprise, "EnterpriseUser", enterprise_attributes()),
       schema(k_scim_harbour, "Harbour", harbour_attributes()), schema(k_scim_vessel, "Vessel", vessel_attributes())});
  return all;
}

json scim_resource_types() {
  const auto extension = [](const std::string& urn) { return json{{"schema", urn}, {"required", false}}; };
  return json::array({{{"schemas", {"urn:ietf:params:scim:schemas:core:2.0:ResourceType"}},
                       {"id", "User"},
                       {"name", "User"},
                       {"endpoint", "/Users"},
                       {"schema", k_scim_user},
                       {"schemaExtensions", {extension(k_scim_enterprise), extension(k_scim_harbour)}}},
                      {{"schemas", {"urn:ietf:params:scim:schemas:core:2.0:ResourceType"}},
                       {"id", "Group"},
                       {"name", "Group"},
                       {"endpoint", "/Groups"},
                       {"schema", k_scim_group}},
                      {{"schemas", {"urn:ietf:params:scim:schemas:core:2.0:ResourceType"}},
                       {"id", "Vessel"},
                       {"name", "Vessel"},
                       {"endpoint", "/Vessels"},
                       {"schema", k_scim_vessel}}});
}

std::string scim_type_of_endpoint(const std::string& endpoint) { return endpoint.substr(0, endpoint.size() - 1); }

ScimAttribute scim_attribute(const std::string& endpoint, const std::string& path, const std::string& scim_type) {
  ScimAttribute found;
  std::string rest = path;
  const std::string& core = core_of(endpoint);
  found.urn = extension_in(endpoint, rest);
  for (const std::string& urn : {found.urn, core}) {
    if (urn.empty() || scim_lower(rest.substr(0, urn.size() + 1)) != scim_lower(urn) + ":") continue;
    rest = rest.substr(urn.size() + 1);
    break;
  }
  const std::size_t dot = rest.find('.');
  const std::string name = rest.substr(0, dot);
  found.attribute = find(attributes_of(found.urn.empty() ? core : found.urn), name);
  if (found.attribute == nullptr && found.urn.empty()) found.attribute = find(common_attributes(), name);
  if (found.attribute == nullptr) refuse(scim_type, "no attribute " + path);
  if (dot == std::string::npos) return found;
  if (found.attribute->contains("subAttributes")) {
    found.sub = find((*found.attribute)["subAttributes"], rest.substr(dot + 1));
  }
  if (found.sub == nullptr) refuse(scim_type, "no attribute " + path);
  return found;
}

void scim_check_one(const json& attribute, const json& value) {
  const std::string type = attribute["type"];
  const std::string name = attribute["name"];
  if (!is_of_type(type, value)) refuse("invalidValue", name + " takes " + type);
  if (type != "complex") return;
  for (const auto& [key, each] : value.items()) {
    const json* sub = find(attribute["subAttributes"], key);
    if (sub == nullptr) refuse("invalidSyntax", name + " has no " + key);
    scim_check(*sub, each);
  }
}

void scim_check(const json& attribute, const json& value) {
  if (!attribute.value("multiValued", false)) return scim_check_one(attribute, value);
  const std::string name = attribute["name"];
  if (!value.is_array()) refuse("invalidValue", name + " takes a list");
  int primaries = 0;
  for (const json& each : value) {
    scim_check_one(attribute, each);
    if (each.is_object() && each.value("primary", false)) ++primaries;
  }
  if (primaries > 1) refuse("invalidValue", name + " has two primary values");
}

json scim_checked(const std::string& endpoint, const json& body) {
  if (!body.is_object()) refuse("invalidSyntax", "a resource is a JSON object");
  const json* schemas = scim_member(body, "schemas");
  if (schemas == nullptr || !schemas->is_array()) refuse("invalidValue", "schemas is required");
  std::vector<std::string> named;
  for (const json& each : *schemas) named.push_back(scim_lower(each.is_string() ? each.get<std::string>() : ""));
  const auto names = [&](const std::string& urn) {
    return std::find(named.begin(), named.end(), scim_lower(urn)) != named.end();
  };
  const std::string& core = core_of(endpoint);
  if (!names(core)) refuse("invalidValue", "schemas lacks " + core);
  json attributes = attributes_of(core);
  for (const json& each : common_attributes()) attributes.push_back(each);
  json plain = json::object();
  json extensions = json::object();
  for (const auto& [key, value] : body.items()) {
    if (scim_lower(key) == "schemas") continue;
    const std::string urn = extension_in(endpoint, key);
    if (urn.empty()) {
      plain[key] = value;
      continue;
    }
    if (!names(urn)) refuse("invalidValue", "schemas lacks " + urn);
    if (!value.is_object()) refuse("invalidSyntax", key + " is no object");
    extensions[urn] = checked_members(value, attributes_of(urn));
  }
  json made = checked_members(plain, attributes);
  made.update(extensions);
  scim_finish(endpoint, made);
  return made;
}

void scim_finish(const std::string& endpoint, json& resource) {
  require(resource, attributes_of(core_of(endpoint)));
  json schemas = json::array({core_of(endpoint)});
  for (const std::string* urn : {&k_scim_enterprise, &k_scim_harbour}) {
    if (!resource.contains(*urn)) continue;
    if (resource[*urn].empty()) {
      resource.erase(*urn);
    } else {
      schemas.push_back(*urn);
    }
  }
  resource["schemas"] = std::move(schemas);
}

}  // namespace linkspan::testkit
