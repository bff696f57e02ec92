#pragma once
// This service among those that share its database: whether it leads, which is to say starts cycles, or stands by.

#include <chrono>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "base/log.h"
#include "run/lease.h"
#include "store/store.h"

namespace linkspan::run {

/// Safe to share between threads.
class Standing {
 public:
  /// Store and logger outlive it. Of the options it takes holder, lasts and elapsed.
  Standing(store::Store& store, Logger& logger, LeaseOptions options = {});
  /// Leaves, so that whoever stands by need not wait; a failure of that is logged, and time does the rest.
  ~Standing();
  Standing(const Standing&) = delete;
  Standing& operator=(const Standing&) = delete;

  /// Looks every `every` until `stop` is requested, and reports this server as alive three times in the lease's length.
  void run(std::stop_token stop, std::chrono::milliseconds every = std::chrono::seconds(2));

  /// One look. A database that is away is logged, and tried again at the next look.
  void look();

  /// Whether this server leads, by what the database said less than the lease's length ago.
  [[nodiscard]] bool leads() const;

  /// Requested as soon as it is known that this server no longer leads; another token each time it comes to lead.
  [[nodiscard]] std::stop_token term() const;

  /// Who leads instead; empty: nobody that is known.
  [[nodiscard]] std::string leader() const;

  [[nodiscard]] const std::string& name() const { return options_.holder; }

 private:
  void look_around();
  void settle(bool leads, std::string leader);

  store::Store& store_;
  Logger& logger_;
  LeaseOptions options_;
  mutable std::mutex mutex_;  ///< over what follows
  std::chrono::nanoseconds reported_at_{};
  std::chrono::seconds lasts_{};  ///< as reported
  bool has_reported_ = false;
  bool leads_ = false;
  bool is_away_ = false;
  std::string leader_;
  std::stop_source term_;
};

}  // namespace linkspan::run
