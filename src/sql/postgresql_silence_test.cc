// A server behind something that passes nothing on any more and keeps the connection up all the same.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <future>
#include <thread>

#include "sql/row_batch.h"
#include "sql/testing/backends.h"

namespace linkspan::sql {
namespace {

using testing::id_thrown_by;

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

// Passes bytes on between one client after the other and the server; from `swallow` on it takes them and keeps them.
class Relay {
 public:
  explicit Relay(int server_port) : server_port_(server_port) {
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 || ::listen(listener_, 8) != 0) {
      throw std::runtime_error("no port");
    }
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  ~Relay() {
    thread_.request_stop();
    thread_.join();
    for (const pollfd& one : ends_) ::close(one.fd);
  }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  [[nodiscard]] int port() const { return port_; }
  void swallow() { swallows_ = true; }

 private:
  void run(const std::stop_token& stop) {
    ends_.push_back({listener_, POLLIN, 0});
    while (!stop.stop_requested()) {
      if (::poll(ends_.data(), ends_.size(), 20) <= 0) continue;
      if (ends_.front().revents != 0) accept_one();
      for (std::size_t i = 1; i < ends_.size(); ++i) {
        if (ends_[i].revents != 0) pass_on(i);
      }
    }
  }

  void accept_one() {
    const int client = ::accept(listener_, nullptr, nullptr);
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(server_port_);
    if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
    ends_.push_back({client, POLLIN, 0});
    ends_.push_back({server, POLLIN, 0});
  }

  // Both ends of a connection stand side by side: 1 and 2, 3 and 4...
  void pass_on(std::size_t from) {
    const std::size_t to = from % 2 == 1 ? from + 1 : from - 1;
    std::array<char, 65536> bytes{};
    const ssize_t some = ::recv(ends_[from].fd, bytes.data(), bytes.size(), 0);
    if (some <= 0) {
      ends_[from].events = 0;
      if (!swallows_) ::shutdown(ends_[to].fd, SHUT_WR);
      return;
    }
    if (!swallows_) ::send(ends_[to].fd, bytes.data(), static_cast<std::size_t>(some), MSG_NOSIGNAL);
  }

  int server_port_;
  int port_ = 0;
  int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::vector<pollfd> ends_;
  std::atomic<bool> swallows_ = false;
  std::jthread thread_;
};

class PostgresqlSilenceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testkit::Postgresql::available()) GTEST_SKIP() << "no PostgreSQL here";
    relay_.emplace(testkit::Postgresql::shared().port());
    direct_ = testkit::Postgresql::shared().fresh_database();
    database_ = open(DatabaseUrl::parse("postgresql://postgres@127.0.0.1:" + std::to_string(relay_->port()) +
                                        direct_.substr(direct_.rfind('/')) +
                                        "?keepalives_idle=2&keepalives_interval=1&keepalives_count=2"));
    database_->execute("CREATE TABLE t (id bigint PRIMARY KEY, name text)");
  }

  /// What `act` ends with once nothing is passed on any more.
  template <class Act>
  std::string swallowed(const Act& act) {
    const auto start = std::chrono::steady_clock::now();
    const std::string id = id_thrown_by(act);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(90));
    return id;
  }

  std::optional<Relay> relay_;
  std::string direct_;  ///< the same database, past the relay
  std::unique_ptr<Database> database_;
  const Table table_{"t", {{"id", Role::key}, {"name"}}};
};

TEST_F(PostgresqlSilenceTest, AnAnswerThatNeverComesEndsAsALostConnection) {
  relay_->swallow();
  EXPECT_EQ(swallowed([&] { (void)query_integer(*database_, "SELECT 1"); }), "sql.connection_lost");
  // Not once more: it is known now.
  EXPECT_EQ(id_thrown_by([&] { database_->execute("SELECT 1"); }), "sql.connection_lost");
}

TEST_F(PostgresqlSilenceTest, ACopyThatDisappearsEndsAsALostConnection) {
  EXPECT_EQ(swallowed([&] {
              Transaction transaction(*database_);
              const auto copy = database_->open_copy(table_);
              relay_->swallow();
              RowBatch batch(2);
              for (std::int64_t i = 0; i < 5000; ++i) {
                batch.copy(i);
                batch.copy(std::string_view("name"));
              }
              copy->write(batch.rows());
              (void)copy->finish();
              transaction.commit();
            }),
            "sql.connection_lost");
}

TEST_F(PostgresqlSilenceTest, RowsThatDoNotComeAnyMoreEndAsALostConnection) {
  database_->execute("INSERT INTO t SELECT n, repeat('x', 1000) FROM generate_series(1, 50000) n");
  EXPECT_EQ(swallowed([&] {
              const Transaction transaction(*database_, Mode::read);
              database_->copy_out("SELECT id, name FROM t", [&](const Row&) { relay_->swallow(); });
            }),
            "sql.connection_lost");
}

TEST_F(PostgresqlSilenceTest, AStatementThatTakesItsTimeIsLeftAlone) {
  EXPECT_EQ(id_thrown_by([&] { database_->execute("SELECT pg_sleep(6)"); }), "");
}

TEST_F(PostgresqlSilenceTest, AWaitForALockIsLeftAlone) {
  const auto holder = std::async(std::launch::async, [url = direct_] {
    open(DatabaseUrl::parse(url))->execute("BEGIN; LOCK TABLE t; SELECT pg_sleep(6); COMMIT");
  });
  const auto watcher = open(DatabaseUrl::parse(direct_));
  const auto is_locked = [&] {
    return query_integer(*watcher,
                         "SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND mode = "
                         "'AccessExclusiveLock' AND granted") == 1;
  };
  while (!is_locked()) std::this_thread::yield();
  EXPECT_EQ(id_thrown_by([&] { database_->execute("INSERT INTO t VALUES (1, 'x')"); }), "");
}

}  // namespace
}  // namespace linkspan::sql
