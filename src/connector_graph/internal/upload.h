#pragma once
// send() of the second mode: bulk requests of at most 50 workers, at the pace the service allows
// (learn.microsoft.com/graph/api/synchronization-synchronizationjob-post-bulkupload).

#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "connector_graph/internal/tenant.h"
#include "connector_graph/internal/write_budget.h"

namespace linkspan::connector_graph {

/// "Each request can contain a maximum of 50 user operations".
inline constexpr std::size_t k_workers_in_upload = 50;

/// How often may be uploaded: 40 requests in any five seconds, and so many in any day
/// (learn.microsoft.com/entra/identity/app-provisioning/inbound-provisioning-api-concepts). Of this process: what
/// others upload, or an earlier one did, the service counts. Safe to share between threads.
class UploadPace {
 public:
  using Instant = Pace::Instant;

  UploadPace(std::uint32_t daily, Instant now);

  /// `now` where a request may go now, which then counts as gone; else when to ask again; nullopt when the day's are
  /// spent.
  [[nodiscard]] std::optional<Instant> take(Instant now);

 private:
  const std::uint32_t daily_;
  std::mutex mutex_;
  WriteBudget burst_;
  std::deque<Instant> gone_;  ///< those of the last 24 hours
};

/// One bulk request of these operations (JSON objects).
[[nodiscard]] Call upload_call(const Options& options, std::span<const std::string> operations);

/// What a refusal means: as error_of, but "graph.upload_job" (404) invalid, "graph.upload_full" (500 of a full queue)
/// unavailable and "graph.upload_quota" (429) throttled.
[[nodiscard]] Error upload_error(const net::Response& response, const std::string& what);

/// Carries out send() as the port says; what it calls sent was taken on, no more. Repeating is harmless: the job looks
/// a worker up by its externalId. A request that is refused is halved until the workers that cannot be taken stand
/// alone.
void upload_all(Tenant& tenant, UploadPace& pace, std::span<const model::Export> exports,
                const std::function<void(std::size_t, connector::Outcome)>& done, std::stop_token stop);

}  // namespace linkspan::connector_graph
