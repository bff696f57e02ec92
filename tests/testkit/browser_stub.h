#pragma once
// A SQL Server Browser on loopback ([MC-SQLR]) that answers what a test tells it to.

#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace linkspan::testkit {

class BrowserStub {
 public:
  /// What to send back to a question, datagram by datagram; called on a thread of the stub.
  using Answer = std::function<std::vector<std::string>(const std::string& question)>;

  explicit BrowserStub(Answer answer);
  ~BrowserStub();
  BrowserStub(const BrowserStub&) = delete;
  BrowserStub& operator=(const BrowserStub&) = delete;

  /// On 127.0.0.1.
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  /// "ServerName;...;;" as an answer: its first byte and its length before it.
  [[nodiscard]] static std::string answer(const std::string& text);
  /// The text of an instance that listens on `port`.
  [[nodiscard]] static std::string instance(const std::string& name, int port);

 private:
  void serve();

  Answer answer_;
  int socket_ = -1;
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

}  // namespace linkspan::testkit
