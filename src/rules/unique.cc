#include "rules/unique.h"

#include <cassert>

#include "base/text.h"

namespace linkspan::rules {
namespace {

constexpr std::string_view k_place = "{n}";

/// What stands between the two, or nullopt.
std::optional<std::string_view> between(std::string_view text, std::string_view before, std::string_view after) {
  if (text.size() < before.size() + after.size() || !text.starts_with(before) || !text.ends_with(after))
    return std::nullopt;
  return text.substr(before.size(), text.size() - before.size() - after.size());
}

}  // namespace

UniqueCandidates::UniqueCandidates(const std::vector<std::string>& patterns) {
  assert(!patterns.empty());
  for (const std::string& text : patterns) {
    const std::size_t at = text.find(k_place);
    Pattern pattern{text.substr(0, at), {}, at != std::string::npos};
    if (pattern.numbered) pattern.after = text.substr(at + k_place.size());
    size_ += pattern.size();
    patterns_.push_back(std::move(pattern));
  }
}

std::string UniqueCandidates::at(std::size_t index) const {
  assert(index < size_);
  for (const Pattern& pattern : patterns_) {
    if (index >= pattern.size()) {
      index -= pattern.size();
      continue;
    }
    return pattern.before + (index == 0 ? std::string() : std::to_string(index + 1)) + pattern.after;
  }
  return {};
}

std::optional<std::size_t> UniqueCandidates::index_of(std::string_view value) const {
  const std::string key = fold_key(value);
  std::size_t first = 0;
  for (const Pattern& pattern : patterns_) {
    if (!pattern.numbered) {
      if (fold_key(pattern.before) == key) return first;
    } else if (const auto middle = between(key, fold_key(pattern.before), fold_key(pattern.after))) {
      if (middle->empty()) return first;
      const std::optional<std::int64_t> number = to_integer(*middle);
      // "02" and "+2" are not how a candidate is written.
      if (number && *number >= 2 && *number <= static_cast<std::int64_t>(k_numbers) &&
          std::to_string(*number) == *middle)
        return first + static_cast<std::size_t>(*number) - 1;
    }
    first += pattern.size();
  }
  return std::nullopt;
}

}  // namespace linkspan::rules
