#pragma once
// A TCP relay between a client and a server under test, which can be cut at any moment.

#include <array>
#include <atomic>
#include <mutex>
#include <string>
#include <string_view>
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
  enum class Way : unsigned char { to_server, to_client };

  /// Cuts by itself, once, when so many bytes have gone that way from now on; below zero = it does not.
  void cut_after(long bytes, Way way = Way::to_client) {
    cut_way_ = way;
    left_ = bytes;
  }
  /// Bytes that have gone that way since it began.
  [[nodiscard]] long passed(Way way) const { return passed_[static_cast<std::size_t>(way)]; }
  /// Bytes that have come from the server since it began.
  [[nodiscard]] long received() const { return passed(Way::to_client); }
  /// After how many bytes that way a head ended, or what came at once; of the first thousand.
  [[nodiscard]] std::vector<long> marks(Way way) const;

  /// Connections taken since it began.
  [[nodiscard]] int taken() const { return taken_; }

 private:
  void run();
  void pump(int client, int server);
  void note(Way way, std::string_view bytes);

  std::string address_;
  int target_port_;
  int port_ = 0;
  int listener_ = -1;
  std::atomic<bool> cut_ = false;
  std::atomic<bool> stop_ = false;
  std::atomic<int> taken_ = 0;
  std::array<std::atomic<long>, 2> passed_{};  ///< each way
  std::atomic<long> left_ = -1;                ///< until it cuts; below zero = it does not
  std::atomic<Way> cut_way_ = Way::to_client;
  mutable std::mutex mutex_;
  std::array<std::vector<long>, 2> marks_;
  std::vector<int> open_;  ///< sockets that cut() shuts
  std::vector<std::jthread> pumps_;
  std::jthread accepting_;
};

}  // namespace linkspan::testkit
