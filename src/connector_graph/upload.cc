#include "connector_graph/internal/upload.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "connector_graph/internal/reader.h"
#include "connector_graph/internal/worker.h"
#include "net/pacing.h"

namespace linkspan::connector_graph {
namespace {

using nlohmann::json;

constexpr std::uint32_t k_burst = 40;
constexpr std::chrono::seconds k_burst_window{5};
constexpr std::chrono::hours k_day{24};
constexpr int k_most_attempts = 6;
constexpr std::chrono::milliseconds k_never{-1};

std::string title_of(const model::Export& change) {
  if (change.whole) {
    for (const std::string_view title : {"userName", "displayName"}) {
      for (const auto& [name, values] : change.whole->attributes) {
        if (name == title && values.size() == 1) return model::to_text(values.front());
      }
    }
  }
  return change.dn;
}

/// Holds what is under way in one send(). One thread.
class Uploader {
 public:
  Uploader(Tenant& tenant, UploadPace& pace, std::span<const model::Export> exports,
           const std::function<void(std::size_t, connector::Outcome)>& done, std::stop_token stop)
      : tenant_(tenant), pace_(pace), exports_(exports), done_(done), stop_(std::move(stop)) {}

  void run() {
    prepare();
    while (!pieces_.empty() && !stop_.stop_requested()) {
      const std::vector<std::size_t> piece = std::move(pieces_.back());
      pieces_.pop_back();
      upload(piece);
    }
  }

 private:
  /// What cannot be told of is answered at once; the rest stands in pieces, the first one last.
  void prepare() {
    operations_.resize(exports_.size());
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < exports_.size(); ++i) {
      try {
        (void)worker_of(exports_[i]);  // what could not be found again is refused
        operations_[i] = json{{"method", "POST"},
                              {"bulkId", std::to_string(i) + "-" + random_uuid()},
                              {"path", "/Users"},
                              {"data", worker_data(tenant_.options(), exports_[i])}}
                             .dump();
        all.push_back(i);
      } catch (Error& error) {
        done_(i, connector::Failed{std::move(error).while_doing(what(i)), false});
      }
    }
    for (std::size_t at = 0; at < all.size(); at += k_workers_in_upload) {
      pieces_.emplace_back(all.begin() + static_cast<std::ptrdiff_t>(at),
                           all.begin() + static_cast<std::ptrdiff_t>(std::min(at + k_workers_in_upload, all.size())));
    }
    std::reverse(pieces_.begin(), pieces_.end());
  }

  void upload(const std::vector<std::size_t>& piece) {
    std::vector<std::string> operations;
    operations.reserve(piece.size());
    for (const std::size_t i : piece) operations.push_back(operations_[i]);
    const Call call = upload_call(tenant_.options(), operations);
    for (int attempt = 1;; ++attempt) {
      if (!wait_for_turn()) return;
      std::chrono::milliseconds delay = k_never;
      std::optional<Error> failed;
      try {
        const net::Response response = tenant_.perform(call, stop_);
        if (is_success(response)) return take(piece);
        if (response.status == 400 || response.status == 413) return refuse(piece, response);
        failed = upload_error(response, "uploading workers");
        const auto asks = response.headers.find("Retry-After");
        delay = net::retry_delay(attempt, response.status, asks.value_or(""), tenant_.clock().now(),
                                 tenant_.options().http.first_delay, 0)
                    .value_or(k_never);
        // A queue that is full, or a day that is spent, does not change in minutes.
        if (failed->id() == "graph.upload_full" || delay >= net::k_longest_delay) delay = k_never;
      } catch (const Error& error) {
        if (error.fault() != Fault::unavailable) throw;
        failed = error;
        delay = net::backoff(attempt, tenant_.options().http.first_delay, 0);
        if (net::may_have_arrived(error)) may_have_arrived_ = true;
      }
      if (delay == k_never || attempt == k_most_attempts) return give_up(piece, std::move(*failed));
      tenant_.pace().wait(tenant_.pace().now() + delay, stop_);
    }
  }

  /// False when a stop is requested before.
  bool wait_for_turn() {
    for (;;) {
      if (stop_.stop_requested()) return false;
      const Pace::Instant now = tenant_.pace().now();
      const std::optional<Pace::Instant> turn = pace_.take(now);
      if (!turn) {
        throw Error(Fault::throttled, "graph.upload_quota",
                    "the " + std::to_string(tenant_.options().daily_requests) +
                        " uploads of this day are spent; the rest is pending",
                    "It goes on by itself when a day has passed. A tenant with Entra ID Governance may set "
                    "daily_requests to 6000.");
      }
      if (*turn <= now) return true;
      tenant_.pace().wait(*turn, stop_);
    }
  }

  void take(const std::vector<std::size_t>& piece) {
    for (const std::size_t i : piece) {
      connector::Sent sent;
      sent.anchor = worker_of(exports_[i]);
      sent.dn = title_of(exports_[i]);
      done_(i, std::move(sent));
    }
  }

  void refuse(const std::vector<std::size_t>& piece, const net::Response& response) {
    if (piece.size() == 1) {
      done_(piece.front(), connector::Failed{error_of(response, what(piece.front())), false});
      return;
    }
    const auto middle = piece.begin() + static_cast<std::ptrdiff_t>(piece.size() / 2);
    pieces_.emplace_back(middle, piece.end());
    pieces_.emplace_back(piece.begin(), middle);
  }

  [[noreturn]] void give_up(const std::vector<std::size_t>& piece, Error error) {
    if (may_have_arrived_) {
      for (const std::size_t i : piece) done_(i, connector::Failed{error, true});
    }
    throw error;
  }

  [[nodiscard]] std::string what(std::size_t i) const {
    const model::Export& change = exports_[i];
    const std::string name = title_of(change);
    return std::string(model::name_of(change.operation)) + " of worker " +
           printable(name.empty() ? change.anchor : name, 100);
  }

  Tenant& tenant_;
  UploadPace& pace_;
  const std::span<const model::Export> exports_;
  const std::function<void(std::size_t, connector::Outcome)>& done_;
  const std::stop_token stop_;
  std::vector<std::string> operations_;           ///< by export
  std::vector<std::vector<std::size_t>> pieces_;  ///< to be uploaded, the next one last
  bool may_have_arrived_ = false;
};

}  // namespace

UploadPace::UploadPace(std::uint32_t daily, Instant now) : daily_(daily), burst_(k_burst, k_burst_window, now) {}

std::optional<UploadPace::Instant> UploadPace::take(Instant now) {
  const std::scoped_lock lock(mutex_);
  while (!gone_.empty() && now - gone_.front() >= k_day) gone_.pop_front();
  if (gone_.size() >= daily_) return std::nullopt;
  if (!burst_.take(1, now)) return burst_.ready_at(1, now);
  gone_.push_back(now);
  return now;
}

Call upload_call(const Options& options, std::span<const std::string> operations) {
  Call call;
  call.method = net::Method::post;
  call.path =
      "/servicePrincipals/" + options.service_principal_id + "/synchronization/jobs/" + options.job_id + "/bulkUpload";
  call.headers.add("Content-Type", "application/scim+json");
  call.body = R"({"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[)";
  for (const std::string& each : operations) {
    if (&each != operations.data()) call.body += ",";
    call.body += each;
  }
  call.body += R"(],"failOnErrors":null})";
  return call;
}

Error upload_error(const net::Response& response, const std::string& what) {
  Error plain = error_of(response, what);
  if (response.status == 404) {
    return {Fault::invalid, "graph.upload_job", plain.message(),
            "Copy service_principal_id and job_id from the API endpoint that the provisioning application shows, and "
            "start the job."};
  }
  if (response.status == 403) {
    return {Fault::denied, "graph.access", plain.message(),
            "Register the connector again with `linkspan connector register`: SynchronizationData-User.Upload is then "
            "granted."};
  }
  if (response.status == 429) {
    Error error(Fault::throttled, "graph.upload_quota", plain.message(),
                "Others upload too, or the tenant's day is spent: the rest is pending, and goes with a later export.");
    return plain.retry_after() ? std::move(error).retry_after(*plain.retry_after()) : error;
  }
  if (response.status == 500 && response.body.find("bucket") != std::string::npos) {
    return {Fault::unavailable, "graph.upload_full", plain.message(),
            "The job is paused, in quarantine or behind: see its provisioning log and start it. The rest is pending."};
  }
  return plain;
}

void upload_all(Tenant& tenant, UploadPace& pace, std::span<const model::Export> exports,
                const std::function<void(std::size_t, connector::Outcome)>& done, std::stop_token stop) {
  if (exports.empty() || stop.stop_requested()) return;
  Uploader(tenant, pace, exports, done, std::move(stop)).run();
}

}  // namespace linkspan::connector_graph
