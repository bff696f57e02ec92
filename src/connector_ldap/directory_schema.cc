#include "connector_ldap/internal/directory_schema.h"

#include <fmt/core.h>
#include <ldap_schema.h>

#include <algorithm>
#include <memory>
#include <set>

#include "base/text.h"

namespace linkspan::connector_ldap {

namespace {

constexpr unsigned k_leniency = LDAP_SCHEMA_ALLOW_ALL;
constexpr std::string_view k_syntaxes = "1.3.6.1.4.1.1466.115.121.1.";

std::string text_of(const char* text) { return text != nullptr ? text : ""; }

std::vector<std::string> list_of(char** texts) {
  std::vector<std::string> made;
  for (; texts != nullptr && *texts != nullptr; ++texts) made.emplace_back(*texts);
  return made;
}

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return made;
}

/// Certificates, their lists and pairs, and supported algorithms (RFC 4523, section 2).
bool goes_by_binary(std::string_view syntax) {
  if (!syntax.starts_with(k_syntaxes)) return false;
  const std::string_view number = syntax.substr(k_syntaxes.size());
  return number == "8" || number == "9" || number == "10" || number == "49";
}

model::ValueKind kind_of(std::string_view syntax) {
  if (!syntax.starts_with(k_syntaxes)) return model::ValueKind::text;
  const auto number = to_integer(syntax.substr(k_syntaxes.size()));
  switch (number.value_or(0)) {
    case 12:
    case 34:
      return model::ValueKind::reference;
    case 7:
      return model::ValueKind::boolean;
    case 27:
      return model::ValueKind::integer;
    case 24:
      return model::ValueKind::time;
    case 4:   // audio
    case 5:   // binary
    case 8:   // certificate
    case 9:   // certificate list
    case 10:  // certificate pair
    case 23:  // fax
    case 28:  // JPEG
    case 40:  // octet string
    case 49:  // supported algorithm
      return model::ValueKind::binary;
    default:
      return model::ValueKind::text;
  }
}

}  // namespace

/// An attribute type before what it inherits is known.
struct DirectorySchema::RawType {
  std::string superior, syntax, equality;
};

DirectorySchema::DirectorySchema(const std::vector<std::string>& attribute_types,
                                 const std::vector<std::string>& object_classes,
                                 const std::vector<std::string>& content_rules) {
  add_attributes(attribute_types);
  add_classes(object_classes);
  add_content_rules(content_rules);
}

void DirectorySchema::add_attributes(const std::vector<std::string>& definitions) {
  std::vector<RawType> raw;
  for (const std::string& definition : definitions) {
    int code = 0;
    const char* position = nullptr;
    const std::unique_ptr<LDAPAttributeType, void (*)(LDAPAttributeType*)> type(
        ldap_str2attributetype(definition.c_str(), &code, &position, k_leniency), &ldap_attributetype_free);
    if (!type) continue;
    const std::vector<std::string> names = list_of(type->at_names);
    AttributeType made;
    made.name = names.empty() ? text_of(type->at_oid) : names.front();
    made.single_valued = type->at_single_value != 0;
    made.writable = type->at_no_user_mod == 0;
    for (const std::string& name : names) attribute_index_.emplace(lower(name), attributes_.size());
    attribute_index_.emplace(lower(text_of(type->at_oid)), attributes_.size());
    raw.push_back({text_of(type->at_sup_oid), text_of(type->at_syntax_oid), text_of(type->at_equality_oid)});
    attributes_.push_back(std::move(made));
  }
  for (std::size_t i = 0; i < attributes_.size(); ++i) {
    std::string syntax = raw[i].syntax;
    std::string equality = raw[i].equality;
    // A subtype (cn of name) inherits what it does not say; the number of steps is bounded, whatever the server sends.
    std::size_t at = i;
    for (int step = 0; step < 32 && (syntax.empty() || equality.empty()) && !raw[at].superior.empty(); ++step) {
      const auto above = attribute_index_.find(lower(raw[at].superior));
      if (above == attribute_index_.end()) break;
      at = above->second;
      if (syntax.empty()) syntax = raw[at].syntax;
      if (equality.empty()) equality = raw[at].equality;
    }
    attributes_[i].kind = kind_of(syntax);
    attributes_[i].binary_transfer = goes_by_binary(syntax);
    attributes_[i].optional_uid = syntax == std::string(k_syntaxes) + "34";
    attributes_[i].case_exact = lower(equality).starts_with("caseexact") || equality == "2.5.13.5";
  }
}

void DirectorySchema::add_classes(const std::vector<std::string>& definitions) {
  for (const std::string& definition : definitions) {
    int code = 0;
    const char* position = nullptr;
    const std::unique_ptr<LDAPObjectClass, void (*)(LDAPObjectClass*)> type(
        ldap_str2objectclass(definition.c_str(), &code, &position, k_leniency), &ldap_objectclass_free);
    if (!type) continue;
    const std::vector<std::string> names = list_of(type->oc_names);
    ObjectClass made;
    made.name = names.empty() ? text_of(type->oc_oid) : names.front();
    made.superiors = list_of(type->oc_sup_oids);
    made.required = list_of(type->oc_at_oids_must);
    made.attributes = made.required;
    for (std::string& name : list_of(type->oc_at_oids_may)) made.attributes.push_back(std::move(name));
    made.structural = type->oc_kind == LDAP_SCHEMA_STRUCTURAL;
    for (const std::string& name : names) class_index_.emplace(lower(name), classes_.size());
    class_index_.emplace(lower(text_of(type->oc_oid)), classes_.size());
    classes_.push_back(std::move(made));
  }
}

void DirectorySchema::add_content_rules(const std::vector<std::string>& definitions) {
  for (const std::string& definition : definitions) {
    int code = 0;
    const char* position = nullptr;
    const std::unique_ptr<LDAPContentRule, void (*)(LDAPContentRule*)> rule(
        ldap_str2contentrule(definition.c_str(), &code, &position, k_leniency), &ldap_contentrule_free);
    if (!rule) continue;
    const auto found = class_index_.find(lower(text_of(rule->cr_oid)));
    if (found == class_index_.end()) continue;
    ObjectClass& known = classes_[found->second];
    for (char** names : {rule->cr_at_oids_must, rule->cr_at_oids_may}) {
      for (std::string& name : list_of(names)) known.attributes.push_back(std::move(name));
    }
  }
}

const AttributeType* DirectorySchema::attribute(std::string_view name) const {
  const auto found = attribute_index_.find(lower(name));
  return found == attribute_index_.end() ? nullptr : &attributes_[found->second];
}

const ObjectClass* DirectorySchema::object_class(std::string_view name) const {
  const auto found = class_index_.find(lower(name));
  return found == class_index_.end() ? nullptr : &classes_[found->second];
}

std::vector<std::string> DirectorySchema::ancestry(std::string_view name) const {
  std::vector<std::string> line{lower(name)};
  for (std::size_t at = 0; at < line.size() && at < 64; ++at) {
    const ObjectClass* known = object_class(line[at]);
    if (known == nullptr) continue;
    line[at] = lower(known->name);
    for (const std::string& superior : known->superiors) {
      const ObjectClass* above = object_class(superior);
      std::string next = lower(above != nullptr ? above->name : superior);
      if (std::ranges::find(line, next) == line.end()) line.push_back(std::move(next));
    }
  }
  return line;
}

std::vector<std::string> DirectorySchema::required_references(std::string_view object_class_name) const {
  std::vector<std::string> made;
  for (const std::string& name : ancestry(object_class_name)) {
    const ObjectClass* known = object_class(name);
    if (known == nullptr) continue;
    for (const std::string& required : known->required) {
      const AttributeType* type = attribute(required);
      if (type == nullptr || type->kind != model::ValueKind::reference || type->single_valued) continue;
      if (std::ranges::find(made, type->name) == made.end()) made.push_back(type->name);
    }
  }
  return made;
}

model::Schema DirectorySchema::to_model() const {
  model::Schema schema;
  for (const ObjectClass& type : classes_) {
    std::map<std::string, model::SchemaAttribute> attributes;
    for (const std::string& name : ancestry(type.name)) {
      const ObjectClass* known = object_class(name);
      if (known == nullptr) continue;
      for (const std::string& held : known->attributes) {
        const AttributeType* attribute_type = attribute(held);
        if (attribute_type == nullptr) continue;
        attributes.try_emplace(
            attribute_type->name,
            model::SchemaAttribute{attribute_type->name, attribute_type->kind, !attribute_type->single_valued,
                                   attribute_type->writable, attribute_type->case_exact});
      }
    }
    model::SchemaClass made{type.name, {}};
    for (auto& [name, attribute_made] : attributes) made.attributes.push_back(std::move(attribute_made));
    schema.classes.push_back(std::move(made));
  }
  std::ranges::sort(schema.classes, {}, &model::SchemaClass::name);
  return schema;
}

DirectorySchema load_schema(Session& session, const std::string& subschema, const std::stop_token& stop) {
  const std::vector<Message> entries =
      session.read({.base = subschema.empty() ? "cn=Subschema" : subschema,
                    .scope = LDAP_SCOPE_BASE,
                    .filter = "(objectClass=subschema)",
                    .attributes = {"attributeTypes", "objectClasses", "dITContentRules"}},
                   stop);
  DirectorySchema made({}, {});
  if (!entries.empty()) {
    made = DirectorySchema(values_of(session.handle(), entries.front().get(), "attributeTypes"),
                           values_of(session.handle(), entries.front().get(), "objectClasses"),
                           values_of(session.handle(), entries.front().get(), "dITContentRules"));
  }
  if (made.classes() == 0 || made.attributes() == 0) {
    throw Error(Fault::unavailable, "ldap.no_schema",
                fmt::format("{}: the schema at \"{}\" cannot be read", session.where(), subschema),
                "let the account of this connector read the server's subschema entry");
  }
  return made;
}

}  // namespace linkspan::connector_ldap
