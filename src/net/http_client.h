#pragma once
// HTTP(S) for many small requests: pooled connections, several requests in flight from one thread, retries that never
// do a thing twice.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "net/http_message.h"

namespace linkspan::net {

struct ClientOptions {
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(10);
  std::chrono::milliseconds total_timeout = std::chrono::seconds(60);  ///< Of one attempt.
  std::chrono::seconds stall_timeout = std::chrono::seconds(30);       ///< No byte for so long.
  std::chrono::milliseconds stop_grace = std::chrono::seconds(5);      ///< What is in flight may still end.
  std::string ca_file{};                                               ///< PEM; empty = the system's.
  bool verify = true;                                                  ///< Off: each client logs "net.unverified" once.
  std::string proxy{};                                                 ///< Empty = http(s)_proxy and no_proxy.
  std::size_t longest_body = std::size_t{64} * 1024 * 1024;
  bool http2 = false;                                                      ///< Offer it by ALPN; else HTTP/1.1.
  int max_attempts = 4;                                                    ///< In all, the first one counted.
  std::chrono::milliseconds first_delay = std::chrono::milliseconds(500);  ///< Where back-off begins.
  std::uint32_t rate = 0;  ///< Requests per rate_interval; 0 = no limit.
  std::chrono::milliseconds rate_interval = std::chrono::seconds(1);
  std::string user_agent{};  ///< Empty = linkspan/VERSION.
};

/// How a request ended. The ids of an Error say what the server can know of it:
///   net.unreachable (unavailable)  never sent: name, connection or TLS handshake failed
///   net.certificate (denied)       never sent: the server's certificate is not trusted
///   net.cancelled   (cancelled)    never sent: a stop was requested before
///   net.url, net.request (invalid) never sent: they cannot be
///   net.lost        (unavailable)  sent, and no complete answer: it may have been done
///   net.timeout     (unavailable)  likewise
///   net.too_large   (invalid)      done, but the answer is above `longest_body`
using Outcome = std::variant<Response, Error>;

/// Whether the request behind this error may have had its effect.
[[nodiscard]] bool may_have_arrived(const Error& error) noexcept;

struct TaggedRequest {
  std::uint64_t tag = 0;
  Request request{};
};

/// Hands out the next request; nullopt = none now. It is asked again after each outcome, so that a reply may bring new
/// requests (the next page); the batch ends when there is none and nothing is in flight.
using Source = std::function<std::optional<TaggedRequest>()>;
using Sink = std::function<void(std::uint64_t tag, Outcome outcome)>;

/// Connections are kept between calls. Safe to share between threads, and source and sink may call it again
/// (to renew a token, say).
///
/// Attempts: 429, and 503 with Retry-After, are repeated for any method, since the server says that it did nothing; so
/// is what was never sent. 408, 5xx, net.lost and net.timeout are repeated for repeatable requests only. After
/// `max_attempts` the last reply or error is the outcome. A 429 holds the whole batch back, anything else its own
/// request alone. Redirects are followed for GET and HEAD, within one origin, five at most; others are outcomes.
class HttpClient {
 public:
  HttpClient(ClientOptions options, const Clock& clock, Logger& logger);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// One request, blocking. Any status is a return value; throws what Outcome lists.
  [[nodiscard]] Response perform(const Request& request, std::stop_token stop);

  /// Drives requests from `source` to `sink` in this thread, at most `concurrency` (1 to 256) in flight. Once `stop` is
  /// requested it asks for no more, lets what is in flight end within `stop_grace`, and returns. Each request handed
  /// out gets exactly one outcome, unless source or sink throw: then what is in flight is dropped and its fate unknown.
  void perform_all(const Source& source, const Sink& sink, std::size_t concurrency, std::stop_token stop);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace linkspan::net
