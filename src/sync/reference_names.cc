#include "sync/reference_names.h"

#include <algorithm>

namespace linkspan::sync {

void StoredReferenceNames::expect(std::span<const store::ObjectWithImages> objects) {
  for (const store::ObjectWithImages& one : objects) {
    types_.emplace(one.object.id.value, one.object.type);
    expected_[one.object.type].push_back(one.object.id);
    if (!context_.rules.read_backwards().empty()) expected_counts_[one.object.type].push_back(one.object.id);
  }
}

std::vector<store::ObjectId> StoredReferenceNames::with_others(Expected& expected, model::ObjectId object) const {
  const auto type = types_.find(object.value);
  std::vector<store::ObjectId> ids;
  if (type != types_.end()) ids = std::exchange(expected[type->second], {});
  if (std::find(ids.begin(), ids.end(), object) == ids.end()) ids.push_back(object);
  return ids;
}

std::vector<std::string> StoredReferenceNames::names(model::ObjectId object, model::NameId attribute) {
  auto found = known_.find(object.value);
  if (found == known_.end()) {
    load(with_others(expected_, object));
    found = known_.find(object.value);
  }
  std::vector<std::string> names;
  for (const auto& [name, target] : found->second) {
    if (name == attribute) names.push_back(target);
  }
  return names;
}

std::size_t StoredReferenceNames::count_referencing(model::ObjectId object, model::NameId attribute) {
  if (!counts_.contains(object.value)) count(with_others(expected_counts_, object));
  const auto& mine = counts_.at(object.value);
  const auto found = mine.find(attribute);
  return found == mine.end() ? 0 : found->second;
}

void StoredReferenceNames::count(std::span<const store::ObjectId> objects) {
  constexpr std::size_t k_at_once = 100;  // each may be referenced by many
  for (std::size_t at = 0; at < objects.size(); at += k_at_once) {
    const auto some = objects.subspan(at, std::min(k_at_once, objects.size() - at));
    for (const store::ObjectId id : some) counts_[id.value];
    for (const store::Reference& row : view_.references_to(some)) {
      if ((row.bits & store::reference_observed) != 0) ++counts_[row.target.value][row.attribute];
    }
  }
}

void StoredReferenceNames::load(std::span<const store::ObjectId> objects) {
  constexpr std::size_t k_at_once = 500;
  for (std::size_t at = 0; at < objects.size(); at += k_at_once) {
    const auto some = objects.subspan(at, std::min(k_at_once, objects.size() - at));
    for (const store::ObjectId id : some) known_[id.value];
    const auto rows = view_.references_of(some, false);
    std::vector<store::ObjectId> targets;
    targets.reserve(rows.size());
    for (const store::Reference& row : rows) targets.push_back(row.target);
    std::sort(targets.begin(), targets.end());
    targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
    std::unordered_map<std::int64_t, std::string> called;
    for (store::ObjectWithImages& one : view_.load_objects(targets, store::no_images)) {
      const bool by_anchor = !context_.connector(one.object.connector).objects_by_dn || one.object.dn.empty();
      called.emplace(one.object.id.value, std::move(by_anchor ? one.object.anchor : one.object.dn));
    }
    for (const store::Reference& row : rows) {
      if ((row.bits & store::reference_observed) == 0) continue;
      const auto target = called.find(row.target.value);
      if (target != called.end()) known_[row.object.value].emplace_back(row.attribute, target->second);
    }
  }
}

}  // namespace linkspan::sync
