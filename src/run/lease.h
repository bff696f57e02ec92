#pragma once
// Being in charge of a database: taking its lease, keeping it alive, giving it back.

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/log.h"
#include "store/store.h"

namespace linkspan::run {

/// "host:pid:scope". The scope says within which boot and process namespace the pid means something.
[[nodiscard]] std::string holder_name();

/// Whether `holder` is a process of this very machine that no longer lives.
[[nodiscard]] bool is_dead_neighbour(std::string_view holder);

/// Since the machine started, the time it was suspended included: a process that was paused knows by it for how long.
[[nodiscard]] std::chrono::nanoseconds time_since_boot() noexcept;

struct LeaseOptions {
  std::string holder{};                                                 ///< empty: holder_name()
  std::chrono::seconds lasts{0};                                        ///< 0: the setting lease.lasts
  std::chrono::seconds patience{300};                                   ///< for a database that is away
  std::function<std::chrono::nanoseconds()> elapsed = time_since_boot;  ///< for tests
};

/// Holds the lease from construction to destruction, and renews it from a thread of its own, three times in its length.
/// While it lives, writes of configuration and history by the store run under it. Safe to share between threads.
class HeldLease {
 public:
  /// Throws Fault::conflict "run.lease_held", naming the holder. A holder of this very machine whose process is gone is
  /// not waited for. Refreshes the store's names.
  HeldLease(store::Store& store, Logger& logger, LeaseOptions options = {});
  /// Gives it back; a failure of that is logged, and time does the rest.
  ~HeldLease();
  HeldLease(const HeldLease&) = delete;
  HeldLease& operator=(const HeldLease&) = delete;

  [[nodiscard]] store::Lease lease() const;

  /// Requested when another has the lease.
  [[nodiscard]] std::stop_token lost() const;

  /// Whether nobody else can have the lease: it was renewed less than its length ago, by a clock that also counts while
  /// this process or the machine is paused. Asks no database.
  [[nodiscard]] bool is_confirmed() const;

  /// Renews it now. Where a failover has gone back to before it was taken, takes it anew. False: another has it, for
  /// good. Throws while the database is away.
  [[nodiscard]] bool confirm();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace linkspan::run
