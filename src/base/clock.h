#pragma once
// Time is a parameter: nothing asks the host for it but SystemClock, and tests turn ManualClock by hand.

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

namespace linkspan {

/// Microseconds since 1970-01-01 UTC, as stored in every database.
using Time = std::chrono::sys_time<std::chrono::microseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Time now() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override;
};

/// Stands still until told otherwise. Safe to share between threads.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Time start = Time{std::chrono::seconds{1'700'000'000}});
  [[nodiscard]] Time now() const override;
  void advance(std::chrono::microseconds by);

 private:
  std::atomic<std::int64_t> microseconds_;
};

/// "2026-11-22T17:23:57Z" (RFC 3339, UTC, fraction only when there is one).
[[nodiscard]] std::string to_rfc3339(Time time);

/// Reads RFC 3339, any offset. Throws Fault::invalid "base.time" otherwise.
[[nodiscard]] Time from_rfc3339(std::string_view text);

}  // namespace linkspan
