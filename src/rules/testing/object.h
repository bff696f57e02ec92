#pragma once
// An object made of plain maps, for tests of rules: attributes, references, parameters, a clock that stands still.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/image.h"
#include "model/names.h"
#include "rules/rule_set.h"

namespace linkspan::rules::testing {

class Object final : public Source {
 public:
  explicit Object(model::Names& names) : names_(names) {}

  Object& set(std::string_view name, model::Values values) {
    const model::NameId id = names_.id(name);
    values_[id] = {id, std::move(values), {}};
    return *this;
  }
  Object& set(std::string_view name, std::string_view text) { return set(name, {model::Value(std::string(text))}); }
  /// References as a connector object has them: rows, and nothing in the image.
  Object& refer(std::string_view name, std::vector<std::string> targets) {
    references_[names_.id(name)] = std::move(targets);
    return *this;
  }
  /// References as a metaverse object has them: a source in the image too.
  Object& refer_from(std::string_view name, std::vector<std::string> targets) {
    const model::NameId id = names_.id(name);
    values_[id] = {id, {}, {model::ReferenceSource{model::ObjectId{1}, id}}};
    return refer(name, std::move(targets));
  }

  const model::ImageAttribute* find(model::NameId attribute) const override {
    const auto found = values_.find(attribute);
    return found == values_.end() ? nullptr : &found->second;
  }
  const model::ImageAttribute* find_imported(model::NameId attribute) const override { return find(attribute); }
  std::size_t count_references(model::NameId attribute) const override {
    const auto found = references_.find(attribute);
    return found == references_.end() ? 0 : found->second.size();
  }
  std::vector<std::string> reference_names(model::NameId attribute) const override {
    ++looked_at;
    const auto found = references_.find(attribute);
    return found == references_.end() ? std::vector<std::string>{} : found->second;
  }
  std::optional<std::string> parameter(std::string_view name) const override {
    if (name == "Connector.Name") return "corp";
    return std::nullopt;
  }
  Time now() const override { return Time{std::chrono::seconds{1'700'000'000}}; }

  mutable int looked_at = 0;  ///< how often somebody asked for names of references

 private:
  model::Names& names_;
  std::map<model::NameId, model::ImageAttribute> values_;
  std::map<model::NameId, std::vector<std::string>> references_;
};

}  // namespace linkspan::rules::testing
