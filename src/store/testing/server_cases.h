#pragma once
// The contract of Servers: which service leads.

#include "store/testing/store_fixture.h"

namespace linkspan::store::testing {

inline std::vector<std::string> standings(Store& store) {
  std::vector<std::string> out;
  for (const Server& one : store.servers().list()) out.push_back(one.name + (one.leads ? " leads" : " stands by"));
  return out;
}

TEST_P(StoreContract, TheFirstServerLeadsAndTheNextStandBy) {
  EXPECT_THAT(store_->servers().list(), ::testing::IsEmpty());
  EXPECT_TRUE(store_->servers().report("quay", k_lease_time).leads);
  const auto other = place_->open(&clock_);
  EXPECT_FALSE(other->servers().report("harbour", k_lease_time).leads);
  EXPECT_TRUE(store_->servers().report("quay", k_lease_time).leads) << "goes on";
  EXPECT_THAT(standings(*other), ::testing::ElementsAre("quay leads", "harbour stands by"));
  EXPECT_EQ(other->servers().list().front().seen_at, clock_.now());
}

TEST_P(StoreContract, AServerThatIsNotHeardOfLosesTheLeadWhenItsTimeIsOver) {
  EXPECT_TRUE(store_->servers().report("quay", k_lease_time).leads);
  const auto other = place_->open(&clock_);
  clock_.advance(k_lease_time - std::chrono::seconds(1));
  EXPECT_FALSE(other->servers().report("harbour", k_lease_time).leads);
  clock_.advance(std::chrono::seconds(1));
  EXPECT_TRUE(other->servers().report("harbour", k_lease_time).leads);
  EXPECT_THAT(standings(*other), ::testing::ElementsAre("harbour leads"));
  EXPECT_FALSE(store_->servers().report("quay", k_lease_time).leads) << "it woke up too late";
}

TEST_P(StoreContract, AServerThatLeavesIsFollowedAtOnce) {
  EXPECT_TRUE(store_->servers().report("quay", k_lease_time).leads);
  EXPECT_FALSE(store_->servers().report("harbour", k_lease_time).leads);
  store_->servers().leave("quay");
  store_->servers().leave("nobody knows it");
  EXPECT_TRUE(store_->servers().report("harbour", k_lease_time).leads);
}

TEST_P(StoreContract, WhoStepsDownStandsBackForAWhile) {
  EXPECT_EQ(store_->servers().step_down(std::chrono::minutes(1)), "");
  EXPECT_TRUE(store_->servers().report("quay", k_lease_time).leads);
  EXPECT_FALSE(store_->servers().report("harbour", k_lease_time).leads);
  EXPECT_EQ(store_->servers().step_down(std::chrono::minutes(1)), "quay");
  EXPECT_FALSE(store_->servers().list().front().leads);
  const Server quay = store_->servers().report("quay", k_lease_time);
  EXPECT_FALSE(quay.leads) << "though nobody else leads yet";
  EXPECT_EQ(quay.stands_back_until, clock_.now() + std::chrono::minutes(1));
  EXPECT_TRUE(store_->servers().report("harbour", k_lease_time).leads);
  clock_.advance(std::chrono::minutes(1));
  EXPECT_TRUE(store_->servers().report("quay", k_lease_time).leads) << "harbour is gone, and the minute is over";
}

TEST_P(StoreContract, ALeadingServerNeedsNoLease) {
  store_->operations().release(lease_);
  EXPECT_TRUE(store_->servers().report("quay", k_lease_time).leads);
  EXPECT_TRUE(store_->operations().acquire("a command", k_lease_time)) << "who leads is not in the way of a command";
}

}  // namespace linkspan::store::testing
