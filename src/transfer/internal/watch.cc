#include "transfer/internal/watch.h"

#include <fmt/format.h>

#include "base/error.h"

namespace linkspan::transfer {

void Watch::check() const {
  if (lease_lost_) {
    throw Error(Fault::conflict, "transfer.lease_lost", "the lease of the old database was lost while it was copied",
                "Another server or command took over. Nothing was switched; repeat the command when it is done.");
  }
  if (job_.stop.stop_requested()) throw Error(Fault::cancelled, "transfer.cancelled", "a stop was requested");
}

void Watch::report(std::string_view verb, std::string_view table, std::uint64_t rows) {
  if (!job_.progress) return;
  const std::lock_guard lock(mutex_);
  job_.progress({.phase = fmt::format("{} {}", verb, table), .done = rows, .total = std::nullopt});
}

void Watch::step(std::string_view name) {
  if (!job_.at_step) return;
  const std::lock_guard lock(mutex_);
  job_.at_step(name);
}

}  // namespace linkspan::transfer
