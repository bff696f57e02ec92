#pragma once
// A server that speaks TDS as a script tells it (tds_stub.py, whose head describes the script), on 127.0.0.1.

#include <sys/types.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace linkspan::testkit {

/// Throws std::runtime_error when it does not come up. Not thread-safe.
class TdsStub {
 public:
  explicit TdsStub(const nlohmann::json& script = nlohmann::json::object());
  ~TdsStub();
  TdsStub(const TdsStub&) = delete;
  TdsStub& operator=(const TdsStub&) = delete;

  [[nodiscard]] int port() const noexcept { return port_; }
  /// `sqlserver://ada@localhost:PORT/state?driver=freetds`, and `more` after it ("&trust=yes").
  [[nodiscard]] std::string url(const std::string& more = {}) const;
  /// Where the script asks for encryption: the authority of its certificate.
  [[nodiscard]] std::string ca_file() const { return (folder_ / "ca.pem").string(); }

  /// What came in so far; `kind` is login, batch, call, transaction or bulk. Throws what went wrong in the stub.
  [[nodiscard]] std::vector<nlohmann::json> requests() const;
  /// The texts of all but sign-ins.
  [[nodiscard]] std::vector<std::string> statements() const;

  /// Hangs up on everybody, and is gone.
  void stop();

 private:
  std::filesystem::path folder_;
  pid_t pid_ = -1;
  int input_ = -1;
  int port_ = 0;
};

}  // namespace linkspan::testkit
