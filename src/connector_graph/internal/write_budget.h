#pragma once
// How fast a tenant may be written to: decided ahead of time, so that Graph never has to refuse.

#include <chrono>
#include <cstdint>
#include <mutex>

#include "net/pacing.h"

namespace linkspan::connector_graph {

/// Never more than `most` writes within any stretch of `window`, and at least 96 % of a budget of 1,000 or more where
/// there is enough to do (learn.microsoft.com/graph/throttling-limits counts so). Time is a parameter. Safe to share
/// between threads.
class WriteBudget {
 public:
  using Instant = net::TokenBucket::Instant;

  WriteBudget(std::uint32_t most, std::chrono::milliseconds window, Instant now);

  /// Takes `count` (at most 20, a batch) if they may go now.
  [[nodiscard]] bool take(std::uint32_t count, Instant now);
  /// When take() can succeed.
  [[nodiscard]] Instant ready_at(std::uint32_t count, Instant now);
  /// Graph asked to be left alone: nothing goes before `until`.
  void hold(Instant until);

 private:
  std::mutex mutex_;
  net::TokenBucket bucket_;
  Instant held_until_{};
};

}  // namespace linkspan::connector_graph
