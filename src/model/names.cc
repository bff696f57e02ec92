#include "model/names.h"

#include <fmt/format.h>

#include "base/error.h"

namespace linkspan::model {

NameId Names::id(std::string_view name) {
  {
    const std::shared_lock lock(mutex_);
    if (const auto found = ids_.find(name); found != ids_.end()) return found->second;
  }
  const std::unique_lock lock(mutex_);
  if (const auto found = ids_.find(name); found != ids_.end()) return found->second;
  names_.emplace_back(name);
  const auto id = static_cast<NameId>(names_.size());
  ids_.emplace(std::string(name), id);
  return id;
}

std::optional<NameId> Names::find(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto found = ids_.find(name);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

std::string Names::name(NameId id) const {
  const std::shared_lock lock(mutex_);
  if (id == 0 || id > names_.size() || names_[id - 1].empty()) {
    throw Error(Fault::corrupt, "model.unknown_name",
                fmt::format("the database speaks of name {}, which it does not hold", id),
                "Run `linkspan database verify`.");
  }
  return names_[id - 1];
}

void Names::load(NameId id, std::string_view name) {
  const std::unique_lock lock(mutex_);
  constexpr NameId most = 1'000'000;
  if (id == 0 || id > most || name.empty()) {
    throw Error(Fault::corrupt, "model.name_table", fmt::format("name {} is out of range", id),
                "Run `linkspan database verify`.");
  }
  if (id > names_.size()) names_.resize(id);
  const auto found = ids_.find(name);
  const bool same = names_[id - 1] == name && found != ids_.end() && found->second == id;
  if (same) return;
  if (!names_[id - 1].empty() || found != ids_.end()) {
    throw Error(Fault::corrupt, "model.name_table", fmt::format("name {} stands for two things", id),
                "Another process changed the database: run the command again.");
  }
  names_[id - 1] = name;
  ids_.emplace(std::string(name), id);
}

std::vector<std::pair<NameId, std::string>> Names::after(NameId since) const {
  const std::shared_lock lock(mutex_);
  std::vector<std::pair<NameId, std::string>> added;
  for (std::size_t i = since; i < names_.size(); ++i) {
    if (!names_[i].empty()) added.emplace_back(static_cast<NameId>(i + 1), names_[i]);
  }
  return added;
}

NameId Names::last() const {
  const std::shared_lock lock(mutex_);
  return static_cast<NameId>(names_.size());
}

}  // namespace linkspan::model
