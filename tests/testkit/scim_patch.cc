#include "testkit/scim_patch.h"

#include <algorithm>
#include <optional>
#include <set>

#include "testkit/scim_filter.h"
#include "testkit/scim_schema.h"

namespace linkspan::testkit {

using nlohmann::json;

namespace {

[[noreturn]] void refuse(const std::string& scim_type, const std::string& detail) {
  throw ScimRefusal{400, scim_type, detail};
}

/// `attribute`, `attribute.sub`, `attribute[filter]`, `attribute[filter].sub`.
struct Target {
  ScimAttribute at;
  std::optional<ScimFilter> filter;
};

Target parse_target(const std::string& endpoint, const std::string& path) {
  const std::size_t open = path.find('[');
  if (open == std::string::npos) return {scim_attribute(endpoint, path, "invalidPath"), std::nullopt};
  const std::size_t close = path.rfind(']');
  if (close == std::string::npos || close < open) refuse("invalidPath", path);
  const std::string after = path.substr(close + 1);
  if (!after.empty() && after.front() != '.') refuse("invalidPath", path);
  Target target{scim_attribute(endpoint, path.substr(0, open) + after, "invalidPath"), std::nullopt};
  if (!target.at.is("multiValued")) refuse("invalidPath", path);
  target.filter =
      ScimFilter::parse_element(*target.at.attribute, path.substr(open + 1, close - open - 1), "invalidFilter");
  return target;
}

/// The operations of one PATCH on one resource.
class Patcher {
 public:
  Patcher(const std::string& endpoint, json& resource, const std::function<void(const std::string&)>& check_member,
          const ScimPatchManners& manners)
      : endpoint_(endpoint), resource_(resource), check_member_(check_member), manners_(manners) {}

  void apply(const json& operation) {
    if (!operation.is_object()) refuse("invalidSyntax", "an operation is an object");
    const json* op = scim_member(operation, "op");
    const json* path = scim_member(operation, "path");
    const json* value = scim_member(operation, "value");
    op_ = op != nullptr && op->is_string() ? op->get<std::string>() : std::string();
    if (op_ != "add" && op_ != "replace" && op_ != "remove") refuse("invalidSyntax", "op " + op_);
    if (path != nullptr && !path->is_string()) refuse("invalidPath", "path is no string");
    if (op_ == "remove") {
      // Section 3.5.2.2: without a path there is no target.
      if (path == nullptr) refuse("noTarget", "remove needs a path");
      return remove(path->get<std::string>(), value);
    }
    if (value == nullptr) refuse("invalidValue", op_ + " needs a value");
    if (path != nullptr) return set(path->get<std::string>(), *value);
    // Sections 3.5.2.1 and 3.5.2.3: without a path the value is a set of attributes.
    if (!value->is_object()) refuse("invalidValue", "without a path, value is an object");
    for (const auto& [key, each] : value->items()) {
      if (key.starts_with("urn:") && each.is_object()) {
        const std::string home = key + ":";
        for (const auto& [name, inner] : each.items()) set(std::string(home).append(name), inner);
      } else if (key != "schemas") {
        set(key, each);
      }
    }
  }

 private:
  void check_writable(const Target& target, const std::string& path) const {
    const json& leaf = target.at.sub != nullptr ? *target.at.sub : *target.at.attribute;
    for (const json* each : {target.at.attribute, &leaf}) {
      if ((*each)["mutability"] == "readOnly") refuse("mutability", path + " is read-only");
    }
    if (target.filter && target.at.sub != nullptr && leaf["mutability"] == "immutable") {
      refuse("mutability", path + " cannot be changed once it is there");
    }
  }

  Target target_of(const std::string& path) const {
    if (manners_.removes_by_value && path.find('[') != std::string::npos) refuse("invalidPath", path);
    Target target = parse_target(endpoint_, path);
    check_writable(target, path);
    return target;
  }

  json& home_of(const Target& target) {
    if (target.at.urn.empty()) return resource_;
    json& home = resource_[target.at.urn];
    if (home.is_null()) home = json::object();
    return home;
  }

  /// The value in the type of its attribute.
  json typed(const json& attribute, json value, bool one) const {
    if (manners_.text_booleans && attribute["type"] == "boolean") {
      if (value != "True" && value != "False") refuse("invalidValue", "a boolean is \"True\" or \"False\" here");
      return value == "True";
    }
    if (one) {
      scim_check_one(attribute, value);
    } else {
      scim_check(attribute, value);
    }
    return value;
  }

  void set(const std::string& path, const json& value) {
    const Target target = target_of(path);
    json& home = home_of(target);
    const std::string name = target.at.name();
    if (target.filter) return set_elements(home, target, value, path);
    if (target.at.sub != nullptr) {
      if (!target.at.is("multiValued")) {
        home[name][target.at.sub_name()] = typed(*target.at.sub, value, false);
        return;
      }
      // Section 3.5.2.3: without a filter, all elements are meant.
      if (!home.contains(name) || home[name].empty()) refuse("noTarget", path + " has no values");
      for (json& each : home[name]) each[target.at.sub_name()] = typed(*target.at.sub, value, false);
      return;
    }
    if (target.at.is("multiValued")) return set_list(home, target, value);
    json made = typed(*target.at.attribute, value, false);
    if (made.is_object() && home.contains(name)) {
      home[name].update(made);  // what is not said stays
    } else {
      home[name] = std::move(made);
    }
  }

  void set_list(json& home, const Target& target, const json& value) {
    const json added = typed(*target.at.attribute, value.is_array() ? value : json::array({value}), false);
    json& list = home[target.at.name()];
    if (list.is_null() || op_ == "replace") list = json::array();
    std::set<std::string> held;
    for (const json& each : list) held.insert(identity(each));
    for (const json& each : added) {
      if (!held.insert(identity(each)).second) continue;  // section 3.5.2.1: what is there already is no change
      if (target.at.name() == "members") check_member_(each.value("value", std::string()));
      give_way(list, each);
      list.push_back(each);
    }
    if (list.empty()) home.erase(target.at.name());
  }

  static std::string identity(const json& element) {
    return element.is_object() && element.contains("value") && element.value("type", json()).is_null()
               ? element["value"].dump()
               : element.dump();
  }

  /// Section 3.5.2: a new primary value takes the place of the old one.
  static void give_way(json& list, const json& element) {
    if (!element.is_object() || !element.value("primary", false)) return;
    for (json& each : list) {
      if (each.is_object() && each.value("primary", false)) each["primary"] = false;
    }
  }

  void set_elements(json& home, const Target& target, const json& value, const std::string& path) {
    bool any = false;
    if (json* list = list_in(home, target)) {
      for (json& each : *list) {
        if (!target.filter->matches(each)) continue;
        any = true;
        if (target.at.sub != nullptr) {
          each[target.at.sub_name()] = typed(*target.at.sub, value, false);
        } else {
          each.update(typed(*target.at.attribute, value, true));
        }
      }
    }
    // Section 3.5.2.3; section 3.12 has it for any path with a filter.
    if (!any) refuse("noTarget", path + " matches nothing");
  }

  static json* list_in(json& home, const Target& target) {
    const auto found = home.find(target.at.name());
    return found == home.end() || !found->is_array() ? nullptr : &*found;
  }

  void remove(const std::string& path, const json* value) {
    const Target target = target_of(path);
    json& home = home_of(target);
    const std::string name = target.at.name();
    if (value != nullptr && !value->is_null()) return remove_values(home, target, *value, path);
    if (target.filter) return remove_elements(home, target, path);
    const json& leaf = target.at.sub != nullptr ? *target.at.sub : *target.at.attribute;
    if (leaf.value("required", false)) refuse("mutability", path + " is required");  // section 3.5.2.2
    if (target.at.sub == nullptr) {
      home.erase(name);
    } else if (home.contains(name) && home[name].is_object()) {
      home[name].erase(target.at.sub_name());
      if (home[name].empty()) home.erase(name);
    }
  }

  /// A remove has no value in the RFC; to take it for one without would empty the whole list.
  void remove_values(json& home, const Target& target, const json& value, const std::string& path) {
    if (!manners_.removes_by_value || target.filter) refuse("invalidSyntax", "remove takes no value");
    json* list = list_in(home, target);
    if (list == nullptr) refuse("noTarget", path + " has no values");
    for (const json& gone : value) {
      std::erase_if(list->get_ref<json::array_t&>(),
                    [&](const json& each) { return each.value("value", json()) == gone.value("value", json()); });
    }
    if (list->empty()) home.erase(target.at.name());
  }

  void remove_elements(json& home, const Target& target, const std::string& path) {
    json* list = list_in(home, target);
    const auto is_meant = [&](const json& each) { return target.filter->matches(each); };
    if (list == nullptr || std::none_of(list->begin(), list->end(), is_meant)) {
      refuse("noTarget", path + " matches nothing");
    }
    if (target.at.sub == nullptr) {
      std::erase_if(list->get_ref<json::array_t&>(), is_meant);
      if (list->empty()) home.erase(target.at.name());
      return;
    }
    for (json& each : *list) {
      if (is_meant(each)) each.erase(target.at.sub_name());
    }
  }

  const std::string& endpoint_;
  json& resource_;
  const std::function<void(const std::string&)>& check_member_;
  const ScimPatchManners& manners_;
  std::string op_;
};

}  // namespace

bool scim_patch(const std::string& endpoint, json& resource, const json& body,
                const std::function<void(const std::string& id)>& check_member, const ScimPatchManners& manners) {
  const json* schemas = scim_member(body, "schemas");
  const json* operations = scim_member(body, "Operations");
  if (schemas == nullptr || *schemas != json::array({"urn:ietf:params:scim:api:messages:2.0:PatchOp"})) {
    refuse("invalidSyntax", "the body is no PatchOp");
  }
  if (operations == nullptr || !operations->is_array() || operations->empty()) {
    refuse("invalidSyntax", "no Operations");
  }
  json changed = resource;
  Patcher patcher(endpoint, changed, check_member, manners);
  for (const json& each : *operations) patcher.apply(each);
  scim_finish(endpoint, changed);
  if (changed == resource) return false;
  resource = std::move(changed);
  return true;
}

}  // namespace linkspan::testkit
