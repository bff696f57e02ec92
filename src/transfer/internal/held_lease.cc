#include "transfer/internal/held_lease.h"

#include <fmt/format.h>

#include "base/error.h"

namespace linkspan::transfer {

HeldLease::HeldLease(const Place& place, const MoveOptions& options, Watch& watch)
    : store_(store_sql::open_store(
          place.url, {.password = place.password, .program = options.job.program, .clock = options.clock})) {
  lease_ = take(options, watch);
  store_->use_lease(lease_);
  renewer_ = std::jthread([this, lasts = options.lease_lasts, &watch](const std::stop_token& stop) {
    renew_until_stopped(stop, lasts, watch);
  });
}

store::Lease HeldLease::take(const MoveOptions& options, Watch& watch) {
  constexpr auto k_between = std::chrono::milliseconds(200);
  const std::string holder = options.holder.empty() ? "move" : options.holder;
  store::Operations& operations = store_->operations();
  const auto start = std::chrono::steady_clock::now();
  while (true) {
    if (auto lease = operations.acquire(holder, options.lease_lasts)) return *std::move(lease);
    const std::string other = operations.lease_state().holder;
    const auto waited = std::chrono::steady_clock::now() - start;
    if (waited >= options.lease_wait) {
      throw Error(Fault::conflict, "transfer.lease_held",
                  fmt::format("{} is in charge of {}", other, store_->info().location),
                  "Stop that service or wait for that command; its lease ends within a minute after it is gone. What "
                  "was copied is kept: repeat the command.");
    }
    watch.report("wait for", other,
                 static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(waited).count()));
    watch.check();
    std::this_thread::sleep_for(k_between);
  }
}

HeldLease::~HeldLease() {
  stop_renewing();
  try {
    store_->operations().release(lease_);
  } catch (const Error&) {  // it ends by itself
  }
}

void HeldLease::stop_renewing() {
  renewer_.request_stop();
  if (renewer_.joinable()) renewer_.join();
}

void HeldLease::check(sql::Database& database) const {
  // An update that changes nothing: every server locks the row for it.
  const auto held = database.run("UPDATE lease SET fence = fence WHERE id = 1 AND holder = $1 AND fence = $2",
                                 {std::string_view(lease_.holder), lease_.fence});
  if (held == 1) return;
  throw Error(Fault::conflict, "transfer.lease_lost",
              fmt::format("{}: somebody else took the lease over", database.name()),
              "Nothing was switched; the old database is in charge. Repeat the command when nobody else works on it.");
}

void HeldLease::renew_until_stopped(const std::stop_token& stop, std::chrono::seconds lasts, Watch& watch) {
  const auto every = std::chrono::duration_cast<std::chrono::milliseconds>(lasts) / 3;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, every, [] { return false; });
    }
    if (stop.stop_requested()) return;
    try {
      if (store_->operations().renew(lease_, lasts)) continue;
      return watch.lose_lease();
    } catch (const Error& error) {
      // Tried again: as long as nobody else took it, a lapsed lease may be renewed, and the switch asks once more.
      if (error.fault() != Fault::unavailable && error.fault() != Fault::conflict) return watch.lose_lease();
    }
  }
}

}  // namespace linkspan::transfer
