#pragma once
// When to ask again: decisions only, time is a parameter.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace linkspan::net {

/// No wait is longer, whatever a server asks for.
inline constexpr std::chrono::milliseconds k_longest_delay = std::chrono::minutes(5);

/// The wait that a Retry-After field asks for: seconds, seconds with a fraction (some servers), or an HTTP date in any
/// of its three forms. Never negative, at most k_longest_delay; nullopt when it says nothing usable.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text, Time now);

/// Whether a status invites another attempt at all: 408, 429, 500, 502, 503, 504.
[[nodiscard]] bool is_retryable(int status) noexcept;

/// The wait before attempt number `attempt` + 1 (the first attempt is 1) without advice from the server: it doubles
/// from `first`, and lies between half of that and all of it, as `seed` falls.
[[nodiscard]] std::chrono::milliseconds backoff(int attempt, std::chrono::milliseconds first, std::uint64_t seed);

/// The wait after a reply: what Retry-After says, else backoff; nullopt when the status is final.
[[nodiscard]] std::optional<std::chrono::milliseconds> retry_delay(int attempt, int status,
                                                                   std::string_view retry_after, Time now,
                                                                   std::chrono::milliseconds first, std::uint64_t seed);

/// A limit of `most` requests in any burst, refilled evenly over `interval`. `most` 0 is no limit.
class TokenBucket {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  TokenBucket(std::uint32_t most, std::chrono::milliseconds interval, Instant now);

  /// Takes `count`, if there are so many; never more than `most`.
  [[nodiscard]] bool take(Instant now, std::uint32_t count = 1);
  /// When take() can succeed; not after `now` if it can at once.
  [[nodiscard]] Instant ready_at(Instant now, std::uint32_t count = 1);

 private:
  void refill(Instant now);

  double most_;
  double per_nanosecond_;
  double tokens_;
  Instant last_;
};

}  // namespace linkspan::net
