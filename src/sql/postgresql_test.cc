// What only a server can do: refuse, vanish, and set clients against each other.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <barrier>
#include <future>

#include "sql/internal/postgresql_error.h"
#include "sql/row_batch.h"
#include "sql/testing/backends.h"

namespace linkspan::sql {
namespace {

using ::testing::HasSubstr;
using testing::id_thrown_by;
using ::testing::Not;

class PostgresqlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testkit::Postgresql::available()) GTEST_SKIP() << "no PostgreSQL here";
    fresh_.emplace(testing::Kind::postgresql);
    db_ = fresh_->open();
    db_->execute("CREATE TABLE t (id bigint PRIMARY KEY, name text)");
  }

  static testkit::Postgresql& server() { return testkit::Postgresql::shared(); }
  static std::string id_of_opening(const std::string& url, OpenOptions options = {}) {
    return id_thrown_by([&] { (void)open(DatabaseUrl::parse(url), options); });
  }
  [[nodiscard]] std::string database() const { return std::string(fresh_->url().parameter("dbname")); }
  [[nodiscard]] std::string url_as(const std::string& user) const {
    return "postgresql://" + user + "@127.0.0.1:" + std::to_string(server().port()) + "/" + database();
  }
  std::int64_t count() { return query_integer(*db_, "SELECT count(*) FROM t").value(); }
  void end_session_of(Database& other, std::int64_t process) {
    EXPECT_NE(&other, db_.get());
    EXPECT_EQ(
        query_integer(*db_, "SELECT count(*) FROM (SELECT pg_terminate_backend($1::int, 5000) AS gone) x WHERE gone",
                      {process}),
        1);
  }
  static std::int64_t process_of(Database& other) { return query_integer(other, "SELECT pg_backend_pid()").value(); }

  std::optional<testing::FreshDatabase> fresh_;
  std::unique_ptr<Database> db_;
  const Table table_{"t", {{"id", Role::key}, {"name"}}};
};

TEST_F(PostgresqlTest, OpeningFailsWithTheReason) {
  const std::string port = std::to_string(server().port());
  EXPECT_EQ(id_of_opening(server().url("nowhere")), "sql.no_database");
  EXPECT_EQ(id_of_opening("postgresql://postgres@127.0.0.1:1/postgres"), "sql.unreachable");
  EXPECT_EQ(id_of_opening("postgresql://postgres@no-such-host.invalid/postgres"), "sql.unknown_host");
  EXPECT_EQ(id_of_opening("postgresql:///postgres?host=/nonexistent"), "sql.unreachable");
  EXPECT_EQ(id_of_opening(server().url() + "?sslmode=require"), "sql.no_tls");
  EXPECT_EQ(id_of_opening(server().url() + "?ssl_mode=require"), "sql.url_parameter");
  EXPECT_EQ(id_of_opening(server().url() + "?connect_timeout=soon"), "sql.url_parameter");
}

TEST_F(PostgresqlTest, AWrongPasswordIsDeniedAndNeverNamed) {
  db_->execute("CREATE ROLE ada LOGIN PASSWORD 'right-Qu4y'");
  EXPECT_EQ(id_of_opening(url_as("ada"), {.password = "right-Qu4y"}), "");
  EXPECT_EQ(id_of_opening(url_as("ada:right-Qu4y")), "");
  EXPECT_EQ(id_of_opening(url_as("ada")), "sql.denied");
  try {
    (void)open(DatabaseUrl::parse(url_as("ada:wrong-Qu4y")));
    ADD_FAILURE() << "was let in";
  } catch (const Error& error) {
    EXPECT_EQ(error.id(), "sql.denied");
    EXPECT_EQ(error.fault(), Fault::denied);
    EXPECT_THAT(error.what() + error.hint(), Not(HasSubstr("Qu4y")));
    EXPECT_THAT(error.what(), HasSubstr("ada"));
  }
  db_->execute("DROP ROLE ada");
}

TEST_F(PostgresqlTest, AHostThatIsAwayIsPassedOver) {
  const std::string here = "127.0.0.1:" + std::to_string(server().port());
  EXPECT_EQ(id_of_opening("postgresql://postgres@127.0.0.1:1,no-such-host.invalid," + here + "/postgres"), "");
  EXPECT_EQ(id_of_opening("postgresql://postgres@" + here + ",127.0.0.1:1/nowhere"), "sql.no_database");
}

TEST_F(PostgresqlTest, AHostThatDoesNotAnswerIsGivenUpInTime) {
  // Listens, and never accepts nor says a word.
  const int silent = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(::bind(silent, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(silent, 5), 0);
  ::getsockname(silent, reinterpret_cast<sockaddr*>(&address), &length);
  const std::string host = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(id_of_opening("postgresql://postgres@" + host + "/postgres", {.connect_wait = std::chrono::seconds(1)}),
            "sql.no_answer");
  EXPECT_EQ(id_of_opening("postgresql://postgres@" + host + ",127.0.0.1:" + std::to_string(server().port()) +
                          "/postgres?connect_timeout=1"),
            "");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(8));
  ::close(silent);
}

TEST_F(PostgresqlTest, ADatabaseInAnotherEncodingIsRefused) {
  server().execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
  EXPECT_EQ(id_of_opening(server().url("latin")), "sql.encoding");
  server().execute("DROP DATABASE latin");
}

TEST_F(PostgresqlTest, ARoleWithoutRightsIsToldSo) {
  db_->execute("CREATE ROLE eve LOGIN PASSWORD 'x'");
  {
    const auto eve = open(DatabaseUrl::parse(url_as("eve")), {.password = "x"});
    EXPECT_EQ(id_thrown_by([&] { eve->run("DELETE FROM t"); }), "sql.permission");
  }
  server().execute("REVOKE CONNECT ON DATABASE " + database() + " FROM PUBLIC");
  EXPECT_EQ(id_of_opening(url_as("eve"), {.password = "x"}), "sql.permission");
  db_->execute("DROP ROLE eve");
}

TEST_F(PostgresqlTest, TheSessionIsDurableAndBounded) {
  EXPECT_EQ(query_row(*db_, "SELECT current_setting('synchronous_commit')")->front(), Value("on"));
  EXPECT_EQ(query_row(*db_, "SELECT current_setting('application_name')")->front(), Value("linkspan"));
  EXPECT_EQ(query_row(*db_, "SELECT current_setting('statement_timeout')")->front(), Value("10min"));
  const auto own = open(DatabaseUrl::parse(fresh_->url().redacted() + "?options=-c%20statement_timeout%3D50"));
  EXPECT_EQ(id_thrown_by([&] { own->query("SELECT pg_sleep(10)", {}, [](const Row&) {}); }), "sql.timeout");
}

TEST_F(PostgresqlTest, ASessionEndedInTheMiddleOfACopyLeavesNothing) {
  const auto other = fresh_->open();
  const std::int64_t process = process_of(*other);
  const std::string name(1000, 'x');
  EXPECT_EQ(id_thrown_by([&] {
              Transaction transaction(*other);
              const auto copy = other->open_copy(table_);
              for (std::int64_t id = 0; id < 20'000; ++id) {
                if (id == 2000) end_session_of(*other, process);
                const std::vector<ValueView> cells{id, name};
                copy->write(Rows{cells, 2});
              }
              copy->finish();
              transaction.commit();
            }),
            "sql.connection_lost");
  EXPECT_EQ(count(), 0);
  EXPECT_EQ(id_thrown_by([&] { other->run("DELETE FROM t"); }), "sql.connection_lost");
}

TEST_F(PostgresqlTest, ASessionEndedBetweenTwoBulkWritesLeavesNothing) {
  const auto other = fresh_->open();
  RowBatch rows(2);
  for (std::int64_t id = 0; id < 1000; ++id) {
    rows.integer(id);
    rows.text("x");
  }
  EXPECT_EQ(id_thrown_by([&] {
              Transaction transaction(*other);
              other->insert(table_, rows.rows());
              end_session_of(*other, process_of(*other));
              other->upsert(table_, rows.rows());
              transaction.commit();
            }),
            "sql.connection_lost");
  EXPECT_EQ(count(), 0);
}

TEST_F(PostgresqlTest, WritersThatWaitForEachOtherAreToldToRetry) {
  db_->execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')");
  // Each takes one row, waits until both have, and goes for the other's: the server must refuse one of them.
  std::barrier both(2);
  const auto write = [&](std::int64_t first, std::int64_t second) {
    const auto database = fresh_->open();
    return id_thrown_by([&] {
      const std::string_view update = "UPDATE t SET name = 'c' WHERE id = $1";
      Transaction transaction(*database);
      database->run(update, {first});
      both.arrive_and_wait();
      database->run(update, {second});
      transaction.commit();
    });
  };
  auto theirs = std::async(std::launch::async, write, 2, 1);
  const std::string mine = write(1, 2);
  EXPECT_THAT((std::vector{mine, theirs.get()}), ::testing::UnorderedElementsAre("", "sql.retry"));
}

TEST_F(PostgresqlTest, ALockThatIsHeldIsWaitedForAndThenReported) {
  db_->execute("INSERT INTO t VALUES (1, 'a')");
  const auto other = fresh_->open({.lock_wait = std::chrono::milliseconds(50)});
  const Transaction holding(*db_);
  db_->run("UPDATE t SET name = 'b'");
  EXPECT_EQ(id_thrown_by([&] { other->run("UPDATE t SET name = 'c'"); }), "sql.locked");
}

TEST_F(PostgresqlTest, OtherColumnTypesAreCarriedToo) {
  db_->execute(
      "CREATE TABLE kinds (id integer PRIMARY KEY, small smallint, yes boolean, word varchar(20), moment timestamptz, "
      "part real)");
  const Table kinds{"kinds", {{"id", Role::key}, {"small"}, {"yes"}, {"word"}, {"moment"}, {"part"}}};
  const std::int64_t moment = 1'700'000'000'123'456;
  const std::vector<ValueView> cells{std::int64_t{1}, std::int64_t{-2}, std::int64_t{1}, "w", moment, 0.5};
  EXPECT_EQ(db_->upsert(kinds, Rows{cells, 6}), 1);
  std::vector<ValueView> many;
  for (std::int64_t id = 2; id <= 500; ++id) {
    many.insert(many.end(), cells.begin(), cells.end());
    many[many.size() - 6] = id;
  }
  EXPECT_EQ(db_->insert(kinds, Rows{many, 6}), 499);
  for (const std::int64_t id : {1, 500}) {
    db_->query("SELECT small, yes, word, moment, part FROM kinds WHERE id = $1", {id}, [&](const Row& row) {
      EXPECT_EQ(row.integer(0), -2);
      EXPECT_EQ(row.integer(1), 1);
      EXPECT_EQ(row.text(2), "w");
      EXPECT_EQ(row.integer(3), moment);
      EXPECT_EQ(row.real(4), 0.5);
    });
  }
  EXPECT_EQ(id_thrown_by([&] { db_->run("UPDATE kinds SET small = $1", {std::int64_t{70'000}}); }),
            "sql.type_mismatch");
  EXPECT_EQ(id_thrown_by([&] { db_->query("SELECT '(1,2)'::point", {}, [](const Row&) {}); }), "sql.unsupported_type");
}

TEST_F(PostgresqlTest, AServerThatStopsLosesTheConnectionAndComesBack) {
  testkit::Postgresql own;
  const auto database = open(DatabaseUrl::parse(own.url()));
  EXPECT_EQ(query_integer(*database, "SELECT 1"), 1);
  own.stop();
  EXPECT_EQ(id_thrown_by([&] { (void)query_integer(*database, "SELECT 1"); }), "sql.connection_lost");
  EXPECT_EQ(id_of_opening(own.url()), "sql.unreachable");
  own.start();
  EXPECT_EQ(query_integer(*open(DatabaseUrl::parse(own.url())), "SELECT 1"), 1);
}

TEST(PostgresqlErrorTest, EachStateHasItsError) {
  const auto id = [](std::string_view state) { return std::string(postgresql_error(state, "why").id()); };
  EXPECT_EQ(id("53100"), "sql.disk_full");
  EXPECT_EQ(id("53200"), "sql.exhausted");
  EXPECT_EQ(id("53300"), "sql.too_many_connections");
  EXPECT_EQ(id("40001"), "sql.retry");
  EXPECT_EQ(id("40P01"), "sql.retry");
  EXPECT_EQ(id("57P01"), "sql.connection_lost");
  EXPECT_EQ(id("57P03"), "sql.unreachable");
  EXPECT_EQ(id("08006"), "sql.connection_lost");
  EXPECT_EQ(id("28P01"), "sql.denied");
  EXPECT_EQ(id("XX001"), "sql.corrupt");
  EXPECT_EQ(id("42601"), "sql.failed");
}

TEST(PostgresqlErrorTest, ARefusalIsReadByItsStateNotByItsLanguage) {
  const auto error = postgresql_connect_error(
      "connection to server at \"h\" (1.2.3.4), port 5432 failed: FATAL:  28P01: Passwort-Authentifizierung für "
      "Benutzer »ada« fehlgeschlagen\nORT:  auth_failed, auth.c:335\n",
      "postgresql://ada@h/db");
  EXPECT_EQ(error.id(), "sql.denied");
  EXPECT_EQ(error.message(), "postgresql://ada@h/db: Passwort-Authentifizierung für Benutzer »ada« fehlgeschlagen");
}

TEST(PostgresqlErrorTest, WhatLibpqSaysWithoutAStateHasItsError) {
  const auto id = [](std::string_view text) { return std::string(postgresql_connect_error(text, "h").id()); };
  // Killed while it shook hands: that passes, and whoever waits for it goes on waiting.
  EXPECT_EQ(
      id("connection to server at \"::1\", port 5432 failed: server closed the connection unexpectedly\nconnection to "
         "server at \"::1\", port 5432 failed: SSL SYSCALL error: Connection reset by peer"),
      "sql.unreachable");
  EXPECT_EQ(id("could not translate host name \"h\" to address: x"), "sql.unknown_host");
  EXPECT_EQ(id("connection to server at \"h\" failed: SSL error: certificate verify failed"),
            "sql.certificate_untrusted");
  EXPECT_EQ(id("server certificate for \"a\" does not match host name \"b\""), "sql.certificate_name");
  EXPECT_EQ(id("root certificate file \"/x\" does not exist"), "sql.ca_file");
  EXPECT_EQ(id("server does not support SSL, but SSL was required"), "sql.no_tls");
  EXPECT_EQ(id("SSL error: wrong version number"), "sql.tls");
}

}  // namespace
}  // namespace linkspan::sql
