// Exports become JSON.

#include "connector_graph/internal/writer.h"

#include <array>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "connector_graph/internal/certificate.h"
#include "net/url.h"

namespace linkspan::connector_graph {
namespace {

using model::ValueKind;
using nlohmann::json;

[[noreturn]] void refuse(std::string_view name, const model::Value& value, std::string_view wanted) {
  throw Error(
      Fault::invalid, "graph.value",
      printable(name) + " takes " + std::string(wanted) + ", not \"" + printable(model::to_text(value), 80) + "\"",
      "Correct the rule that makes this value.");
}

json to_json(const model::Value& value, const Property& property) {
  const std::string text = model::to_text(value);
  switch (property.kind) {
    case ValueKind::boolean:
      if (const bool* flag = std::get_if<bool>(&value)) return *flag;
      if (equal_ascii_case(text, "true") || text == "1") return true;
      if (equal_ascii_case(text, "false") || text == "0") return false;
      refuse(property.name, value, "true or false");
    case ValueKind::integer:
      if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
      if (const auto number = to_integer(text)) return *number;
      refuse(property.name, value, "a whole number");
    case ValueKind::time:
      if (const auto* time = std::get_if<Time>(&value)) return to_rfc3339(*time);
      try {
        return to_rfc3339(from_rfc3339(text));
      } catch (const Error&) {
        refuse(property.name, value, "a time as in 2026-11-30T08:00:00Z");
      }
    case ValueKind::binary:
      if (std::holds_alternative<std::string>(value)) return to_base64(text);
      return text;
    case ValueKind::text:
    case ValueKind::reference:
      break;
  }
  if (!is_utf8(text)) refuse(property.name, value, "UTF-8 text");
  return text;
}

json values_json(const model::Values& values, const Property& property) {
  if (property.multi_valued) {
    json list = json::array();
    for (const model::Value& value : values) list.push_back(to_json(value, property));
    return list;
  }
  if (values.empty()) return nullptr;
  if (values.size() > 1) {
    throw Error(Fault::invalid, "graph.value", property.name + " takes one value, not " + std::to_string(values.size()),
                "Choose one in the rule, or map to an attribute that takes several.");
  }
  return to_json(values.front(), property);
}

const Property& property_of(const ObjectType& type, std::string_view name) {
  const Property* found = type.find(name);
  if (found == nullptr) {
    throw Error(Fault::invalid, "graph.attribute", "a " + type.name + " has no " + printable(name, 80),
                "`linkspan connector schema` lists what there is; directory extensions are named in "
                "directory_extensions.");
  }
  return *found;
}

void put(json& body, const Property& property, json value) {
  const std::size_t dot = property.name.find('.');
  if (dot == std::string::npos) {
    body[property.name] = std::move(value);
  } else {
    body[property.name.substr(0, dot)][property.name.substr(dot + 1)] = std::move(value);
  }
}

void require_writable(const Property& property, bool is_new) {
  if (property.access == Access::writable || (is_new && property.access == Access::at_birth)) return;
  const bool at_birth = property.access == Access::at_birth;
  throw Error(Fault::invalid, "graph.read_only",
              at_birth ? "Graph takes " + property.name + " only when the object is made"
                       : "Graph sets " + property.name + " itself",
              at_birth ? "Mark the flow to it as one that applies once." : "Take the flow to it out of the rules.");
}

void require_all(const ObjectType& type, const model::Export& add) {
  std::string missing;
  for (const Property& property : type.properties) {
    if (!property.required || !added_text(add, property.name).empty()) continue;
    missing += (missing.empty() ? "" : ", ") + property.name;
  }
  if (missing.empty()) return;
  throw Error(Fault::invalid, "graph.required", "Graph makes no " + type.name + " without " + missing,
              "Let a rule flow it, or give the person the attribute it comes from.");
}

/// 24 characters of four kinds (learn.microsoft.com/entra/identity/authentication/concept-sspr-policy asks for three).
std::string initial_password() {
  constexpr std::array<std::string_view, 4> k_kinds{"ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnopqrstuvwxyz", "23456789",
                                                    "!#%+-=?@_"};
  std::string password;
  std::size_t place = 0;
  for (const char c : random_bytes(24)) {
    const std::string_view kind = k_kinds[place++ % k_kinds.size()];
    password += kind[static_cast<unsigned char>(c) % kind.size()];
  }
  return password;
}

}  // namespace

std::string added_text(const model::Export& add, std::string_view attribute) {
  for (const model::AttributeChange& change : add.attributes) {
    if (change.name == attribute && change.after.size() == 1) return model::to_text(change.after.front());
  }
  return {};
}

std::string create_body(const ObjectType& type, const model::Export& add, bool force_password_change) {
  require_all(type, add);
  json body = json::object();
  for (const model::AttributeChange& change : add.attributes) {
    if (change.after.empty()) continue;
    const Property& property = property_of(type, change.name);
    require_writable(property, /*is_new=*/true);
    if (type.name == "group" && change.name == type.key) continue;
    put(body, property, values_json(change.after, property));
  }
  if (type.name == "user") {
    body["passwordProfile"] = {{"password", initial_password()},
                               {"forceChangePasswordNextSignIn", force_password_change}};
  }
  return body.dump();
}

std::optional<std::string> patch_body(const ObjectType& type, const model::Export& update) {
  json body = json::object();
  for (const model::AttributeChange& change : update.attributes) {
    const Property& property = property_of(type, change.name);
    require_writable(property, /*is_new=*/false);
    put(body, property, values_json(change.after, property));
  }
  if (body.empty()) return std::nullopt;
  return body.dump();
}

std::string bind_body(std::string_view root, std::string_view link, std::span<const std::string> targets) {
  json list = json::array();
  for (const std::string& target : targets) list.push_back(std::string(root) + "/directoryObjects/" + target);
  return json{{std::string(link) + "@odata.bind", std::move(list)}}.dump();
}

std::string reference_body(std::string_view root, std::string_view target) {
  return json{{"@odata.id", std::string(root) + "/directoryObjects/" + std::string(target)}}.dump();
}

std::string odata_string(std::string_view text) {
  std::string made = "'";
  for (const char c : text) {
    if (c == '\'') made += c;
    made += c;
  }
  return made + "'";
}

std::string equality_filter(const ObjectType& type, std::string_view attribute, const model::Value& value) {
  const Property& property = property_of(type, attribute);
  std::string path = property.name;
  for (char& c : path) {
    if (c == '.') c = '/';
  }
  const json literal = to_json(value, property);
  const std::string text = literal.is_string() && property.kind != ValueKind::time
                               ? odata_string(literal.get_ref<const std::string&>())
                               : (literal.is_string() ? literal.get<std::string>() : literal.dump());
  return property.multi_valued ? path + "/any(each:each eq " + text + ")" : path + " eq " + text;
}

}  // namespace linkspan::connector_graph
