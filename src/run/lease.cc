#include "run/lease.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"

namespace linkspan::run {
namespace {

using Steady = std::chrono::steady_clock;

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

/// Whether `holder` is a process of this boot and namespace that no longer lives.
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

store::Lease take(store::Store& store, const LeaseOptions& options) {
  store::Operations& operations = store.operations();
  if (auto lease = operations.acquire(options.holder, options.lasts)) return *std::move(lease);
  const auto state = operations.lease_state();
  // Asking under the dead process's name is granted with a greater fence, so nothing of its can be written any more.
  if (is_dead_neighbour(state.holder)) {
    if (auto lease = operations.acquire(state.holder, options.lasts)) return *std::move(lease);
  }
  throw Error(Fault::conflict, "run.lease_held",
              fmt::format("{} works on this database now (seen {})", state.holder.empty() ? "another" : state.holder,
                          to_rfc3339(state.seen_at)),
              "Wait until it is done. If it has died, its lease lapses by itself within a minute.");
}

}  // namespace

std::string holder_name() { return fmt::format("{}:{}:{}", host_name(), ::getpid(), pid_scope()); }

struct HeldLease::State {
  State(store::Store& kept, Logger& log, const LeaseOptions& options)
      : store(kept), logger(log), lasts(options.lasts), lease(take(kept, options)) {}

  store::Store& store;
  Logger& logger;
  std::chrono::seconds lasts;
  store::Lease lease;
  std::stop_source lost;
  std::mutex mutex;
  std::condition_variable_any wake;
  std::jthread heartbeat;

  /// False when it is lost for good.
  bool renew(Steady::time_point& last) {
    try {
      if (!store.operations().renew(lease, lasts)) return false;
      last = Steady::now();
      return true;
    } catch (const Error& error) {
      logger.log(Level::warning, "run.lease_not_renewed", error.what(), {});
      // By the database's clock it may have lapsed already; whoever took over is protected by the fence.
      return Steady::now() - last < lasts;
    }
  }

  void beat(const std::stop_token& stop) {
    Steady::time_point last = Steady::now();
    const auto every = std::chrono::duration_cast<std::chrono::milliseconds>(lasts) / 3;
    for (;;) {
      {
        std::unique_lock lock(mutex);
        wake.wait_for(lock, stop, every, [] { return false; });
      }
      if (stop.stop_requested()) return;
      if (renew(last)) continue;
      logger.log(Level::error, "store.lease_lost", "the lease is lost; this run stops",
                 {{"holder", std::string(lease.holder)}});
      lost.request_stop();
      return;
    }
  }
};

HeldLease::HeldLease(store::Store& store, Logger& logger, LeaseOptions options) {
  if (options.holder.empty()) options.holder = holder_name();
  state_ = std::make_unique<State>(store, logger, options);
  store.use_lease(state_->lease);
  store.refresh_names();
  state_->heartbeat = std::jthread([state = state_.get()](const std::stop_token& stop) { state->beat(stop); });
}

HeldLease::~HeldLease() {
  state_->heartbeat.request_stop();
  state_->heartbeat.join();
  try {
    state_->store.operations().release(state_->lease);
  } catch (const std::exception& problem) {
    state_->logger.log(Level::warning, "run.lease_not_released", problem.what(), {});
  }
}

const store::Lease& HeldLease::lease() const { return state_->lease; }

std::stop_token HeldLease::lost() const { return state_->lost.get_token(); }

}  // namespace linkspan::run
