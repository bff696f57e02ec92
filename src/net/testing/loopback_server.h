#pragma once
// A little HTTP server for tests: a thread per connection on 127.0.0.1, answers as scripted, byte by byte if need be.

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace linkspan::net {

struct SeenRequest {
  std::string method{};
  std::string target{};
  std::string head{};  ///< Request line and header lines as they came.
  std::string body{};
  int number = 0;      ///< Counts from 1 over all connections.
  int connection = 0;  ///< Likewise.
};

struct ScriptedReply {
  std::string bytes{};  ///< Sent as they stand.
  bool then_close = false;
  std::function<void()> first{};  ///< Called before anything is sent.
};

/// "HTTP/1.1 200 OK" with Content-Length and the extra header lines ("Name: value\r\n").
[[nodiscard]] std::string http_reply(int status, std::string_view body = {}, std::string_view header_lines = {});

class LoopbackServer {
 public:
  using Script = std::function<ScriptedReply(const SeenRequest&)>;
  struct Tls {
    std::string certificate_pem;
    std::string key_pem;
  };

  /// Listens on a free port. The script is called by several threads.
  explicit LoopbackServer(Script script, std::unique_ptr<Tls> tls = nullptr);
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  [[nodiscard]] int port() const;
  /// "http://127.0.0.1:PORT" (https with TLS).
  [[nodiscard]] std::string url() const;
  [[nodiscard]] int requests() const;
  [[nodiscard]] int connections() const;

  /// A key and a certificate signed by itself for the name and for 127.0.0.1.
  [[nodiscard]] static Tls make_certificate(const std::string& name);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace linkspan::net
