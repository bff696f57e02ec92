// Many exports, side by side, and when to stop trying.

#include <algorithm>
#include <map>

#include "base/error.h"
#include "connector_scim/internal/bulk.h"
#include "connector_scim/internal/exporter.h"

namespace linkspan::connector_scim {
namespace {

/// Of a bulk request, where a service does not say: 1 MB is the example of RFC 7643 section 8.5.
constexpr std::size_t k_standard_payload = 1'048'576;

/// So many writes refused with 403, and none accepted: it is the token's rights, not the objects.
constexpr int k_denials_for_all = 5;

/// Holds the tasks in flight of one send(). Used by the thread that drives perform_all only.
class Exporter {
 public:
  Exporter(Service& service, std::span<const model::Export> exports,
           const std::function<void(std::size_t, connector::Outcome)>& done, std::stop_token stop)
      : service_(service),
        discovery_(service.discovery(stop)),
        exports_(exports),
        done_(done),
        stop_(std::move(stop)) {}

  void run() {
    const auto source = [this] { return next(); };
    const auto sink = [this](std::uint64_t tag, net::Outcome outcome) { take(tag, std::move(outcome)); };
    try {
      service_.perform_all(source, sink, service_.options().concurrency, stop_);
    } catch (const Error& error) {
      if (!fatal_) fatal_ = error;  // no token: what was under way has ended
    }
    for (auto& [index, task] : tasks_) {
      if (std::optional<connector::Outcome> outcome = task->cut()) done_(index, std::move(*outcome));
    }
    if (fatal_) throw std::move(*fatal_);
  }

 private:
  std::optional<net::TaggedRequest> next() {
    const std::size_t most = service_.bulk_limit(discovery_);
    if (most < 2) return next_single();
    return next_bulk(most);
  }

  std::optional<net::TaggedRequest> next_single() {
    while (!ready_.empty() && !fatal_) {
      const std::size_t index = ready_.front();
      ready_.pop_front();
      if (auto request = advance(index)) return request;
    }
    while (next_ < exports_.size() && !fatal_) {
      const std::size_t index = next_++;
      tasks_.emplace(index, std::make_unique<ExportTask>(service_, discovery_, exports_[index]));
      if (auto request = advance(index)) return request;
    }
    return std::nullopt;
  }

  /// As many writes as one request takes; what only asks goes alone.
  std::optional<net::TaggedRequest> next_bulk(std::size_t most) {
    Bulk gathered;
    std::vector<net::Request> requests;
    std::size_t size = 0;
    const std::size_t most_bytes = discovery_.most_payload == 0 ? k_standard_payload : discovery_.most_payload;
    while (requests.size() < most) {
      std::optional<net::TaggedRequest> one = std::move(held_back_);
      held_back_.reset();
      if (!one) one = next_single();
      if (!one) break;
      size += bulk_size(one->request);
      const bool alone = one->request.method == net::Method::get || bulk_size(one->request) + 100 > most_bytes;
      if (alone && requests.empty()) return one;
      if (alone || size + 100 > most_bytes) {
        held_back_ = std::move(one);
        break;
      }
      gathered.push_back(static_cast<std::size_t>(one->tag));
      requests.push_back(std::move(one->request));
    }
    if (requests.empty()) return std::nullopt;
    if (requests.size() == 1) return net::TaggedRequest{gathered.front(), std::move(requests.front())};
    const std::uint64_t tag = next_bulk_tag_++;
    bulks_.emplace(tag, std::move(gathered));
    return net::TaggedRequest{
        tag, service_.request(net::Method::post, {"Bulk"}, {}, bulk_body(service_.options().url, requests))};
  }

  /// A bulk request that was refused as such has done nothing: its writes go again, in shorter ones or alone.
  void take_bulk(std::uint64_t tag, net::Outcome outcome) {
    const auto held = bulks_.extract(tag);
    const Bulk& indexes = held.mapped();
    const auto* response = std::get_if<net::Response>(&outcome);
    const Fault fault = response == nullptr ? Fault::unavailable : net::fault_of(response->status);
    const bool says_nothing = fault == Fault::unavailable || fault == Fault::throttled;
    if (response == nullptr || response->status == 401 || (says_nothing && response->status != 501)) {
      for (const std::size_t index : indexes) take_one(index, outcome);
    } else if (!is_success(*response)) {
      service_.learn_bulk_limit(response->status == 413 ? indexes.size() / 2 : 0);
      ready_.insert(ready_.end(), indexes.begin(), indexes.end());
    } else {
      std::vector<net::Outcome> outcomes = bulk_outcomes(response->body, indexes.size());
      for (std::size_t at = 0; at < indexes.size(); ++at) take_one(indexes[at], std::move(outcomes[at]));
    }
  }

  /// The next request of a task; reports and forgets the task when there is none.
  std::optional<net::TaggedRequest> advance(std::size_t index) {
    ExportTask& task = *tasks_.at(index);
    try {
      if (std::optional<net::Request> request = task.next_request())
        return net::TaggedRequest{index, std::move(*request)};
    } catch (Error& error) {
      finish(index, connector::Failed{std::move(error), false});
      return std::nullopt;
    }
    finish(index, task.outcome());
    return std::nullopt;
  }

  void finish(std::size_t index, connector::Outcome outcome) {
    tasks_.erase(index);
    done_(index, std::move(outcome));
  }

  void take(std::uint64_t tag, net::Outcome outcome) {
    if (bulks_.contains(tag)) return take_bulk(tag, std::move(outcome));
    take_one(static_cast<std::size_t>(tag), std::move(outcome));
  }

  void take_one(std::size_t index, net::Outcome outcome) {
    if (is_for_all(outcome)) return;  // not carried out: the task is cut, and counts as not sent
    ExportTask& task = *tasks_.at(index);
    task.take(std::move(outcome));
    if (!task.is_done()) {
      ready_.push_back(index);
    } else {
      finish(index, task.outcome());
    }
  }

  /// Whether this outcome is about the service or the token and not about one object; then nothing more is sent.
  bool is_for_all(const net::Outcome& outcome) {
    if (const auto* error = std::get_if<Error>(&outcome)) {
      if (net::may_have_arrived(*error)) count_failure(*error);
      if (net::may_have_arrived(*error) || error->fault() == Fault::invalid) return false;
      if (error->fault() != Fault::cancelled && !fatal_) fatal_ = *error;
      return true;
    }
    const auto& response = std::get<net::Response>(outcome);
    if (response.status == 401) {
      if (!fatal_) fatal_ = error_of(response, "exporting to " + service_.options().url);
      return true;
    }
    count(response);
    return false;
  }

  void count(const net::Response& response) {
    if (is_success(response)) has_succeeded_ = true;
    if (response.status == 403 && ++denials_ >= k_denials_for_all && !has_succeeded_ && !fatal_) {
      fatal_ = error_of(response, "exporting to " + service_.options().url);
    }
    if (net::fault_of(response.status) == Fault::unavailable || net::fault_of(response.status) == Fault::throttled) {
      count_failure(error_of(response, "exporting to " + service_.options().url));
    } else {
      failures_in_a_row_ = 0;
    }
  }

  /// A service that does nothing but fail is left alone: thousands of uncertain exports would help nobody.
  void count_failure(const Error& error) {
    ++failures_in_a_row_;
    if (failures_in_a_row_ >= 3 * service_.options().concurrency && !fatal_) fatal_ = error;
  }

  Service& service_;
  const Discovery& discovery_;
  const std::span<const model::Export> exports_;
  const std::function<void(std::size_t, connector::Outcome)>& done_;
  const std::stop_token stop_;
  using Bulk = std::vector<std::size_t>;  ///< whose writes are in it

  std::size_t next_ = 0;
  std::uint64_t next_bulk_tag_ = exports_.size();
  std::map<std::uint64_t, Bulk> bulks_;
  std::optional<net::TaggedRequest> held_back_;               ///< did not fit into the last bulk request
  std::map<std::size_t, std::unique_ptr<ExportTask>> tasks_;  ///< begun and not done
  std::deque<std::size_t> ready_;                             ///< those whose last request is answered
  std::optional<Error> fatal_;
  bool has_succeeded_ = false;
  int denials_ = 0;
  std::size_t failures_in_a_row_ = 0;
};

}  // namespace

void send_all(Service& service, std::span<const model::Export> exports,
              const std::function<void(std::size_t, connector::Outcome)>& done, std::stop_token stop) {
  if (exports.empty() || stop.stop_requested()) return;
  Exporter(service, exports, done, std::move(stop)).run();
}

}  // namespace linkspan::connector_scim
