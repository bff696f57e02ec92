#pragma once
// A TCP relay between a client and a server under test, which can be cut at any moment.

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace linkspan::testkit {

/// Listens on 127.0.0.1 as long as it lives. Thread-safe.
class Relay {
 public:
  /// `address` as a dotted IPv4 address.
  Relay(std::string address, int port);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  [[nodiscard]] int port() const { return port_; }

  /// Breaks all connections and takes no more (they are closed at once), until mend().
  void cut();
  void mend() { cut_ = false; }
  /// Cuts by itself, once, when so many bytes have come from the server from now on.
  void cut_after(long bytes) { left_ = bytes; }
  /// Bytes that have come from the server since it began.
  [[nodiscard]] long received() const { return received_; }

  /// Connections taken since it began.
  [[nodiscard]] int taken() const { return taken_; }

 private:
  void run();
  void pump(int client, int server);

  std::string address_;
  int target_port_;
  int port_ = 0;
  int listener_ = -1;
  std::atomic<bool> cut_ = false;
  std::atomic<bool> stop_ = false;
  std::atomic<int> taken_ = 0;
  std::atomic<long> received_ = 0;
  std::atomic<long> left_ = -1;  ///< until it cuts; below zero = it does not
  std::mutex mutex_;
  std::vector<int> open_;  ///< sockets that cut() shuts
  std::vector<std::jthread> pumps_;
  std::jthread accepting_;
};

}  // namespace linkspan::testkit
