// Runs on fake directories and a real store in a SQLite file.

#include "run/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <optional>

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

connector::FakeOptions source_options(connector::FakeDelta delta) {
  connector::FakeOptions options;
  options.delta = delta;
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
  explicit EngineTest(connector::FakeDelta delta = connector::FakeDelta::removals) : corp_(source_options(delta)) {
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
            [](std::string_view) { return connector::Naming{}; },
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

  ManualClock clock_;
  store_sql::testing::TemporaryStore temporary_{&clock_};
  QuietLogger logger_;
  connector::FakeDirectory corp_;
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

TEST_F(EngineTest, AProcessThatWasPausedInAnExportSendsNothingMoreAndWritesNothing) {
  for (const char* uid : {"a", "b", "c", "d", "e"}) hire(uid);
  std::atomic<std::chrono::nanoseconds::rep> paused = 0;
  Environment with_pause = environment();
  with_pause.lease.elapsed = [&] { return std::chrono::nanoseconds(paused.load()); };
  const auto elsewhere = store_sql::open_store(temporary_.url(), {.clock = &clock_});
  std::optional<HeldLease> other;
  cloud_.refuse_exports([&](const model::Export&) -> std::optional<Error> {
    if (other) return std::nullopt;
    paused = std::chrono::nanoseconds(std::chrono::minutes(2)).count();
    clock_.advance(std::chrono::minutes(2));
    other.emplace(*elsewhere, logger_, LeaseOptions{.holder = "elsewhere:1:x", .lasts = std::chrono::seconds(60)});
    return std::nullopt;
  });
  const Report report = Engine(with_pause).cycle(false);
  EXPECT_EQ(report.error()->id(), "store.lease_lost");
  EXPECT_EQ(cloud_.size(), 1U) << "but the request that was under way";
  EXPECT_EQ(store().operations().runs(1).front().result, "") << "for the new holder to close";
  other.reset();
  cloud_.refuse_exports({});
  EXPECT_EQ(Engine(environment()).cycle(false).result, Result::success);
  EXPECT_EQ(cloud_.size(), 5U) << "each once";
  const auto runs = store().operations().runs(2);
  EXPECT_EQ(runs[1].result, "interrupted");
  EXPECT_EQ(runs[1].steps.back().result, "interrupted");
}

TEST_F(EngineTest, AProcessThatWasPausedAndNotFollowedDoesTheStepAgain) {
  for (const char* uid : {"a", "b", "c", "d", "e"}) hire(uid);
  std::atomic<std::chrono::nanoseconds::rep> paused = 0;
  Environment with_pause = environment();
  with_pause.lease.elapsed = [&] { return std::chrono::nanoseconds(paused.load()); };
  cloud_.refuse_exports([&](const model::Export&) -> std::optional<Error> {
    paused = std::chrono::nanoseconds(std::chrono::minutes(2)).count();
    return std::nullopt;
  });
  const Report report = Engine(with_pause).cycle(false);
  EXPECT_THAT(results(report), ElementsAre("import corp: success", "import cloud: success", "synchronize: success",
                                           "export cloud: retried", "export cloud: success", "confirm cloud: success"));
  EXPECT_EQ(report.result, Result::success);
  EXPECT_EQ(cloud_.size(), 5U);
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

class UnseenRemovalsTest : public EngineTest {
 protected:
  UnseenRemovalsTest() : EngineTest(connector::FakeDelta::changes) {
    hire("ada");
    hire("bo");
    static_cast<void>(engine_.cycle(false));
    corp_.remove(corp_.where("uid", std::string("bo")).front().anchor);
  }
  std::string message_after(std::chrono::seconds time) {
    clock_.advance(time);
    return engine_.cycle(false).steps.front().step.message;
  }
  Engine engine_{environment()};
};

TEST_F(UnseenRemovalsTest, AFullImportComesInTimeWhereDeltasDoNotTellThem) {
  EXPECT_EQ(message_after(std::chrono::hours(3)), "");
  EXPECT_EQ(cloud_.size(), 2U);
  EXPECT_THAT(message_after(std::chrono::hours(1)), HasSubstr("full, because"));
  EXPECT_EQ(cloud_.size(), 1U);
  EXPECT_EQ(message_after(std::chrono::hours(3)), "");
}

TEST_F(UnseenRemovalsTest, TheSettingOfTheConnectorComesFirstAndNeverIsNever) {
  put("import.full_after", "never");
  EXPECT_EQ(message_after(std::chrono::hours(24 * 365)), "");
  put("import.full_after.corp", "2h");
  EXPECT_THAT(message_after({}), HasSubstr("full, because"));
  EXPECT_EQ(message_after(std::chrono::hours(1)), "");
  EXPECT_THROW(check_setting("import.full_after.corp", "5s"), Error);
  EXPECT_NO_THROW(check_setting("import.full_after.corp", "never"));
}

TEST_F(EngineTest, WhereDeltasTellRemovalsNoImportBecomesFull) {
  Engine engine(environment());
  static_cast<void>(engine.cycle(false));
  clock_.advance(std::chrono::hours(24 * 30));
  EXPECT_EQ(engine.cycle(false).steps.front().step.message, "");
  EXPECT_EQ(corp_.calls().full_imports, 1U);
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
  killed.steps = {{.name = "import corp", .result = "", .started_at = clock_.now(), .counters = {}, .message = ""}};
  {
    const HeldLease lease(store(), logger_);
    static_cast<void>(store().operations().begin_run(killed));
  }
  static_cast<void>(Engine(environment()).cycle(false));
  EXPECT_EQ(store().operations().runs(2).back().result, "interrupted");
  EXPECT_EQ(store().operations().runs(2).back().steps.front().result, "interrupted");
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

TEST_F(EngineTest, OfTwoServersOneLeadsAndTheOtherTakesOverWhenItIsGone) {
  const auto elapsed = [this] { return clock_.now().time_since_epoch(); };
  const LeaseOptions first{.holder = "quay:1:x", .elapsed = elapsed};
  const LeaseOptions second{.holder = "harbour:1:x", .elapsed = elapsed};
  std::optional<Standing> quay;
  quay.emplace(store(), logger_, first);
  Standing harbour(store(), logger_, second);
  quay->look();
  harbour.look();
  EXPECT_TRUE(quay->leads());
  EXPECT_FALSE(harbour.leads());
  EXPECT_EQ(harbour.leader(), "quay:1:x");

  Engine engine(environment());
  Scheduler standby(engine, store(), clock_, logger_, &harbour);
  EXPECT_FALSE(standby.tick({}));
  EXPECT_FALSE(standby.state().leads);
  EXPECT_THAT(standby.state().standing_by, HasSubstr("quay:1:x"));

  clock_.advance(std::chrono::seconds(59));
  harbour.look();
  EXPECT_FALSE(harbour.leads()) << "a leader that is not heard of is waited for";
  clock_.advance(std::chrono::seconds(1));
  EXPECT_FALSE(quay->leads()) << "by its own clock, too";
  harbour.look();
  EXPECT_TRUE(harbour.leads());
  EXPECT_TRUE(standby.tick({}));
  EXPECT_TRUE(standby.state().leads);
  const std::stop_token term = quay->term();
  quay->look();
  EXPECT_FALSE(quay->leads());
  EXPECT_TRUE(term.stop_requested()) << "what it was doing ends";
}

TEST_F(EngineTest, WhoStepsDownEndsItsCycleAndIsFollowedAtOnce) {
  const auto elapsed = [this] { return clock_.now().time_since_epoch(); };
  Standing quay(store(), logger_, {.holder = "quay:1:x", .elapsed = elapsed});
  Standing harbour(store(), logger_, {.holder = "harbour:1:x", .elapsed = elapsed});
  quay.look();
  harbour.look();
  hire("ada");
  Engine engine(environment());
  Scheduler scheduler(engine, store(), clock_, logger_, &quay);
  cloud_.refuse_exports([&](const model::Export&) -> std::optional<Error> {
    EXPECT_EQ(store().servers().step_down(std::chrono::minutes(10)), "quay:1:x");
    quay.look();
    return std::nullopt;
  });
  EXPECT_TRUE(scheduler.tick({}));
  EXPECT_EQ(scheduler.state().last_result, Result::cancelled);
  EXPECT_FALSE(store().operations().lease_state().held);
  harbour.look();
  EXPECT_TRUE(harbour.leads());
  EXPECT_FALSE(scheduler.tick({}));
  Scheduler next(engine, store(), clock_, logger_, &harbour);
  EXPECT_TRUE(next.tick({})) << "a cycle that was stopped is due at once";
  EXPECT_EQ(cloud_.size(), 1U);
}

TEST_F(EngineTest, AServerThatEndsLeavesAndADeadNeighbourIsNotWaitedFor) {
  std::string dead = holder_name();
  const std::size_t colon = dead.find(':');
  dead.replace(colon + 1, dead.rfind(':') - colon - 1, "4194303");
  EXPECT_TRUE(store().servers().report(dead, std::chrono::seconds(60)).leads);
  {
    Standing quay(store(), logger_);
    quay.look();
    EXPECT_TRUE(quay.leads());
  }
  EXPECT_TRUE(store().servers().list().empty());
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
