#pragma once
// HTTP/1.1 server transport: bytes and headers in and out, within limits; no routes.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"

namespace linkspan::httpd {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method{};  ///< As it came: "GET".
  std::string target{};  ///< Path and query, not decoded.
  Headers headers{};
  std::string body{};
  std::string peer{};  ///< The other end's address, without port.

  /// The first header of that name, without regard to case.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept;
};

struct Response {
  int status = 200;
  Headers headers{};  ///< Without Content-Length, Transfer-Encoding and Connection: those are the server's.
  std::string body{};
};

/// Called by several threads at once; may block. What it throws is logged as "httpd.handler" and answered with 500.
using Handler = std::function<Response(const Request&)>;

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0 = any free one.
  std::size_t longest_header = std::size_t{16} * 1024;
  std::size_t longest_body = std::size_t{1024} * 1024;
  std::size_t most_connections = 128;                                 ///< More wait unaccepted.
  std::size_t threads = 2;                                            ///< That run the handler.
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(30);  ///< From one request to the next one's headers.
  std::chrono::milliseconds request_timeout = std::chrono::seconds(10);  ///< For a request's body.
  std::chrono::milliseconds write_timeout = std::chrono::seconds(30);    ///< For a response.
  std::chrono::milliseconds stop_grace = std::chrono::seconds(5);        ///< For responses under way.
};

/// Listens from construction to stop(). Answers by itself: 400 (malformed, or an ambiguous length), 413, 417,
/// 431. Who is too slow is disconnected.
class Server {
 public:
  /// Throws "httpd.address" (invalid) for what is no IP address, "httpd.listen" (unavailable) when the port cannot be
  /// had.
  Server(ServerOptions options, Handler handler, Logger& logger);
  /// Stops.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept;

  /// Accepts no more, closes idle connections, lets requests under way be answered within `stop_grace`, and returns
  /// when all is closed and the handler has returned. Never from the handler. Calling it again does nothing.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace linkspan::httpd
