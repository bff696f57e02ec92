#pragma once
// The service's heart: a cycle at an interval, one at a time, unless suspended or somebody else is in charge.

#include <chrono>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "run/engine.h"
#include "run/standing.h"
#include "store/store.h"

namespace linkspan::run {

/// What the scheduler does and waits for.
struct SchedulerState {
  bool running = false;     ///< a cycle is under way
  bool suspended = false;   ///< by the setting scheduler.suspended
  bool leads = true;        ///< false: another service starts the cycles
  Time next_start{};        ///< when the next cycle is due
  std::string standing_by;  ///< in words: who leads, or holds the lease, instead of us; empty = nobody
  std::string problem;      ///< why the last attempt came to no run at all (the database is gone, say)
  std::optional<Result> last_result;
};

/// Due: an interval after the start of the last cycle of anybody on this database, by the database's clock; at once
/// when there was none, or when it came to no end. A cycle that takes longer than the interval is followed by the next
/// at once. Settings are read anew at every look.
class Scheduler {
 public:
  /// Everything outlives it. Cycles are started while `standing` leads (null: always); one that is under way when it no
  /// longer does ends at its next batch.
  Scheduler(Engine& engine, store::Store& store, const Clock& clock, Logger& logger,
            const Standing* standing = nullptr);

  /// Runs cycles until `stop` is requested; a cycle under way then ends at its next batch. Looks at the settings at
  /// least every `look` of the host's time.
  void run(std::stop_token stop, std::chrono::milliseconds look = std::chrono::seconds(5));

  /// One look: runs a cycle when one is due. Whether it did.
  bool tick(std::stop_token stop);

  /// From any thread.
  [[nodiscard]] SchedulerState state() const;

 private:
  [[nodiscard]] Time due(Time now) const;
  [[nodiscard]] Report cycle(const std::stop_token& stop);
  [[nodiscard]] bool stands_by();
  void note(const std::function<void(SchedulerState&)>& change);

  Engine& engine_;
  store::Store& store_;
  const Clock& clock_;
  Logger& logger_;
  const Standing* standing_;
  mutable std::mutex mutex_;
  SchedulerState state_;
  std::optional<Time> not_before_;  ///< after an attempt that came to no run
};

}  // namespace linkspan::run
