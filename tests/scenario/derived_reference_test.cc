// Memberships that no single attribute holds: those that members tell themselves, and those of groups in groups.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stories.h"

namespace linkspan::scenario {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::runtime_error("the rules have changed");
  return text.replace(at, from.size(), to);
}

std::string group_dn(const std::string& uid) { return "cn=" + uid + ",ou=groups,dc=corp"; }

class DerivedReferenceTest : public ::testing::Test {
 protected:
  void begin(std::string_view member_flow, std::string_view members_flow) {
    std::string rules = replaced(k_rules, "member      = \"[member]\"", "member = " + std::string(member_flow));
    rules = replaced(std::move(rules), "members     = \"[member]\"", "members = " + std::string(members_flow));
    world_ = std::make_unique<testkit::World>(rules, directories());
    for (const char* guard : {"guard.deletions", "guard.membership_removals"}) world_->set(guard, "off");
  }
  connector::FakeDirectory& corp() { return world_->directory("corp"); }

  std::string person(const std::string& uid, const std::string& number, const std::string& primary_group = {}) {
    const std::string anchor = add_person(corp(), uid, number);
    if (!primary_group.empty()) corp().set_references(anchor, "primaryGroup", {group_dn(primary_group)});
    return anchor;
  }

  /// A cycle; then a full synchronization has nothing to add to it.
  void cycle() {
    world_->cycle();
    const std::string before = world_->rows();
    world_->synchronize(true);
    EXPECT_EQ(world_->rows(), before);
    EXPECT_THAT(world_->pending("cloud"), IsEmpty());
  }
  std::vector<std::string> members(const std::string& group) {
    std::vector<std::string> made;
    for (const auto& reference : in_cloud(*world_, group).references) {
      for (const model::Entry& entry : world_->directory("cloud").all()) {
        if (entry.anchor == reference.target) made.push_back(value_of(entry, "externalId"));
      }
    }
    return made;
  }

  std::unique_ptr<testkit::World> world_;
};

constexpr const char* k_with_primary = R"({ source = "member", referenced_by = "primaryGroup" })";

TEST_F(DerivedReferenceTest, WhoeverCallsAGroupHisOwnIsAMember) {
  begin(k_with_primary, "\"[member]\"");
  add_group(corp(), "everybody", {});
  add_group(corp(), "crew", {"ada"});
  person("ada", "1", "everybody");
  const std::string bob = person("bob", "2", "everybody");
  world_->cycle(true);
  EXPECT_THAT(members("everybody"), UnorderedElementsAre("ada", "bob"));
  EXPECT_THAT(members("crew"), UnorderedElementsAre("ada"));
  corp().set_references(bob, "primaryGroup", {group_dn("crew")});
  cycle();
  EXPECT_THAT(members("everybody"), UnorderedElementsAre("ada"));
  EXPECT_THAT(members("crew"), UnorderedElementsAre("ada", "bob"));
  const std::string cy = person("cy", "3", "everybody");
  cycle();
  EXPECT_THAT(members("everybody"), UnorderedElementsAre("ada", "cy"));
  corp().remove(cy);
  corp().remove(bob);
  cycle();
  EXPECT_THAT(members("everybody"), UnorderedElementsAre("ada"));
  EXPECT_THAT(members("crew"), UnorderedElementsAre("ada"));
}

TEST_F(DerivedReferenceTest, WhoLeavesTheScopeOfTheRulesLeavesTheGroupHeCallsHisOwn) {
  begin(k_with_primary, "\"[member]\"");
  add_group(corp(), "everybody", {});
  const std::string ada = person("ada", "1", "everybody");
  cycle();
  EXPECT_THAT(members("everybody"), UnorderedElementsAre("ada"));
  corp().set(ada, "kind", text("system"));
  cycle();
  EXPECT_THAT(members("everybody"), IsEmpty());
  corp().set(ada, "kind", {});
  cycle();
  EXPECT_THAT(members("everybody"), UnorderedElementsAre("ada"));
  corp().set_references(ada, "primaryGroup", {});
  cycle();
  EXPECT_THAT(members("everybody"), IsEmpty());
}

TEST_F(DerivedReferenceTest, FlattenedGroupHoldsTheMembersOfTheGroupsInIt) {
  begin("\"[member]\"", R"({ source = "member", flatten = true })");
  const std::string outer = add_group(corp(), "outer", {"ada"});
  const std::string inner = add_group(corp(), "inner", {"bob"});
  const std::string innermost = add_group(corp(), "innermost", {"cy"});
  corp().set_references(outer, "member", {dn("ada"), group_dn("inner")});
  corp().set_references(inner, "member", {dn("bob"), group_dn("innermost")});
  person("ada", "1");
  person("bob", "2");
  person("cy", "3");
  person("dee", "4");
  world_->cycle(true);
  EXPECT_THAT(members("outer"), UnorderedElementsAre("ada", "bob", "cy"));
  EXPECT_THAT(members("inner"), UnorderedElementsAre("bob", "cy"));
  corp().set_references(innermost, "member", {dn("dee"), group_dn("outer")});  // and a circle
  cycle();
  EXPECT_THAT(members("outer"), UnorderedElementsAre("ada", "bob", "dee"));
  EXPECT_THAT(members("innermost"), UnorderedElementsAre("ada", "bob", "dee"));
  corp().remove(inner);
  cycle();
  EXPECT_THAT(members("outer"), UnorderedElementsAre("ada"));
  EXPECT_THAT(members("innermost"), UnorderedElementsAre("ada", "dee"));
}

TEST_F(DerivedReferenceTest, FlattenedGroupHoldsThoseWhoCallAnInnerGroupTheirOwn) {
  begin(R"({ source = "member", referenced_by = "primaryGroup", flatten = true })", "\"[member]\"");
  const std::string outer = add_group(corp(), "outer", {});
  add_group(corp(), "everybody", {});
  corp().set_references(outer, "member", {group_dn("everybody")});
  const std::string ada = person("ada", "1", "everybody");
  world_->cycle(true);
  EXPECT_THAT(members("outer"), UnorderedElementsAre("ada"));
  person("bob", "2", "everybody");
  cycle();
  EXPECT_THAT(members("outer"), UnorderedElementsAre("ada", "bob"));
  corp().remove(ada);
  cycle();
  EXPECT_THAT(members("outer"), UnorderedElementsAre("bob"));
  corp().set_references(outer, "member", {});
  cycle();
  EXPECT_THAT(members("outer"), IsEmpty());
}

}  // namespace
}  // namespace linkspan::scenario
