// Runs on fake directories and a real store in a SQLite file.

#include "run/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "connector/testing/fake_directory.h"
#include "run/review.h"
#include "run/scheduler.h"
#include "run/settings.h"
#include "store_sql/store_sql.h"
#include "store_sql/testing/temporary_store.h"

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
mail = "[mail]"
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
mail = "[mail]"
)"};

connector::FakeOptions source_options() {
  connector::FakeOptions options;
  options.exports = false;
  return options;
}

connector::FakeOptions target_options() {
  connector::FakeOptions options;
  options.correlation_attribute = "externalId";
  return options;
}

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() {
    const HeldLease lease(store(), logger_);
    auto& configuration = store().configuration();
    configuration.put_connector({{}, "corp", "fake", "{}", 1});
    configuration.put_connector({{}, "cloud", "fake", "{}", 2});
    configuration.put_rules(
        std::vector<store::RuleRow>{{{}, "in", std::string(k_rules[0])}, {{}, "out", std::string(k_rules[1])}});
  }

  [[nodiscard]] store::Store& store() { return temporary_.store(); }

  [[nodiscard]] Environment environment() {
    return {store(),
            [this](const store::ConnectorRow& row) {
              if (refused_ == row.name) throw Error(Fault::denied, "test.sealed", "cannot open " + row.name);
              return row.name == "corp" ? corp_.connect() : cloud_.connect();
            },
            [](std::string_view) { return false; },
            clock_,
            logger_,
            {},
            {}};
  }

  void hire(const std::string& uid) {
    corp_.add({"", "uid=" + uid + ",dc=corp", "person", {{"uid", {uid}}, {"mail", {uid + "@corp.example"}}}, {}});
  }

  void put(std::string_view name, std::string_view value) {
    const HeldLease lease(store(), logger_);
    put_setting(store().configuration(), name, value);
  }

  static std::vector<std::string> results(const Report& report) {
    std::vector<std::string> out;
    for (const StepReport& step : report.steps) out.push_back(step.step.name + ": " + step.step.result);
    return out;
  }

  store_sql::testing::TemporaryStore temporary_;
  ManualClock clock_;
  QuietLogger logger_;
  connector::FakeDirectory corp_{source_options()};
  connector::FakeDirectory cloud_{target_options()};
  std::string refused_;
};

TEST_F(EngineTest, ACycleImportsSynchronizesExportsAndConfirms) {
  hire("ada");
  hire("bo");
  Engine engine(environment());
  const Report report = engine.cycle(false);
  EXPECT_THAT(results(report), ElementsAre("import corp: success", "import cloud: success", "synchronize: success",
                                           "export cloud: success", "confirm cloud: success"));
  EXPECT_EQ(report.result, Result::success);
  EXPECT_EQ(cloud_.size(), 2U);
  EXPECT_EQ(review(environment(), "cloud").changes.counts.objects(), 0);
  const auto runs = store().operations().runs(1);
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].result, "success");
  EXPECT_EQ(runs[0].steps.size(), 5U);
  EXPECT_FALSE(store().operations().lease_state().held);
}

TEST_F(EngineTest, ASecondCycleExportsNothingAndHasNothingToConfirm) {
  hire("ada");
  Engine engine(environment());
  static_cast<void>(engine.cycle(false));
  const Report report = engine.cycle(false);
  EXPECT_THAT(results(report), ElementsAre("import corp: success", "import cloud: success", "synchronize: success",
                                           "export cloud: success"));
  EXPECT_EQ(cloud_.calls().adds, 1U);
}

TEST_F(EngineTest, AConnectorThatWasNeverImportedToTheEndHoldsBackEverythingAfterTheImports) {
  hire("ada");
  cloud_.be_down(Error(Fault::unavailable, "fake.down", "the cloud is away"));
  const Report report = Engine(environment()).cycle(false);
  EXPECT_THAT(results(report), ElementsAre("import corp: success", "import cloud: failed", "synchronize: skipped"));
  EXPECT_EQ(report.result, Result::failed);
  ASSERT_NE(report.error(), nullptr);
  EXPECT_EQ(report.error()->id(), "fake.down");
}

TEST_F(EngineTest, AFailedImportOfAKnownSourceDoesNotHoldBackTheOthers) {
  hire("ada");
  Engine engine(environment());
  static_cast<void>(engine.cycle(false));
  corp_.be_down(Error(Fault::unavailable, "fake.down", "corp is away"));
  const Report report = engine.cycle(false);
  EXPECT_THAT(results(report), ElementsAre("import corp: failed", "import cloud: success", "synchronize: success",
                                           "export cloud: success"));
  EXPECT_EQ(cloud_.size(), 1U);
}

TEST_F(EngineTest, NothingIsExportedToATargetWhoseImportFailed) {
  Engine engine(environment());
  static_cast<void>(engine.cycle(false));
  hire("ada");
  cloud_.cut_next_import(0);
  const Report report = engine.cycle(false);
  EXPECT_THAT(results(report), ElementsAre("import corp: success", "import cloud: failed", "synchronize: success",
                                           "export cloud: skipped"));
  EXPECT_EQ(cloud_.size(), 0U);
}

TEST_F(EngineTest, CredentialsThatCannotBeOpenedFailTheStepAndNameTheError) {
  refused_ = "cloud";
  const Report report = Engine(environment()).cycle(false);
  ASSERT_NE(report.error(), nullptr);
  EXPECT_EQ(report.error()->id(), "test.sealed");
}

TEST_F(EngineTest, StagingExportsNothingAndLeavesItPending) {
  put(k_staging, "on");
  hire("ada");
  Engine engine(environment());
  EXPECT_THAT(results(engine.cycle(false)), ElementsAre("import corp: success", "import cloud: success",
                                                        "synchronize: success", "export cloud: skipped"));
  EXPECT_EQ(cloud_.size(), 0U);
  EXPECT_EQ(review(environment(), "cloud").changes.counts.adds, 1);
  const Report forced = engine.export_to("cloud", std::nullopt);
  EXPECT_EQ(forced.result, Result::failed);
  EXPECT_EQ(forced.error()->id(), "export.staging");
}

TEST_F(EngineTest, ABlockedExportSendsNothingUntilItsFingerprintIsApproved) {
  for (const char* uid : {"a", "b", "c", "d", "e"}) hire(uid);
  Engine engine(environment());
  static_cast<void>(engine.cycle(false));
  for (const auto& entry : corp_.all()) {
    if (entry.dn != "uid=a,dc=corp") corp_.remove(entry.anchor);
  }
  const Report blocked = engine.cycle(false);
  EXPECT_EQ(blocked.result, Result::blocked);
  EXPECT_EQ(cloud_.size(), 5U);
  EXPECT_THAT(blocked.steps.back().step.message, HasSubstr("--approved"));
  const std::string fingerprint = review(environment(), "cloud").changes.fingerprint;
  EXPECT_EQ(fingerprint, blocked.steps.back().export_result->change_set.fingerprint);
  EXPECT_EQ(engine.export_to("cloud", std::string(64, '0')).error()->id(), "export.not_as_approved");
  EXPECT_EQ(engine.export_to("cloud", fingerprint).result, Result::success);
  EXPECT_EQ(cloud_.size(), 1U);
}

TEST_F(EngineTest, ALeaseHeldByAnotherIsAnErrorThatNamesTheHolder) {
  const HeldLease other(store(), logger_, {"elsewhere:1:x", std::chrono::seconds(60)});
  try {
    static_cast<void>(Engine(environment()).cycle(false));
    FAIL() << "ran beside another";
  } catch (const Error& error) {
    EXPECT_EQ(error.id(), "run.lease_held");
    EXPECT_THAT(error.message(), HasSubstr("elsewhere:1:x"));
  }
  EXPECT_TRUE(store().operations().runs(1).empty());
}

TEST_F(EngineTest, ALeaseOfADeadProcessOfThisMachineIsTakenOver) {
  // No process has the greatest pid there can be.
  std::string dead = holder_name();
  const std::size_t colon = dead.find(':');
  dead.replace(colon + 1, dead.rfind(':') - colon - 1, "4194303");
  ASSERT_TRUE(store().operations().acquire(dead, std::chrono::seconds(60)).has_value());
  EXPECT_NO_THROW(HeldLease(store(), logger_));
}

TEST_F(EngineTest, ALeaseLostInTheMiddleEndsTheRunWithoutFurtherSteps) {
  hire("ada");
  Engine engine(environment());
  static_cast<void>(engine.cycle(false));
  corp_.set(corp_.all().front().anchor, "mail", {std::string("new@corp.example")});
  cloud_.refuse_exports([this](const model::Export&) -> std::optional<Error> {
    // Another server takes over by asking under the same name, as after a restart.
    static_cast<void>(store().operations().acquire(holder_name(), std::chrono::seconds(60)));
    return std::nullopt;
  });
  const Report report = engine.cycle(false);
  EXPECT_EQ(report.result, Result::failed);
  EXPECT_EQ(report.error()->id(), "store.lease_lost");
  EXPECT_EQ(report.steps.back().step.name, "export cloud");
}

TEST_F(EngineTest, AStopRequestEndsTheRunAsCancelled) {
  hire("ada");
  std::stop_source stop;
  stop.request_stop();
  const Report report = Engine(environment()).cycle(false, stop.get_token());
  EXPECT_EQ(report.result, Result::cancelled);
  EXPECT_EQ(cloud_.size(), 0U);
}

TEST_F(EngineTest, ChangedRulesMakeTheNextSynchronizationFullOnce) {
  Engine engine(environment());
  static_cast<void>(engine.cycle(false));
  put(k_full_synchronization, "on");
  EXPECT_THAT(engine.cycle(false).steps[2].step.message, HasSubstr("full"));
  EXPECT_EQ(engine.cycle(false).steps[2].step.message, "");
}

TEST_F(EngineTest, RulesThatDoNotCompileFailTheRunAndAreRecorded) {
  {
    const HeldLease lease(store(), logger_);
    store().configuration().put_rules(std::vector<store::RuleRow>{{{}, "broken", "[[rule]]\nname = 3\n"}});
  }
  const Report report = Engine(environment()).cycle(false);
  EXPECT_EQ(report.error()->id(), "sync.rules");
  EXPECT_EQ(store().operations().runs(1).front().result, "failed");
}

TEST_F(EngineTest, AnUnknownConnectorIsNamedWithItsNearestNeighbour) {
  try {
    static_cast<void>(Engine(environment()).import("corq", false));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.id(), "run.no_connector");
    EXPECT_THAT(error.hint(), HasSubstr("corp"));
  }
}

TEST_F(EngineTest, ARunThatWasKilledIsClosedByTheNext) {
  store::Run killed;
  killed.profile = "delta";
  killed.started_at = clock_.now();
  store().operations().begin_run(killed);
  static_cast<void>(Engine(environment()).cycle(false));
  EXPECT_EQ(store().operations().runs(2).back().result, "interrupted");
}

TEST_F(EngineTest, TheSchedulerRunsAtItsIntervalAndOnlyThen) {
  Engine engine(environment());
  Scheduler scheduler(engine, store(), clock_, logger_);
  EXPECT_TRUE(scheduler.tick({}));
  EXPECT_FALSE(scheduler.tick({}));
  clock_.advance(std::chrono::minutes(29));
  EXPECT_FALSE(scheduler.tick({}));
  clock_.advance(std::chrono::minutes(1));
  EXPECT_TRUE(scheduler.tick({}));
  put(k_interval, "1h");
  clock_.advance(std::chrono::minutes(31));
  EXPECT_FALSE(scheduler.tick({}));
  EXPECT_EQ(scheduler.state().last_result, Result::success);
}

TEST_F(EngineTest, TheSchedulerWaitsWhilePausedAndWhileAnotherWorks) {
  Engine engine(environment());
  Scheduler scheduler(engine, store(), clock_, logger_);
  put(k_suspended, "on");
  EXPECT_FALSE(scheduler.tick({}));
  EXPECT_TRUE(scheduler.state().suspended);
  put(k_suspended, "off");
  {
    const HeldLease other(store(), logger_, {"elsewhere:1:x", std::chrono::seconds(60)});
    EXPECT_FALSE(scheduler.tick({}));
    EXPECT_THAT(scheduler.state().standing_by, HasSubstr("elsewhere"));
  }
  clock_.advance(std::chrono::seconds(15));
  EXPECT_TRUE(scheduler.tick({}));
}

TEST_F(EngineTest, ACycleThatWasStoppedIsDueAgainAtOnce) {
  Engine engine(environment());
  std::stop_source stop;
  stop.request_stop();
  static_cast<void>(engine.cycle(false, stop.get_token()));
  Scheduler scheduler(engine, store(), clock_, logger_);
  EXPECT_TRUE(scheduler.tick({}));
  EXPECT_FALSE(scheduler.tick({}));
}

TEST_F(EngineTest, OldRunsAreForgotten) {
  Engine engine(environment());
  static_cast<void>(engine.cycle(false));
  clock_.advance(std::chrono::days(8));
  static_cast<void>(engine.cycle(false));
  EXPECT_EQ(store().operations().runs(10).size(), 1U);
}

TEST(DurationTest, TakesSecondsMinutesHoursAndDays) {
  EXPECT_EQ(parse_duration("90s"), std::chrono::seconds(90));
  EXPECT_EQ(parse_duration("30m"), std::chrono::minutes(30));
  EXPECT_EQ(parse_duration("12h"), std::chrono::hours(12));
  EXPECT_EQ(parse_duration("7d"), std::chrono::days(7));
  for (const char* bad : {"", "m", "5", "-1m", "1.5h", "99999999d", "5 m", "5y"}) {
    EXPECT_THROW(static_cast<void>(parse_duration(bad)), Error) << bad;
  }
}

}  // namespace
}  // namespace linkspan::run
