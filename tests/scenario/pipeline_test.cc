// From a source to a target: what joins, what flows, what is provisioned, and what goes when its cause goes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "model/dn.h"
#include "scenario/stories.h"
#include "sync/preview.h"

namespace linkspan::scenario {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class PipelineTest : public ::testing::Test {
 protected:
  testkit::World world{k_rules, directories()};
  connector::FakeDirectory& corp = world.directory("corp");
  connector::FakeDirectory& hr = world.directory("hr");
  connector::FakeDirectory& cloud = world.directory("cloud");
};

TEST_F(PipelineTest, APersonReachesTheCloudAndIsConfirmed) {
  add_person(corp, "ada", "1");
  world.cycle(true);
  const model::Entry ada = in_cloud(world, "ada");
  EXPECT_EQ(value_of(ada, "userName"), "ada@corp.example");
  EXPECT_EQ(value_of(ada, "displayName"), "Name of ada");
  EXPECT_EQ(value_of(ada, "active"), "True");
  EXPECT_THAT(world.pending("cloud"), IsEmpty());
}

TEST_F(PipelineTest, ReferencesFollowTheirTargetsWhateverTheOrder) {
  add_group(corp, "staff", {"ada", "bob"});
  add_person(corp, "ada", "1", "bob");
  add_person(corp, "bob", "2", "ada");
  world.cycle(true);
  const std::string ada = in_cloud(world, "ada").anchor;
  const std::string bob = in_cloud(world, "bob").anchor;
  EXPECT_THAT(in_cloud(world, "ada").references, ElementsAre(model::NamedReference{"manager", bob}));
  EXPECT_THAT(in_cloud(world, "staff").references, SizeIs(2));
  EXPECT_THAT(world.pending("cloud"), IsEmpty());
}

TEST_F(PipelineTest, AReferenceWaitsForItsTargetAndArrivesWithIt) {
  add_group(corp, "staff", {"ada", "eve"});
  add_person(corp, "ada", "1");
  world.cycle(true);
  EXPECT_THAT(in_cloud(world, "staff").references, SizeIs(1));
  add_person(corp, "eve", "3");
  world.cycle();
  EXPECT_THAT(in_cloud(world, "staff").references, SizeIs(2));
  EXPECT_THAT(world.pending("cloud"), IsEmpty());
}

TEST_F(PipelineTest, AMemberWhoLeavesIsTakenFromTheGroup) {
  const std::string staff = add_group(corp, "staff", {"ada", "bob"});
  add_person(corp, "ada", "1");
  add_person(corp, "bob", "2");
  world.cycle(true);
  corp.set_references(staff, "member", {dn("ada")});
  world.cycle();
  EXPECT_THAT(in_cloud(world, "staff").references,
              ElementsAre(model::NamedReference{"members", in_cloud(world, "ada").anchor}));
}

TEST_F(PipelineTest, TheContributorWithTheLowerPrecedenceWinsAndHandsOverWhenItLeaves) {
  add_person(corp, "ada", "1");
  const std::string record = add_hr(hr, "1", "Chief");
  world.cycle(true);
  EXPECT_EQ(value_of(in_cloud(world, "ada"), "title"), "Chief");
  EXPECT_EQ(value_of(in_cloud(world, "ada"), "department"), "Dept 1");
  hr.remove(record);
  world.cycle();
  EXPECT_EQ(value_of(in_cloud(world, "ada"), "title"), "Engineer");
  EXPECT_EQ(value_of(in_cloud(world, "ada"), "department"), "(none)");
}

TEST_F(PipelineTest, AnObjectThatCanOnlyJoinWaitsForItsIdentity) {
  add_hr(hr, "1", "Chief");
  world.cycle(true);
  add_person(corp, "ada", "1");
  world.cycle();
  EXPECT_EQ(value_of(in_cloud(world, "ada"), "title"), "Chief");
}

TEST_F(PipelineTest, WhoLeavesTheSourceIsDeletedInTheTarget) {
  const std::string ada = add_person(corp, "ada", "1");
  add_person(corp, "bob", "2", "ada");
  world.cycle(true);
  corp.remove(ada);
  world.cycle();
  EXPECT_THAT(cloud.where("externalId", model::Value(std::string("ada"))), IsEmpty());
  EXPECT_THAT(in_cloud(world, "bob").references, IsEmpty());
  EXPECT_THAT(world.pending("cloud"), IsEmpty());
}

TEST_F(PipelineTest, WhoLeavesTheScopeIsDeletedAndComesBackAnew) {
  const std::string ada = add_person(corp, "ada", "1");
  add_person(corp, "bob", "2");
  world.cycle(true);
  corp.set(ada, "mail", {});
  world.cycle();
  EXPECT_EQ(cloud.size(), 1U);
  corp.set(ada, "mail", text("ada@corp.example"));
  world.cycle();
  EXPECT_EQ(cloud.size(), 2U);
}

TEST_F(PipelineTest, AnExistingAccountIsAdoptedByHardThenSoftMatchNotDuplicated) {
  model::Entry hard;
  hard.object_type = "User";
  hard.attributes = {{"externalId", text("ada")}, {"userName", text("old@x")}};
  cloud.add(hard);
  model::Entry soft;
  soft.object_type = "User";
  soft.attributes = {{"userName", text("BOB@corp.example")}};
  cloud.add(soft);
  add_person(corp, "ada", "1");
  add_person(corp, "bob", "2");
  world.cycle(true);
  EXPECT_EQ(cloud.size(), 2U);
  EXPECT_EQ(value_of(in_cloud(world, "ada"), "userName"), "ada@corp.example");
  EXPECT_EQ(value_of(in_cloud(world, "bob"), "displayName"), "Name of bob");
}

TEST_F(PipelineTest, AnAmbiguousJoinNeitherJoinsNorCreatesATwin) {
  add_person(corp, "ada", "1");
  add_person(corp, "bob", "2");
  world.cycle(true);
  world.set_rules(std::string(k_rules) + R"toml(
[[rule]]
name = "In from hr: by title"
direction = "inbound"
connector = "hr"
source = "badge"
target = "person"
link = "provision"
precedence = 60
join = [["title = title"]]
[rule.flows]
badge = "[badge]"
title = "[title]"
)toml");
  world.synchronize(true);
  model::Entry badge;
  badge.object_type = "badge";
  badge.dn = "cn=b,dc=hr";
  badge.attributes = {{"title", text("Engineer")}, {"badge", text("77")}};
  hr.add(badge);
  world.cycle();
  const auto errors = world.store().summary()->errors({}, {0, 10});
  ASSERT_THAT(errors, SizeIs(1));
  EXPECT_EQ(errors.front().error, "ambiguous-join");
  EXPECT_EQ(cloud.size(), 2U);
}

TEST_F(PipelineTest, AValueOfTheTargetsOwnIsLeftAloneAndAnOverwrittenOneIsSetRight) {
  add_person(corp, "ada", "1");
  world.cycle(true);
  const std::string anchor = in_cloud(world, "ada").anchor;
  cloud.set(anchor, "nickName", text("Countess"));
  cloud.set(anchor, "displayName", text("Somebody Else"));
  world.cycle();
  EXPECT_EQ(value_of(in_cloud(world, "ada"), "nickName"), "Countess");
  EXPECT_EQ(value_of(in_cloud(world, "ada"), "displayName"), "Name of ada");
}

TEST_F(PipelineTest, AClearedValueIsClearedInTheTarget) {
  const std::string ada = add_person(corp, "ada", "1");
  world.cycle(true);
  corp.set(ada, "title", {});
  world.cycle();
  EXPECT_EQ(value_of(in_cloud(world, "ada"), "title"), "(none)");
  EXPECT_THAT(world.pending("cloud"), IsEmpty());
}

TEST_F(PipelineTest, AnAccountDeletedInTheTargetIsProvisionedAgain) {
  add_person(corp, "ada", "1");
  world.cycle(true);
  cloud.remove(in_cloud(world, "ada").anchor);
  world.cycle();
  EXPECT_EQ(value_of(in_cloud(world, "ada"), "displayName"), "Name of ada");
  EXPECT_THAT(world.pending("cloud"), IsEmpty());
}

TEST_F(PipelineTest, ABrokenImportDeletesNothingAndTheNextIsWhole) {
  for (int i = 0; i < 30; ++i) add_person(corp, "p" + std::to_string(i), std::to_string(i));
  world.cycle(true);
  add_person(corp, "new", "100");
  corp.cut_next_import(10);
  EXPECT_THROW(world.import("corp", true), Error);
  world.synchronize();
  EXPECT_THAT(world.pending("cloud"), IsEmpty());
  world.cycle(true);
  EXPECT_EQ(cloud.size(), 31U);
}

TEST_F(PipelineTest, ARefusedWatermarkFallsBackToAFullImportAndSaysSo) {
  add_person(corp, "ada", "1");
  world.cycle(true);
  const std::string bob = add_person(corp, "bob", "2");
  world.import("corp");
  corp.remove(bob);
  corp.refuse_watermarks();
  const sync::ImportResult result = world.import("corp");
  EXPECT_TRUE(result.full);
  EXPECT_THAT(result.note, HasSubstr("no longer accepts"));
  EXPECT_EQ(result.counters.get("deletes"), 1);
}

TEST_F(PipelineTest, AFullImportForgetsStandInsThatNobodyRefersToAnyMore) {
  const std::string ada = add_person(corp, "ada", "1", "nobody");
  add_person(corp, "bo", "2", "somebody");
  world.cycle();
  const auto stand_ins = [&] {
    const std::vector<std::string> keys{model::dn_key(dn("nobody")), model::dn_key(dn("somebody"))};
    return world.store().view()->find_objects(world.info("corp").id, {}, keys).size();
  };
  EXPECT_EQ(stand_ins(), 2U);
  corp.set_references(ada, "manager", {});
  world.cycle();
  world.cycle(true);
  EXPECT_EQ(stand_ins(), 1U);  // bo's manager is still not known
  corp.set_references(ada, "manager", {dn("nobody")});
  world.cycle();
  EXPECT_EQ(stand_ins(), 2U);
  add_person(corp, "nobody", "3");
  world.cycle();
  EXPECT_EQ(in_cloud(world, "ada").references.size(), 1U);
}

TEST_F(PipelineTest, AMissingCanaryRejectsTheImport) {
  const std::string ada = add_person(corp, "ada", "1");
  const std::string bob = add_person(corp, "bob", "2");
  world.cycle(true);
  store::ConnectorRow row = world.store().configuration().connectors().front();
  row.settings = sync::print_settings({{"canaries", {dn("ada")}}});
  world.store().configuration().put_connector(row);
  world.reopen();
  corp.remove(bob);
  world.import("corp", true);
  add_person(corp, "eve", "3");
  world.import("corp", true);
  corp.remove(ada);
  EXPECT_THROW(world.import("corp", true), Error);
  EXPECT_THAT(world.pending("cloud"), IsEmpty());
}

TEST_F(PipelineTest, AFlowThatFailsKeepsWhatWasAndHoldsNobodyElseBack) {
  const std::string ada = add_person(corp, "ada", "1");
  add_person(corp, "bob", "2");
  world.cycle(true);
  std::string rules = k_rules;
  rules.replace(rules.find("LCase([mail])"), 13, "IIF([title] = \\\"bad\\\", Error(\\\"no\\\"), LCase([mail]))");
  world.set_rules(rules);
  corp.set(ada, "title", text("bad"));
  corp.set(ada, "cn", text("Half"));
  add_person(corp, "eve", "3");
  world.cycle();
  EXPECT_EQ(value_of(in_cloud(world, "ada"), "displayName"), "Name of ada");
  EXPECT_EQ(cloud.size(), 3U);
  const auto errors = world.store().summary()->errors({}, {0, 10});
  ASSERT_THAT(errors, SizeIs(1));
  EXPECT_EQ(errors.front().error, "flow-error");
  corp.set(ada, "title", text("good"));
  world.cycle();
  EXPECT_EQ(value_of(in_cloud(world, "ada"), "displayName"), "Half");
  EXPECT_THAT(world.store().summary()->errors({}, {0, 10}), IsEmpty());
}

TEST_F(PipelineTest, FullRightAfterDeltaChangesNothingByteForByte) {
  const std::string ada = add_person(corp, "ada", "1", "bob");
  add_person(corp, "bob", "2");
  add_group(corp, "staff", {"ada", "bob", "later"});
  add_hr(hr, "1", "Chief");
  world.cycle(true);
  corp.set(ada, "title", {});
  add_person(corp, "later", "9", "ada");
  world.cycle();
  world.synchronize();
  const std::string before = world.rows();
  world.synchronize(true);
  EXPECT_EQ(world.rows(), before);
}

TEST_F(PipelineTest, PreviewNamesReferencesThatAreDroppedBecauseTheirTargetIsNotThere) {
  add_person(corp, "ada", "1");
  const std::string robot = add_person(corp, "robot", "2");
  corp.set(robot, "kind", text("system"));
  add_group(corp, "staff", {"ada", "robot"});
  world.cycle(true);
  EXPECT_THAT(in_cloud(world, "staff").references, SizeIs(1));
  const sync::Preview preview = sync::preview(world.context(), world.info("corp"), "cn=staff,ou=groups,dc=corp");
  ASSERT_THAT(preview.targets, SizeIs(1));
  EXPECT_THAT(preview.targets.front().dropped_references, ElementsAre("members: " + dn("robot")));
}

TEST_F(PipelineTest, AStickyJoinKeepsTheIdentityAlive) {
  std::string rules = k_rules;
  rules.replace(rules.find("link       = \"join\""), 19, "link       = \"sticky_join\"");
  rules.replace(rules.find("department = \"[department]\""), 0, "number = \"[number]\"\n");
  world.set_rules(rules);
  add_hr(hr, "1", "Chief");
  const std::string ada = add_person(corp, "ada", "1");
  world.cycle(true);
  EXPECT_EQ(world.store().summary()->metaverse_objects(), 1);
  corp.remove(ada);
  world.cycle();
  EXPECT_EQ(world.store().summary()->metaverse_objects(), 1) << "held by the record";
  EXPECT_EQ(cloud.size(), 0U) << "without mail it is in no outbound scope";
  add_person(corp, "ada2", "1");
  world.cycle();
  EXPECT_EQ(world.store().summary()->metaverse_objects(), 1);
  EXPECT_EQ(value_of(in_cloud(world, "ada2"), "title"), "Chief");
}

TEST_F(PipelineTest, AnExplicitDisconnectorJoinsNothing) {
  const std::string record = add_hr(hr, "1", "Chief");
  add_person(corp, "ada", "1");
  world.cycle(true);
  {
    const auto found = world.store().view()->find_objects(world.info("hr").id, std::vector{record}, {});
    ASSERT_THAT(found, SizeIs(1));
    store::ObjectWrite write;
    write.object = found.front();
    write.object.state = store::ObjectState::explicit_disconnector;
    write.object.metaverse = {};
    write.object.link_rule = {};
    const auto batch = world.store().batch(world.context().lease);
    batch->put_objects(std::vector{write});
    batch->commit();
  }
  world.cycle(true);
  EXPECT_EQ(value_of(in_cloud(world, "ada"), "title"), "Engineer");
  hr.set(record, "title", text("Boss"));
  world.cycle();
  EXPECT_EQ(value_of(in_cloud(world, "ada"), "title"), "Engineer");
}

TEST_F(PipelineTest, PreviewShowsRulesJoinsFlowsAndExportsAndChangesNothing) {
  const std::string ada = add_person(corp, "ada", "1");
  add_hr(hr, "1", "Chief");
  world.import("corp");
  world.import("hr");
  const std::string before = world.rows();
  const sync::Preview preview = sync::preview(world.context(), world.info("corp"), dn("ada"));
  EXPECT_EQ(world.rows(), before);
  EXPECT_THAT(preview.decision, HasSubstr("would be projected by \"In from corp: person\""));
  ASSERT_THAT(preview.targets, SizeIs(1));
  EXPECT_EQ(preview.targets.front().operation, "add");
  EXPECT_THAT(preview.flows, ::testing::Contains(::testing::Field(&sync::PreviewFlow::value, "ada@corp.example")));
  EXPECT_THROW((void)sync::preview(world.context(), world.info("corp"), "uid=nobody"), Error);
  (void)ada;
}

}  // namespace
}  // namespace linkspan::scenario
