// Directories that tell references by identity and name objects by DN all the same, as Active Directory does.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "scenario/stories.h"
#include "sync/preview.h"

namespace linkspan::scenario {
namespace {

using connector::ImportEnd;
using model::Observation;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view k_rules_by_group = R"(
[[rule]]
name = "In"
direction = "inbound"
connector = "ad"
source = "user"
target = "person"
link = "provision"
precedence = 1
scope = [["memberOf ISMEMBEROF cn=pilot,dc=corp"]]
[rule.flows]
displayName = "[displayName]"
)";

/// Tells what it is given, import by import.
class Scripted final : public connector::Connector {
 public:
  using Imports = std::deque<std::vector<Observation>>;
  explicit Scripted(Imports& imports) : imports_(imports) {}

  connector::Capabilities capabilities() override {
    connector::Capabilities made;
    made.delta_import = true;
    made.references_by_anchor = true;
    return made;
  }
  model::Schema schema() override { return {}; }
  std::vector<connector::Check> test() override { return {}; }
  std::unique_ptr<connector::Import> import(const connector::ImportRequest& request, std::stop_token) override {
    return std::make_unique<Telling>(imports_, request.watermark.empty());
  }
  void send(std::span<const model::Export>, const std::function<void(std::size_t, connector::Outcome)>&,
            std::stop_token) override {}
  std::vector<model::Entry> find(std::string_view, std::string_view, const model::Value&) override { return {}; }

 private:
  class Telling final : public connector::Import {
   public:
    Telling(Imports& imports, bool full) : told_(std::move(imports.front())), full_(full) { imports.pop_front(); }
    bool next(std::vector<Observation>& batch) override {
      batch = std::exchange(told_, {});
      return !batch.empty();
    }
    ImportEnd end() override { return {"mark", full_}; }

   private:
    std::vector<Observation> told_;
    bool full_;
  };

  Imports& imports_;
};

Observation present(const std::string& anchor, const std::string& type, std::vector<model::NamedReference> references,
                    const std::string& name = {}) {
  Observation made;
  made.entry.anchor = anchor;
  made.entry.dn = "cn=" + (name.empty() ? anchor : name) + ",dc=corp";
  made.entry.object_type = type;
  made.entry.attributes = {{"displayName", {anchor}}};
  made.entry.references = std::move(references);
  return made;
}

Observation without(Observation::Kind kind, const std::string& anchor) {
  Observation made;
  made.kind = kind;
  made.entry.anchor = anchor;
  return made;
}

class IdentityTest : public ::testing::Test {
 protected:
  void tell(std::vector<Observation> observations) {
    imports_.push_back(std::move(observations));
    world_.import("ad");
    world_.synchronize();
  }
  /// Anchors of what the object refers to, as the directory told.
  std::vector<std::string> referred_to(const std::string& anchor) {
    const auto view = world_.store().view();
    const auto found = view->find_objects(world_.info("ad").id, std::vector{anchor}, {});
    std::vector<std::string> made;
    for (const store::Object& one : found) {
      for (const store::Reference& row : view->references_of(std::vector{one.id}, false)) {
        if ((row.bits & store::reference_observed) == 0) continue;
        for (const auto& target : view->load_objects(std::vector{row.target}, store::no_images)) {
          made.push_back(target.object.anchor);
        }
      }
    }
    std::sort(made.begin(), made.end());
    return made;
  }
  std::size_t identities() { return world_.store().view()->scan_metaverse(0, {0, 100}).size(); }

  testkit::DirectorySpec spec() {
    testkit::DirectorySpec made;
    made.name = made.kind = "ad";
    made.options.references_by_anchor = true;
    made.connect = [this] { return std::make_unique<Scripted>(imports_); };
    made.objects_by_dn_too = true;
    return made;
  }

  Scripted::Imports imports_;
  testkit::World world_{k_rules_by_group, {spec()}};
};

TEST_F(IdentityTest, DeletedMemberThatComesBackIsNoMember) {
  tell({present("ada", "user", {}), present("bob", "user", {}),
        present("crew", "group", {{"member", "ada"}, {"member", "bob"}})});
  tell({without(Observation::Kind::deleted, "ada")});
  EXPECT_THAT(referred_to("crew"), ElementsAre("bob"));
  tell({present("ada", "user", {})});
  EXPECT_THAT(referred_to("crew"), ElementsAre("bob"));
}

TEST_F(IdentityTest, DeletedMemberThatIsShownAsOneAgainIsOne) {
  const auto crew = present("crew", "group", {{"member", "ada"}});
  tell({present("ada", "user", {}), crew});
  tell({without(Observation::Kind::deleted, "ada")});
  tell({present("ada", "user", {}), crew});  // undeleted with its memberships: the group is as it was
  EXPECT_THAT(referred_to("crew"), ElementsAre("ada"));
}

TEST_F(IdentityTest, MemberThatLeavesTheScopeStaysOne) {
  tell({present("ada", "user", {}), present("crew", "group", {{"member", "ada"}})});
  tell({without(Observation::Kind::gone, "ada")});
  EXPECT_THAT(referred_to("crew"), ElementsAre("ada"));
}

TEST_F(IdentityTest, AnotherByTheSameNameTakesNothingUp) {
  tell({present("ada", "user", {}), present("crew", "group", {{"member", "ada"}})});
  tell({without(Observation::Kind::deleted, "ada"), present("other", "user", {}, "ada")});
  EXPECT_THAT(referred_to("crew"), IsEmpty());
}

TEST_F(IdentityTest, GroupsOfAScopeGoByTheirNames) {
  tell({present("g1", "group", {}, "pilot"), present("ada", "user", {{"memberOf", "g1"}})});
  EXPECT_EQ(identities(), 1U);
  tell({present("g1", "group", {}, "pilots")});  // nobody told of ada
  EXPECT_EQ(identities(), 0U);
}

TEST_F(IdentityTest, ObjectsAreFoundByTheirNames) {
  tell({present("g1", "group", {}, "pilot"), present("ada", "user", {{"memberOf", "g1"}}, "Ada Lovelace")});
  EXPECT_EQ(sync::preview(world_.context(), world_.info("ad"), "CN=Ada Lovelace,DC=corp").object,
            "cn=Ada Lovelace,dc=corp");
  store::ConnectorRow row = world_.store().configuration().connectors().front();
  row.settings = sync::print_settings({{"canaries", {"CN=Ada Lovelace,DC=corp"}}});
  world_.store().configuration().put_connector(row);
  world_.reopen();
  imports_.push_back({present("ada", "user", {}, "Ada Lovelace")});
  world_.import("ad", true);
  imports_.push_back({present("g1", "group", {}, "pilot")});
  EXPECT_THROW(world_.import("ad", true), Error);
}

TEST(StaleNameTest, WhatADirectoryGoesOnCallingByItsOldNameIsReferredToNoMore) {
  auto specs = directories();
  specs.front().options.repairs_references = false;
  testkit::World world(k_rules, specs);
  auto& corp = world.directory("corp");
  const std::string ada = add_person(corp, "ada", "1");
  add_group(corp, "crew", {"ada"});
  world.cycle();
  ASSERT_EQ(in_cloud(world, "crew").references.size(), 1U);
  corp.rename(ada, "uid=ada,ou=moved,dc=corp");
  world.cycle();
  world.cycle(true);
  EXPECT_EQ(in_cloud(world, "crew").references.size(), 0U);
}

TEST(BrokenDeltaTest, AfterPartsWereWrittenNothingIsTakenInPartUntilADeltaHasCome) {
  auto specs = directories();
  specs.front().options.references_by_anchor = specs.front().options.tells_parts = true;
  specs.front().objects_by_dn_too = true;
  testkit::World world(k_rules, specs);
  auto& corp = world.directory("corp");
  std::vector<std::string> people;
  for (int i = 0; i < 3000; ++i) {
    const std::string number = std::to_string(i);
    people.push_back(add_person(corp, "p" + number, number));
  }
  world.import("corp");
  for (const std::string& one : people) corp.set(one, "title", text("changed"));
  corp.cut_next_import(2500);
  EXPECT_THROW(world.import("corp"), Error);
  const std::string open = "parts_open." + std::to_string(world.info("corp").id.value);
  EXPECT_TRUE(world.store().configuration().setting(open).has_value());
  EXPECT_GT(world.import("corp").counters.get("unchanged"), 0) << "told whole, and the same as what was written";
  EXPECT_FALSE(world.store().configuration().setting(open).has_value());
  EXPECT_EQ(world.import("corp", true).counters.get("updates"), 0);
}

/// Active Directory takes a deleted object out of its groups and does not tell of the groups.
TEST(SilentDeletionTest, WhoIsDeletedIsNoLongerCounted) {
  auto specs = directories();
  connector::FakeOptions& options = specs.front().options;
  options.references_by_anchor = options.tells_parts = options.deletes_silently = true;
  specs.front().objects_by_dn_too = true;
  std::string rules = k_rules;
  const std::string_view into = "displayName = \"[cn]\"\nmember ";
  const std::string_view out = "displayName = \"[displayName]\"\nmembers ";
  rules.replace(rules.find(into), into.size(), "displayName = \"[cn]\"\nsize = 'ValueCount(\"member\")'\nmember ");
  rules.replace(rules.find(out), out.size(), "displayName = \"[displayName]\"\nsize = \"[size]\"\nmembers ");
  testkit::World world(rules, specs);
  auto& corp = world.directory("corp");
  std::vector<std::string> people;
  for (const char* uid : {"ada", "bob", "cyd", "dan"}) people.push_back(add_person(corp, uid, uid));
  const std::string crew = add_group(corp, "crew", {});
  corp.set_references(crew, "member", people);
  const auto size = [&] { return value_of(in_cloud(world, "crew"), "size"); };
  world.cycle();
  EXPECT_EQ(size(), "4");
  corp.remove(people[0]);
  world.cycle();
  EXPECT_EQ(size(), "3") << "the group was not told of";
  corp.set(crew, "cn", text("Crew"));
  corp.remove(people[1]);
  world.cycle();
  EXPECT_EQ(size(), "2") << "told of in part";
  corp.set_references(crew, "member", {people[3]});
  corp.remove(people[2]);
  world.cycle();
  EXPECT_EQ(size(), "1") << "one was deleted after it had left";
  const std::string before = world.rows();
  EXPECT_EQ(world.import("corp", true).counters.get("updates"), 0);
  EXPECT_EQ(world.rows(), before);
  corp.remove(people[3]);
  world.cycle();
  EXPECT_EQ(size(), "0");
}

/// The group says what it said, and means somebody else.
TEST(HeirTest, WhoComesToTheNameOfAMemberThatLeftIsAMember) {
  for (const auto delta :
       {connector::FakeDelta::removals, connector::FakeDelta::everything, connector::FakeDelta::none}) {
    auto specs = directories();
    specs.front().options.delta = delta;
    testkit::World world(k_rules, specs);
    auto& corp = world.directory("corp");
    std::string ada = add_person(corp, "ada", "1");
    const std::string crew = add_group(corp, "crew", {"ada"});
    world.cycle();
    const auto members = [&] { return in_cloud(world, "crew").references; };
    ASSERT_EQ(members().size(), 1U);
    corp.remove(ada);
    ada = add_person(corp, "ada", "2");
    corp.set_references(crew, "member", {dn("ada")});
    world.cycle();
    world.cycle();
    EXPECT_EQ(members().size(), 1U);
    // Gone, and only then come again; nothing was synchronized in between.
    corp.remove(ada);
    corp.set_references(crew, "member", {dn("ada")});
    world.import("corp");
    add_person(corp, "ada", "3");
    world.cycle();
    world.cycle();
    EXPECT_EQ(members().size(), 1U);
    const std::string before = world.rows();
    world.synchronize(true);
    EXPECT_EQ(world.rows(), before);
  }
}

}  // namespace
}  // namespace linkspan::scenario
