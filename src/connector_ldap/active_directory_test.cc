#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <testkit/relay.h>

#include <cstdlib>
#include <mutex>

#include "connector/testing/connector_contract.h"
#include "connector_ldap/internal/active_directory.h"
#include "connector_ldap/internal/guid.h"
#include "connector_ldap/testing/domain.h"

namespace linkspan::connector_ldap {
namespace {

using connector::by_name;
using connector::Check;
using connector::Connector;
using connector::error_id;
using connector::ImportEnd;
using connector::Seen;
using connector::Settings;
using connector::State;
using connector::take_import;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testkit::LdapAttributes;
using testkit::Relay;
using testkit::Samba;

/// A container of the shared domain, as the contract wants a directory.
class ActiveDirectoryUnderTest final : public connector::TestDirectory {
 public:
  explicit ActiveDirectoryUnderTest(Settings more)
      : container_(domain().new_container()), more_(std::move(more)), relay_(domain().samba.address(), 636) {
    more_["containers"] = {container_};
    more_["url"] = {fmt::format("ldaps://127.0.0.1:{}", relay_.port())};
  }

  std::unique_ptr<Connector> connect() override {
    return make_connector(domain().settings(more_), logger_, domain().samba.admin_password());
  }

  void add_person(const std::string& name, const model::Attributes& attributes) override {
    LdapAttributes made{{"objectClass", {"user"}}, {"sAMAccountName", {domain().account_name()}}};
    for (const auto& [attribute, values] : attributes) made[attribute] = bytes(values);
    admin().add(child(name, container_), made);
    dns_[name] = child(name, container_);
  }
  void add_group(const std::string& name, const std::vector<std::string>& members) override {
    std::size_t strangers = 0;
    for (const std::string& member : members) {
      if (!dns_.contains(member)) dns_[member] = domain().bystander(strangers++);
    }
    admin().add(
        child(name, container_),
        {{"objectClass", {"group"}}, {"sAMAccountName", {domain().account_name()}}, {"member", targets(members)}});
    dns_[name] = child(name, container_);
  }
  void set(const std::string& name, const std::string& attribute, const model::Values& values) override {
    admin().replace(dns_.at(name), attribute, bytes(values));
  }
  void set_members(const std::string& group, const std::vector<std::string>& members) override {
    admin().replace(dns_.at(group), "member", targets(members));
  }
  void rename(const std::string& name, const std::string& new_name) override {
    admin().rename(dns_.at(name), "CN=" + model::escape_dn_value(new_name));
    dns_.erase(name);
    dns_[new_name] = child(new_name, container_);
  }
  void remove(const std::string& name) override {
    admin().remove(dns_.at(name));
    dns_.erase(name);
  }

  std::string person_type() const override { return "user"; }
  std::string text_attribute() const override { return "url"; }
  std::string binary_attribute() const override { return "jpegPhoto"; }
  std::string dn_of(const std::string& name) const override { return child(name, container_); }

  // Each object costs the controller some milliseconds.
  std::pair<int, std::size_t> long_import() const override { return {60, 400'000}; }
  int large_group() const override { return 200; }
  bool before_break() override { return true; }
  void break_now() override { relay_.cut(); }
  std::unique_ptr<Connector> connect_with_wrong_password() override {
    return make_connector(domain().settings(more_), logger_, "wrong");
  }
  std::unique_ptr<Connector> connect_to_nowhere() override {
    Settings settings = more_;
    settings["url"] = {"ldaps://127.0.0.1:1"};
    return make_connector(domain().settings(settings), logger_, "wrong");
  }

 private:
  static Domain& domain() { return *Domain::get(); }
  static testkit::LdapAdmin& admin() { return domain().samba.admin(); }
  static std::vector<std::string> bytes(const model::Values& values) {
    std::vector<std::string> made;
    for (const model::Value& value : values) made.push_back(bytes_of(value));
    return made;
  }
  std::vector<std::string> targets(const std::vector<std::string>& members) const {
    std::vector<std::string> made;
    for (const std::string& member : members) made.push_back(dns_.at(member));
    return made;
  }

  std::string container_;
  Settings more_;
  RecordingLogger logger_;
  std::map<std::string, std::string> dns_;
  Relay relay_;
};

connector::ContractBackend backend(const char* name, Settings more) {
  return {name, [more]() -> std::unique_ptr<connector::TestDirectory> {
            if (Domain::get() == nullptr) return nullptr;
            return std::make_unique<ActiveDirectoryUnderTest>(more);
          }};
}

constexpr const char* k_password = "Qu4y-side-77";

class ActiveDirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (Domain::get() == nullptr) GTEST_SKIP() << "Samba is not installed, or this is not root";
    container_ = domain().new_container();
  }

  static Domain& domain() { return *Domain::get(); }
  static testkit::LdapAdmin& admin() { return domain().samba.admin(); }

  std::string add_person(const std::string& name, const std::string& parent, LdapAttributes attributes = {}) {
    attributes["objectClass"] = {"user"};
    attributes["sAMAccountName"] = {domain().account_name()};
    admin().add(child(name, parent), attributes);
    return child(name, parent);
  }
  static std::string add_group(const std::string& name, const std::string& parent, std::vector<std::string> members) {
    admin().add(
        child(name, parent),
        {{"objectClass", {"group"}}, {"sAMAccountName", {domain().account_name()}}, {"member", std::move(members)}});
    return child(name, parent);
  }
  static std::string add_ou(const std::string& name, const std::string& parent) {
    const std::string dn = fmt::format("OU={},{}", name, parent);
    admin().add(dn, {{"objectClass", {"organizationalUnit"}}});
    return dn;
  }
  /// "<GUID=…>;DN", as setup keeps a container.
  static std::string pin(const std::string& dn) {
    return fmt::format("<GUID={}>;{}", guid_text(admin().values(dn, "objectGUID").front()).value(), dn);
  }

  std::unique_ptr<Connector> connect(Settings more = {}, const std::string& account = {}) {
    more.try_emplace("containers", std::vector<std::string>{container_});
    if (!account.empty()) more["account"] = {account + "@" + domain().samba.domain()};
    return make_connector(domain().settings(std::move(more)), logger_,
                          account.empty() ? domain().samba.admin_password() : k_password);
  }

  static std::set<std::string> names(const State& state) {
    std::set<std::string> made;
    for (const auto& [anchor, seen] : state) made.insert(seen.name);
    return made;
  }

  std::string container_;
  RecordingLogger logger_;
};

/// Each kind of change, by each way to ask for changes.
class ActiveDirectoryChanges : public ActiveDirectoryTest, public ::testing::WithParamInterface<std::string> {
 protected:
  void begin(Settings more = {}) {
    more["changes"] = {GetParam()};
    connector_ = connect(std::move(more));
    known_.clear();
    watermark_ = take_import(*connector_, known_).watermark;
  }
  /// Takes the changes since, and compares with what is there.
  const State& delta(const char* what) {
    watermark_ = take_import(*connector_, known_, watermark_).watermark;
    State full;
    take_import(*connector_, full);
    EXPECT_EQ(known_, full) << what;
    return known_;
  }

  std::unique_ptr<Connector> connector_;
  State known_;
  std::string watermark_;
};

TEST_P(ActiveDirectoryChanges, PeopleMoveOutOfTheScopeAndIntoIt) {
  const std::string inside = add_ou("inside", container_);
  const std::string outside = add_ou("outside", container_);
  add_person("ada", inside);
  add_person("bob", outside);
  begin({{"containers", {inside}}});
  EXPECT_EQ(names(known_), std::set<std::string>{"ada"});
  admin().rename(child("ada", inside), "CN=ada", outside);
  admin().rename(child("bob", outside), "CN=bob", inside);
  EXPECT_EQ(names(delta("both moved")), std::set<std::string>{"bob"});
  admin().rename(child("ada", outside), "CN=ada", inside);
  EXPECT_EQ(names(delta("one came back")), (std::set<std::string>{"ada", "bob"}));
}

TEST_P(ActiveDirectoryChanges, RenamedContainerTakesAllBelowItAlong) {
  const std::string far = add_ou("far", container_);
  const std::string scope = add_ou("scope", container_);
  const std::string ou = add_ou("old", scope);
  const std::string deep = add_ou("deep", ou);
  add_person("ada", ou);
  add_person("bob", deep);
  add_group("crew", ou, {child("bob", deep)});
  begin({{"containers", {scope}}});
  admin().rename(ou, "OU=new");
  delta("renamed");
  EXPECT_EQ(by_name(known_, "bob").second.dn_key, model::dn_key("CN=bob,OU=deep,OU=new," + scope));
  admin().rename("OU=new," + scope, "OU=new", far);
  EXPECT_EQ(names(delta("moved out")), std::set<std::string>{});
  admin().rename("OU=new," + far, "OU=newer", scope);
  EXPECT_EQ(names(delta("moved in")), (std::set<std::string>{"ada", "bob", "crew"}));
}

TEST_P(ActiveDirectoryChanges, RenamedContainersOfTheSettingsStayTheScope) {
  const std::string scope = add_ou("scope", container_);
  const std::string hidden = add_ou("hidden", scope);
  add_person("ada", scope);
  add_person("eve", hidden);
  const Settings by_identity{{"containers", {pin(scope)}}, {"exclude_containers", {pin(hidden)}}};
  begin(by_identity);
  EXPECT_EQ(names(known_), std::set<std::string>{"ada"});
  admin().rename(hidden, "OU=veiled");
  admin().rename(scope, "OU=range");
  add_person("bob", "OU=range," + container_);
  EXPECT_EQ(names(delta("both renamed")), (std::set<std::string>{"ada", "bob"}));
  EXPECT_EQ(by_name(known_, "ada").second.dn_key, model::dn_key("CN=ada,OU=range," + container_));
  // By its name alone nobody can tell a renamed container from one that was deleted.
  EXPECT_EQ(error_id([&] { static_cast<void>(connect({{"exclude_containers", {hidden}}})->import({}, {})); }),
            "ldap.container_gone");
}

TEST_P(ActiveDirectoryChanges, DeletedAreNoMembersAndComeBackAsTheDirectorySays) {
  const std::string ada = add_person("ada", container_);
  const std::string bob = add_person("bob", container_, {{"manager", {ada}}});
  add_group("crew", container_, {ada, bob});
  begin();
  const std::string guid = by_name(known_, "ada").first;
  admin().remove(ada);
  delta("deleted");
  EXPECT_EQ(by_name(known_, "crew").second.references.size(), 1U);
  admin().undelete(guid, ada);
  delta("undeleted");
  EXPECT_EQ(by_name(known_, "ada").first, guid);
  admin().remove(ada);
  add_person("ada", container_);
  delta("deleted, and another made by that name");
  EXPECT_NE(by_name(known_, "ada").first, guid);
  EXPECT_EQ(by_name(known_, "crew").second.references.size(), 1U);
}

TEST_P(ActiveDirectoryChanges, ContainerIsDeletedWithAllThatIsInIt) {
  const std::string ou = add_ou("old", container_);
  const std::string ada = add_person("ada", ou);
  add_group("crew", container_, {ada});
  begin();
  admin().remove(ada);
  admin().remove(ou);
  EXPECT_EQ(names(delta("deleted")), std::set<std::string>{"crew"});
}

TEST_P(ActiveDirectoryChanges, LinksComeAndGoOneByOne) {
  const std::string elsewhere = add_ou("elsewhere", container_);
  const std::string scope = add_ou("scope", container_);
  const std::string ada = add_person("ada", scope);
  const std::string bob = add_person("bob", scope);
  const std::string cy = add_person("cy", elsewhere);
  const std::string crew = add_group("crew", scope, {ada});
  const std::string fleet = add_group("fleet", scope, {crew});
  begin({{"containers", {scope}}});
  admin().add_values(crew, "member", {bob, cy});
  delta("two members more, one from elsewhere");
  EXPECT_EQ(by_name(known_, "crew").second.references.size(), 3U);
  admin().remove_values(crew, "member", {ada});
  delta("one less");
  admin().rename(cy, "CN=cyril");
  delta("a member out of the scope is renamed");
  admin().replace(ada, "manager", {bob});
  delta("a manager");
  admin().replace(ada, "manager", {});
  delta("none");
  admin().remove_values(fleet, "member", {crew});
  delta("a group less in a group");
}

TEST_P(ActiveDirectoryChanges, ChosenAttributesAreEnoughForMovesAndDeletions) {
  const std::string scope = add_ou("scope", container_);
  const std::string ada = add_person("ada", scope);
  const std::string bob = add_person("bob", scope);
  begin({{"containers", {scope}}, {"attributes", {"displayName", "userAccountControl"}}});
  EXPECT_FALSE(by_name(known_, "ada").second.attributes.contains("sAMAccountName"));
  admin().replace(ada, "displayName", {"Ada"});
  admin().rename(bob, "CN=bobby");
  delta("changed and renamed");
  admin().rename(child("bobby", scope), "CN=bobby", container_);
  delta("moved out");
  admin().replace(ada, "displayName", {});
  delta("cleared");
  const std::string guid = by_name(known_, "ada").first;
  admin().remove(ada);
  delta("deleted");
  admin().undelete(guid, ada);
  EXPECT_EQ(names(delta("undeleted")), std::set<std::string>{"ada"});
}

TEST_P(ActiveDirectoryChanges, ChangesOfTheSettingsNeedAFullImport) {
  add_person("ada", container_);
  begin();
  for (const Settings& other : {Settings{{"object_types", {"user"}}}, Settings{{"attributes", {"cn"}}},
                                Settings{{"containers", {add_ou("sub", container_)}}}}) {
    Settings settings = other;
    settings["changes"] = {GetParam()};
    const auto connector = connect(settings);
    State state;
    EXPECT_EQ(error_id([&] { take_import(*connector, state, watermark_); }), "connector.watermark_refused");
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, ActiveDirectoryChanges, ::testing::Values("dirsync", "usn"),
                         [](const auto& one) { return one.param; });

TEST_F(ActiveDirectoryTest, ComputersAreNoUsersUnlessAskedFor) {
  add_person("ada", container_);
  admin().add(child("pc", container_), {{"objectClass", {"computer"}}, {"sAMAccountName", {"pc7$"}}});
  State people;
  take_import(*connect(), people);
  EXPECT_EQ(names(people), std::set<std::string>{"ada"});
  State both;
  take_import(*connect({{"object_types", {"user", "computer"}}}), both);
  EXPECT_EQ(by_name(both, "pc").second.type, "computer");
  EXPECT_EQ(by_name(both, "ada").second.type, "user");
}

TEST_F(ActiveDirectoryTest, IdentitiesComeAsBytesAndTimesOfControllersNotAtAll) {
  const std::string ada = add_person("ada", container_);
  State state;
  take_import(*connect(), state);
  const auto [anchor, seen] = by_name(state, "ada");
  EXPECT_EQ(guid_bytes(anchor).value(), admin().values(ada, "objectGUID").front());
  EXPECT_EQ(bytes_of(seen.attributes.at("objectGUID").front()), admin().values(ada, "objectGUID").front());
  EXPECT_EQ(bytes_of(seen.attributes.at("objectSid").front()), admin().values(ada, "objectSid").front());
  EXPECT_EQ(seen.attributes.at("userAccountControl"), model::Values{std::int64_t{546}});
  for (const char* noise : {"uSNChanged", "whenChanged", "lastLogon", "badPwdCount", "nTSecurityDescriptor"}) {
    EXPECT_FALSE(seen.attributes.contains(noise)) << noise;
  }
}

TEST_F(ActiveDirectoryTest, AccountWithoutTheRightToReplicateIsToldSoAndMissesNothing) {
  static_cast<void>(domain().samba.add_account("plain", k_password));
  const std::string ada = add_person("ada", container_);
  add_group("crew", container_, {ada});
  const auto connector = connect({}, "plain");
  const auto checks = connector->test();
  EXPECT_THAT(checks, Contains(::testing::Field(&Check::detail, HasSubstr("DirSync of what the account may see"))));
  State known;
  const std::string watermark = take_import(*connector, known).watermark;
  EXPECT_THAT(logger_.ids(), Contains("ldap.replication_right"));
  admin().replace(ada, "displayName", {"Ada"});
  add_person("bob", container_);
  EXPECT_FALSE(connector->capabilities().delta_reports_removals);
  EXPECT_THAT(logger_.ids(), Contains("ldap.deletions_unseen"));
  take_import(*connector, known, watermark);
  State full;
  take_import(*connector, full);
  EXPECT_EQ(known, full);
  EXPECT_EQ(error_id([&] { static_cast<void>(connect({{"changes", {"dirsync"}}}, "plain")->import({}, {})); }),
            "ldap.replication_right");
}

TEST_F(ActiveDirectoryTest, EachReasonNotToBeLetInHasItsError) {
  const auto refused = [&](const std::string& account) {
    return error_id([&] { static_cast<void>(connect({}, account)->capabilities()); });
  };
  EXPECT_EQ(refused("nobody-of-that-name"), "ldap.credentials");
  const auto expect_refusal = [&](const char* name, const char* attribute, const char* value, const char* id) {
    admin().replace(domain().samba.add_account(name, k_password), attribute, {value});
    EXPECT_EQ(refused(name), id) << name;
  };
  expect_refusal("r-disabled", "userAccountControl", "66050", "ldap.account_disabled");
  expect_refusal("r-expired", "accountExpires", "132000000000000000", "ldap.account_expired");
  const std::string dn = domain().samba.add_account("r-change", k_password);
  admin().replace(dn, "userAccountControl", {"512"});
  admin().replace(dn, "pwdLastSet", {"0"});
  EXPECT_EQ(refused("r-change"), "ldap.password_must_change");
}

TEST_F(ActiveDirectoryTest, PasswordNeverGoesInClearText) {
  EXPECT_EQ(error_id([&] {
              static_cast<void>(connect({{"url", {domain().samba.url()}}, {"start_tls", {"never"}}})->capabilities());
            }),
            "ldap.clear_text");
  State state;
  add_person("ada", container_);
  take_import(*connect({{"url", {domain().samba.url()}}}), state);  // StartTLS, without being asked for
  EXPECT_EQ(names(state), std::set<std::string>{"ada"});
}

TEST_F(ActiveDirectoryTest, KerberosSignsAndSealsOrGoesOverTls) {
  add_person("ada", container_);
  const std::string host = domain().samba.host();
  std::string account = domain().samba.admin_name();
  const std::size_t at = account.find('@');
  for (char& c : account) {
    if (&c > &account[at] && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  for (const std::string& url : {"ldap://" + host, "ldaps://" + host}) {
    State state;
    take_import(*connect({{"url", {url}}, {"bind", {"gssapi"}}, {"account", {account}}}), state);
    EXPECT_EQ(names(state), std::set<std::string>{"ada"}) << url;
  }
  const auto wrong = make_connector(
      domain().settings({{"url", {"ldap://" + host}}, {"bind", {"gssapi"}}, {"account", {account}}}), logger_, "wrong");
  EXPECT_EQ(error_id([&] { static_cast<void>(wrong->capabilities()); }), "ldap.credentials");
}

TEST_F(ActiveDirectoryTest, ControllersOfADomainAreFoundByDns) {
  const auto found = find_controllers(domain().samba.domain(), domain().samba.address());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found.front(), HasSubstr("dc1." + domain().samba.domain()));
  EXPECT_THAT(found.front(), ::testing::EndsWith(":389"));
  EXPECT_THAT(find_controllers("nowhere.example", domain().samba.address()), IsEmpty());
}

TEST_F(ActiveDirectoryTest, AnotherControllerIsTakenWhenOneIsGone) {
  add_person("ada", container_);
  Relay first(domain().samba.address(), 636);
  Relay second(domain().samba.address(), 636);
  const auto url = [](const Relay& relay) { return fmt::format("ldaps://127.0.0.1:{}", relay.port()); };
  const auto connector = connect({{"url", {url(first), url(second)}}});
  State known;
  const std::string watermark = take_import(*connector, known).watermark;
  EXPECT_EQ(second.taken(), 0);
  first.cut();
  add_person("bob", container_);
  take_import(*connector, known, watermark);
  EXPECT_EQ(names(known), (std::set<std::string>{"ada", "bob"}));
  EXPECT_GT(second.taken(), 0);
}

}  // namespace
}  // namespace linkspan::connector_ldap

namespace linkspan::connector {

using connector_ldap::backend;

INSTANTIATE_TEST_SUITE_P(ActiveDirectory, ConnectorContract, ::testing::Values(backend("ad", {{"page_size", {"50"}}})),
                         backend_name);

}  // namespace linkspan::connector
