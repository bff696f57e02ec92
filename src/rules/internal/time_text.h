#pragma once
// Times as people and directories write them, and .NET's format strings (invariant culture, UTC).

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace linkspan::rules {

/// RFC 3339, ISO 8601 dates with or without time, generalized time (20260131080000.0Z), and "1/31/2026 4:00 PM -8".
/// Without an offset it is UTC. nullopt when it is no time between the years 1 and 9999.
[[nodiscard]] std::optional<Time> time_in(std::string_view text);

/// Throws EvaluationFailure for a format that .NET would refuse, and for one longer than 256 characters.
[[nodiscard]] std::string format_time(Time time, std::string_view format);

}  // namespace linkspan::rules
