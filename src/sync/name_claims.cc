#include "sync/name_claims.h"

#include <algorithm>

namespace linkspan::sync {

std::optional<std::string> NameClaims::claim(store::MetaverseId self, const model::Image& image,
                                             model::NameId attribute, const rules::UniqueCandidates& candidates) {
  if (const model::ImageAttribute* has = image.find(attribute); has != nullptr) {
    for (const model::Value& value : has->values) {
      if (const auto index = candidates.index_of(model::to_text(value))) return candidates.at(*index);
    }
  }
  // The first candidate is free for nearly all; where it is not, many are asked for at once.
  std::size_t at_once = 1;
  for (std::size_t first = 0; first < candidates.size(); first += at_once, at_once = 256) {
    const std::size_t end = std::min(candidates.size(), first + at_once);
    std::vector<std::string> names;
    std::vector<store::Key> keys;
    for (std::size_t i = first; i < end; ++i) {
      names.push_back(candidates.at(i));
      keys.push_back({attribute, model::join_key(model::Value(names.back()))});
    }
    std::vector<bool> taken(keys.size());
    for (const auto& match : view_.metaverse_by_key(keys)) {
      if (match.id != self) taken[match.key] = true;
    }
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto held = held_.find(keys[i]);
      if (!taken[i] && (held == held_.end() || held->second == self)) return names[i];
    }
  }
  return std::nullopt;
}

void NameClaims::hold(store::MetaverseId self, std::span<const store::Key> keys) {
  for (const store::Key& key : keys) {
    if (std::binary_search(attributes_.begin(), attributes_.end(), key.attribute)) held_.emplace(key, self);
  }
}

}  // namespace linkspan::sync
