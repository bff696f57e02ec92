// Stories that generated histories told first: each was a bug, shrunk to this.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <testkit/histories.h>

#include "base/error.h"
#include "scenario/stories.h"

namespace linkspan::scenario {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testkit::Act;
using testkit::History;
using testkit::Player;

class FoundByHistories : public ::testing::Test {
 protected:
  /// Plays, and holds what must hold of every history.
  void play(const History& history) {
    player.play(history);
    player.catch_up();
    EXPECT_EQ(player.contradictions(), "");
    const std::string before = world.rows();
    world.synchronize(true);
    EXPECT_EQ(world.rows(), before);
    EXPECT_TRUE(player.settle());
    EXPECT_THAT(player.duplicates(), IsEmpty());
  }
  void expect_as_in_sources() { EXPECT_EQ(player.target_against_sources(), ""); }

  Player player{{}};
  testkit::World& world = player.world();
};

TEST_F(FoundByHistories, AnAddWithoutAnswerThatNobodyWantsAnyMoreIsLookedUpAndDeleted) {
  play(
      {{Act::lose_replies, 0, 0, 0}, {Act::add_person, 0, 0, 5}, {Act::cycle, 1, 0, 0}, {Act::remove_person, 0, 0, 0}});
  expect_as_in_sources();
  EXPECT_EQ(player.cloud().size(), 0U);
}

TEST_F(FoundByHistories, WhoReferredToTheNameItIsGivenAndDoesNoLongerRefersToNobody) {
  play({{Act::add_person, 0, 0, 2},
        {Act::rename_person, 0, 0, 3},
        {Act::set_manager, 0, 0, 1},
        {Act::cycle, 0, 0, 0},
        {Act::rename_person, 0, 0, 0},
        {Act::set_manager, 0, 0, 0}});
  expect_as_in_sources();
  const std::string before = world.rows();
  world.import("corp", true);
  EXPECT_EQ(world.rows(), before);
}

TEST_F(FoundByHistories, WhoIsGivenTheNameThatItsManagerHasLeftHasNoManager) {
  play({{Act::add_person, 0, 0, 2},
        {Act::add_person, 1, 0, 0},
        {Act::cycle, 0, 0, 0},
        {Act::rename_person, 0, 0, 3},
        {Act::set_manager, 1, 0, 1}});
  expect_as_in_sources();
  const std::string before = world.rows();
  world.import("corp", true);
  EXPECT_EQ(world.rows(), before);
}

TEST_F(FoundByHistories, AnAddWithoutAnswerThatNeverArrivedIsForgottenWhenNobodyWantsItAnyMore) {
  play({{Act::lose_requests, 0, 0, 0},
        {Act::add_person, 0, 0, 5},
        {Act::cycle, 1, 0, 0},
        {Act::remove_person, 0, 0, 0}});
  EXPECT_EQ(player.cloud().calls().removes, 0U);
  EXPECT_THAT(world.pending("cloud"), IsEmpty());
}

TEST_F(FoundByHistories, AnAddWithoutAnswerWhoseIdentityComesBackIsOneAccount) {
  play({{Act::add_person, 0, 0, 5},
        {Act::import, 0, 0, 0},
        {Act::synchronize, 0, 0, 0},
        {Act::lose_replies, 0, 0, 0},
        {Act::send, 0, 0, 0},
        {Act::remove_person, 0, 0, 0},
        {Act::import, 0, 0, 1},
        {Act::synchronize, 0, 0, 1},
        {Act::add_person, 0, 0, 5}});
  expect_as_in_sources();
  EXPECT_EQ(player.cloud().size(), 1U);
}

TEST_F(FoundByHistories, AnAccountThatVanishedAndWhoseNewAddGotNoAnswerIsFoundAgain) {
  play({{Act::add_person, 1, 0, 5},
        {Act::lose_replies, 0, 0, 1},
        {Act::cycle, 0, 0, 0},
        {Act::remove_from_target, 1, 0, 0},
        {Act::synchronize, 0, 0, 1}});
  expect_as_in_sources();
}

TEST_F(FoundByHistories, AnAccountThatTurnsUpIsAdoptedByADeltaThroughTheSoftMatchOfAnOutboundRule) {
  play({{Act::add_person, 1, 0, 5},
        {Act::import, 0, 0, 0},
        {Act::synchronize, 0, 0, 0},
        {Act::add_to_target, 1, 0, 3},
        {Act::import, 2, 0, 0},
        {Act::synchronize, 0, 0, 1}});
  expect_as_in_sources();
  EXPECT_EQ(player.cloud().size(), 1U);
}

TEST_F(FoundByHistories, WhoWasKeptOutBySomebodyElseWithTheSameJoinKeyComesInWhenThatOneLeaves) {
  play({{Act::add_person, 0, 0, 5},
        {Act::set_number, 0, 1, 1},
        {Act::add_person, 1, 0, 5},
        {Act::cycle, 0, 0, 0},
        {Act::remove_person, 0, 0, 0}});
  EXPECT_THAT(player.cloud().all(), SizeIs(1));
  EXPECT_EQ(value_of(player.cloud().all().front(), "externalId"), "p1");
}

TEST_F(FoundByHistories, WhoWasKeptOutComesInWhenTheOthersJoinKeyChanges) {
  play({{Act::add_person, 2, 0, 5},
        {Act::add_person, 0, 0, 5},
        {Act::set_number, 2, 0, 1},
        {Act::import, 0, 0, 0},
        {Act::synchronize, 0, 0, 0},
        {Act::set_number, 2, 3, 1}});
  EXPECT_THAT(player.cloud().all(), SizeIs(2));
}

TEST_F(FoundByHistories, AnObjectThatLeavesInTheSameImportInWhichAnotherBeginsToReferToItStaysAsAStandIn) {
  play({{Act::add_person, 2, 0, 5}, {Act::import, 0, 0, 1}, {Act::remove_person, 2, 0, 0}, {Act::add_person, 0, 2, 0}});
  expect_as_in_sources();
  play({{Act::add_person, 2, 0, 5}});
  expect_as_in_sources();
}

TEST_F(FoundByHistories, AReferenceSetBehindOurBackIsTakenBackByADelta) {
  add_person(world.directory("corp"), "eve", "7");
  EXPECT_TRUE(player.settle());
  const std::string eve = in_cloud(world, "eve").anchor;
  player.cloud().set_references(eve, "manager", {eve});
  play({});
  EXPECT_THAT(in_cloud(world, "eve").references, IsEmpty());
}

TEST_F(FoundByHistories, AReferenceToADnLeadsToTheObjectThatIsRenamedToIt) {
  play({{Act::add_person, 0, 0, 5},
        {Act::add_person, 1, 0, 5},
        {Act::set_manager, 0, 1, 2},  // to where nobody is yet
        {Act::cycle, 0, 0, 0},
        {Act::rename_person, 1, 0, 5}});
  expect_as_in_sources();
  EXPECT_THAT(in_cloud(world, "p0").references, SizeIs(1));
}

TEST_F(FoundByHistories, AReferenceToADnThatItsObjectLeavesInTheSameImportLeadsNowhere) {
  play({{Act::add_person, 1, 0, 5},
        {Act::add_person, 0, 0, 5},
        {Act::import, 0, 0, 0},
        {Act::rename_person, 1, 0, 3},
        {Act::set_manager, 0, 1, 1}});
  expect_as_in_sources();
  EXPECT_THAT(in_cloud(world, "p0").references, IsEmpty());
}

TEST_F(FoundByHistories, AFailureOfAnAccountThatIsNoLongerThereDoesNotHoldItsNewOneBack) {
  player.play({{Act::add_to_target, 1, 0, 0}});
  player.catch_up();
  player.play({{Act::add_person, 1, 0, 5},
               {Act::import, 0, 0, 0},
               {Act::synchronize, 0, 0, 0},
               {Act::remove_from_target, 1, 0, 0},
               {Act::send, 0, 0, 0}});
  player.catch_up();
  EXPECT_EQ(world.send("cloud").counters.get("added"), 1);
}

TEST(FoundByHistoriesOfWriteBack, AValueThatIsNoLongerWrittenBackStopsFlowingIn) {
  Player::Options options;
  options.variant = 5;
  Player player(options);
  player.play({{Act::add_person, 0, 0, 5},
               {Act::cycle, 0, 0, 0},
               {Act::add_hr, 0, 0, 0},
               {Act::import, 1, 0, 0},
               {Act::synchronize, 0, 0, 0},
               {Act::set_mail, 0, 0, 0}});
  player.catch_up();
  const std::string before = player.world().rows();
  player.world().synchronize(true);
  EXPECT_EQ(player.world().rows(), before);
}

TEST(FoundByHistoriesOfWriteBack, ARecordThatWasOnlyJoinedAndIsGoneIsNotBroughtBack) {
  Player::Options options;
  options.variant = 5;
  Player player(options);
  player.play({{Act::add_person, 2, 0, 5}, {Act::add_hr, 2, 0, 0}, {Act::cycle, 0, 0, 0}, {Act::remove_hr, 2, 0, 0}});
  player.catch_up();
  EXPECT_THAT(player.world().pending("hr"), IsEmpty());
  EXPECT_TRUE(player.settle());
  EXPECT_EQ(player.world().directory("hr").size(), 0U);
}

TEST(FoundByHistoriesOfFlows, AFlowThatAppliesOnceLeavesTheTargetAloneFromThenOn) {
  Player::Options options;
  options.variant = 6;
  Player player(options);
  player.play({{Act::add_person, 0, 0, 5}, {Act::cycle, 0, 0, 0}});
  player.catch_up();
  const std::string before = player.world().rows();
  player.world().synchronize(true);
  EXPECT_EQ(player.world().rows(), before);
  player.play({{Act::set_title, 0, 0, 5}, {Act::strike_target, 0, 1, 4}});
  EXPECT_TRUE(player.settle());
  EXPECT_EQ(value_of(in_cloud(player.world(), "p0"), "title"), "X4");
}

TEST(FoundByHistoriesOfWriteBack, AReferenceWrittenBackFollowsATargetThatJoinsLater) {
  Player::Options options;
  options.variant = 5;
  Player player(options);
  player.play({{Act::add_person, 1, 0, 5},
               {Act::add_person, 0, 1, 0},
               {Act::add_hr, 0, 0, 0},
               {Act::cycle, 0, 0, 0},
               {Act::add_hr, 1, 0, 0}});
  EXPECT_TRUE(player.settle());
  const auto records = player.world().directory("hr").where("number", model::Value(std::string("0")));
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_THAT(records.front().references, ElementsAre(model::NamedReference{"head", "cn=1,dc=hr"}));
}

}  // namespace
}  // namespace linkspan::scenario
