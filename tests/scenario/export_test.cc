// The last mile: staging, the guard, approvals, failures, and answers that never came.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "scenario/stories.h"
#include "store/store.h"

namespace linkspan::scenario {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ExportTest : public ::testing::Test {
 protected:
  void people(int count) {
    for (int i = 0; i < count; ++i) anchors.push_back(add_person(corp, "p" + std::to_string(i), std::to_string(i)));
  }
  void stage() {
    for (const char* name : {"corp", "hr", "cloud"}) world.import(name);
    world.synchronize();
  }
  testkit::World world{k_rules, directories()};
  connector::FakeDirectory& corp = world.directory("corp");
  connector::FakeDirectory& cloud = world.directory("cloud");
  std::vector<std::string> anchors;
};

std::string id_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return std::string(error.id());
  }
  return "(nothing thrown)";
}

TEST_F(ExportTest, StagingExportsNothingWhoeverAsksAndThenJustWhatTheReviewShowed) {
  people(3);
  world.set("staging", "on");
  stage();
  EXPECT_EQ(id_of([&] { world.send("cloud"); }), "export.staging");
  const sync::ChangeSet reviewed = world.change_set("cloud");
  EXPECT_EQ(id_of([&] { world.send("cloud", reviewed.fingerprint); }), "export.staging");
  EXPECT_EQ(cloud.size(), 0U);
  world.set("staging", "off");
  const sync::ExportResult result = world.send("cloud");
  EXPECT_EQ(result.change_set.fingerprint, reviewed.fingerprint);
  EXPECT_EQ(cloud.size(), 3U);
}

TEST_F(ExportTest, TheGuardBlocksMassDeletionAndOnlyThatVeryChangeSetMayBeAllowed) {
  people(40);
  stage();
  world.send("cloud");
  world.import("cloud");
  for (int i = 0; i < 10; ++i) corp.remove(anchors[static_cast<std::size_t>(i)]);
  stage();
  const sync::ExportResult blocked = world.send("cloud");
  EXPECT_TRUE(blocked.blocked);
  EXPECT_THAT(blocked.verdict.reasons, ElementsAre(HasSubstr("10 deletions are more than the 4 allowed")));
  EXPECT_EQ(cloud.size(), 40U);
  corp.remove(anchors[20]);
  stage();
  EXPECT_EQ(id_of([&] { world.send("cloud", blocked.change_set.fingerprint); }), "export.not_as_approved");
  EXPECT_EQ(cloud.size(), 40U);
  world.send("cloud", world.change_set("cloud").fingerprint);
  EXPECT_EQ(cloud.size(), 29U);
}

TEST_F(ExportTest, TheGuardBlocksMassDisablement) {
  people(40);
  stage();
  world.send("cloud");
  world.import("cloud");
  for (int i = 0; i < 10; ++i) corp.set(anchors[static_cast<std::size_t>(i)], "kind", text("disabled"));
  stage();
  EXPECT_THAT(world.send("cloud").verdict.reasons, ElementsAre(HasSubstr("10 disablements")));
}

TEST_F(ExportTest, AnAddWhoseAnswerWasLostIsFoundAgainNotDoubled) {
  people(3);
  stage();
  cloud.lose_next_replies(2);
  world.send("cloud");
  EXPECT_EQ(cloud.size(), 3U);
  const sync::ExportResult again = world.send("cloud");
  EXPECT_EQ(cloud.size(), 3U);
  EXPECT_EQ(again.counters.get("found_after_uncertainty"), 2);
  world.import("cloud");
  EXPECT_THAT(world.pending("cloud"), IsEmpty());
}

TEST_F(ExportTest, AnAddWhoseAnswerWasLostIsAdoptedByAnImportThatComesFirst) {
  people(2);
  stage();
  cloud.lose_next_replies(2);
  world.send("cloud");
  world.cycle();
  EXPECT_EQ(cloud.size(), 2U);
  EXPECT_THAT(world.pending("cloud"), IsEmpty());
}

TEST_F(ExportTest, AnAccountMadeByHandSinceTheLastLookIsAdoptedNotDoubled) {
  people(3);
  stage();
  model::Entry by_hand;
  by_hand.object_type = "User";
  by_hand.attributes = {{"externalId", text("p1")}, {"displayName", text("made by hand")}};
  cloud.add(by_hand);
  const sync::ExportResult result = world.send("cloud");
  EXPECT_EQ(result.counters.get("adopted"), 1);
  EXPECT_EQ(result.counters.get("added"), 2);
  EXPECT_EQ(cloud.size(), 3U);
  world.cycle();
  world.cycle();
  EXPECT_EQ(cloud.size(), 3U);
  EXPECT_THAT(cloud.where("displayName", std::string("made by hand")), IsEmpty());  // it has become what the rules say
  EXPECT_THAT(world.pending("cloud"), IsEmpty());
}

TEST_F(ExportTest, AnAddRightAfterTheImportAsksNothing) {
  people(3);
  stage();
  const auto asked = cloud.calls().finds;
  world.send("cloud", std::nullopt, world.clock().now());
  EXPECT_EQ(cloud.calls().finds, asked);
  EXPECT_EQ(cloud.size(), 3U);
}

TEST_F(ExportTest, AnAddWhoseRequestWasLostIsSentAgain) {
  people(2);
  stage();
  cloud.lose_next_requests(1);
  world.send("cloud");
  EXPECT_EQ(cloud.size(), 1U);
  world.send("cloud");
  EXPECT_EQ(cloud.size(), 2U);
}

TEST_F(ExportTest, ACrashInTheMiddleLeavesNoDuplicate) {
  people(20);
  stage();
  int sent = 0;
  cloud.refuse_exports([&](const model::Export&) -> std::optional<Error> {
    if (++sent == 11) throw std::runtime_error("the process dies here");
    return std::nullopt;
  });
  EXPECT_THROW(world.send("cloud"), std::runtime_error);
  cloud.refuse_exports({});
  world.reopen();
  world.cycle();
  EXPECT_EQ(cloud.size(), 20U);
  EXPECT_THAT(world.pending("cloud"), IsEmpty());
}

TEST_F(ExportTest, WhatIsRefusedStaysPendingIsRetriedLaterAndHoldsNobodyBack) {
  people(3);
  stage();
  cloud.refuse_exports([](const model::Export& change) -> std::optional<Error> {
    if (change.dn.find("p1") == std::string::npos) return std::nullopt;
    return Error(Fault::invalid, "fake.refused", "not this one");
  });
  EXPECT_EQ(world.send("cloud").counters.get("failed"), 1);
  EXPECT_EQ(cloud.size(), 2U);
  EXPECT_EQ(world.send("cloud").counters.get("waiting_for_retry"), 1);
  for (int i = 0; i < 3; ++i) {
    world.clock().advance(std::chrono::hours(30));
    world.send("cloud");
  }
  auto errors = world.store().summary()->errors({}, {0, 10});
  ASSERT_THAT(errors, SizeIs(1));
  EXPECT_TRUE(errors.front().quarantined);
  EXPECT_GE(errors.front().count, 3);
  cloud.refuse_exports({});
  world.clock().advance(std::chrono::hours(30));
  world.send("cloud");
  EXPECT_EQ(cloud.size(), 3U);
  EXPECT_THAT(world.store().summary()->errors({}, {0, 10}), IsEmpty());
}

TEST_F(ExportTest, ATargetThatLowersCaseCausesNoEndlessExports) {
  people(2);
  cloud.rewrite("displayName", [](const model::Value& value) {
    std::string rewritten = model::to_text(value);
    for (char& c : rewritten) c = static_cast<char>(std::tolower(c));
    return model::Value(rewritten);
  });
  world.cycle(true);
  EXPECT_THAT(world.pending("cloud"), IsEmpty());
  const auto before = cloud.calls();
  world.cycle();
  world.cycle(true);
  EXPECT_EQ(cloud.calls().updates, before.updates);
}

TEST_F(ExportTest, ATargetThatRewritesAnotherWayIsAcceptedAfterASecondIdenticalAnswer) {
  people(1);
  cloud.rewrite("title", [](const model::Value& value) { return model::Value("x-" + model::to_text(value)); });
  for (int i = 0; i < 4; ++i) world.cycle();
  const auto before = cloud.calls();
  world.cycle();
  EXPECT_EQ(cloud.calls().updates, before.updates);
  EXPECT_THAT(world.pending("cloud"), IsEmpty());
}

TEST_F(ExportTest, MembersTheTargetDoesNotTakeStayPendingAndAreNamed) {
  people(2);
  add_group(corp, "staff", {"p0", "p1"});
  stage();
  cloud.refuse_exports([](const model::Export& change) -> std::optional<Error> {
    if (change.operation != model::Operation::add || change.dn.find("p1") == std::string::npos) return std::nullopt;
    return Error(Fault::unavailable, "fake.later", "later");
  });
  world.send("cloud");
  EXPECT_THAT(in_cloud(world, "staff").references, SizeIs(1));
  EXPECT_THAT(world.pending("cloud"), SizeIs(2));
  cloud.refuse_exports({});
  world.cycle();
  EXPECT_THAT(in_cloud(world, "staff").references, SizeIs(2));
  EXPECT_THAT(world.pending("cloud"), IsEmpty());
}

TEST(GuardTest, LimitsAreReadAndTheSmallerCounts) {
  EXPECT_EQ(sync::to_text(sync::parse_limit("500, 5%")), "500,5%");
  EXPECT_THROW((void)sync::parse_limit("many"), Error);
  EXPECT_THROW((void)sync::parse_limit("-1"), Error);
  EXPECT_THROW((void)sync::parse_limit("101%"), Error);
  sync::ChangeCounts counts;
  counts.deletes = 60;
  EXPECT_FALSE(sync::judge(counts, 1000, {}).blocked);
  EXPECT_TRUE(sync::judge(counts, 500, {}).blocked);
  counts.deletes = 501;
  EXPECT_TRUE(sync::judge(counts, 1'000'000, {}).blocked);
  counts.deletes = 1;
  EXPECT_FALSE(sync::judge(counts, 3, {}).blocked) << "a percentage always allows one";
  sync::GuardLimits off;
  off.deletions = sync::parse_limit("off");
  counts.deletes = 5;
  EXPECT_FALSE(sync::judge(counts, 5, off).blocked);
}

}  // namespace
}  // namespace linkspan::scenario
