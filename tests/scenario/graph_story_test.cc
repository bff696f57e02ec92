// From a directory like Active Directory to the strict Graph, by the rules that are delivered: people and groups come,
// change, are disabled, leave, and are adopted by their immutable id.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <testkit/world.h>

#include <fstream>
#include <sstream>

#include "base/text.h"
#include "connector_graph/testing/graph_lab.h"

namespace linkspan::scenario {
namespace {

using connector_graph::GraphLab;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Strings = std::set<std::string>;

std::string delivered_rules() {
  std::ifstream file(LINKSPAN_SOURCE_DIR "/rules/ad-to-graph.toml");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class GraphStory : public ::testing::Test {
 protected:
  GraphStory() {
    connector::FakeOptions ad;
    connector::FakeOptions graph;
    graph.references_by_anchor = true;
    graph.correlation_attribute = "onPremisesImmutableId";
    world_ = std::make_unique<testkit::World>(
        delivered_rules(), std::vector<testkit::DirectorySpec>{
                               {"corp", "ad", ad}, {"entra", "graph", graph, [this] { return lab_.connect(); }}});
  }

  static std::string guid(char of) { return std::string(16, of); }

  std::string add_person(const std::string& name, char id, model::Attributes more = {}) {
    model::Entry entry;
    entry.dn = "CN=" + name + ",OU=people,DC=corp,DC=example";
    entry.object_type = "user";
    entry.attributes = {
        {"sAMAccountName", {name}},
        {"userPrincipalName", {name + "@contoso.example"}},
        {"cn", {name}},
        {"displayName", {"Person " + name}},
        {"objectGUID", {model::Binary{guid(id)}}},
        {"objectSid", {model::Binary{std::string("\x01\x05\0\0\0\0\0\x05", 8) + guid(id) + std::string(4, id)}}},
        {"userAccountControl", {std::int64_t{512}}}};
    for (auto& [attribute, values] : more) entry.attributes.emplace_back(attribute, values);
    return corp().add(std::move(entry));
  }
  connector::FakeDirectory& corp() { return world_->directory("corp"); }
  std::string account(const std::string& name) {
    const auto found = lab_.fake.where("userPrincipalName", name + "@contoso.example");
    EXPECT_THAT(found, SizeIs(1)) << name;
    return found.empty() ? std::string() : found.front();
  }

  GraphLab lab_;
  std::unique_ptr<testkit::World> world_;
};

TEST_F(GraphStory, PeopleAndGroupsComeChangeAndLeave) {
  const std::string boss = add_person("boss", 'b');
  const std::string ada = add_person(
      "ada", 'a',
      {{"l", {"Bern"}}, {"c", {"CH"}}, {"telephoneNumber", {"+41 31 000 00 00"}}, {"extensionAttribute3", {"three"}}});
  corp().set_references(ada, "manager", {"CN=boss,OU=people,DC=corp,DC=example"});
  model::Entry crew;
  crew.dn = "CN=crew,OU=groups,DC=corp,DC=example";
  crew.object_type = "group";
  crew.attributes = {{"sAMAccountName", {"crew"}},
                     {"cn", {"crew"}},
                     {"objectGUID", {model::Binary{guid('g')}}},
                     {"groupType", {std::int64_t{-2147483646}}}};
  crew.references = {{"member", "CN=ada,OU=people,DC=corp,DC=example"}};
  const std::string group = corp().add(std::move(crew));

  // Members need their accounts first: two rounds settle everything.
  world_->cycle();
  world_->cycle();
  const auto made = lab_.fake.get(account("ada"));
  EXPECT_EQ(made.at("onPremisesImmutableId"), to_base64(guid('a')));
  EXPECT_EQ(made.at("city"), "Bern");
  EXPECT_EQ(made.at("usageLocation"), "CH");
  EXPECT_EQ(made.at("accountEnabled"), true);
  EXPECT_EQ(made.at("onPremisesExtensionAttributes").at("extensionAttribute3"), "three");
  EXPECT_EQ(lab_.fake.manager(account("ada")), account("boss"));
  const auto groups = lab_.fake.where("uniqueName", to_base64(guid('g')));
  ASSERT_THAT(groups, SizeIs(1));
  EXPECT_EQ(lab_.fake.members(groups.front()), Strings{account("ada")});
  EXPECT_THAT(world_->pending("entra"), IsEmpty());

  // Nothing changed: nothing is written.
  const std::size_t writes = lab_.fake.calls().writes;
  world_->cycle();
  EXPECT_EQ(lab_.fake.calls().writes, writes);

  // A change, a cleared value, a membership: one write each.
  corp().set(ada, "l", {"Basel"});
  corp().set(ada, "telephoneNumber", {});
  corp().set_references(group, "member",
                        {"CN=ada,OU=people,DC=corp,DC=example", "CN=boss,OU=people,DC=corp,DC=example"});
  world_->cycle();
  EXPECT_EQ(lab_.fake.get(account("ada")).at("city"), "Basel");
  EXPECT_FALSE(lab_.fake.get(account("ada")).contains("businessPhones"));
  EXPECT_EQ(lab_.fake.members(groups.front()), (Strings{account("ada"), account("boss")}));
  EXPECT_EQ(lab_.fake.calls().writes, writes + 2);

  // Disabled at home, disabled there.
  corp().set(ada, "userAccountControl", {std::int64_t{514}});
  world_->cycle();
  EXPECT_EQ(lab_.fake.get(account("ada")).at("accountEnabled"), false);

  // Somebody changes it there: the rules put it back.
  lab_.fake.set(account("ada"), "city", "Atlantis");
  world_->import("entra");
  world_->synchronize();
  world_->send("entra");
  EXPECT_EQ(lab_.fake.get(account("ada")).at("city"), "Basel");

  // Who leaves is deleted, and out of the group.
  world_->set("guard.deletions", "off");
  corp().remove(ada);
  world_->cycle();
  EXPECT_THAT(lab_.fake.where("userPrincipalName", "ada@contoso.example"), IsEmpty());
  EXPECT_EQ(lab_.fake.members(groups.front()), Strings{account("boss")});
  world_->cycle();
  EXPECT_THAT(world_->pending("entra"), IsEmpty());
}

TEST_F(GraphStory, AccountThatIsThereIsAdoptedByItsImmutableIdOrItsName) {
  const std::string by_id = lab_.add_user("old.name", {{"onPremisesImmutableId", to_base64(guid('a'))}});
  const std::string by_name = lab_.add_user("bob");
  add_person("ada", 'a');
  add_person("bob", 'o');
  world_->cycle();
  EXPECT_EQ(lab_.fake.count("user"), 2U);
  EXPECT_EQ(account("ada"), by_id);
  EXPECT_EQ(lab_.fake.get(by_name).at("onPremisesImmutableId"), to_base64(guid('o')));
}

TEST_F(GraphStory, LostAnswersLeaveNoTwins) {
  for (char id = 'a'; id < 'k'; ++id) add_person(std::string(3, id), id);
  for (int i = 0; i < 4; ++i) {
    lab_.fake.lose_batches(1, /*carry_out=*/i % 2 == 0);
    world_->cycle();
  }
  lab_.fake.lose_batches(0, false);
  world_->cycle();
  EXPECT_EQ(lab_.fake.count("user"), 10U);
  EXPECT_THAT(world_->pending("entra"), IsEmpty());
}

}  // namespace
}  // namespace linkspan::scenario
