// Many exports, side by side, and when to stop trying.

#include <algorithm>
#include <map>

#include "base/error.h"
#include "connector_scim/internal/exporter.h"

namespace linkspan::connector_scim {
namespace {

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
    service_.http().perform_all(source, sink, service_.options().concurrency, stop_);
    for (auto& [index, task] : tasks_) {
      if (std::optional<connector::Outcome> outcome = task->cut()) done_(index, std::move(*outcome));
    }
    if (fatal_) throw std::move(*fatal_);
  }

 private:
  std::optional<net::TaggedRequest> next() {
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
    const auto index = static_cast<std::size_t>(tag);
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
  std::size_t next_ = 0;
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
