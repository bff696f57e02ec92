// Schemas: looked up, read from /Schemas, and flattened into attribute names.

#include "connector_scim/internal/shape.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "net/json.h"

namespace linkspan::connector_scim {
namespace {

using nlohmann::json;
using Type = Attribute::Type;

constexpr std::size_t k_most_attributes = 1000;
constexpr std::size_t k_longest_name = 128;

std::string text_at(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool flag_at(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

Type type_of(const std::string& text) {
  if (equal_ascii_case(text, "boolean")) return Type::boolean;
  if (equal_ascii_case(text, "decimal")) return Type::decimal;
  if (equal_ascii_case(text, "integer")) return Type::integer;
  if (equal_ascii_case(text, "dateTime")) return Type::time;
  if (equal_ascii_case(text, "binary")) return Type::binary;
  if (equal_ascii_case(text, "reference")) return Type::reference;
  if (equal_ascii_case(text, "complex")) return Type::complex;
  return Type::string;
}

/// RFC 7643 section 7: beside "external" and "uri" these are names of resource types.
bool points_at_resources(const json& attribute) {
  const auto types = attribute.find("referenceTypes");
  if (types == attribute.end() || !types->is_array()) return false;
  return std::any_of(types->begin(), types->end(),
                     [](const json& type) { return type.is_string() && type != "external" && type != "uri"; });
}

/// nullopt for what has no usable name.
std::optional<Attribute> parse_attribute(const json& object, int depth);

std::vector<Attribute> parse_attributes(const json& parent, const char* key, int depth) {
  std::vector<Attribute> found;
  const auto list = parent.find(key);
  if (list == parent.end() || !list->is_array()) return found;
  for (const json& each : *list) {
    if (found.size() == k_most_attributes) break;
    if (std::optional<Attribute> attribute = parse_attribute(each, depth)) found.push_back(std::move(*attribute));
  }
  return found;
}

std::optional<Attribute> parse_attribute(const json& object, int depth) {
  if (!object.is_object()) return std::nullopt;
  Attribute made;
  made.name = text_at(object, "name");
  if (made.name.empty() || made.name.size() > k_longest_name) return std::nullopt;
  made.type = type_of(text_at(object, "type"));
  made.multi_valued = flag_at(object, "multiValued");
  made.case_exact = flag_at(object, "caseExact");
  made.writable = text_at(object, "mutability") != "readOnly";
  made.readable = text_at(object, "mutability") != "writeOnly" && text_at(object, "returned") != "never";
  if (const auto values = object.find("canonicalValues"); values != object.end() && values->is_array()) {
    for (const json& value : *values) {
      if (value.is_string() && made.canonical.size() < 32) made.canonical.push_back(value.get<std::string>());
    }
  }
  if (made.type == Type::complex && depth == 0) {
    made.sub = parse_attributes(object, "subAttributes", 1);
    const auto subs = object.find("subAttributes");
    made.link = made.writable && find_attribute(made.sub, "value") != nullptr && subs != object.end() &&
                std::any_of(subs->begin(), subs->end(), [](const json& sub) {
                  return sub.is_object() && text_at(sub, "name") == "$ref" && points_at_resources(sub);
                });
  }
  return made;
}

model::ValueKind kind_of(Type type) {
  switch (type) {
    case Type::boolean:
      return model::ValueKind::boolean;
    case Type::integer:
      return model::ValueKind::integer;
    case Type::time:
      return model::ValueKind::time;
    case Type::binary:
      return model::ValueKind::binary;
    case Type::string:
    case Type::decimal:
    case Type::reference:
    case Type::complex:
      break;
  }
  return model::ValueKind::text;
}

model::SchemaAttribute flat(std::string name, const Attribute& leaf, bool multi_valued, bool writable) {
  return {std::move(name), kind_of(leaf.type), multi_valued, writable && leaf.writable, leaf.case_exact};
}

bool is_told_apart_by(std::string_view sub) { return sub == "type" || sub == "primary" || sub == "$ref"; }

/// `emails.value`, and `emails[type eq "work"].value` for each type the schema suggests.
void flatten_complex(const std::string& urn, const Attribute& attribute, std::vector<model::SchemaAttribute>& out) {
  const Attribute* type = attribute.multi_valued ? find_attribute(attribute.sub, "type") : nullptr;
  for (const Attribute& sub : attribute.sub) {
    if (!sub.readable || (attribute.multi_valued ? is_told_apart_by(sub.name) : sub.name == "$ref")) continue;
    out.push_back(flat(to_name({urn, attribute.name, {}, sub.name}), sub, attribute.multi_valued, attribute.writable));
    if (type == nullptr) continue;
    for (const std::string& value : type->canonical) {
      const Path path{urn, attribute.name, ElementFilter{"type", value, false}, sub.name};
      out.push_back(flat(to_name(path), sub, /*multi_valued=*/false, attribute.writable));
    }
  }
}

void flatten_shape(const Shape& shape, const std::string& urn, std::vector<model::SchemaAttribute>& out) {
  for (const Attribute& attribute : shape.attributes) {
    if (attribute.name == "groups" && !attribute.writable) continue;  // the other side of members
    if (attribute.link) {
      out.push_back({to_name({urn, attribute.name, {}, {}}), model::ValueKind::reference, attribute.multi_valued,
                     attribute.writable, true});
    } else if (attribute.type == Type::complex) {
      flatten_complex(urn, attribute, out);
    } else {
      out.push_back(flat(to_name({urn, attribute.name, {}, {}}), attribute, attribute.multi_valued, true));
    }
  }
}

}  // namespace

const Attribute* find_attribute(const std::vector<Attribute>& attributes, std::string_view name) {
  for (const Attribute& attribute : attributes) {
    if (equal_ascii_case(attribute.name, name)) return &attribute;
  }
  return nullptr;
}

std::string_view ResourceType::title_attribute() const {
  if (name == "User") return "userName";
  if (name == "Group") return "displayName";
  for (const std::string_view title : {"displayName", "name"}) {
    const Attribute* found = core.find(title);
    if (found != nullptr && found->type == Attribute::Type::string) return title;
  }
  return "externalId";
}

const Attribute* Shape::find(std::string_view name) const { return find_attribute(attributes, name); }

const Shape* ResourceType::extension(std::string_view urn) const {
  for (const Shape& shape : extensions) {
    if (equal_ascii_case(shape.urn, urn)) return &shape;
  }
  return nullptr;
}

const Attribute* ResourceType::find(const Path& path) const {
  if (path.urn.empty() || equal_ascii_case(path.urn, core.urn)) return core.find(path.attribute);
  const Shape* shape = extension(path.urn);
  return shape == nullptr ? nullptr : shape->find(path.attribute);
}

const Attribute* ResourceType::find_leaf(const Path& path) const {
  const Attribute* attribute = find(path);
  if (attribute == nullptr || attribute->type != Type::complex) return attribute;
  return find_attribute(attribute->sub, path.sub.empty() ? "value" : std::string_view(path.sub));
}

std::optional<Shape> parse_shape(std::string_view text) {
  const json object = net::parse_json(text);
  if (!object.is_object()) return std::nullopt;
  Shape shape;
  shape.urn = text_at(object, "id");
  if (shape.urn.empty() || shape.urn.size() > 256) return std::nullopt;
  shape.attributes = parse_attributes(object, "attributes", 0);
  return shape.attributes.empty() ? std::nullopt : std::optional(std::move(shape));
}

model::SchemaClass flatten(const ResourceType& type) {
  model::SchemaClass made;
  made.name = type.name;
  flatten_shape(type.core, {}, made.attributes);
  for (const Shape& shape : type.extensions) flatten_shape(shape, shape.urn, made.attributes);
  const auto by_name = [](const auto& left, const auto& right) { return left.name < right.name; };
  std::sort(made.attributes.begin(), made.attributes.end(), by_name);
  const auto same = [](const auto& left, const auto& right) { return left.name == right.name; };
  made.attributes.erase(std::unique(made.attributes.begin(), made.attributes.end(), same), made.attributes.end());
  return made;
}

}  // namespace linkspan::connector_scim
