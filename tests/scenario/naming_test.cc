// Directories that name objects by DN, as targets: what rules flow to `dn` is the name, not an attribute.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenario/stories.h"

namespace linkspan::scenario {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view k_naming_rules = R"(
[[rule]]
name = "In"
direction = "inbound"
connector = "hr"
source = "person"
target = "person"
link = "provision"
precedence = 1
[rule.flows]
displayName = "[displayName]"
team = "[team]"

[[rule]]
name = "Out"
direction = "outbound"
connector = "tree"
source = "person"
target = "user"
link = "provision"
precedence = 2
[rule.flows]
dn = '"cn=" & EscapeDNComponent([displayName]) & ",ou=" & [team] & ",dc=tree"'
cn = "[displayName]"
)";

class NamingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    tree.add({.anchor = "", .dn = "ou=red,dc=tree", .object_type = "ou", .attributes = {}, .references = {}});
    tree.add({.anchor = "", .dn = "ou=blue,dc=tree", .object_type = "ou", .attributes = {}, .references = {}});
    ada = hr.add({.anchor = "",
                  .dn = "cn=1,dc=hr",
                  .object_type = "person",
                  .attributes = {{"displayName", text("Ada, L")}, {"team", text("red")}},
                  .references = {}});
    cycle();
    cycle();
  }
  void cycle() {
    world.import("hr");
    world.import("tree");
    world.synchronize();
    world.send("tree");
    world.import("tree");
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const model::Entry& entry : tree.all()) {
      if (entry.object_type == "user") found.push_back(entry.dn);
    }
    return found;
  }

  testkit::World world{k_naming_rules, {{"hr", "ldap", {}}, {"tree", "ldap", {}}}};
  connector::FakeDirectory& hr = world.directory("hr");
  connector::FakeDirectory& tree = world.directory("tree");
  std::string ada;
};

TEST_F(NamingTest, ANewObjectGetsItsNameAndNothingIsPendingAfterwards) {
  EXPECT_THAT(names(), ElementsAre("cn=Ada\\, L,ou=red,dc=tree"));
  EXPECT_THAT(world.pending("tree"), IsEmpty());
  EXPECT_EQ(tree.calls().adds, 1U);
  EXPECT_EQ(tree.calls().updates, 0U);
  EXPECT_EQ(tree.calls().renames, 0U);
}

TEST_F(NamingTest, AnotherNameIsARenameThatCarriesTheOtherChangesAlong) {
  hr.set(ada, "displayName", text("Ada Byron"));
  hr.set(ada, "team", text("blue"));
  world.import("hr");
  world.synchronize();
  EXPECT_EQ(world.change_set("tree").counts.renames, 1);
  const std::string reviewed = world.change_set("tree").fingerprint;
  EXPECT_THAT(world.pending("tree"), ElementsAre(HasSubstr("rename")));
  world.send("tree", reviewed);
  world.import("tree");
  EXPECT_THAT(names(), ElementsAre("cn=Ada Byron,ou=blue,dc=tree"));
  EXPECT_THAT(world.pending("tree"), IsEmpty());
  EXPECT_EQ(tree.calls().renames, 1U);
  EXPECT_EQ(tree.calls().updates, 0U);
  cycle();
  EXPECT_EQ(tree.calls().renames, 1U);
}

TEST_F(NamingTest, TheSameNameSpelledOtherwiseIsLeftAlone) {
  const std::string account = world.directory("tree").all().back().anchor;
  tree.rename(account, "CN=Ada\\2C L, OU=red, DC=tree");
  cycle();
  EXPECT_THAT(world.pending("tree"), IsEmpty());
  EXPECT_EQ(tree.calls().renames, 0U);
}

TEST_F(NamingTest, WhatSomebodyRenamedThereIsNamedBackAndTheFingerprintTellsWhichNameWasApproved) {
  const std::string account = world.directory("tree").all().back().anchor;
  tree.rename(account, "cn=nobody,ou=blue,dc=tree");
  world.import("tree");
  world.synchronize();
  const std::string first = world.change_set("tree").fingerprint;
  hr.set(ada, "displayName", text("Ada K"));
  world.import("hr");
  world.synchronize();
  EXPECT_NE(world.change_set("tree").fingerprint, first);
  world.send("tree");
  world.import("tree");
  EXPECT_THAT(names(), ElementsAre("cn=Ada K,ou=red,dc=tree"));
}

}  // namespace
}  // namespace linkspan::scenario
