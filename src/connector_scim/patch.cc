// PATCH bodies (RFC 7644 section 3.5.2): as few operations as say the change, in the forms that strict services take.
// What the forms owe to real services is in docs/design/connector_scim.md.

#include <algorithm>
#include <map>
#include <tuple>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "connector_scim/internal/values.h"
#include "connector_scim/internal/writer.h"

namespace linkspan::connector_scim {
namespace {

using nlohmann::json;

json removal(std::string path) { return {{"op", "remove"}, {"path", std::move(path)}}; }

json setting(bool is_new, std::string path, json value) {
  return {{"op", is_new ? "add" : "replace"}, {"path", std::move(path)}, {"value", std::move(value)}};
}

const model::Values* values_of(const model::Entry& entry, std::string_view name) {
  for (const auto& [each, values] : entry.attributes) {
    if (each == name) return &values;
  }
  return nullptr;
}

/// Whether an element is there, as far as one knows.
enum class Presence { missing, there, unknown };

/// The operations of one update. Bound to it.
class PatchBuilder {
 public:
  PatchBuilder(const ResourceType& type, const model::Export& update, const model::Entry* current)
      : type_(type), update_(update), current_(current) {}

  json build() {
    for (const model::AttributeChange& change : update_.attributes) take(change);
    take_links();
    json operations = std::move(removals_);
    for (json& each : settings_) operations.push_back(std::move(each));
    for (auto& [list, elements] : additions_) {
      json values = json::array();
      for (auto& [element, value] : elements) values.push_back(std::move(value));
      operations.push_back(setting(true, list, std::move(values)));
    }
    return operations;
  }

  /// Whether some part of an element is new while the element may be there or not.
  bool is_unsure() {
    return std::any_of(update_.attributes.begin(), update_.attributes.end(), [&](const model::AttributeChange& change) {
      const Path path = writable_path(type_, change.name);
      return is_in_elements(path, type_.find(path)) && !is_main_value(path) && change.before.empty() &&
             !change.after.empty() && presence_of(path) == Presence::unknown;
    });
  }

 private:
  model::Values before_of(const model::AttributeChange& change) const {
    model::Values values = change.before;
    if (current_ != nullptr) {
      const model::Values* found = values_of(*current_, change.name);
      values = found == nullptr ? model::Values{} : *found;
    }
    model::canonicalize(values);
    return values;
  }

  void take(const model::AttributeChange& change) {
    const Path path = writable_path(type_, change.name);
    const Attribute* attribute = type_.find(path);
    const model::Values before = before_of(change);
    model::Values after = change.after;
    model::canonicalize(after);
    if (before == after) return;
    if (attribute != nullptr && attribute->link) {
      take_link_value(path, before, after, change.name);
    } else if (!is_in_elements(path, attribute)) {
      take_plain(path, before, after, change.name);
    } else if (!is_main_value(path)) {
      take_part(path, before, after, change.name);
    } else if (path.filter && before.size() < 2 && after.size() < 2) {
      take_main(path, before, after, change.name);
    } else {
      take_main_values(path, before, after, change.name);
    }
  }

  void take_plain(const Path& path, const model::Values& before, const model::Values& after, const std::string& name) {
    const Attribute* leaf = type_.find_leaf(path);
    if (after.empty()) {
      removals_.push_back(removal(to_wire(path)));
      return;
    }
    if (leaf != nullptr && !leaf->multi_valued) require_one(after, name);
    json values = json::array();
    for (const model::Value& value : after) values.push_back(to_json(value, leaf, name));
    const bool list = values.size() > 1 || (leaf != nullptr && leaf->multi_valued);
    // "add" would join the lists: only "replace" makes a list be what it should.
    settings_.push_back(
        setting(before.empty() && !list, to_wire(path), list ? std::move(values) : std::move(values[0])));
  }

  /// A link flowed as a plain value: the id in text.
  void take_link_value(const Path& path, const model::Values& before, const model::Values& after,
                       const std::string& name) {
    if (after.empty()) {
      removals_.push_back(removal(to_wire(path)));
      return;
    }
    require_one(after, name);
    settings_.push_back(setting(before.empty(), to_wire(path), {{"value", to_json(after[0], nullptr, name)}}));
  }

  /// `emails[type eq "work"].value`, one value before and after at most.
  void take_main(const Path& path, const model::Values& before, const model::Values& after, const std::string& name) {
    if (after.empty()) {
      removals_.push_back(removal(element_of(path)));
    } else if (before.empty()) {
      new_element(path, element_of(path))["value"] = to_json(after[0], type_.find_leaf(path), name);
    } else {
      Path whole = path;
      whole.sub = "value";
      settings_.push_back(setting(false, to_wire(whole), to_json(after[0], type_.find_leaf(path), name)));
    }
  }

  /// Several values: each that goes and each that comes is an element of its own.
  void take_main_values(const Path& path, const model::Values& before, const model::Values& after,
                        const std::string& name) {
    const Attribute* leaf = type_.find_leaf(path);
    for (const model::Value& value : before) {
      if (std::binary_search(after.begin(), after.end(), value)) continue;
      const std::string literal = to_json(value, leaf, name).dump();
      Path by_value{path.urn, path.attribute, path.filter, "value"};
      std::string selected = equality_filter(by_value, literal);
      if (!path.filter) selected = element_of(path) + "[value eq " + literal + "]";
      removals_.push_back(removal(std::move(selected)));
    }
    for (const model::Value& value : after) {
      if (std::binary_search(before.begin(), before.end(), value)) continue;
      json literal = to_json(value, leaf, name);
      new_element(path, literal.dump())["value"] = std::move(literal);
    }
  }

  /// A part of an element other than its value: `addresses[type eq "work"].locality`, `emails[…].display`.
  void take_part(const Path& path, const model::Values& before, const model::Values& after, const std::string& name) {
    require_one(after, name);
    const Attribute* leaf = type_.find_leaf(path);
    if (after.empty()) {
      if (!element_goes(path)) removals_.push_back(removal(to_wire(path)));
    } else if (!before.empty() || presence_of(path) == Presence::there) {
      settings_.push_back(setting(before.empty(), to_wire(path), to_json(after[0], leaf, name)));
    } else {
      new_element(path, element_of(path))[path.sub] = to_json(after[0], leaf, name);
    }
  }

  /// The other changes of the same element.
  template <class Visit>
  bool any_sibling(const Path& path, Visit visit) const {
    return std::any_of(update_.attributes.begin(), update_.attributes.end(), [&](const model::AttributeChange& change) {
      const Path other = parse_path(change.name);
      return element_of(other) == element_of(path) && sub_of(other) != sub_of(path) && visit(other, change);
    });
  }

  bool element_goes(const Path& path) const {
    return any_sibling(path, [](const Path& other, const model::AttributeChange& change) {
      return is_main_value(other) && change.after.empty();
    });
  }

  Presence presence_of(const Path& path) const {
    if (current_ != nullptr) {
      const auto& all = current_->attributes;
      const std::string element = to_name({path.urn, path.attribute, path.filter, {}}) + ".";
      const bool there =
          std::any_of(all.begin(), all.end(), [&](const auto& each) { return each.first.starts_with(element); });
      return there ? Presence::there : Presence::missing;
    }
    if (any_sibling(path, [](const Path&, const model::AttributeChange& change) { return !change.before.empty(); })) {
      return Presence::there;
    }
    const bool comes = any_sibling(path, [](const Path& other, const model::AttributeChange& change) {
      return is_main_value(other) && change.before.empty() && !change.after.empty();
    });
    return comes ? Presence::missing : Presence::unknown;
  }

  json& new_element(const Path& path, const std::string& key) {
    auto& elements = additions_[element_of({path.urn, path.attribute, {}, {}})];
    const auto found =
        std::find_if(elements.begin(), elements.end(), [&](const auto& each) { return each.first == key; });
    if (found != elements.end()) return found->second;
    json element = element_for(path);
    const bool work = path.filter && path.filter->attribute == "type" && path.filter->value == "work";
    if (path.urn.empty() && path.attribute == "emails" && work && may_be_primary()) element["primary"] = true;
    elements.emplace_back(key, std::move(element));
    return elements.back().second;
  }

  /// Two primary addresses are an error: the new one is it where no other is known to be there.
  bool may_be_primary() const {
    if (current_ == nullptr) return additions_.find("emails")->second.empty();
    const auto& all = current_->attributes;
    return std::none_of(all.begin(), all.end(), [](const auto& each) {
      return each.first.starts_with("emails[") || each.first.starts_with("emails.");
    });
  }

  /// Single-valued references: a manager that goes and one that comes are one operation.
  void take_links() {
    struct Target {
      bool had = false;
      const std::string* now = nullptr;
    };
    std::map<std::string, Target> targets;
    for (const model::ReferenceChange& change : update_.references) {
      const Path path = writable_path(type_, change.attribute);
      if (is_multi_link(type_, path)) continue;
      Target& target = targets[to_wire(path)];
      if (change.add) {
        target.now = &change.target;
      } else {
        target.had = true;
      }
    }
    for (const auto& [wire, target] : targets) {
      if (target.now == nullptr) {
        removals_.push_back(removal(wire));
      } else {
        settings_.push_back(setting(!target.had, wire, {{"value", *target.now}}));
      }
    }
  }

  using Elements = std::vector<std::pair<std::string, json>>;

  const ResourceType& type_;
  const model::Export& update_;
  const model::Entry* current_;
  json removals_ = json::array();
  json settings_ = json::array();
  std::map<std::string, Elements> additions_;  ///< list -> elements to add to it
};

}  // namespace

bool needs_look(const ResourceType& type, const model::Export& update) {
  return PatchBuilder(type, update, nullptr).is_unsure();
}

std::optional<std::string> patch_body(const ResourceType& type, const model::Export& update,
                                      const model::Entry* current, const Dialect& dialect) {
  json operations = PatchBuilder(type, update, current).build();
  if (operations.empty()) return std::nullopt;
  return patch_of(std::move(operations), dialect);
}

std::vector<std::size_t> member_changes(const ResourceType& type, const model::Export& update) {
  std::vector<std::size_t> found;
  std::map<std::string, bool, std::less<>> is_multi;
  for (std::size_t at = 0; at < update.references.size(); ++at) {
    const std::string& name = update.references[at].attribute;
    auto known = is_multi.find(name);
    if (known == is_multi.end()) known = is_multi.emplace(name, is_multi_link(type, writable_path(type, name))).first;
    if (known->second) found.push_back(at);
  }
  std::stable_sort(found.begin(), found.end(), [&](std::size_t left, std::size_t right) {
    const model::ReferenceChange& a = update.references[left];
    const model::ReferenceChange& b = update.references[right];
    return std::tie(a.attribute, a.add) < std::tie(b.attribute, b.add);
  });
  return found;
}

std::string member_patch(const model::Export& update, std::span<const std::size_t> references, const Dialect& dialect) {
  json operations = json::array();
  json added = json::array();
  json removed = json::array();
  std::string list;
  for (const std::size_t at : references) {
    const model::ReferenceChange& change = update.references[at];
    list = to_wire(parse_path(change.attribute));
    if (change.add) {
      added.push_back({{"value", change.target}});
    } else if (dialect.removes_by_value) {
      removed.push_back({{"value", change.target}});
    } else {
      operations.push_back(removal(list + "[value eq " + json_string(change.target) + "]"));
    }
  }
  if (!removed.empty()) operations.push_back({{"op", "remove"}, {"path", list}, {"value", std::move(removed)}});
  if (!added.empty()) operations.push_back(setting(true, list, std::move(added)));
  return patch_of(std::move(operations), dialect);
}

}  // namespace linkspan::connector_scim
