#pragma once
// Notices a PostgreSQL server that has fallen silent for good although the connection stands.

#include <libpq-fe.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace linkspan::sql {

/// Watches over the calls in which libpq waits for the server, for as long as that takes. A proxy or a firewall that
/// swallows what is sent would leave such a call waiting for ever: TCP's keepalives are answered by whoever is next on
/// the way. So what they do for the connection is done once more for the server, with the same parameters of the URL:
/// after `keepalives_idle` seconds without a byte it is asked, on a connection of its own, whether it is at work for
/// this one; asked again each `keepalives_interval` seconds; and after `keepalives_count` times "no", or nothing, in a
/// row the connection is cut, so that the call ends. A statement that takes its time, or waits for a lock, is left
/// alone. `keepalives=0` switches this off too.
///
/// Thread rule: `Waiting` belongs to the thread that uses the connection.
class PgWatch {
 public:
  /// `connection` must outlive this. `process` is the server's that works for it, `name` what messages call it.
  PgWatch(PGconn* connection, std::int64_t process, std::string name);
  ~PgWatch();
  PgWatch(const PgWatch&) = delete;
  PgWatch& operator=(const PgWatch&) = delete;

  /// As long as one lives, its thread may be waiting for the server.
  class Waiting {
   public:
    explicit Waiting(PgWatch& watch) : watch_(watch) {
      add(watch_.heard_, 1);
      add(watch_.waiting_, 1);
    }
    ~Waiting() { add(watch_.waiting_, -1); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    // One thread alone writes: no need to lock the bus for each row.
    static void add(std::atomic<std::int64_t>& number, std::int64_t step) {
      number.store(number.load(std::memory_order_relaxed) + step, std::memory_order_relaxed);
    }

    PgWatch& watch_;
  };

  /// Whether it has cut the connection.
  [[nodiscard]] bool has_cut() const noexcept { return cut_.load(); }

 private:
  void look_until_stopped(const std::stop_token& stop);
  [[nodiscard]] bool at_work() const noexcept;

  PGconn* connection_;
  std::string name_;
  std::int64_t process_;
  int socket_ = -1;  ///< a descriptor of its own: libpq may close its one at any moment
  std::chrono::seconds idle_{};
  std::chrono::seconds interval_{};
  int count_ = 0;
  std::atomic<std::int64_t> heard_ = 0;  ///< goes up with every call, so with everything that came
  std::atomic<std::int64_t> waiting_ = 0;
  std::atomic<bool> cut_ = false;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace linkspan::sql
