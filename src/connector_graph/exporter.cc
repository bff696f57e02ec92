// Many exports, in batches, at the tenant's pace, and when to stop trying.

#include "connector_graph/internal/exporter.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "connector_graph/internal/looker.h"
#include "net/pacing.h"

namespace linkspan::connector_graph {
namespace {

/// So many writes refused with 403, and none accepted: it is the application's rights, not the objects.
constexpr int k_denials_for_all = 5;
/// So many calls that came to nothing, one after the other: Graph is down.
constexpr int k_failures_for_all = 60;
constexpr int k_most_attempts = 8;
/// Of one request; Graph takes about 4 MB (learn.microsoft.com/graph/use-the-api). What is longer alone goes alone.
constexpr std::size_t k_most_bytes = std::size_t{3} << 20;

/// Holds what is under way in one send(). Used by the thread that drives perform_all only.
class Exporter {
 public:
  Exporter(Tenant& tenant, std::span<const model::Export> exports,
           const std::function<void(std::size_t, connector::Outcome)>& done, std::stop_token stop)
      : tenant_(tenant), exports_(exports), done_(done), stop_(std::move(stop)) {}

  void run() {
    (void)tenant_.types(stop_);  // what stops everything stops it before anything was begun
    const auto source = [this] { return next_batch(); };
    const auto sink = [this](std::uint64_t tag, net::Outcome outcome) { take(tag, std::move(outcome)); };
    for (;;) {
      tenant_.http().perform_all(source, sink, tenant_.options().concurrency, stop_);
      if (fatal_ || stop_.stop_requested() || !has_more()) break;
      tenant_.pace().wait(wake_at(), stop_);
    }
    for (auto& [index, task] : tasks_) {
      if (std::optional<connector::Outcome> outcome = task->cut()) done_(index, std::move(*outcome));
    }
    if (fatal_) throw std::move(*fatal_);
  }

 private:
  using Instant = Pace::Instant;
  struct Waiting {
    std::size_t index = 0;
    Errand errand;
    int attempt = 1;
  };
  struct Batch {
    std::vector<Waiting> errands;
    std::string authorization;  ///< what it was sent with
  };

  [[nodiscard]] bool has_more() const {
    return next_ < exports_.size() || !staged_.empty() || !apart_.empty() || !later_.empty() || !ready_.empty();
  }

  /// When something can go that cannot go now.
  [[nodiscard]] Instant wake_at() {
    const Instant now = tenant_.pace().now();
    if (!staged_.empty()) return tenant_.write_budget().ready_at(staged_writes(), now);
    return later_.empty() ? now : std::max(now, later_.begin()->first);
  }

  [[nodiscard]] std::uint32_t staged_writes() const {
    return static_cast<std::uint32_t>(
        std::count_if(staged_.begin(), staged_.end(), [](const Waiting& one) { return one.errand.writes; }));
  }

  /// Fills the batch that goes next: what is due again, what goes on, what begins.
  void stage(Instant now) {
    if (staged_.empty() && !apart_.empty()) {
      staged_ = std::move(apart_.front());
      apart_.pop_front();
      is_staged_closed_ = true;
    }
    if (is_staged_closed_) return;
    while (staged_.size() < k_batch && !later_.empty() && later_.begin()->first <= now) {
      staged_.push_back(std::move(later_.extract(later_.begin()).mapped()));
    }
    while (staged_.size() < k_batch && !ready_.empty()) {
      if (!stage_next_of(ready_.front())) ready_.pop_front();
    }
    while (staged_.size() < k_batch && next_ < exports_.size()) {
      const std::size_t index = next_++;
      tasks_.emplace(index, std::make_unique<ExportTask>(tenant_, reader_, exports_[index]));
      ready_.push_back(index);
      while (staged_.size() < k_batch && !ready_.empty()) {
        if (!stage_next_of(ready_.front())) ready_.pop_front();
      }
    }
    shorten_staged();
  }

  /// What is too long together goes apart.
  void shorten_staged() {
    std::size_t bytes = 0;
    std::size_t count = 0;
    for (const Waiting& one : staged_) {
      bytes += one.errand.call.body.size();
      if (count > 0 && bytes > k_most_bytes) break;
      ++count;
    }
    if (count == staged_.size()) return;
    set_apart(count);
    is_staged_closed_ = true;
  }

  /// All but the first `count` of what is staged go in a batch of their own, next.
  void set_apart(std::size_t count) {
    const auto rest = staged_.begin() + static_cast<std::ptrdiff_t>(count);
    apart_.emplace_front(std::make_move_iterator(rest), std::make_move_iterator(staged_.end()));
    staged_.erase(rest, staged_.end());
  }

  /// Whether the task had another call. One that is done is reported and forgotten.
  bool stage_next_of(std::size_t index) {
    const auto found = tasks_.find(index);
    if (found == tasks_.end()) return false;
    ExportTask& task = *found->second;
    try {
      if (std::optional<Errand> errand = task.next()) {
        staged_.push_back({index, std::move(*errand), 1});
        return true;
      }
    } catch (Error& error) {
      finish(index, connector::Failed{std::move(error), false});
      return false;
    }
    if (task.is_done()) finish(index, task.outcome());
    return false;
  }

  std::optional<net::TaggedRequest> next_batch() {
    if (fatal_) return std::nullopt;
    const Instant now = tenant_.pace().now();
    stage(now);
    if (staged_.empty() || !tenant_.write_budget().take(staged_writes(), now)) return std::nullopt;
    std::string elements;
    for (const Waiting& one : staged_) {
      const std::string id = std::to_string(one.index) + "." + std::to_string(one.errand.piece);
      elements += (elements.empty() ? "" : ",") + batch_element(id, one.errand.call);
    }
    try {
      net::TaggedRequest made{next_tag_++, tenant_.request(batch_call(elements), stop_)};
      in_flight_.emplace(made.tag, Batch{std::exchange(staged_, {}), authorization_of(made.request)});
      is_staged_closed_ = false;
      return made;
    } catch (const Error& error) {
      fatal_ = error;  // no token: what is in flight is still answered
      return std::nullopt;
    }
  }

  static std::string authorization_of(const net::Request& request) {
    return std::string(request.headers.find("Authorization").value_or(""));
  }

  void take(std::uint64_t tag, net::Outcome outcome) {
    auto [batch, authorization] = std::move(in_flight_.extract(tag).mapped());
    if (is_token_refused(outcome) && authorization != renewed_) {
      tenant_.sign_in().forget(authorization);
      try {
        renewed_ = tenant_.sign_in().authorization(stop_);
      } catch (const Error& error) {
        if (!fatal_) fatal_ = error;  // what else is in flight is still answered
        return;
      }
      for (Waiting& one : batch) later_.emplace(tenant_.pace().now(), std::move(one));
      return;
    }
    if (is_refused_as_such(outcome)) return take_refused(std::move(batch), std::get<net::Response>(outcome));
    if (is_for_all(outcome)) return;  // nothing was carried out: the tasks are cut
    std::map<std::string, net::Response, std::less<>> replies;
    std::optional<Error> lost;
    if (auto* error = std::get_if<Error>(&outcome)) {
      lost = std::move(*error);
    } else if (const auto& response = std::get<net::Response>(outcome); !is_success(response)) {
      // It failed somewhere on the way: some of it may have been done.
      lost = Error(Fault::unavailable, "net.lost", error_of(response, "a batch").message());
    } else {
      try {
        replies = reader_.batch(response.body);
      } catch (const Error& unreadable) {
        lost = Error(Fault::unavailable, "net.lost", unreadable.message(), unreadable.hint());
      }
    }
    for (Waiting& one : batch) {
      const auto found = replies.find(std::to_string(one.index) + "." + std::to_string(one.errand.piece));
      if (found != replies.end()) {
        take_one(std::move(one), std::move(found->second));
      } else {
        take_one(std::move(one), lost.value_or(Error(Fault::unavailable, "net.lost",
                                                     "Graph's answer to a batch lacks a response", "")));
      }
    }
  }

  /// Refused for what is in it, so nothing of it was carried out.
  static bool is_refused_as_such(const net::Outcome& outcome) {
    const auto* response = std::get_if<net::Response>(&outcome);
    return response != nullptr && response->status / 100 == 4 && net::fault_of(response->status) == Fault::invalid;
  }

  /// In halves again, until what cannot be taken stands alone: then it is its own refusal. Unless that goes for all.
  void take_refused(std::vector<Waiting> batch, const net::Response& response) {
    if (batch.size() > 1) {
      const auto middle = batch.begin() + static_cast<std::ptrdiff_t>(batch.size() / 2);
      apart_.emplace_back(std::make_move_iterator(batch.begin()), std::make_move_iterator(middle));
      apart_.emplace_back(std::make_move_iterator(middle), std::make_move_iterator(batch.end()));
      return;
    }
    if (++refused_alone_ >= k_denials_for_all && !has_succeeded_ && !fatal_) {
      fatal_ = error_of(response, "exporting to " + tenant_.root());
    }
    take_one(std::move(batch.front()), response);
  }

  static bool is_token_refused(const net::Outcome& outcome) {
    const auto* response = std::get_if<net::Response>(&outcome);
    return response != nullptr && response->status == 401;
  }

  void take_one(Waiting one, net::Outcome outcome) {
    const Instant now = tenant_.pace().now();
    count(outcome);
    if (const auto delay = delay_after(one, outcome); delay && !fatal_) {
      ++one.attempt;
      later_.emplace(now + *delay, std::move(one));
      return;
    }
    ExportTask& task = *tasks_.at(one.index);
    if (task.take(one.errand.piece, outcome, one.attempt)) {
      const auto delay = net::backoff(one.attempt, tenant_.options().http.first_delay, one.index);
      ++one.attempt;
      later_.emplace(now + delay, std::move(one));
    } else if (task.is_done()) {
      finish(one.index, task.outcome());
    } else {
      ready_.push_back(one.index);
    }
  }

  /// How long until this call is tried again; nullopt when what came of it is the last word.
  std::optional<std::chrono::milliseconds> delay_after(const Waiting& one, const net::Outcome& outcome) {
    if (one.attempt >= k_most_attempts) return std::nullopt;
    const auto first = tenant_.options().http.first_delay;
    const auto* response = std::get_if<net::Response>(&outcome);
    if (response == nullptr) {
      if (!one.errand.repeatable) return std::nullopt;
      return net::backoff(one.attempt, first, one.index);
    }
    const auto asks = response->headers.find("Retry-After");
    // 429, and 503 with Retry-After, say that nothing was done.
    const bool is_safe = response->status == 429 || (response->status == 503 && asks) || one.errand.repeatable;
    // Two writes to one group at one time (learn.microsoft.com/graph/errors).
    const bool is_collision = response->status == 409 && one.errand.repeatable &&
                              reader_.complaint(response->body).code == "Directory_ConcurrencyViolation";
    const auto delay = net::retry_delay(one.attempt, is_collision ? 503 : response->status, asks.value_or(""),
                                        tenant_.clock().now(), first, one.index);
    if (!delay || !is_safe) return std::nullopt;
    if (response->status == 429) tenant_.write_budget().hold(tenant_.pace().now() + *delay);
    return delay;
  }

  /// Whether this outcome is about Graph or the token and not about one object; then nothing more is sent.
  bool is_for_all(const net::Outcome& outcome) {
    if (const auto* error = std::get_if<Error>(&outcome)) {
      if (net::may_have_arrived(*error)) return false;
      if (error->fault() != Fault::cancelled && !fatal_) fatal_ = *error;
      return true;
    }
    const auto& response = std::get<net::Response>(outcome);
    if (is_success(response)) return false;
    if (net::fault_of(response.status) == Fault::unavailable && response.status != 503) return false;
    if (!fatal_) fatal_ = error_of(response, "exporting to " + tenant_.root());
    return true;
  }

  void count(const net::Outcome& outcome) {
    const auto* response = std::get_if<net::Response>(&outcome);
    if (response == nullptr || net::fault_of(response->status) == Fault::unavailable) {
      if (++failures_in_a_row_ >= k_failures_for_all && !fatal_) {
        fatal_ = response == nullptr ? std::get<Error>(outcome) : error_of(*response, "exporting to " + tenant_.root());
      }
      return;
    }
    if (response->status != 429) failures_in_a_row_ = 0;
    if (is_success(*response)) has_succeeded_ = true;
    const bool denied =
        response->status == 401 || (response->status == 403 && ++denials_ >= k_denials_for_all && !has_succeeded_);
    if (denied && !fatal_) fatal_ = error_of(*response, "exporting to " + tenant_.root());
  }

  void finish(std::size_t index, connector::Outcome outcome) {
    tasks_.erase(index);
    done_(index, std::move(outcome));
  }

  Tenant& tenant_;
  Reader reader_;
  const std::span<const model::Export> exports_;
  const std::function<void(std::size_t, connector::Outcome)>& done_;
  const std::stop_token stop_;
  std::size_t next_ = 0;
  std::map<std::size_t, std::unique_ptr<ExportTask>> tasks_;  ///< begun and not done
  std::deque<std::size_t> ready_;                             ///< tasks that may have another call
  std::vector<Waiting> staged_;                               ///< the batch that goes next
  bool is_staged_closed_ = false;                             ///< it takes no more
  std::deque<std::vector<Waiting>> apart_;                    ///< batches to be sent as they are, before others
  std::multimap<Instant, Waiting> later_;                     ///< to be tried again
  std::map<std::uint64_t, Batch> in_flight_;
  std::uint64_t next_tag_ = 0;
  std::string renewed_;  ///< the authorization that followed a refused one
  std::optional<Error> fatal_;
  bool has_succeeded_ = false;
  int denials_ = 0;
  int refused_alone_ = 0;
  int failures_in_a_row_ = 0;
};

}  // namespace

void send_all(Tenant& tenant, std::span<const model::Export> exports,
              const std::function<void(std::size_t, connector::Outcome)>& done, std::stop_token stop) {
  if (exports.empty() || stop.stop_requested()) return;
  Exporter(tenant, exports, done, std::move(stop)).run();
}

}  // namespace linkspan::connector_graph
