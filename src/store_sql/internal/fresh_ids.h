#pragma once
// Which ids a batch gave out and has not written yet: rows for those are plain inserts, without asking.

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace linkspan::store_sql {

class FreshIds {
 public:
  /// `count` ids from `first` on, above all given before.
  void add(std::int64_t first, std::size_t count) {
    // Callers that take ids one by one get neighbours: one range all the same.
    if (!ranges_.empty() && ranges_.back().first + static_cast<std::int64_t>(ranges_.back().written.size()) == first) {
      ranges_.back().written.resize(ranges_.back().written.size() + count);
    } else {
      ranges_.push_back({first, std::vector<bool>(count)});
    }
  }

  /// Whether `id` was given out and not taken yet; from now on it is.
  [[nodiscard]] bool take(std::int64_t id) {
    std::size_t low = 0;
    std::size_t high = ranges_.size();
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (ranges_[middle].first <= id) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    if (low == 0) return false;
    Range& range = ranges_[low - 1];
    const auto place = static_cast<std::size_t>(id - range.first);
    if (place >= range.written.size() || range.written[place]) return false;
    range.written[place] = true;
    return true;
  }

 private:
  struct Range {
    std::int64_t first = 0;
    std::vector<bool> written;
  };
  std::vector<Range> ranges_;  ///< ascending
};

}  // namespace linkspan::store_sql
