// Whole resources: the body of a POST, and of a PUT where PATCH is not to be had.

#include "connector_scim/internal/writer.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "connector_scim/internal/values.h"
#include "net/json.h"

namespace linkspan::connector_scim {
namespace {

using nlohmann::json;

/// The key under which an object holds `name`, whatever its case there.
std::string key_in(const json& object, const std::string& name) {
  if (object.contains(name)) return name;
  for (const auto& [key, value] : object.items()) {
    if (equal_ascii_case(key, name)) return key;
  }
  return name;
}

/// `object[name]`, an object or array as `empty` is one, made so when it is anything else.
json& child(json& object, const std::string& name, json empty) {
  json& found = object[key_in(object, name)];
  if (found.type() != empty.type()) found = std::move(empty);
  return found;
}

/// The text that an element holds under `key`; a service's own data may be of any shape.
std::string text_in(const json& element, const char* key) {
  if (!element.is_object()) return {};
  const auto found = element.find(key);
  return found != element.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void erase(json& object, const std::string& name) { object.erase(key_in(object, name)); }

/// Makes a resource say what an export asks for. Bound to one resource.
class ResourceEditor {
 public:
  ResourceEditor(const ResourceType& type, json& resource) : type_(type), resource_(resource) {}

  void set(const model::AttributeChange& change) {
    const Path path = writable_path(type_, change.name);
    const Attribute* attribute = type_.find(path);
    json& home = home_of(path);
    if (attribute != nullptr && attribute->link) {
      set_links(home, path, *attribute, change);
    } else if (is_in_elements(path, attribute)) {
      set_in_elements(home, path, change);
    } else if (path.sub.empty()) {
      set_value(home, path.attribute, path, change);
    } else {
      json& parent = child(home, path.attribute, json::object());
      set_value(parent, path.sub, path, change);
      if (parent.empty()) erase(home, path.attribute);
    }
  }

  void set_reference(const model::ReferenceChange& change) {
    const Path path = writable_path(type_, change.attribute);
    json& home = home_of(path);
    if (is_multi_link(type_, path)) {
      change_member(child(home, path.attribute, json::array()), change);
    } else if (change.add) {
      home[key_in(home, path.attribute)] = json{{"value", change.target}};
    } else if (const json& there = home[key_in(home, path.attribute)];
               !there.is_object() || text_in(there, "value") == change.target) {
      erase(home, path.attribute);
    }
  }

  /// The first work address is the primary one where nothing says otherwise.
  void mark_primary_mail() {
    const auto mails = resource_.find("emails");
    if (mails == resource_.end() || !mails->is_array()) return;
    const Path work{{}, "emails", ElementFilter{"type", "work", false}, {}};
    for (const json& mail : *mails) {
      if (mail.is_object() && mail.contains("primary") && mail["primary"] == true) return;
    }
    for (json& mail : *mails) {
      if (!matches(mail, work)) continue;
      mail["primary"] = true;
      return;
    }
  }

  /// The core schema and every extension that has something; empty extensions go.
  void list_schemas() {
    std::set<std::string> schemas{type_.core.urn};
    std::vector<std::string> empty;
    for (const auto& [key, value] : resource_.items()) {
      if (key.substr(0, 4) != "urn:") continue;
      if (value.is_object() && value.empty()) {
        empty.push_back(key);
      } else {
        schemas.insert(key);
      }
    }
    for (const std::string& key : empty) resource_.erase(key);
    resource_["schemas"] = schemas;
  }

 private:
  json& home_of(const Path& path) {
    if (path.urn.empty() || path.urn == type_.core.urn) return resource_;
    return child(resource_, path.urn, json::object());
  }

  void set_value(json& parent, const std::string& key, const Path& path, const model::AttributeChange& change) {
    const Attribute* leaf = type_.find_leaf(path);
    if (change.after.empty()) {
      erase(parent, key);
      return;
    }
    if (leaf != nullptr && !leaf->multi_valued) require_one(change.after, change.name);
    json values = json::array();
    for (const model::Value& value : change.after) values.push_back(to_json(value, leaf, change.name));
    const bool list = values.size() > 1 || (leaf != nullptr && leaf->multi_valued);
    parent[key_in(parent, key)] = list ? std::move(values) : std::move(values.front());
  }

  static void set_links(json& home, const Path& path, const Attribute& attribute,
                        const model::AttributeChange& change) {
    if (change.after.empty()) {
      erase(home, path.attribute);
      return;
    }
    json links = json::array();
    for (const model::Value& value : change.after) links.push_back({{"value", to_json(value, nullptr, change.name)}});
    if (!attribute.multi_valued) require_one(change.after, change.name);
    home[key_in(home, path.attribute)] = attribute.multi_valued ? std::move(links) : std::move(links.front());
  }

  /// The elements that the path names get the values in turn; new ones are added, those left over lose theirs.
  void set_in_elements(json& home, const Path& path, const model::AttributeChange& change) {
    json& list = child(home, path.attribute, json::array());
    const Attribute* leaf = type_.find_leaf(path);
    std::size_t next = 0;
    for (auto each = list.begin(); each != list.end();) {
      const bool ours = matches(*each, path);
      if (ours && next == change.after.size() && is_main_value(path)) {
        each = list.erase(each);
        continue;
      }
      if (ours && next < change.after.size()) {
        (*each)[key_in(*each, sub_of(path))] = to_json(change.after[next++], leaf, change.name);
      } else if (ours) {
        erase(*each, path.sub);
      }
      ++each;
    }
    for (; next < change.after.size(); ++next) {
      json element = element_for(path);
      element[sub_of(path)] = to_json(change.after[next], leaf, change.name);
      list.push_back(std::move(element));
    }
    if (list.empty()) erase(home, path.attribute);
  }

  static void change_member(json& list, const model::ReferenceChange& change) {
    const auto is_target = [&](const json& each) { return text_in(each, "value") == change.target; };
    const auto found = std::find_if(list.begin(), list.end(), is_target);
    if (change.add && found == list.end()) list.push_back({{"value", change.target}});
    if (!change.add && found != list.end()) list.erase(found);
  }

  const ResourceType& type_;
  json& resource_;
};

json parsed(std::string_view current) {
  json resource = net::parse_json(current);
  if (resource.is_object()) return resource;
  throw Error(Fault::unavailable, "scim.reply", "the object to be changed was not answered as a JSON object",
              "Look at what the service, or a proxy before it, answers to this request.");
}

/// An operation for each attribute, of the resource or of an extension in it, that is not as it was.
void add_differences(const std::string& prefix, const json& before, const json& after, json& operations) {
  for (const auto& [key, value] : before.items()) {
    if (after.contains(key) || (prefix.empty() && key.starts_with("urn:"))) continue;
    operations.push_back({{"op", "remove"}, {"path", prefix + key}});
  }
  for (const auto& [key, value] : after.items()) {
    const auto was = before.find(key);
    if (prefix.empty() && key.starts_with("urn:") && value.is_object()) {
      static const json none = json::object();
      add_differences(key + ":", was != before.end() && was->is_object() ? *was : none, value, operations);
    } else if (was == before.end() || *was != value) {
      operations.push_back({{"op", was == before.end() ? "add" : "replace"}, {"path", prefix + key}, {"value", value}});
    }
  }
}

}  // namespace

std::string create_body(const ResourceType& type, const model::Export& add) {
  json resource = json::object();
  ResourceEditor editor(type, resource);
  for (const model::AttributeChange& change : add.attributes) {
    if (!change.after.empty()) editor.set(change);
  }
  for (const model::ReferenceChange& change : add.references) {
    if (change.add && !is_multi_link(type, parse_path(change.attribute))) editor.set_reference(change);
  }
  // Nothing is created without a name; the one the engine gave it will do.
  const std::string title(type.title_attribute());
  if (!add.dn.empty() && !resource.contains(title)) resource[title] = to_json(add.dn, nullptr, title);
  editor.mark_primary_mail();
  editor.list_schemas();
  return resource.dump();
}

std::optional<std::string> whole_patch_body(const ResourceType& type, const model::Export& update,
                                            std::string_view current, const Dialect& dialect) {
  const json before = parsed(current);
  json resource = before;
  ResourceEditor editor(type, resource);
  for (const model::AttributeChange& change : update.attributes) editor.set(change);
  for (const bool adding : {false, true}) {
    for (const model::ReferenceChange& change : update.references) {
      if (change.add == adding && !is_multi_link(type, parse_path(change.attribute))) editor.set_reference(change);
    }
  }
  json operations = json::array();
  add_differences({}, before, resource, operations);
  if (operations.empty()) return std::nullopt;
  return patch_of(std::move(operations), dialect);
}

std::optional<std::string> put_body(const ResourceType& type, const model::Export& update, std::string_view current) {
  json resource = parsed(current);
  const json before = resource;
  ResourceEditor editor(type, resource);
  for (const model::AttributeChange& change : update.attributes) editor.set(change);
  // Removals first: a manager replaced is one removed and one added.
  for (const bool adding : {false, true}) {
    for (const model::ReferenceChange& change : update.references) {
      if (change.add == adding) editor.set_reference(change);
    }
  }
  if (resource == before) return std::nullopt;
  editor.list_schemas();
  resource.erase("meta");
  resource.erase("groups");
  return resource.dump();
}

}  // namespace linkspan::connector_scim
