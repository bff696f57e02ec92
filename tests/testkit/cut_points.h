#pragma once
// Where tests cut a connection.

#include <algorithm>
#include <cstdlib>
#include <set>
#include <vector>

namespace linkspan::testkit {

/// Of an exchange of `length` bytes: around each of `marks` (the ends of heads and bodies), and at some sixty places
/// besides; with LINKSPAN_TEST_EVERY_STEP in the environment at every byte.
[[nodiscard]] inline std::set<long> cut_points(long length, const std::vector<long>& marks) {
  std::set<long> points;
  const long step = std::getenv("LINKSPAN_TEST_EVERY_STEP") != nullptr ? 1 : std::max(1L, length / 60);
  for (long at = 0; at < length; at += step) points.insert(at);
  for (const long mark : marks) {
    for (const long at : {mark - 1, mark, mark + 1}) {
      if (at >= 0 && at < length) points.insert(at);
    }
  }
  return points;
}

}  // namespace linkspan::testkit
