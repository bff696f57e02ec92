#pragma once
// The lease of the database that is moved: held, renewed from a thread of its own, given back.

#include <condition_variable>
#include <mutex>
#include <thread>

#include "store_sql/store_sql.h"
#include "transfer/internal/carry.h"
#include "transfer/move.h"

namespace linkspan::transfer {

class HeldLease {
 public:
  /// Waits for it as long as options.lease_wait says; then throws "transfer.lease_held", naming who has it. `watch` is
  /// told when the lease is lost.
  HeldLease(const Place& place, const MoveOptions& options, Watch& watch);
  ~HeldLease();
  HeldLease(const HeldLease&) = delete;
  HeldLease& operator=(const HeldLease&) = delete;

  /// Before the switch: a database that was handed over renews no lease.
  void stop_renewing();

  [[nodiscard]] const store::Lease& lease() const noexcept { return lease_; }
  /// Whose configuration and history can be written meanwhile.
  [[nodiscard]] store::Store& store() const noexcept { return *store_; }

  /// In the caller's transaction: locks the lease row until its end. Throws "transfer.lease_lost".
  void check(sql::Database& database) const;

 private:
  [[nodiscard]] store::Lease take(const MoveOptions& options, Watch& watch);
  void renew_until_stopped(const std::stop_token& stop, std::chrono::seconds lasts, Watch& watch);

  std::unique_ptr<store::Store> store_;
  store::Lease lease_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread renewer_;
};

}  // namespace linkspan::transfer
