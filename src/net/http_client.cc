#include "net/http_client.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

#include "net/internal/batch_run.h"
#include "net/url.h"

namespace linkspan::net {
namespace {

constexpr std::size_t k_most_in_flight = 256;
constexpr std::size_t k_most_idle_engines = 4;

void ensure_curl() {
  static const CURLcode state = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (state != CURLE_OK) {
    throw Error(Fault::unavailable, "net.curl", "libcurl cannot start", "check the installed libcurl and OpenSSL");
  }
}

}  // namespace

bool may_have_arrived(const Error& error) noexcept {
  return error.id() == "net.lost" || error.id() == "net.timeout" || error.id() == "net.too_large";
}

struct HttpClient::State {
  State(ClientOptions given, const Clock& its_clock, Logger& its_logger)
      : options(std::move(given)),
        clock(its_clock),
        logger(its_logger),
        bucket(TokenBucket(options.rate, options.rate_interval, std::chrono::steady_clock::now())) {
    idle.reserve(k_most_idle_engines);
  }

  std::unique_ptr<Engine> take_engine() {
    const std::lock_guard lock(mutex);
    if (idle.empty()) return std::make_unique<Engine>(options);
    auto engine = std::move(idle.back());
    idle.pop_back();
    return engine;
  }

  void give_back(std::unique_ptr<Engine> engine) {
    const std::lock_guard lock(mutex);
    if (idle.size() < k_most_idle_engines) idle.push_back(std::move(engine));
  }

  void warn_once(std::string_view about) {
    if (options.verify || warned.test_and_set()) return;
    logger.log(Level::warning, "net.unverified",
               "certificates are not verified: whoever is in between can read and change",
               {{"request", std::string(about)}});
  }

  ClientOptions options;
  const Clock& clock;
  Logger& logger;
  SharedBucket bucket;
  std::mutex mutex;
  std::vector<std::unique_ptr<Engine>> idle;
  std::atomic_flag warned;
};

HttpClient::HttpClient(ClientOptions options, const Clock& clock, Logger& logger) {
  ensure_curl();
  state_ = std::make_unique<State>(std::move(options), clock, logger);
}

HttpClient::~HttpClient() = default;

Response HttpClient::perform(const Request& request, std::stop_token stop) {
  std::optional<Outcome> ended;
  bool handed_out = false;
  perform_all(
      [&]() -> std::optional<TaggedRequest> {
        if (std::exchange(handed_out, true)) return std::nullopt;
        return TaggedRequest{.tag = 0, .request = request};
      },
      [&](std::uint64_t, Outcome outcome) { ended = std::move(outcome); }, 1, std::move(stop));
  if (!ended) {
    throw Error(
        Fault::cancelled, "net.cancelled",
        std::string(name_of(request.method)) + " " + for_display(request.url) + " was not sent: a stop was requested");
  }
  if (auto* error = std::get_if<Error>(&*ended)) throw std::move(*error);
  return std::get<Response>(std::move(*ended));
}

void HttpClient::perform_all(const Source& source, const Sink& sink, std::size_t concurrency, std::stop_token stop) {
  struct Loan {
    State& state;
    std::unique_ptr<Engine> engine;
    ~Loan() { state.give_back(std::move(engine)); }
  } loan{*state_, state_->take_engine()};
  const Source watched = [&]() {
    auto next = source();
    if (next && !state_->options.verify) state_->warn_once(for_display(next->request.url));
    return next;
  };
  BatchRun run(*loan.engine, state_->options, state_->clock, state_->logger, watched, sink,
               std::clamp<std::size_t>(concurrency, 1, k_most_in_flight), std::move(stop), state_->bucket);
  run.run();
}

}  // namespace linkspan::net
