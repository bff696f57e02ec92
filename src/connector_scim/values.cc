// Values into JSON, and what the paths of both kinds of write have in common.

#include "connector_scim/internal/values.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::connector_scim {
namespace {

using nlohmann::json;
using Type = Attribute::Type;

[[noreturn]] void refuse(std::string_view name, const model::Value& value, std::string_view wanted) {
  throw Error(
      Fault::invalid, "scim.value",
      printable(name) + " takes " + std::string(wanted) + ", not \"" + printable(model::to_text(value), 80) + "\"",
      "Correct the rule that makes this value.");
}

json text_json(const std::string& text, std::string_view name) {
  if (!is_utf8(text)) refuse(name, text, "UTF-8 text");
  return text;
}

json boolean_json(const model::Value& value, std::string_view name) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag;
  const std::string text = model::to_text(value);
  if (equal_ascii_case(text, "true") || text == "1") return true;
  if (equal_ascii_case(text, "false") || text == "0") return false;
  refuse(name, value, "true or false");
}

json integer_json(const model::Value& value, std::string_view name) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  if (const std::optional<std::int64_t> number = to_integer(model::to_text(value))) return *number;
  refuse(name, value, "a whole number");
}

json decimal_json(const model::Value& value, std::string_view name) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  json parsed = json::parse(model::to_text(value), nullptr, /*allow_exceptions=*/false);
  if (parsed.is_number()) return parsed;
  refuse(name, value, "a number");
}

}  // namespace

json to_json(const model::Value& value, const Attribute* leaf, std::string_view name) {
  if (leaf == nullptr) {
    if (const bool* flag = std::get_if<bool>(&value)) return *flag;
    if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
    return text_json(model::to_text(value), name);
  }
  switch (leaf->type) {
    case Type::boolean:
      return boolean_json(value, name);
    case Type::integer:
      return integer_json(value, name);
    case Type::decimal:
      return decimal_json(value, name);
    case Type::string:
    case Type::time:
    case Type::binary:
    case Type::reference:
    case Type::complex:
      break;
  }
  return text_json(model::to_text(value), name);
}

Path writable_path(const ResourceType& type, std::string_view name) {
  Path path = parse_path(name);
  const Attribute* attribute = type.find(path);
  const Attribute* leaf = type.find_leaf(path);
  if ((attribute != nullptr && !attribute->writable) || (leaf != nullptr && !leaf->writable)) {
    throw Error(Fault::invalid, "scim.read_only", "the service sets " + printable(name) + " itself",
                "Take the flow to this attribute out of the rules.");
  }
  if (attribute != nullptr && attribute->type == Type::complex && !attribute->link &&
      !is_in_elements(path, attribute) && path.sub.empty()) {
    throw Error(Fault::invalid, "scim.attribute_path", printable(name) + " has parts, and is none itself",
                "Name a part of it, as in name.givenName.");
  }
  return path;
}

std::string patch_of(json operations, const Dialect& dialect) {
  for (json& each : operations) {
    auto& op = each["op"].get_ref<std::string&>();
    if (dialect.title_case) op.front() = static_cast<char>(op.front() - 'a' + 'A');
    const auto value = each.find("value");
    if (dialect.text_booleans && value != each.end() && value->is_boolean()) *value = *value ? "True" : "False";
  }
  return json{{"schemas", {"urn:ietf:params:scim:api:messages:2.0:PatchOp"}}, {"Operations", std::move(operations)}}
      .dump();
}

bool is_in_elements(const Path& path, const Attribute* attribute) {
  if (path.filter) return true;
  return attribute != nullptr && attribute->multi_valued && attribute->type == Type::complex && !attribute->link;
}

std::string sub_of(const Path& path) { return path.sub.empty() ? "value" : path.sub; }

bool is_main_value(const Path& path) { return path.sub.empty() || equal_ascii_case(path.sub, "value"); }

void require_one(const model::Values& values, std::string_view name) {
  if (values.size() < 2) return;
  throw Error(Fault::invalid, "scim.value", printable(name) + " takes one value, not " + std::to_string(values.size()),
              "Choose one in the rule, or map to an attribute that takes several.");
}

bool is_multi_link(const ResourceType& type, const Path& path) {
  const Attribute* attribute = type.find(path);
  return attribute == nullptr ? path.attribute == "members" : attribute->multi_valued;
}

json element_for(const Path& path) {
  json element = json::object();
  if (!path.filter) return element;
  if (path.filter->boolean) {
    element[path.filter->attribute] = path.filter->value == "true";
  } else {
    element[path.filter->attribute] = path.filter->value;
  }
  return element;
}

bool matches(const json& element, const Path& path) {
  if (!element.is_object()) return false;
  if (!path.filter) return !element.contains("type");
  const auto found = element.find(path.filter->attribute);
  if (found == element.end()) return false;
  if (found->is_boolean()) return found->get<bool>() == (path.filter->value == "true");
  return found->is_string() && equal_ascii_case(found->get_ref<const std::string&>(), path.filter->value);
}

}  // namespace linkspan::connector_scim
