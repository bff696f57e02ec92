// Runs whose database goes away in the middle: a real PostgreSQL that cuts its sessions, or is stopped and started.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <testkit/postgresql.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "connector/testing/fake_directory.h"
#include "run/engine.h"
#include "run/settings.h"
#include "store_sql/store_sql.h"

namespace linkspan::run {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view k_rules[] = {R"([[rule]]
name = "in"
direction = "inbound"
connector = "corp"
source = "person"
target = "person"
link = "provision"
precedence = 100
join = [["uid = uid"]]
[rule.flows]
uid = "[uid]"
)",
                                        R"([[rule]]
name = "out"
direction = "outbound"
connector = "cloud"
source = "person"
target = "User"
link = "provision"
precedence = 100
join = [["externalId = uid"]]
[rule.flows]
externalId = "[uid]"
)"};

connector::FakeOptions directory_options(bool exports) {
  connector::FakeOptions options;
  options.exports = exports;
  if (exports) options.correlation_attribute = "externalId";
  return options;
}

class FailoverTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testkit::Postgresql::available()) GTEST_SKIP() << "PostgreSQL is not installed";
    url_ = testkit::Postgresql::shared().fresh_database();
    store_ = store_sql::open_store(url_, {.create = true, .program = "test"});
    const HeldLease lease(*store_, logger_);
    auto& configuration = store_->configuration();
    configuration.put_connector({{}, "corp", "fake", "{}", 1});
    configuration.put_connector({{}, "cloud", "fake", "{}", 2});
    configuration.put_rules(
        std::vector<store::RuleRow>{{{}, "in", std::string(k_rules[0])}, {{}, "out", std::string(k_rules[1])}});
    for (int i = 0; i < 20; ++i) {
      const std::string uid = "p" + std::to_string(i);
      corp_.add({"", "uid=" + uid + ",dc=corp", "person", {{"uid", {uid}}}, {}});
    }
  }

  Environment environment() {
    return {*store_,
            [this](const store::ConnectorRow& row) { return row.name == "corp" ? corp_.connect() : cloud_.connect(); },
            [](std::string_view) { return connector::Naming{}; },
            clock_,
            logger_,
            [this](const Progress& progress) {
              if (progress.phase == when_) std::exchange(at_progress_, [] {})();
            },
            {}};
  }

  [[nodiscard]] std::string database() const { return url_.substr(url_.rfind('/') + 1); }

  /// The next `times` sessions that write to the table end in the middle of that transaction, with 57P01, as when an
  /// administrator stops the server. (A sequence is not rolled back.)
  void cut_at(const std::string& table, int times = 1) const {
    testkit::Postgresql::shared().execute(
        "CREATE SEQUENCE cuts; CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF nextval('cuts') <= " +
            std::to_string(times) +
            " THEN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); END IF; RETURN NULL; END $$; "
            "CREATE TRIGGER cut BEFORE INSERT OR UPDATE ON " +
            table + " FOR EACH STATEMENT EXECUTE FUNCTION cut()",
        database());
  }

  /// One cycle; what became of its steps.
  std::vector<std::string> cycle() {
    report_ = Engine(environment()).cycle(false);
    std::vector<std::string> out;
    for (const StepReport& step : report_.steps) out.push_back(step.step.name + ": " + step.step.result);
    return out;
  }

  std::string url_;
  SystemClock clock_;
  QuietLogger logger_;
  std::unique_ptr<store::Store> store_;
  connector::FakeDirectory corp_{directory_options(false)};
  connector::FakeDirectory cloud_{directory_options(true)};
  std::string when_ = "never";
  std::function<void()> at_progress_ = [] {};
  Report report_;
};

TEST_F(FailoverTest, AnImportIsDoneAgainFromItsLastCommit) {
  cut_at("connector_object");
  EXPECT_THAT(cycle(), ElementsAre("import corp: retried", "import corp: success", "import cloud: success",
                                   "synchronize: success", "export cloud: success", "confirm cloud: success"));
  EXPECT_EQ(report_.result, Result::success);
  EXPECT_THAT(report_.steps.front().step.message, HasSubstr("interrupted"));
  EXPECT_EQ(store_->operations().runs(1).front().steps.front().result, "retried") << "visible in the history";
  EXPECT_EQ(cloud_.size(), 20U);
}

TEST_F(FailoverTest, ASynchronizationIsDoneAgain) {
  cut_at("metaverse_object");
  EXPECT_THAT(cycle(), ElementsAre("import corp: success", "import cloud: success", "synchronize: retried",
                                   "synchronize: success", "export cloud: success", "confirm cloud: success"));
  EXPECT_EQ(cloud_.size(), 20U);
}

TEST_F(FailoverTest, AnExportIsDoneAgainAndMakesEachAccountOnce) {
  int sent = 0;
  cloud_.refuse_exports([&](const model::Export&) -> std::optional<Error> {
    if (++sent == 10) cut_at("connector_image");
    return std::nullopt;
  });
  EXPECT_THAT(cycle(), ElementsAre("import corp: success", "import cloud: success", "synchronize: success",
                                   "export cloud: retried", "export cloud: success", "confirm cloud: success"));
  EXPECT_EQ(cloud_.size(), 20U);
  EXPECT_EQ(cloud_.calls().adds, 20U) << "found, not added again";
}

TEST_F(FailoverTest, AStepThatIsInterruptedTwiceFailsAndEndsTheRun) {
  cut_at("connector_object", 2);
  EXPECT_THAT(cycle(), ElementsAre("import corp: retried", "import corp: failed"));
  ASSERT_NE(report_.error(), nullptr);
  EXPECT_EQ(report_.error()->id(), "sql.connection_lost");
  EXPECT_EQ(store_->operations().runs(1).front().result, "failed");
  EXPECT_EQ(Engine(environment()).cycle(false).result, Result::success) << "the next goes on from there";
  EXPECT_EQ(cloud_.size(), 20U);
}

TEST_F(FailoverTest, AServerThatIsAwayForAWhileIsWaitedFor) {
  testkit::Postgresql own;
  url_ = own.fresh_database();
  store_ = store_sql::open_store(url_, {.create = true, .program = "test"});
  {
    const HeldLease lease(*store_, logger_);
    store_->configuration().put_connector({{}, "corp", "fake", "{}", 1});
    store_->configuration().put_rules(std::vector<store::RuleRow>{{{}, "in", std::string(k_rules[0])}});
  }
  std::jthread starter;
  when_ = "import corp";
  at_progress_ = [&] {
    own.stop();
    // The server lives as long as the thread that started it.
    starter = std::jthread([&own](const std::stop_token& stop) {
      own.start();
      std::mutex mutex;
      std::condition_variable_any ended;
      std::unique_lock lock(mutex);
      ended.wait(lock, stop, [] { return false; });
    });
  };
  EXPECT_THAT(cycle(), ElementsAre("import corp: retried", "import corp: success", "synchronize: success"));
}

TEST_F(FailoverTest, WhoFindsAnotherInChargeWhenTheDatabaseIsBackGivesUp) {
  when_ = "import corp";
  at_progress_ = [&] {
    // The other asks under the same name, as it would after a restart on this machine.
    const auto other = store_sql::open_store(url_, {});
    ASSERT_TRUE(other->operations().acquire(holder_name(), std::chrono::seconds(60)));
    testkit::Postgresql::shared().execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" +
                                          database() + "'");
  };
  EXPECT_THAT(cycle(), ElementsAre("import corp: failed"));
  EXPECT_EQ(report_.error()->id(), "store.lease_lost");
  EXPECT_EQ(store_->operations().runs(1).front().result, "") << "nothing was written, not even that";
}

TEST_F(FailoverTest, ALeaseThatAFailoverLostIsTakenAnew) {
  HeldLease lease(*store_, logger_);
  const std::int64_t fence = lease.lease().fence;
  // What an asynchronous standby had not heard of: that this lease was taken.
  testkit::Postgresql::shared().execute("UPDATE lease SET holder = '', expires_at = 0, fence = fence - 1", database());
  EXPECT_TRUE(lease.confirm());
  EXPECT_EQ(lease.lease().fence, fence);
  EXPECT_NO_THROW(put_setting(store_->configuration(), k_staging, "on"));
}

}  // namespace
}  // namespace linkspan::run
