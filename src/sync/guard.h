#pragma once
// The guard against mass deletion. Pure: counts in, verdict out.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sync/change_set.h"

namespace linkspan::sync {

/// "500", "5%", or both ("500,5%": whichever is smaller); "off".
struct Limit {
  std::int64_t count = -1;    ///< -1 = no limit by count
  std::int64_t percent = -1;  ///< of the connector's objects; -1 = no limit by percentage
};

/// Throws Fault::invalid "guard.limit" with what would be right.
[[nodiscard]] Limit parse_limit(std::string_view text);
[[nodiscard]] std::string to_text(const Limit& limit);

struct GuardLimits {
  Limit deletions{500, 10};
  Limit disablements{500, 10};
  Limit membership_removals{500, 10};
  Limit cleared_attributes{500, 10};
};

/// Settings "guard.deletions", "guard.disablements", "guard.membership_removals", "guard.cleared_attributes", and the
/// same with ".CONNECTOR" behind for one connector.
[[nodiscard]] GuardLimits guard_limits(const std::vector<std::pair<std::string, std::string>>& settings,
                                       std::string_view connector);

struct Verdict {
  bool blocked = false;
  std::vector<std::string> reasons;  ///< "52 deletions are more than the 50 allowed (10 % of 500 objects)"
};

/// `objects`: how many of the connector's objects exist now. A limit of percent allows at least one.
[[nodiscard]] Verdict judge(const ChangeCounts& counts, std::int64_t objects, const GuardLimits& limits);

}  // namespace linkspan::sync
