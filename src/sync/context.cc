#include "sync/context.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace linkspan::sync {

const ConnectorInfo& Context::connector(store::ConnectorId id) const {
  const auto found = std::find_if(connectors.begin(), connectors.end(), [&](const auto& one) { return one.id == id; });
  if (found == connectors.end()) {
    throw Error(Fault::corrupt, "sync.unknown_connector",
                fmt::format("an object belongs to connector {}, which is not configured", id.value),
                "Run `linkspan database verify`.");
  }
  return *found;
}

void Context::check_stop() const {
  if (stop.stop_requested()) throw Error(Fault::cancelled, "sync.cancelled", "the run was asked to stop");
}

void Context::check_in_charge() const {
  if (!in_charge || in_charge()) return;
  throw Error(Fault::unavailable, "sync.lease_unconfirmed",
              "this process was paused, or cut off from its database, for longer than its lease lasts: nothing is sent",
              "It goes on when the lease is confirmed, or ends when another has it.");
}

void Context::report(std::string_view phase, std::uint64_t done, std::optional<std::uint64_t> total) const {
  if (progress) progress({std::string(phase), done, total});
}

void Counters::add(std::string_view name, std::int64_t by) {
  if (by == 0) return;
  const auto found =
      std::find_if(counters_.begin(), counters_.end(), [&](const auto& one) { return one.first == name; });
  if (found != counters_.end()) {
    found->second += by;
  } else {
    counters_.emplace_back(name, by);
  }
}

std::int64_t Counters::get(std::string_view name) const {
  const auto found =
      std::find_if(counters_.begin(), counters_.end(), [&](const auto& one) { return one.first == name; });
  return found == counters_.end() ? 0 : found->second;
}

}  // namespace linkspan::sync
