#include "connector_graph/internal/write_budget.h"

#include <algorithm>

namespace linkspan::connector_graph {
namespace {

/// What may go at once. A bucket lets `burst` go, and then what it is refilled with: in any window burst + rate *
/// window, which together are the budget. So the burst is what a long export loses of it.
std::uint32_t burst_of(std::uint32_t most) { return std::max<std::uint32_t>(20, most / 50); }

/// A hundredth is kept back: requests sent evenly may arrive less so.
std::uint32_t usable(std::uint32_t most) { return most - most / 100; }

net::TokenBucket bucket_of(std::uint32_t most, std::chrono::milliseconds window, WriteBudget::Instant now) {
  const std::uint32_t burst = burst_of(most);
  const std::uint32_t steady = std::max<std::uint32_t>(1, usable(most) - std::min(usable(most) - 1, burst));
  return {burst, std::chrono::milliseconds(window.count() * burst / steady), now};
}

}  // namespace

WriteBudget::WriteBudget(std::uint32_t most, std::chrono::milliseconds window, Instant now)
    : bucket_(bucket_of(most, window, now)) {}

bool WriteBudget::take(std::uint32_t count, Instant now) {
  const std::scoped_lock lock(mutex_);
  return now >= held_until_ && bucket_.take(now, count);
}

WriteBudget::Instant WriteBudget::ready_at(std::uint32_t count, Instant now) {
  const std::scoped_lock lock(mutex_);
  return std::max(held_until_, bucket_.ready_at(now, count));
}

void WriteBudget::hold(Instant until) {
  const std::scoped_lock lock(mutex_);
  held_until_ = std::max(held_until_, until);
}

}  // namespace linkspan::connector_graph
