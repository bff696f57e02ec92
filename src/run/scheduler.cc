#include "run/scheduler.h"

#include <algorithm>
#include <condition_variable>

#include "run/settings.h"

namespace linkspan::run {
namespace {

constexpr std::chrono::minutes k_interval_standard{30};
/// How soon an attempt that came to no run is repeated.
constexpr std::chrono::seconds k_again{15};
/// How far back to look for the last cycle: single steps by hand may lie after it.
constexpr std::size_t k_runs = 50;

bool is_cycle(const store::Run& run) { return run.profile == "delta" || run.profile == "full"; }

}  // namespace

Scheduler::Scheduler(Engine& engine, store::Store& store, const Clock& clock, Logger& logger)
    : engine_(engine), store_(store), clock_(clock), logger_(logger) {}

Time Scheduler::due() const {
  const auto runs = store_.operations().runs(k_runs);
  const auto last = std::find_if(runs.begin(), runs.end(), is_cycle);
  if (last == runs.end()) return clock_.now();
  // Killed or stopped in the middle: what it left undone is not left for half an hour.
  if (last->result == "interrupted" || last->result == name_of(Result::cancelled)) return clock_.now();
  return last->started_at + duration_setting(store_.configuration(), k_interval, k_interval_standard);
}

void Scheduler::note(const std::function<void(SchedulerState&)>& change) {
  const std::scoped_lock lock(mutex_);
  change(state_);
}

SchedulerState Scheduler::state() const {
  const std::scoped_lock lock(mutex_);
  return state_;
}

bool Scheduler::tick(std::stop_token stop) {
  const Time now = clock_.now();
  if (not_before_ && now < *not_before_) return false;
  not_before_.reset();
  try {
    const bool suspended = is_on(store_.configuration(), k_suspended);
    const Time next = due();
    note([&](SchedulerState& state) {
      state.suspended = suspended;
      state.next_start = next;
      state.problem.clear();
    });
    if (suspended || next > now) return false;
    note([](SchedulerState& state) { state.running = true; });
    const Report report = engine_.cycle(false, std::move(stop));
    note([&](SchedulerState& state) {
      state.running = false;
      state.last_result = report.result;
      state.standing_by.clear();
    });
    const Time following = due();
    note([&](SchedulerState& state) { state.next_start = following; });
    return true;
  } catch (const Error& error) {
    not_before_ = now + k_again;
    const bool held = error.id() == "run.lease_held";
    const std::string holder = held ? error.message() : std::string();
    // Said once, not at every look.
    if (!held || state().standing_by.empty()) {
      logger_.log(held ? Level::info : Level::error, held ? "run.standing_by" : "run.not_started", error.what(), {});
    }
    note([&](SchedulerState& state) {
      state.running = false;
      state.standing_by = holder;
      if (!held) state.problem = error.message();
    });
    return false;
  }
}

void Scheduler::run(std::stop_token stop, std::chrono::milliseconds look) {
  std::mutex mutex;
  std::condition_variable_any wake;
  while (!stop.stop_requested()) {
    static_cast<void>(tick(stop));
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, look, [] { return false; });
  }
}

}  // namespace linkspan::run
