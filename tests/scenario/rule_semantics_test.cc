// What sync rules mean, fact by fact, on a small world: two sources (corp, hr) and a target (cloud).

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <scenario/stories.h>
#include <testkit/world.h>

#include <initializer_list>

#include "base/text.h"

namespace linkspan::scenario {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

/// One rule as TOML. `lines` is anything else: scope, join, disabled.
struct RuleText {
  std::string name;
  std::string connector = "corp";
  std::string link = "provision";
  int precedence = 100;
  std::string lines;
  std::string flows;
};

std::string toml(const RuleText& rule) {
  const bool outbound = rule.connector == "cloud";
  return fmt::format(
      "[[rule]]\nname = \"{}\"\ndirection = \"{}\"\nconnector = \"{}\"\nsource = \"person\"\ntarget = \"{}\"\n"
      "link = \"{}\"\nprecedence = {}\n{}\n[rule.flows]\n{}\n\n",
      rule.name, outbound ? "outbound" : "inbound", rule.connector, outbound ? "User" : "person", rule.link,
      rule.precedence, rule.lines, rule.flows);
}

const RuleText k_corp{"In from corp",
                      "corp",
                      "provision",
                      100,
                      "join = [[\"number = number\"]]",
                      "number = \"[number]\"\nname = \"[name]\""};
const RuleText k_hr{"In from hr", "hr", "join", 110, "join = [[\"number = number\"]]", "title = \"[title]\""};
const RuleText k_cloud{"Out to cloud",
                       "cloud",
                       "provision",
                       200,
                       "join = [[\"externalId = number\"]]",
                       "externalId = \"[number]\"\ndisplayName = \"[name]\"\ntitle = \"[title]\""};

RuleText with(RuleText rule, std::string lines, std::string flows = {}) {
  rule.lines = std::move(lines);
  if (!flows.empty()) rule.flows = std::move(flows);
  return rule;
}
RuleText linked(RuleText rule, std::string link) {
  rule.link = std::move(link);
  return rule;
}
RuleText called(RuleText rule, std::string name, int precedence) {
  rule.name = std::move(name);
  rule.precedence = precedence;
  return rule;
}

using Values = std::initializer_list<std::pair<const char*, const char*>>;

class RuleSemanticsTest : public ::testing::Test {
 protected:
  RuleSemanticsTest() : world("", directories()) {}

  void rules(std::initializer_list<RuleText> list) {
    std::string text;
    for (const RuleText& one : list) text += toml(one);
    world.set_rules(text);
    if (started_) world.synchronize(true);
  }
  void run() {
    world.cycle(!started_);
    started_ = true;
  }
  /// Adds an object of type person; a value "a|b" is two values.
  std::string add(const std::string& where, const std::string& name, Values values) {
    model::Entry entry;
    entry.dn = "cn=" + name + ",dc=" + where;
    entry.object_type = "person";
    for (const auto& [attribute, value] : values) entry.attributes.emplace_back(attribute, several(value));
    return world.directory(where).add(std::move(entry));
  }
  std::string account(const std::string& id, Values values) {
    model::Entry entry;
    entry.object_type = "User";
    entry.attributes = {{"userName", text(id)}};
    for (const auto& [attribute, value] : values) entry.attributes.emplace_back(attribute, several(value));
    return world.directory("cloud").add(std::move(entry));
  }
  static model::Values several(std::string_view value) {
    model::Values out;
    for (const auto part : split(value, '|')) out.emplace_back(std::string(part));
    return out;
  }

  std::vector<store::Metaverse> identities() { return world.store().view()->scan_metaverse(false, {0, 100}); }
  /// The values of an attribute of all identities: "a|b", one line each that has any.
  std::vector<std::string> all(const std::string& attribute) {
    std::vector<std::string> out;
    const auto name = world.store().names().find(attribute);
    for (const store::Metaverse& one : identities()) {
      const model::Image image = model::decode(one.image);
      const model::ImageAttribute* found = name ? image.find(*name) : nullptr;
      if (found != nullptr) out.push_back(joined(found->values));
    }
    return out;
  }
  std::vector<std::string> in_cloud(const std::string& attribute) {
    std::vector<std::string> out;
    for (const model::Entry& entry : world.directory("cloud").all()) {
      for (const auto& [name, values] : entry.attributes) {
        if (name == attribute) out.push_back(joined(values));
      }
    }
    return out;
  }
  static std::string joined(const model::Values& values) {
    std::string out;
    for (const model::Value& value : values) out += (out.empty() ? "" : "|") + model::to_text(value);
    return out;
  }
  std::vector<std::string> errors() {
    std::vector<std::string> out;
    for (const store::ObjectError& one : world.store().summary()->errors({}, {0, 100})) out.push_back(one.error);
    return out;
  }
  std::size_t accounts() { return world.directory("cloud").size(); }

  testkit::World world;
  bool started_ = false;
};

// --- link types ---

TEST_F(RuleSemanticsTest, ProvisionMakesAnIdentityWhenAJoinAttributeHasAValue) {
  rules({with(k_corp, R"(join = [["number = number"], ["mail = mail"]])")});
  add("corp", "ada", {{"number", "1"}});
  add("corp", "bob", {{"mail", "b@x"}});
  add("corp", "nobody", {{"name", "Nobody"}});
  run();
  EXPECT_EQ(identities().size(), 2U);
}

TEST_F(RuleSemanticsTest, JoinAndStickyJoinMakeNothing) {
  for (const char* link : {"join", "sticky_join"}) {
    rules({linked(k_hr, link)});
    add("hr", std::string("r") + link, {{"number", "1"}, {"title", "Chief"}});
    run();
    EXPECT_THAT(identities(), IsEmpty()) << link;
  }
}

TEST_F(RuleSemanticsTest, AnIdentityOnlyJoinedDiesWithItsMaker) {
  rules({k_corp, k_hr, k_cloud});
  const std::string ada = add("corp", "ada", {{"number", "1"}});
  add("hr", "r1", {{"number", "1"}, {"title", "Chief"}});
  run();
  ASSERT_THAT(in_cloud("title"), ElementsAre("Chief"));
  world.directory("corp").remove(ada);
  run();
  EXPECT_THAT(identities(), IsEmpty());
  EXPECT_EQ(accounts(), 0U);
}

TEST_F(RuleSemanticsTest, AStickyJoinKeepsTheIdentityUntilItsObjectIsGoneToo) {
  rules({k_corp, with(linked(k_hr, "sticky_join"), k_hr.lines, "title = \"[title]\"\nnumber = \"[number]\""), k_cloud});
  const std::string ada = add("corp", "ada", {{"number", "1"}, {"name", "Ada"}});
  const std::string record = add("hr", "r1", {{"number", "1"}, {"title", "Chief"}});
  run();
  world.directory("corp").remove(ada);
  run();
  EXPECT_THAT(all("title"), ElementsAre("Chief"));
  EXPECT_THAT(all("name"), IsEmpty());  // what was contributed by corp is withdrawn
  EXPECT_EQ(accounts(), 1U);
  world.directory("hr").remove(record);
  run();
  EXPECT_THAT(identities(), IsEmpty());
  EXPECT_EQ(accounts(), 0U);
}

TEST_F(RuleSemanticsTest, AStickyJoinOutOfScopeHoldsNothing) {
  rules({k_corp, with(linked(k_hr, "sticky_join"), "scope = [[\"title NOTEQUAL gone\"]]\n" + k_hr.lines), k_cloud});
  const std::string ada = add("corp", "ada", {{"number", "1"}});
  const std::string record = add("hr", "r1", {{"number", "1"}, {"title", "Chief"}});
  run();
  world.directory("corp").remove(ada);
  run();
  ASSERT_EQ(identities().size(), 1U);
  world.directory("hr").set(record, "title", text("gone"));
  run();
  EXPECT_THAT(identities(), IsEmpty());
}

TEST_F(RuleSemanticsTest, AnyProvisionRuleInScopeKeepsTheIdentityNotOnlyTheOneThatMadeIt) {
  const RuleText second =
      called(linked(with(k_corp, "scope = [[\"kind EQUAL guest\"]]", "kind = \"[kind]\""), "provision"),
             "In from corp: guest", 120);
  rules({with(k_corp, "scope = [[\"kind NOTEQUAL guest\"]]\n" + k_corp.lines), second});
  const std::string ada = add("corp", "ada", {{"number", "1"}});
  run();
  ASSERT_EQ(identities().size(), 1U);
  world.directory("corp").set(ada, "kind", text("guest"));
  run();
  EXPECT_EQ(identities().size(), 1U);
  EXPECT_THAT(all("kind"), ElementsAre("guest"));
  EXPECT_THAT(all("number"), IsEmpty());
}

TEST_F(RuleSemanticsTest, ARuleWithoutJoinConditionsContributesOnceAnotherHasJoined) {
  const RuleText common = called(with(k_hr, "", "office = \"[office]\""), "In from hr: common", 120);
  rules({k_corp, k_hr, common});
  add("corp", "ada", {{"number", "1"}});
  add("hr", "r1", {{"number", "1"}, {"office", "Bath"}});
  add("hr", "r2", {{"number", "2"}, {"office", "York"}});
  run();
  EXPECT_THAT(all("office"), ElementsAre("Bath"));
}

// --- joins ---

TEST_F(RuleSemanticsTest, JoinGroupsAreTriedFromTheTopAndOnlyExactlyOneJoins) {
  rules({with(k_corp, k_corp.lines, "number = \"[number]\"\nname = \"[name]\"\nmail = \"[mail]\""),
         with(k_hr, R"(join = [["mail = mail", "name = name"], ["mail = mail"], ["number = number"]])")});
  add("corp", "ada", {{"number", "1"}, {"mail", "shared@x"}, {"name", "Ada"}});
  add("corp", "bob", {{"number", "2"}, {"mail", "shared@x"}, {"name", "Bob"}});
  add("corp", "eve", {{"number", "3"}, {"mail", "e@x"}, {"name", "Eve"}});
  add("hr", "r1", {{"number", "2"}, {"mail", "shared@x"}, {"name", "ADA"}, {"title", "by mail and name"}});
  add("hr", "r2", {{"number", "2"}, {"mail", "shared@x"}, {"name", "None"}, {"title", "by number"}});
  add("hr", "r3", {{"number", "2"}, {"mail", "e@x"}, {"title", "by mail"}});
  run();
  EXPECT_THAT(all("title"), UnorderedElementsAre("by mail and name", "by number", "by mail"));
  EXPECT_THAT(errors(), IsEmpty());
}

TEST_F(RuleSemanticsTest, JoinConditionsIgnoreCaseUnlessTheySayOtherwise) {
  for (const bool exact : {false, true}) {
    rules({k_corp, with(k_hr, exact ? R"(join = [["number = number case"]])" : R"(join = [["number = number"]])")});
    if (!exact) add("corp", "ada", {{"number", "aB1"}});
    const std::string record = add("hr", exact ? "r1" : "r0", {{"number", "Ab1"}, {"title", "Chief"}});
    run();
    EXPECT_EQ(all("title").size(), exact ? 0U : 1U);
    world.directory("hr").remove(record);
    run();
  }
}

TEST_F(RuleSemanticsTest, AJoinIsKeptWhenItsValuesChangeAndEndsWhenItsRuleLeavesScope) {
  rules({k_corp, with(k_hr, "scope = [[\"title NOTEQUAL gone\"]]\n" + k_hr.lines)});
  add("corp", "ada", {{"number", "1"}});
  const std::string record = add("hr", "r1", {{"number", "1"}, {"title", "Chief"}});
  run();
  world.directory("hr").set(record, "number", text("77"));
  run();
  EXPECT_THAT(all("title"), ElementsAre("Chief"));
  world.directory("hr").set(record, "title", text("gone"));
  run();
  EXPECT_THAT(all("title"), IsEmpty());
  world.directory("hr").set(record, "title", text("Chief"));  // back in scope the join is decided anew
  run();
  EXPECT_THAT(all("title"), IsEmpty());
  world.directory("hr").set(record, "number", text("1"));
  run();
  EXPECT_THAT(all("title"), ElementsAre("Chief"));
}

TEST_F(RuleSemanticsTest, TwoRulesWithJoinConditionsInScopeAreAnErrorOfTheObject) {
  const RuleText second =
      called(with(k_hr, "scope = [[\"title EQUAL both\"]]\njoin = [[\"mail = mail\"]]"), "Second", 130);
  rules({k_corp, with(k_hr, "scope = [[\"title ISNOTNULL\"]]\n" + k_hr.lines), second});
  add("corp", "ada", {{"number", "1"}});
  const std::string record = add("hr", "r1", {{"number", "1"}, {"title", "both"}});
  run();
  EXPECT_THAT(errors(), ElementsAre("several-join-rules"));
  EXPECT_THAT(all("title"), IsEmpty());
  world.directory("hr").set(record, "title", text("one"));
  run();
  EXPECT_THAT(errors(), IsEmpty());
  EXPECT_THAT(all("title"), ElementsAre("one"));
}

TEST_F(RuleSemanticsTest, TwoOutboundRulesWithJoinConditionsInScopeAreAnErrorToo) {
  const RuleText second =
      called(with(linked(k_cloud, "join"), "scope = [[\"name EQUAL both\"]]\njoin = [[\"userName = name\"]]",
                  "nickName = \"[name]\""),
             "Second", 210);
  rules({k_corp, with(k_cloud, "scope = [[\"number ISNOTNULL\"]]\n" + k_cloud.lines), second});
  const std::string ada = add("corp", "ada", {{"number", "1"}, {"name", "both"}});
  run();
  EXPECT_THAT(errors(), ElementsAre("several-join-rules"));
  EXPECT_EQ(accounts(), 0U);
  world.directory("corp").set(ada, "name", text("one"));
  run();
  EXPECT_THAT(errors(), IsEmpty());
  EXPECT_EQ(accounts(), 1U);
}

TEST_F(RuleSemanticsTest, AnAttributeWithSeveralValuesDoesNotJoinAndMakesNoTwin) {
  rules({with(k_corp, k_corp.lines, "number = \"[number]\""),
         with(linked(k_hr, "provision"), R"(join = [["number = number"], ["mail = mail"]])")});
  add("corp", "ada", {{"number", "1"}});
  const std::string record = add("hr", "r1", {{"number", "1|2"}, {"title", "Chief"}});
  run();
  EXPECT_THAT(errors(), ElementsAre("join-object-id-must-be-single-valued"));
  EXPECT_EQ(identities().size(), 1U);
  world.directory("hr").set(record, "number", text("1"));
  run();
  EXPECT_THAT(errors(), IsEmpty());
  EXPECT_THAT(all("title"), ElementsAre("Chief"));
}

// --- flows ---

TEST_F(RuleSemanticsTest, ALowerNumberWinsAndANullHandsOver) {
  rules({with(k_corp, k_corp.lines, "number = \"[number]\"\ntitle = \"[title]\""), called(k_hr, "In from hr", 50)});
  add("corp", "ada", {{"number", "1"}, {"title", "of corp"}});
  const std::string record = add("hr", "r1", {{"number", "1"}, {"title", "of hr"}});
  run();
  EXPECT_THAT(all("title"), ElementsAre("of hr"));
  world.directory("hr").set(record, "title", {});
  run();
  EXPECT_THAT(all("title"), ElementsAre("of corp"));
}

TEST_F(RuleSemanticsTest, AnAuthoritativeNullLeavesTheAttributeEmpty) {
  rules(
      {with(k_corp, k_corp.lines, "number = \"[number]\"\ntitle = \"[title]\""),
       called(with(k_hr, k_hr.lines, "title = 'IIF(IsNull([title]), AuthoritativeNull, [title])'"), "In from hr", 50)});
  add("corp", "ada", {{"number", "1"}, {"title", "of corp"}});
  add("hr", "r1", {{"number", "1"}});
  run();
  EXPECT_THAT(all("title"), IsEmpty());
}

TEST_F(RuleSemanticsTest, OfEqualNumbersTheConnectorThatWasMadeFirstWins) {
  rules({with(k_corp, k_corp.lines, "number = \"[number]\"\ntitle = \"[title]\""), called(k_hr, "In from hr", 100)});
  add("hr", "r1", {{"number", "1"}, {"title", "of hr"}});
  add("corp", "ada", {{"number", "1"}, {"title", "of corp"}});
  run();
  EXPECT_THAT(all("title"), ElementsAre("of corp"));
}

TEST_F(RuleSemanticsTest, MergeTakesTheValuesOfAll) {
  const auto flow = [](const char* merge) {
    return fmt::format("number = \"[number]\"\nphone = {{ source = \"phone\", merge = \"{}\" }}", merge);
  };
  add("corp", "ada", {{"number", "1"}, {"phone", "one|Two"}});
  const std::string record = add("hr", "r1", {{"number", "1"}, {"phone", "TWO|three"}});
  rules({with(k_corp, k_corp.lines, flow("merge")), with(k_hr, k_hr.lines, flow("merge"))});
  run();
  EXPECT_THAT(all("phone"), ElementsAre("TWO|Two|one|three"));
  rules({with(k_corp, k_corp.lines, flow("merge_case_insensitive")),
         with(k_hr, k_hr.lines, flow("merge_case_insensitive"))});
  EXPECT_THAT(all("phone"), ElementsAre("Two|one|three"));
  world.directory("hr").remove(record);
  run();
  EXPECT_THAT(all("phone"), ElementsAre("Two|one"));
}

TEST_F(RuleSemanticsTest, FlowsInScopeThatMergeDifferentlyAreAnErrorAndTheObjectKeepsWhatItHad) {
  rules({with(k_corp, "scope = [[\"number ISNOTNULL\"]]\n" + k_corp.lines,
              "number = \"[number]\"\nphone = { source = \"phone\", merge = \"merge\" }"),
         with(k_hr, "scope = [[\"kind NOTEQUAL no\"]]\n" + k_hr.lines, "phone = \"[phone]\"")});
  add("corp", "ada", {{"number", "1"}, {"phone", "one"}});
  run();
  const std::string record = add("hr", "r1", {{"number", "1"}, {"phone", "two"}});
  run();
  EXPECT_THAT(errors(), ElementsAre("flow-error"));
  EXPECT_THAT(all("phone"), ElementsAre("one"));
  world.directory("hr").set(record, "kind", text("no"));
  run();
  EXPECT_THAT(errors(), IsEmpty());
}

TEST_F(RuleSemanticsTest, AnErrorOfAFlowIsForgottenWhenAnotherContributorIsToBlameNow) {
  const auto refuses = [](const std::string& attribute) {
    return fmt::format("{0} = 'IIF([{0}] = \"no\", Error(\"no\"), [{0}])'", attribute);
  };
  rules({with(k_corp, k_corp.lines, "number = \"[number]\"\n" + refuses("cn")),
         with(k_hr, k_hr.lines, refuses("title"))});
  const std::string ada = add("corp", "ada", {{"number", "1"}, {"cn", "Ada"}});
  run();
  add("hr", "r1", {{"number", "1"}, {"title", "no"}});
  run();
  EXPECT_THAT(errors(), ElementsAre("flow-error"));
  world.directory("corp").set(ada, "cn", text("no"));
  run();
  EXPECT_THAT(errors(), ElementsAre("flow-error"));
}

TEST_F(RuleSemanticsTest, ApplyOnceFlowsOnlyWhenTheTargetIsMade) {
  rules({with(k_corp, k_corp.lines,
              "number = \"[number]\"\nname = { source = \"name\", once = true }\ntitle = \"[title]\""),
         with(k_cloud, k_cloud.lines,
              "externalId = \"[number]\"\ndisplayName = \"[name]\"\ntitle = { source = \"title\", once = true }")});
  const std::string ada = add("corp", "ada", {{"number", "1"}, {"name", "Ada"}, {"title", "Engineer"}});
  run();
  world.directory("corp").set(ada, "name", text("Countess"));
  world.directory("corp").set(ada, "title", text("Chief"));
  run();
  world.synchronize(true);
  EXPECT_THAT(all("name"), ElementsAre("Ada"));
  EXPECT_THAT(all("title"), ElementsAre("Chief"));
  EXPECT_THAT(in_cloud("title"), ElementsAre("Engineer"));
}

TEST_F(RuleSemanticsTest, AReferenceThatAppliesOnceIsNotLostAfterwards) {
  rules({with(k_corp, k_corp.lines, "number = \"[number]\"\nmanager = { source = \"manager\", once = true }"),
         with(k_cloud, k_cloud.lines, "externalId = \"[number]\"\nmanager = \"[manager]\"")});
  add("corp", "boss", {{"number", "1"}});
  const std::string ada = add("corp", "ada", {{"number", "2"}});
  world.directory("corp").set_references(ada, "manager", {"cn=boss,dc=corp"});
  run();
  world.directory("corp").set(ada, "name", text("Ada"));
  run();
  std::size_t managed = 0;
  for (const model::Entry& entry : world.directory("cloud").all()) managed += entry.references.size();
  EXPECT_EQ(managed, 1U);
}

TEST_F(RuleSemanticsTest, ADisabledRuleIsAsGoodAsNone) {
  rules({k_corp, k_hr});
  add("corp", "ada", {{"number", "1"}, {"name", "Ada"}});
  add("hr", "r1", {{"number", "1"}, {"title", "Chief"}});
  run();
  ASSERT_THAT(all("title"), ElementsAre("Chief"));
  rules({k_corp, with(k_hr, "disabled = true\n" + k_hr.lines)});
  EXPECT_THAT(all("title"), IsEmpty());
  EXPECT_THAT(all("name"), ElementsAre("Ada"));
}

TEST_F(RuleSemanticsTest, IsMemberOfSeesReferencesAndFollowsTheGroupsName) {
  rules({with(k_corp, "scope = [[\"memberOf ISMEMBEROF cn=pilots,dc=corp\"]]\n" + k_corp.lines),
         called(with(linked(k_corp, "join"), "", "chief = 'DNComponent([manager], 1)'"), "names", 120)});
  add("corp", "boss", {{"number", "0"}});
  const std::string ada = add("corp", "ada", {{"number", "1"}});
  add("corp", "bob", {{"number", "2"}});
  model::Entry group;
  group.dn = "CN=Pilots,DC=corp";
  group.object_type = "group";
  const std::string pilots = world.directory("corp").add(group);
  world.directory("corp").set_references(ada, "memberOf", {"cn=pilots,dc=corp"});
  world.directory("corp").set_references(ada, "manager", {"cn=boss,dc=corp"});
  run();
  EXPECT_THAT(all("number"), ElementsAre("1"));
  EXPECT_THAT(all("chief"), ElementsAre("boss"));
  world.directory("corp").rename(pilots, "cn=others,dc=corp");
  run();
  EXPECT_THAT(all("number"), IsEmpty());
}

// --- outbound ---

TEST_F(RuleSemanticsTest, AProvisionRuleThatLeavesScopeTakesItsAccountAlong) {
  rules({k_corp, with(k_cloud, "scope = [[\"name ISNOTNULL\"]]\n" + k_cloud.lines)});
  const std::string ada = add("corp", "ada", {{"number", "1"}, {"name", "Ada"}});
  run();
  ASSERT_EQ(accounts(), 1U);
  world.directory("corp").set(ada, "name", {});
  run();
  EXPECT_EQ(accounts(), 0U);
  EXPECT_EQ(identities().size(), 1U);
}

TEST_F(RuleSemanticsTest, AJoinRuleThatLeavesScopeLetsTheAccountGoAsItIs) {
  rules({k_corp, with(linked(k_cloud, "join"), "scope = [[\"name ISNOTNULL\"]]\n" + k_cloud.lines)});
  const std::string ada = add("corp", "ada", {{"number", "1"}, {"name", "Ada"}});
  account("u1", {{"externalId", "1"}});
  run();
  ASSERT_THAT(in_cloud("displayName"), ElementsAre("Ada"));
  world.directory("corp").set(ada, "name", {});
  run();
  EXPECT_THAT(in_cloud("displayName"), ElementsAre("Ada"));
  world.directory("corp").set(ada, "name", text("Countess"));  // and back: found again by its join
  run();
  EXPECT_THAT(in_cloud("displayName"), ElementsAre("Countess"));
}

TEST_F(RuleSemanticsTest, WhatASecondRuleContributedIsWithdrawnWhenItLeavesScope) {
  const RuleText second =
      called(with(linked(k_cloud, "join"), "scope = [[\"kind NOTEQUAL plain\"]]", "nickName = \"[name]\""),
             "Out to cloud: nick", 210);
  rules({with(k_corp, k_corp.lines, k_corp.flows + "\nkind = \"[kind]\""), k_cloud, second});
  const std::string ada = add("corp", "ada", {{"number", "1"}, {"name", "Ada"}});
  run();
  ASSERT_THAT(in_cloud("nickName"), ElementsAre("Ada"));
  world.directory("corp").set(ada, "kind", text("plain"));
  run();
  EXPECT_THAT(in_cloud("nickName"), IsEmpty());
  EXPECT_THAT(in_cloud("displayName"), ElementsAre("Ada"));
}

TEST_F(RuleSemanticsTest, ADisabledProvisionRuleTakesItsAccountsAlongUnlessAnotherTakesThemOver) {
  const RuleText other = called(linked(k_cloud, "provision"), "Out to cloud: mine", 90);
  rules({k_corp, k_cloud});
  add("corp", "ada", {{"number", "1"}, {"name", "Ada"}});
  run();
  ASSERT_EQ(accounts(), 1U);
  const auto calls = world.directory("cloud").calls();
  rules({k_corp, with(k_cloud, "disabled = true\n" + k_cloud.lines), other});
  run();
  EXPECT_EQ(world.directory("cloud").calls(), [&] {
    auto same = calls;
    same.delta_imports = world.directory("cloud").calls().delta_imports;
    same.full_imports = world.directory("cloud").calls().full_imports;
    return same;
  }());
  rules({k_corp, with(k_cloud, "disabled = true\n" + k_cloud.lines), with(other, "disabled = true\n" + other.lines)});
  run();
  EXPECT_EQ(accounts(), 0U);
}

TEST_F(RuleSemanticsTest, ARemovedProvisionRuleLetsItsAccountsGo) {
  rules({k_corp, k_cloud});
  add("corp", "ada", {{"number", "1"}, {"name", "Ada"}});
  run();
  rules({k_corp});
  run();
  EXPECT_EQ(accounts(), 1U);
}

TEST_F(RuleSemanticsTest, WhenAnIdentityDiesProvisionedAccountsGoAndJoinedOnesStay) {
  rules({k_corp, k_cloud});
  const std::string ada = add("corp", "ada", {{"number", "1"}, {"name", "Ada"}});
  run();
  world.directory("corp").remove(ada);
  run();
  EXPECT_EQ(accounts(), 0U);
  rules({k_corp, linked(k_cloud, "join")});
  account("u2", {{"externalId", "2"}});
  const std::string bob = add("corp", "bob", {{"number", "2"}, {"name", "Bob"}});
  run();
  ASSERT_THAT(in_cloud("displayName"), ElementsAre("Bob"));
  world.directory("corp").remove(bob);
  run();
  EXPECT_EQ(accounts(), 1U);
}

TEST_F(RuleSemanticsTest, CloudFilteredIsTrueOrNothingAndKeepsAnIdentityAtHome) {
  rules({with(k_corp, k_corp.lines,
              k_corp.flows + "\ncloudFiltered = 'IIF(IsPresent([kind]) && [kind] = \"system\", True, NULL)'"),
         with(k_cloud, "scope = [[\"cloudFiltered NOTEQUAL True\"]]\n" + k_cloud.lines)});
  const std::string ada = add("corp", "ada", {{"number", "1"}});
  add("corp", "robot", {{"number", "2"}, {"kind", "system"}});
  run();
  EXPECT_THAT(in_cloud("externalId"), ElementsAre("1"));
  EXPECT_THAT(all("cloudFiltered"), ElementsAre("True"));
  world.directory("corp").set(ada, "kind", text("system"));
  run();
  EXPECT_EQ(accounts(), 0U);
}

TEST_F(RuleSemanticsTest, IgnoreThisFlowLeavesTheTargetsValue) {
  rules({k_corp, with(k_cloud, k_cloud.lines,
                      "externalId = \"[number]\"\ntitle = 'IIF(IsPresent([name]), IgnoreThisFlow, \"none\")'")});
  const std::string ada = add("corp", "ada", {{"number", "1"}});
  run();
  ASSERT_THAT(in_cloud("title"), ElementsAre("none"));
  world.directory("corp").set(ada, "name", text("Ada"));
  run();
  EXPECT_THAT(in_cloud("title"), ElementsAre("none"));
}

}  // namespace
}  // namespace linkspan::scenario
