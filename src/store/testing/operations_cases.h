#pragma once
// The contract of Operations: the lease and the history of runs.

#include "store/testing/store_fixture.h"

namespace linkspan::store::testing {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

TEST_P(StoreContract, LeaseHasOneHolderUntilItLapses) {
  const auto other = place_->open(&clock_);
  EXPECT_EQ(other->operations().acquire("second", k_lease_time), std::nullopt);
  clock_.advance(k_lease_time - std::chrono::seconds(1));
  EXPECT_EQ(other->operations().acquire("second", k_lease_time), std::nullopt);
  EXPECT_TRUE(store_->operations().renew(lease_, k_lease_time));
  clock_.advance(k_lease_time - std::chrono::seconds(1));
  EXPECT_EQ(other->operations().acquire("second", k_lease_time), std::nullopt) << "renewed";
  clock_.advance(std::chrono::seconds(1));
  const auto taken = other->operations().acquire("second", k_lease_time);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->holder, "second");
  EXPECT_GT(taken->fence, lease_.fence);
  EXPECT_FALSE(store_->operations().renew(lease_, k_lease_time));
  store_->operations().release(lease_);  // of one that is another's by now
  EXPECT_TRUE(other->operations().renew(*taken, k_lease_time));
}

TEST_P(StoreContract, LapsedLeaseThatNobodyTookCanBeRenewed) {
  clock_.advance(k_lease_time * 10);
  EXPECT_FALSE(store_->operations().lease_state().held);
  EXPECT_TRUE(store_->operations().renew(lease_, k_lease_time));
  EXPECT_TRUE(store_->operations().lease_state().held);
}

TEST_P(StoreContract, ReleasedLeaseIsFreeAtOnce) {
  store_->operations().release(lease_);
  EXPECT_FALSE(store_->operations().renew(lease_, k_lease_time));
  EXPECT_EQ(id_thrown_by([&] { batch([](Batch&) {}); }), "store.lease_lost");
  const auto taken = store_->operations().acquire("second", k_lease_time);
  ASSERT_TRUE(taken);
  EXPECT_GT(taken->fence, lease_.fence);
}

TEST_P(StoreContract, SameHolderTakesTheLeaseAnewAndFencesItsEarlierSelf) {
  const auto again = store_->operations().acquire("first", k_lease_time);
  ASSERT_TRUE(again);
  EXPECT_GT(again->fence, lease_.fence);
  EXPECT_FALSE(store_->operations().renew(lease_, k_lease_time));
}

TEST_P(StoreContract, LeaseStateSaysWhoIsInCharge) {
  clock_.advance(std::chrono::seconds(5));
  ASSERT_TRUE(store_->operations().renew(lease_, k_lease_time));
  const Operations::LeaseState state = store_->operations().lease_state();
  EXPECT_EQ(state.holder, "first");
  EXPECT_EQ(state.fence, lease_.fence);
  EXPECT_TRUE(state.held);
  EXPECT_EQ(state.seen_at, clock_.now());
}

TEST_P(StoreContract, LeaseGoesByTheClockOfTheDatabase) {
  const auto plain = place_->open(nullptr);
  store_->operations().release(lease_);
  const auto taken = plain->operations().acquire("a", k_lease_time);
  ASSERT_TRUE(taken);
  EXPECT_EQ(plain->operations().acquire("b", k_lease_time), std::nullopt);
  EXPECT_TRUE(plain->operations().renew(*taken, std::chrono::seconds(-1)));
  EXPECT_TRUE(plain->operations().acquire("b", k_lease_time)) << "lapsed a second ago";
}

TEST_P(StoreContract, NowIsTheClockThatLeasesGoBy) {
  EXPECT_EQ(store_->operations().now(), clock_.now());
  clock_.advance(std::chrono::hours(1));
  EXPECT_EQ(store_->operations().now(), clock_.now());
}

TEST_P(StoreContract, NothingAtAllIsWrittenOnceAnotherHasTheLease) {
  Operations& operations = store_->operations();
  const RunId run = operations.begin_run(run_of("delta", clock_.now()));
  const RunStep step{
      .name = "import corp", .result = "success", .started_at = clock_.now(), .counters = {}, .message = ""};
  clock_.advance(k_lease_time);
  const auto other = place_->open(&clock_);
  ASSERT_TRUE(other->operations().acquire("second", k_lease_time));
  const std::vector<std::pair<std::string, std::string>> setting{{"staging", "on"}};
  EXPECT_EQ(id_thrown_by([&] { (void)operations.begin_run(run_of("late", clock_.now())); }), "store.lease_lost");
  EXPECT_EQ(id_thrown_by([&] { operations.put_step(run, step); }), "store.lease_lost");
  EXPECT_EQ(id_thrown_by([&] { operations.end_run(run, "success", clock_.now()); }), "store.lease_lost");
  EXPECT_EQ(id_thrown_by([&] { operations.prune_runs(clock_.now()); }), "store.lease_lost");
  EXPECT_EQ(id_thrown_by([&] { store_->configuration().put_settings(setting); }), "store.lease_lost");
  EXPECT_EQ(id_thrown_by([&] { store_->configuration().put_rules({}); }), "store.lease_lost");
  EXPECT_EQ(id_thrown_by([&] { store_->configuration().put_secrets({}); }), "store.lease_lost");
  EXPECT_EQ(id_thrown_by([&] { store_->configuration().put_connector({{}, "late", "ldap", "{}", 1}); }),
            "store.lease_lost");
  EXPECT_EQ(id_thrown_by([&] { store_->configuration().remove_connector(k_corp); }), "store.lease_lost");
  EXPECT_EQ(id_thrown_by([&] { batch([](Batch& to) { to.put_watermark(k_corp, "late"); }); }), "store.lease_lost");
  EXPECT_EQ(store_->summary()->watermark(k_corp), "");
  const auto runs = operations.runs(10);
  ASSERT_THAT(runs, SizeIs(1));
  EXPECT_EQ(runs[0].result, "");
  EXPECT_THAT(runs[0].steps, IsEmpty());
}

TEST_P(StoreContract, NamesThatWereNeverWrittenAreForgottenWhenTheLeaseIsTakenAnew) {
  const NameId mine = store_->names().id("never written");
  clock_.advance(k_lease_time);
  const auto other = place_->open(&clock_);
  const Lease taken = other->operations().acquire("second", k_lease_time).value();
  EXPECT_EQ(other->names().id("of the other"), mine);
  other->batch(taken)->commit();
  EXPECT_EQ(id_thrown_by([&] { store_->check_names(); }), "model.name_table");
  store_->refresh_names();
  EXPECT_EQ(store_->names().name(mine), "of the other");
  EXPECT_EQ(store_->names().find("never written"), std::nullopt);
}

TEST_P(StoreContract, NamesThatTheDatabaseLostAreWrittenAgainUnderTheirIds) {
  const NameId written = store_->names().id("written");
  batch([](Batch&) {});
  const NameId unwritten = store_->names().id("unwritten");
  store_->check_names();
  EXPECT_EQ(store_->names().find("written"), written);
  EXPECT_EQ(store_->names().find("unwritten"), unwritten);
  batch([](Batch&) {});
  EXPECT_EQ(place_->open(&clock_)->names().find("unwritten"), unwritten);
}

TEST_P(StoreContract, RunsAreKeptWithTheirSteps) {
  Operations& operations = store_->operations();
  const Time start = clock_.now();
  const RunId first = operations.begin_run(run_of("delta", start));
  const RunId second = operations.begin_run(run_of("full", start + std::chrono::hours(1)));
  RunStep import{.name = "import corp", .result = "", .started_at = start, .counters = {{"adds", 3}}, .message = ""};
  operations.put_step(first, import);
  import.result = "success";
  import.ended_at = start + std::chrono::seconds(2);
  import.counters = {{"updates", 4}, {"adds", 5}};
  import.message = "done";
  operations.put_step(first, import);  // the same step goes on
  RunStep confirming = import;
  confirming.started_at = start + std::chrono::seconds(9);
  confirming.counters.clear();
  operations.put_step(first, confirming);  // another of the same name
  operations.end_run(first, "success", start + std::chrono::seconds(10));
  const auto runs = operations.runs(10);
  ASSERT_THAT(runs, SizeIs(2));
  EXPECT_EQ(runs[0].id, second) << "newest first";
  EXPECT_EQ(runs[0].result, "");
  EXPECT_THAT(runs[0].steps, IsEmpty());
  EXPECT_EQ(runs[1].id, first);
  EXPECT_EQ(runs[1].profile, "delta");
  EXPECT_EQ(runs[1].host, "a host");
  EXPECT_EQ(runs[1].result, "success");
  EXPECT_EQ(runs[1].started_at, start);
  EXPECT_EQ(runs[1].ended_at, start + std::chrono::seconds(10));
  ASSERT_THAT(runs[1].steps, SizeIs(2));
  EXPECT_EQ(runs[1].steps[0].result, "success");
  EXPECT_EQ(runs[1].steps[0].ended_at, import.ended_at);
  EXPECT_EQ(runs[1].steps[0].message, "done");
  EXPECT_THAT(runs[1].steps[0].counters, ElementsAre(Pair("updates", 4), Pair("adds", 5)));
  EXPECT_EQ(runs[1].steps[1].started_at, confirming.started_at);
  EXPECT_THAT(runs[1].steps[1].counters, IsEmpty());
  EXPECT_THAT(operations.runs(1), SizeIs(1));
}

TEST_P(StoreContract, OldRunsArePrunedButNotThoseStillRunning) {
  Operations& operations = store_->operations();
  const Time start = clock_.now();
  const RunId old = operations.begin_run(run_of("old", start));
  operations.put_step(old,
                      {.name = "s", .result = "success", .started_at = start, .counters = {{"a", 1}}, .message = ""});
  operations.end_run(old, "success", start);
  const RunId running = operations.begin_run(run_of("running", start));
  const RunId recent = operations.begin_run(run_of("new", start + std::chrono::hours(2)));
  operations.end_run(recent, "success", start + std::chrono::hours(2));
  operations.prune_runs(start + std::chrono::hours(1));
  const auto runs = operations.runs(10);
  ASSERT_THAT(runs, SizeIs(2));
  EXPECT_EQ(runs[0].id, recent);
  EXPECT_EQ(runs[1].id, running);
}

}  // namespace linkspan::store::testing
