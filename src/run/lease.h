#pragma once
// Being in charge of a database: taking its lease, keeping it alive, giving it back.

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include "base/log.h"
#include "store/store.h"

namespace linkspan::run {

/// "host:pid:scope". The scope says within which boot and process namespace the pid means something.
[[nodiscard]] std::string holder_name();

struct LeaseOptions {
  std::string holder;  ///< empty: holder_name()
  std::chrono::seconds lasts{60};
};

/// Holds the lease from construction to destruction, and renews it from a thread of its own, three times in its length.
/// While it lives, configuration writes of the store run under it.
class HeldLease {
 public:
  /// Throws Fault::conflict "run.lease_held", naming the holder. A holder of this very machine whose process is gone is
  /// not waited for. Refreshes the store's names.
  HeldLease(store::Store& store, Logger& logger, LeaseOptions options = {});
  /// Gives it back; a failure of that is logged, and time does the rest.
  ~HeldLease();
  HeldLease(const HeldLease&) = delete;
  HeldLease& operator=(const HeldLease&) = delete;

  [[nodiscard]] const store::Lease& lease() const;

  /// Requested when the lease is lost: to another holder, or because it could not be renewed in time.
  [[nodiscard]] std::stop_token lost() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace linkspan::run
