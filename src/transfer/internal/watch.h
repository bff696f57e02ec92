#pragma once
// The caller's functions and stop token, shared by the threads of one operation.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "transfer/place.h"

namespace linkspan::transfer {

/// The caller hears from one thread at a time. Safe to share between threads.
class Watch {
 public:
  explicit Watch(const Job& job) : job_(job) {}

  /// Throws "transfer.cancelled" or, after lose_lease(), "transfer.lease_lost".
  void check() const;
  void lose_lease() noexcept { lease_lost_ = true; }
  void report(std::string_view verb, std::string_view table, std::uint64_t rows);
  void step(std::string_view name);

 private:
  const Job& job_;
  std::mutex mutex_;
  std::atomic<bool> lease_lost_ = false;
};

}  // namespace linkspan::transfer
