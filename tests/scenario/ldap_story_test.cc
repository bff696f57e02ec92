// From one LDAP directory to another, an OpenLDAP, by the rules that are delivered: people and groups come, change, are
// renamed, and leave.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <testkit/slapd.h>
#include <testkit/world.h>

#include <fstream>
#include <sstream>

#include "base/text.h"
#include "connector_ldap/ldap.h"

namespace linkspan::scenario {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using testkit::Slapd;

/// The delivered ones, for the suffix of the server under test; names follow what they are made of.
std::string rules() {
  std::ifstream file(LINKSPAN_SOURCE_DIR "/rules/ldap-to-ldap.toml");
  std::stringstream text;
  text << file.rdbuf();
  std::string made = text.str();
  const auto replace = [&](const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = made.find(from, at)) != std::string::npos; at += to.size()) {
      made.replace(at, from.size(), to);
    }
  };
  replace("dc=example,dc=com", Slapd::base());
  replace(", once = true", "");
  return made;
}

class LdapStory : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (!Slapd::available()) GTEST_SKIP() << "slapd is not installed";
    slapd_ = std::make_unique<Slapd>(testkit::SlapdOptions{.refint = GetParam(), .reader_writes = true});
    world_ = std::make_unique<testkit::World>(
        rules(), std::vector<testkit::DirectorySpec>{{"source", "ldap", {}},
                                                     {"target", "ldap", {}, [this] { return connect(); }}});
  }
  void TearDown() override { world_.reset(); }

  std::unique_ptr<connector::Connector> connect() {
    connector::Secrets secrets;
    secrets.emplace("password", vault::Secret::from(Slapd::reader_password()));
    return connector_ldap::ldap_kind().make({{"url", {slapd_->url()}}, {"bind_dn", {Slapd::reader_dn()}}},
                                            std::move(secrets), logger_);
  }
  connector::FakeDirectory& source() { return world_->directory("source"); }

  std::string add_person(const std::string& uid) {
    model::Entry entry;
    entry.dn = "uid=" + uid + ",ou=staff,dc=source";
    entry.object_type = "inetOrgPerson";
    entry.attributes = {{"uid", {uid}},
                        {"cn", {"Person " + uid}},
                        {"sn", {uid}},
                        {"mail", {uid + "@source.example"}},
                        {"entryUUID", {"00000000-0000-4000-8000-" + to_hex(uid + "______").substr(0, 12)}}};
    return source().add(std::move(entry));
  }
  std::string add_group(const std::string& name, const std::vector<std::string>& members) {
    model::Entry entry;
    entry.dn = "cn=" + name + ",ou=teams,dc=source";
    entry.object_type = "groupOfNames";
    entry.attributes = {{"cn", {name}},
                        {"entryUUID", {"00000000-0000-4000-9000-" + to_hex(name + "______").substr(0, 12)}}};
    for (const std::string& uid : members) entry.references.push_back({"member", "uid=" + uid + ",ou=staff,dc=source"});
    return source().add(std::move(entry));
  }
  static std::string person(const std::string& uid) { return "uid=" + uid + "," + Slapd::people(); }
  std::vector<std::string> members(const std::string& group) {
    return slapd_->admin().values("cn=" + group + "," + Slapd::groups(), "member");
  }
  /// Members need their accounts first: two rounds settle everything.
  void settle() {
    world_->cycle();
    world_->cycle();
    EXPECT_THAT(world_->pending("target"), IsEmpty());
  }

  std::unique_ptr<Slapd> slapd_;
  QuietLogger logger_;
  std::unique_ptr<testkit::World> world_;
};

TEST_P(LdapStory, PeopleAndGroupsComeChangeAreRenamedAndLeave) {
  const std::string ada = add_person("ada");
  const std::string bob = add_person("bob");
  source().set_references(ada, "manager", {"uid=bob,ou=staff,dc=source"});
  const std::string crew = add_group("crew", {"ada", "bob"});
  add_group("nobody", {});
  settle();
  EXPECT_THAT(slapd_->admin().values(person("ada"), "cn"), ElementsAre("Person ada"));
  EXPECT_THAT(slapd_->admin().values(person("ada"), "manager"), ElementsAre(person("bob")));
  EXPECT_THAT(members("crew"), UnorderedElementsAre(person("ada"), person("bob")));
  EXPECT_THAT(members("nobody"), ElementsAre("cn=no member,o=linkspan"));

  source().set(ada, "cn", {std::string("Ada, Countess")});
  source().set_references(crew, "member", {"uid=bob,ou=staff,dc=source"});
  settle();
  EXPECT_THAT(slapd_->admin().values(person("ada"), "cn"), ElementsAre("Ada, Countess"));
  EXPECT_THAT(members("crew"), ElementsAre(person("bob")));

  const std::string identity = slapd_->admin().values(person("bob"), "entryUUID").front();
  source().set(bob, "uid", {std::string("bob b")});
  settle();
  EXPECT_EQ(slapd_->admin().values(person("bob b"), "entryUUID").front(), identity);
  EXPECT_THAT(members("crew"), ElementsAre(person("bob b")));
  EXPECT_THAT(slapd_->admin().values(person("ada"), "manager"), ElementsAre(person("bob b")));

  for (const char* guard : {"guard.deletions", "guard.membership_removals"}) world_->set(guard, "off");
  source().set_references(crew, "member", {});
  source().remove(bob);
  settle();
  EXPECT_FALSE(slapd_->admin().exists(person("bob b")));
  EXPECT_THAT(members("crew"), ElementsAre("cn=no member,o=linkspan"));
}

TEST_P(LdapStory, SomebodyElsesWorkInTheTargetIsRespectedOrPutRight) {
  add_person("ada");
  add_group("crew", {"ada"});
  settle();
  // The group has a member that no rule knows of, and the person moved away.
  slapd_->admin().add_values(person("ada"), "description", {"kept by hand"});
  slapd_->rename(person("ada"), "uid=ada", Slapd::base());
  settle();
  EXPECT_FALSE(slapd_->admin().exists("uid=ada," + Slapd::base())) << "a rule makes the name";
  EXPECT_THAT(slapd_->admin().values(person("ada"), "description"), ElementsAre("kept by hand"));
  EXPECT_THAT(members("crew"), ElementsAre(person("ada")));
}

INSTANTIATE_TEST_SUITE_P(References, LdapStory, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "AreKeptByTheServer" : "AreLeftAsTheyAre"; });

}  // namespace
}  // namespace linkspan::scenario
