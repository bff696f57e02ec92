#include "run/lease.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "run/settings.h"

namespace linkspan::run {
namespace {

/// How soon a database that was away is asked again.
constexpr std::chrono::milliseconds k_retry{1000};

std::string host_name() {
  std::array<char, 256> buffer{};
  if (::gethostname(buffer.data(), buffer.size() - 1) != 0 || buffer[0] == '\0') return "unknown-host";
  return buffer.data();
}

/// Differs between boots and between process namespaces (containers), where the same pid is another process.
std::string pid_scope() {
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  std::error_code ignored;
  const std::filesystem::path space = std::filesystem::read_symlink("/proc/self/ns/pid", ignored);
  return fmt::format("{:08x}", hash64(boot + '\n' + space.string()) >> 32U);
}

store::Lease take(store::Store& store, const LeaseOptions& options) {
  store::Operations& operations = store.operations();
  if (auto lease = operations.acquire(options.holder, options.lasts)) return *std::move(lease);
  const auto state = operations.lease_state();
  // Asking under the dead process's name is granted with a greater fence, so nothing of its can be written any more.
  if (is_dead_neighbour(state.holder)) {
    if (auto lease = operations.acquire(state.holder, options.lasts)) return *std::move(lease);
  }
  throw Error(
      Fault::conflict, "run.lease_held",
      fmt::format("{} works on this database now (seen {})", state.holder.empty() ? "another" : state.holder,
                  to_rfc3339(state.seen_at)),
      "Wait until it is done. If it has died, its lease lapses by itself within a minute (the setting lease.lasts).");
}

}  // namespace

std::string holder_name() { return fmt::format("{}:{}:{}", host_name(), ::getpid(), pid_scope()); }

bool is_dead_neighbour(std::string_view holder) {
  const std::string prefix = host_name() + ':';
  const std::string suffix = ':' + pid_scope();
  if (holder.size() <= prefix.size() + suffix.size() || !holder.starts_with(prefix) || !holder.ends_with(suffix)) {
    return false;
  }
  holder.remove_prefix(prefix.size());
  holder.remove_suffix(suffix.size());
  const auto pid = to_integer(holder);
  return pid && *pid > 1 && ::kill(static_cast<pid_t>(*pid), 0) != 0 && errno == ESRCH;
}

std::chrono::nanoseconds time_since_boot() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

struct HeldLease::State {
  State(store::Store& kept, Logger& log, LeaseOptions its_options)
      : store(kept),
        logger(log),
        options(std::move(its_options)),
        confirmed_at(options.elapsed().count()),
        lease(take(kept, options)) {}

  store::Store& store;
  Logger& logger;
  const LeaseOptions options;
  std::atomic<std::int64_t> confirmed_at;  ///< since boot, before the database was asked
  std::stop_source lost;
  mutable std::mutex mutex;  ///< over the lease
  store::Lease lease;
  std::mutex waiting;
  std::condition_variable_any wake;
  std::jthread heartbeat;

  bool confirm() {
    const std::lock_guard lock(mutex);
    const std::int64_t asked_at = options.elapsed().count();
    if (!store.operations().renew(lease, options.lasts)) {
      // A greater fence than ours, or ours without our name: others were at work since. A lesser one: a failover went
      // back to before this lease was taken, and nobody's came after it.
      if (store.operations().lease_state().fence >= lease.fence) return false;
      auto anew = store.operations().acquire(lease.holder, options.lasts);
      if (!anew) return false;
      lease = *std::move(anew);
      store.use_lease(lease);
    }
    confirmed_at = asked_at;
    return true;
  }

  void beat(const std::stop_token& stop) {
    const auto every = std::chrono::duration_cast<std::chrono::milliseconds>(options.lasts) / 3;
    bool is_away = false;
    for (;;) {
      {
        std::unique_lock lock(waiting);
        wake.wait_for(lock, stop, is_away ? std::min(every, k_retry) : every, [] { return false; });
      }
      if (stop.stop_requested()) return;
      try {
        const bool held = confirm();
        is_away = false;
        if (held) continue;
      } catch (const Error& error) {
        // Said once. Nothing is sent to any target from when it may have lapsed; and what is written is fenced.
        if (!is_away) logger.log(Level::warning, "run.lease_not_renewed", error.what(), {});
        is_away = true;
        continue;
      }
      logger.log(Level::error, "store.lease_lost", "the lease is lost; this run stops", {{"holder", options.holder}});
      lost.request_stop();
      return;
    }
  }
};

HeldLease::HeldLease(store::Store& store, Logger& logger, LeaseOptions options) {
  if (options.holder.empty()) options.holder = holder_name();
  if (options.lasts.count() == 0) options.lasts = lease_length(store);
  state_ = std::make_unique<State>(store, logger, std::move(options));
  store.use_lease(state_->lease);
  store.refresh_names();
  state_->heartbeat = std::jthread([state = state_.get()](const std::stop_token& stop) { state->beat(stop); });
}

HeldLease::~HeldLease() {
  state_->heartbeat.request_stop();
  state_->heartbeat.join();
  try {
    state_->store.operations().release(lease());
  } catch (const std::exception& problem) {
    state_->logger.log(Level::warning, "run.lease_not_released", problem.what(), {});
  }
}

store::Lease HeldLease::lease() const {
  const std::lock_guard lock(state_->mutex);
  return state_->lease;
}

std::stop_token HeldLease::lost() const { return state_->lost.get_token(); }

bool HeldLease::is_confirmed() const {
  const std::chrono::nanoseconds since = state_->options.elapsed() - std::chrono::nanoseconds(state_->confirmed_at);
  return since < state_->options.lasts;
}

bool HeldLease::confirm() { return state_->confirm(); }

}  // namespace linkspan::run
