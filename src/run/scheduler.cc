#include "run/scheduler.h"

#include <algorithm>
#include <condition_variable>

#include "run/settings.h"

namespace linkspan::run {
namespace {

constexpr std::chrono::minutes k_interval_standard{30};
/// How soon an attempt that came to no run is repeated: for want of the lease (who led before ends at his next batch,
/// or has died), and for any other reason.
constexpr std::chrono::seconds k_again_for_the_lease{5};
constexpr std::chrono::seconds k_again{15};
/// How far back to look for the last cycle: single steps by hand may lie after it.
constexpr std::size_t k_runs = 50;

bool is_cycle(const store::Run& run) { return run.profile == "delta" || run.profile == "full"; }

}  // namespace

Scheduler::Scheduler(Engine& engine, store::Store& store, const Clock& clock, Logger& logger, const Standing* standing)
    : engine_(engine), store_(store), clock_(clock), logger_(logger), standing_(standing) {}

Time Scheduler::due(Time now) const {
  const auto runs = store_.operations().runs(k_runs);
  const auto last = std::find_if(runs.begin(), runs.end(), is_cycle);
  if (last == runs.end()) return now;
  // Killed or stopped in the middle: what it left undone is not left for half an hour. One without an end is still at
  // work, and then has the lease, or was killed.
  if (last->result.empty() || last->result == "interrupted" || last->result == name_of(Result::cancelled)) return now;
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

bool Scheduler::stands_by() {
  if (standing_ == nullptr) return false;
  const bool leads = standing_->leads();
  const std::string leader = standing_->leader();
  const std::string words = leader.empty() ? "nobody leads yet" : leader + " leads";
  // Said once for each that leads.
  if (!leads && state().standing_by != words) logger_.log(Level::info, "run.standing_by", words, {});
  note([&](SchedulerState& state) {
    if (!leads) state.standing_by = words;
    if (leads && !state.leads) state.standing_by.clear();
    state.leads = leads;
  });
  return !leads;
}

Report Scheduler::cycle(const std::stop_token& stop) {
  std::stop_source either;
  const auto end = [&either] { either.request_stop(); };
  const std::stop_callback stopped(stop, end);
  const std::stop_callback term_over(standing_ == nullptr ? std::stop_token() : standing_->term(), end);
  return engine_.cycle(false, either.get_token());
}

bool Scheduler::tick(std::stop_token stop) {
  if (not_before_ && clock_.now() < *not_before_) return false;
  not_before_.reset();
  try {
    const bool suspended = is_on(store_.configuration(), k_suspended);
    const Time now = store_.operations().now();
    const Time next = due(now);
    note([&](SchedulerState& state) {
      state.suspended = suspended;
      state.next_start = next;
      state.problem.clear();
    });
    if (stands_by() || suspended || next > now) return false;
    note([](SchedulerState& state) { state.running = true; });
    const Report report = cycle(stop);
    note([&](SchedulerState& state) {
      state.running = false;
      state.last_result = report.result;
      state.standing_by.clear();
    });
    const Time following = due(store_.operations().now());
    note([&](SchedulerState& state) { state.next_start = following; });
    return true;
  } catch (const Error& error) {
    const bool held = error.id() == "run.lease_held";
    not_before_ = clock_.now() + (held ? k_again_for_the_lease : k_again);
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
