// What is told beforehand comes true: preview of one object, and what changed rules would do to all.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <scenario/stories.h>
#include <testkit/world.h>

#include <map>

#include "sync/preview.h"
#include "sync/rule_diff.h"

namespace linkspan::scenario {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class UnderstandingTest : public ::testing::Test {
 protected:
  UnderstandingTest() : world(k_rules, directories()) {}

  sync::Preview preview(const std::string& connector, const std::string& name) {
    return sync::preview(world.context(), world.info(connector), name);
  }

  struct Compared {
    sync::RuleDiff sum;
    std::vector<sync::RuleDifference> list;
  };
  Compared diff(const std::string& before, const std::string& after) {
    std::map<std::string, std::int64_t> ids;
    for (const store::RuleRow& row : world.store().configuration().rules()) ids[row.name] = row.id.value;
    const auto left = compile(before, ids);
    const auto right = compile(after, ids);
    Compared out;
    out.sum = sync::diff_rules(world.context(), *left, *right,
                               [&](const sync::RuleDifference& one) { out.list.push_back(one); });
    return out;
  }
  std::shared_ptr<const rules::RuleSet> compile(const std::string& text, std::map<std::string, std::int64_t>& ids) {
    std::vector<rules::Problem> problems;
    std::vector<rules::Rule> rules = rules::parse_rules(text, "r.toml", problems);
    std::vector<model::RuleId> given;
    for (const rules::Rule& rule : rules)
      given.push_back({ids.emplace(rule.name, 1'000'000 + static_cast<std::int64_t>(ids.size())).first->second});
    const std::vector<rules::ConnectorName> connectors{{"corp", "ldap"}, {"hr", "file"}, {"cloud", "scim"}};
    auto set = rules::RuleSet::compile(std::move(rules), given, connectors, world.store().names(), problems);
    for (const rules::Problem& problem : problems) ADD_FAILURE() << rules::to_text(problem);
    return set;
  }
  static std::string replaced(const std::string& what, const std::string& by) {
    std::string text = k_rules;
    text.replace(text.find(what), what.size(), by);
    return text;
  }

  testkit::World world;
  connector::FakeDirectory& corp = world.directory("corp");
  connector::FakeDirectory& hr = world.directory("hr");
  connector::FakeDirectory& cloud = world.directory("cloud");
};

TEST_F(UnderstandingTest, PreviewNamesTheClauseThatDecidedAndTheValueThatIsThere) {
  const std::string ada = add_person(corp, "ada", "1");
  corp.set(ada, "kind", text("system"));
  world.import("corp", true);
  const sync::Preview out = preview("corp", dn("ada"));
  ASSERT_THAT(out.rules, SizeIs(1));
  EXPECT_FALSE(out.rules[0].in_scope);
  EXPECT_THAT(out.rules[0].because, ElementsAre("kind NOTEQUAL system (it is system)"));
  corp.set(ada, "kind", {});
  world.import("corp");
  EXPECT_THAT(preview("corp", dn("ada")).rules[0].because, ElementsAre("kind NOTEQUAL system"));
}

TEST_F(UnderstandingTest, PreviewShowsEachJoinTriedAndWhatItLeadsTo) {
  add_person(corp, "ada", "1");
  world.cycle(true);
  add_hr(hr, "1", "Chief");
  add_hr(hr, "2", "Nobody");
  world.import("hr", true);
  const std::string before = world.rows();
  sync::Preview out = preview("hr", hr.where("number", model::Value(std::string("1"))).front().dn);
  ASSERT_THAT(out.joins, SizeIs(1));
  EXPECT_EQ(out.joins[0].condition, "number = number");
  EXPECT_EQ(out.joins[0].value, "1");
  EXPECT_EQ(out.joins[0].matches, 1U);
  EXPECT_EQ(out.decision, "would be joined by \"In from hr: person\"");
  const auto title = std::find_if(out.flows.begin(), out.flows.end(),
                                  [](const auto& flow) { return flow.attribute == "title" && flow.won; });
  ASSERT_NE(title, out.flows.end());
  EXPECT_EQ(title->value, "Chief");
  EXPECT_EQ(title->connector, "hr");
  ASSERT_THAT(out.targets, SizeIs(1));
  EXPECT_EQ(out.targets[0].operation, "update");
  ASSERT_FALSE(out.targets[0].changes.empty());
  EXPECT_EQ(out.targets[0].changes[0].attribute, "title");
  EXPECT_THAT(out.targets[0].changes[0].before, ElementsAre("Engineer"));
  EXPECT_THAT(out.targets[0].changes[0].after, ElementsAre("Chief"));
  out = preview("hr", hr.where("number", model::Value(std::string("2"))).front().dn);
  EXPECT_EQ(out.joins[0].matches, 0U);
  EXPECT_THAT(out.decision, HasSubstr("stays a disconnector"));
  EXPECT_EQ(world.rows(), before);
}

TEST_F(UnderstandingTest, PreviewFindsTheAccountThatWouldBeAdoptedAndSaysByWhichGroup) {
  model::Entry account;
  account.object_type = "User";
  account.attributes = {{"userName", text("ADA@corp.example")}, {"title", text("old")}};
  cloud.add(account);
  world.cycle(true);  // disconnectors are found by keys, and these the synchronization writes
  add_person(corp, "ada", "1");
  add_person(corp, "bob", "2");
  world.import("corp");
  const sync::Preview out = preview("corp", dn("ada"));
  EXPECT_EQ(out.decision, "would be projected by \"In from corp: person\"");
  ASSERT_THAT(out.targets, SizeIs(1));
  EXPECT_EQ(out.targets[0].decision, "would be adopted by \"Out to cloud: user\"");
  EXPECT_EQ(out.targets[0].operation, "update");
  ASSERT_THAT(out.targets[0].joins, SizeIs(2));
  EXPECT_EQ(out.targets[0].joins[0].matches, 0U);
  EXPECT_EQ(out.targets[0].joins[1].group, 2U);
  EXPECT_EQ(out.targets[0].joins[1].matches, 1U);
  const sync::Preview other = preview("corp", dn("bob"));
  EXPECT_EQ(other.targets[0].operation, "add");
  EXPECT_EQ(other.targets[0].decision, "would be made by \"Out to cloud: user\"");
}

TEST_F(UnderstandingTest, PreviewTellsWhenAnAccountWouldBeDeleted) {
  const std::string ada = add_person(corp, "ada", "1");
  world.cycle(true);
  corp.set(ada, "mail", {});
  world.import("corp");
  const sync::Preview out = preview("corp", dn("ada"));
  ASSERT_THAT(out.targets, SizeIs(1));
  EXPECT_EQ(out.targets[0].operation, "delete");
  EXPECT_THAT(out.targets[0].rules[0].because, ElementsAre("mail ISNOTNULL (there is no value)"));
  world.synchronize();
  EXPECT_THAT(world.pending("cloud"), SizeIs(1));
}

TEST_F(UnderstandingTest, TheSameRulesDifferInNothing) {
  add_person(corp, "ada", "1", "bob");
  add_person(corp, "bob", "2");
  add_group(corp, "staff", {"ada", "bob"});
  add_hr(hr, "1", "Chief");
  add_hr(hr, "9", "Nobody");
  world.cycle(true);
  const Compared out = diff(k_rules, k_rules);
  EXPECT_EQ(out.sum.identities, 3);
  EXPECT_EQ(out.sum.objects, 1);
  EXPECT_EQ(out.sum.different, 0);
  EXPECT_THAT(out.list, IsEmpty());
}

TEST_F(UnderstandingTest, AChangedFlowIsToldValueByValueAndNothingIsWritten) {
  add_person(corp, "ada", "1");
  add_person(corp, "bob", "2");
  world.cycle(true);
  const std::string before = world.rows();
  const Compared out =
      diff(k_rules, replaced("displayName = \"[cn]\"", "displayName = 'IIF([uid] = \"ada\", \"A.\", [cn])'"));
  EXPECT_EQ(world.rows(), before);
  EXPECT_EQ(out.sum.different, 1);
  EXPECT_THAT(out.sum.metaverse_attributes, ElementsAre(Pair("displayName", 1)));
  ASSERT_THAT(out.list, SizeIs(1));
  EXPECT_EQ(out.list[0].object, dn("ada"));
  ASSERT_THAT(out.list[0].metaverse_changes, SizeIs(1));
  EXPECT_THAT(out.list[0].metaverse_changes[0].before, ElementsAre("Name of ada"));
  EXPECT_THAT(out.list[0].metaverse_changes[0].after, ElementsAre("A."));
  ASSERT_THAT(out.list[0].targets, SizeIs(1));
  EXPECT_EQ(out.list[0].targets[0].before, "none");
  EXPECT_EQ(out.list[0].targets[0].after, "update");
  EXPECT_THAT(out.sum.targets.at("cloud").operations, ElementsAre(Pair("update", 1)));
}

TEST_F(UnderstandingTest, ANarrowerScopeIsToldAsDeletionsAndThatComesTrue) {
  add_person(corp, "ada", "1");
  const std::string bob = add_person(corp, "bob", "2");
  corp.set(bob, "kind", text("guest"));
  world.cycle(true);
  const std::string narrower = replaced("kind NOTEQUAL system", "kind NOTEQUAL guest");
  const Compared out = diff(k_rules, narrower);
  EXPECT_EQ(out.sum.different, 1);
  EXPECT_EQ(out.sum.disappear, 1);
  EXPECT_EQ(out.sum.relinked, 1);
  EXPECT_THAT(out.sum.targets.at("cloud").operations, ElementsAre(Pair("delete", 1)));
  world.set_rules(narrower);
  world.synchronize(true);
  EXPECT_THAT(world.pending("cloud"), SizeIs(1));
  world.cycle();
  EXPECT_EQ(cloud.size(), 1U);
}

TEST_F(UnderstandingTest, WhomNewRulesLetInIsToldAsAdds) {
  const std::string ada = add_person(corp, "ada", "1");
  corp.set(ada, "kind", text("system"));
  world.cycle(true);
  ASSERT_EQ(cloud.size(), 0U);
  const Compared out = diff(k_rules, replaced("kind NOTEQUAL system", "kind NOTEQUAL guest"));
  EXPECT_EQ(out.sum.appear, 1);
  EXPECT_THAT(out.sum.targets.at("cloud").operations, ElementsAre(Pair("add", 1)));
  ASSERT_THAT(out.list, SizeIs(1));
  EXPECT_EQ(out.list[0].metaverse, 0);
}

TEST_F(UnderstandingTest, AJoinByAnAttributeThatNobodyJoinedByYetIsFoundWithinTheIdentity) {
  add_person(corp, "ada", "1");
  const std::string record = add_hr(hr, "1", "Chief");
  hr.set(record, "name", text("Name of ada"));
  world.cycle(true);
  std::string text = replaced("In from hr: person", "In from hr: by name");
  const std::string by_number = "join       = [[\"number = number\"]]";
  text.replace(text.find(by_number, text.find("In from hr: by name")), by_number.size(),
               "join       = [[\"name = displayName\"]]");
  EXPECT_EQ(diff(k_rules, text).sum.different, 0);
}

TEST_F(UnderstandingTest, AFlowThatWouldFailIsTold) {
  add_person(corp, "ada", "1");
  world.cycle(true);
  const Compared out = diff(k_rules, replaced("displayName = \"[cn]\"", "displayName = 'Error(\"no\")'"));
  EXPECT_EQ(out.sum.errors, 1);
  ASSERT_THAT(out.list, SizeIs(1));
  EXPECT_THAT(out.list[0].links, Contains(HasSubstr("flow-error")));
}

}  // namespace
}  // namespace linkspan::scenario
