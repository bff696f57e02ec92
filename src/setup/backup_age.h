#pragma once
// How old the last backup is, for `status`, `doctor` and /metrics.

#include <chrono>
#include <optional>

#include "base/clock.h"
#include "store/store.h"

namespace linkspan::setup {

struct BackupAge {
  std::optional<Time> completed_at{};           ///< nullopt: there was none
  std::chrono::seconds age{};                   ///< never less than 0
  std::optional<std::chrono::seconds> limit{};  ///< nullopt: run::k_backup_age is off
  bool overdue = false;                         ///< also where there was none
};

/// From transfer::k_backup_completed and run::k_backup_age (7 days).
[[nodiscard]] BackupAge backup_age(store::Configuration& configuration, Time now);

}  // namespace linkspan::setup
