#include <fmt/core.h>

#include <algorithm>
#include <new>
#include <vector>

#include "net/internal/batch_run.h"
#include "net/url.h"

namespace linkspan::net {
namespace {

constexpr int k_most_redirects = 5;
constexpr std::size_t k_waiting_per_slot = 4;
constexpr std::chrono::milliseconds k_longest_poll{1000};

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Error cancelled(const Job& job) {
  return {Fault::cancelled, "net.cancelled", fmt::format("{} was not done: a stop was requested", job.display())};
}

}  // namespace

Engine::Engine(const ClientOptions& options) : options_(options), multi_(curl_multi_init()) {
  if (!multi_) throw std::bad_alloc();
}

void Engine::allow_connections(std::size_t most) {
  curl_multi_setopt(multi_.get(), CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(most));
  curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(most));
}

std::unique_ptr<Transfer> Engine::take() {
  if (resting_.empty()) return std::make_unique<Transfer>(options_);
  auto transfer = std::move(resting_.back());
  resting_.pop_back();
  return transfer;
}

void Engine::give_back(std::unique_ptr<Transfer> transfer) { resting_.push_back(std::move(transfer)); }

BatchRun::BatchRun(Engine& engine, const ClientOptions& options, const Clock& clock, Logger& logger,
                   const Source& source, const Sink& sink, std::size_t concurrency, std::stop_token stop,
                   SharedBucket& bucket)
    : engine_(engine),
      options_(options),
      clock_(clock),
      logger_(logger),
      source_(source),
      sink_(sink),
      concurrency_(concurrency),
      stop_(std::move(stop)),
      bucket_(bucket) {
  engine_.allow_connections(concurrency_);
}

BatchRun::~BatchRun() {
  for (const auto& [easy, transfer] : in_flight_) curl_multi_remove_handle(engine_.multi(), easy);
}

void BatchRun::run() {
  const std::stop_callback wake(stop_, [this] { curl_multi_wakeup(engine_.multi()); });
  for (;;) {
    const Instant now = std::chrono::steady_clock::now();
    if (stop_.stop_requested() && !give_up_at_) begin_stop(now);
    if (give_up_at_ && now >= *give_up_at_) abandon_all();
    fill(now);
    if (in_flight_.empty() && waiting_.empty() && (source_is_dry_ || give_up_at_)) return;
    int running = 0;
    curl_multi_perform(engine_.multi(), &running);
    if (collect()) continue;
    curl_multi_poll(engine_.multi(), nullptr, 0, poll_timeout(std::chrono::steady_clock::now()), nullptr);
  }
}

void BatchRun::fill(Instant now) {
  while (in_flight_.size() < concurrency_ && !give_up_at_) {
    auto job = next_job(now);
    if (!job) return;
    start(std::move(*job));
  }
}

std::optional<Job> BatchRun::next_job(Instant now) {
  if (now < held_until_ || bucket_.ready_at(now) > now) return std::nullopt;
  if (!waiting_.empty() && waiting_.begin()->first <= now) {
    bucket_.take(now);
    return std::move(waiting_.extract(waiting_.begin()).mapped());
  }
  // A server that puts everything off must not draw the whole source into memory.
  if (source_is_dry_ || waiting_.size() >= concurrency_ * k_waiting_per_slot) return std::nullopt;
  auto next = source_();
  if (!next) {
    source_is_dry_ = true;
    return std::nullopt;
  }
  bucket_.take(now);
  Job job{.tag = next->tag, .request = std::move(next->request), .url = {}, .origin = {}};
  job.url = job.request.url;
  return job;
}

void BatchRun::start(Job job) {
  auto transfer = engine_.take();
  const std::uint64_t tag = job.tag;
  try {
    if (job.origin.empty()) job.origin = origin_of(job.url);
    transfer->prepare(std::move(job));
  } catch (Error& error) {
    engine_.give_back(std::move(transfer));
    deliver(tag, std::move(error));
    return;
  }
  CURL* easy = transfer->handle();
  in_flight_.emplace(easy, std::move(transfer));
  curl_multi_add_handle(engine_.multi(), easy);
}

bool BatchRun::collect() {
  bool any = false;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(engine_.multi(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* easy = message->easy_handle;
    const CURLcode code = message->data.result;
    curl_multi_remove_handle(engine_.multi(), easy);
    settle(std::move(in_flight_.extract(easy).mapped()), code);
    any = true;
  }
  return any;
}

void BatchRun::settle(std::unique_ptr<Transfer> transfer, CURLcode code) {
  Outcome outcome = transfer->finish(code);
  Job job = std::move(transfer->job());
  engine_.give_back(std::move(transfer));
  if (const auto* response = std::get_if<Response>(&outcome); response != nullptr && try_redirect(job, *response)) {
    if (give_up_at_) {
      deliver(job.tag, cancelled(job));
    } else {
      waiting_.emplace(Instant{}, std::move(job));
    }
    return;
  }
  if (const auto* error = std::get_if<Error>(&outcome)) job.maybe_done |= may_have_arrived(*error);
  if (const auto delay = delay_after(job, outcome)) {
    postpone(std::move(job), outcome, *delay);
    return;
  }
  if (const auto* error = std::get_if<Error>(&outcome);
      error != nullptr && job.maybe_done && !may_have_arrived(*error)) {
    // The last attempt never went out, but one before it did: the caller must not take it for undone.
    outcome = Error(Fault::unavailable, "net.lost",
                    fmt::format("an earlier attempt may have been done; then {}", error->message()), error->hint());
  }
  deliver(job.tag, std::move(outcome));
}

bool BatchRun::try_redirect(Job& job, const Response& response) {
  const Method method = job.request.method;
  if (!is_redirect(response.status) || (method != Method::get && method != Method::head)) return false;
  const auto location = response.headers.find("Location");
  if (!location || job.redirects >= k_most_redirects) return false;
  auto target = resolve(job.url, *location);
  try {
    // Headers carry credentials: they go nowhere but where the caller sent them.
    if (!target || origin_of(*target) != job.origin) return false;
  } catch (const Error&) {
    return false;  // a user or password in it: the reply itself is the outcome
  }
  job.url = std::move(*target);
  ++job.redirects;
  return true;
}

std::optional<std::chrono::milliseconds> BatchRun::delay_after(const Job& job, const Outcome& outcome) const {
  if (job.attempt >= options_.max_attempts || give_up_at_) return std::nullopt;
  if (const auto* error = std::get_if<Error>(&outcome)) {
    const bool again = error->id() == "net.unreachable" ||
                       ((error->id() == "net.lost" || error->id() == "net.timeout") && job.repeatable());
    if (!again) return std::nullopt;
    return backoff(job.attempt, options_.first_delay, job.tag);
  }
  const auto& response = std::get<Response>(outcome);
  const auto asked = response.headers.find("Retry-After");
  const bool not_done = response.status == 429 || (response.status == 503 && asked.has_value());
  if (!not_done && !job.repeatable()) return std::nullopt;
  return retry_delay(job.attempt, response.status, asked.value_or(""), clock_.now(), options_.first_delay, job.tag);
}

void BatchRun::postpone(Job job, const Outcome& outcome, std::chrono::milliseconds delay) {
  const Instant due = std::chrono::steady_clock::now() + delay;
  const auto* response = std::get_if<Response>(&outcome);
  if (response != nullptr && response->status == 429) held_until_ = std::max(held_until_, due);
  logger_.log(
      Level::debug, "net.retry", "a request is repeated",
      {{"request", job.display()},
       {"because", response != nullptr ? std::to_string(response->status) : std::string(std::get<Error>(outcome).id())},
       {"attempt", std::to_string(job.attempt)},
       {"delay_ms", std::to_string(delay.count())}});
  ++job.attempt;
  waiting_.emplace(due, std::move(job));
}

void BatchRun::deliver(std::uint64_t tag, Outcome outcome) {
  source_is_dry_ = false;
  sink_(tag, std::move(outcome));
}

void BatchRun::begin_stop(Instant now) {
  give_up_at_ = now + options_.stop_grace;
  for (auto& [due, job] : std::exchange(waiting_, {})) {
    if (job.maybe_done) {
      deliver(job.tag, Error(Fault::unavailable, "net.lost",
                             fmt::format("{} may have been done; a stop was requested before it could be repeated",
                                         job.display()),
                             "read the object back to see whether it was done"));
    } else {
      deliver(job.tag, cancelled(job));
    }
  }
}

void BatchRun::abandon_all() {
  for (auto& [easy, transfer] : std::exchange(in_flight_, {})) {
    curl_multi_remove_handle(engine_.multi(), easy);
    const std::uint64_t tag = transfer->job().tag;
    deliver(tag, transfer->abandoned());
  }
}

int BatchRun::poll_timeout(Instant now) {
  Instant next = now + k_longest_poll;
  if (give_up_at_) next = std::min(next, *give_up_at_);
  if (in_flight_.size() < concurrency_ && !give_up_at_) {
    const bool more = !source_is_dry_ && waiting_.size() < concurrency_ * k_waiting_per_slot;
    Instant ready = std::max(held_until_, bucket_.ready_at(now));
    if (!more) ready = waiting_.empty() ? next : std::max(ready, waiting_.begin()->first);
    next = std::min(next, ready);
  }
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - now);
  return static_cast<int>(std::max<std::int64_t>(wait.count(), 0));
}

}  // namespace linkspan::net
