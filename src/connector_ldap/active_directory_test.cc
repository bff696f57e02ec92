#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <testkit/relay.h>

#include "connector_ldap/internal/active_directory.h"
#include "connector_ldap/internal/guid.h"
#include "connector_ldap/testing/active_directory_changes.h"

namespace linkspan::connector_ldap {
namespace {

using connector::Check;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testkit::Relay;

Domain* samba() { return SambaDomain::get(); }

INSTANTIATE_TEST_SUITE_P(Ways, ActiveDirectoryChanges,
                         ::testing::Values(ChangesOf{"dirsync", &samba, "dirsync"}, ChangesOf{"usn", &samba, "usn"}),
                         name_of_way);

connector::ContractBackend backend(const char* name, Settings more) {
  return {name, [more]() -> std::unique_ptr<connector::TestDirectory> {
            if (samba() == nullptr) return nullptr;
            return std::make_unique<ActiveDirectoryUnderTest>(*samba(), more);
          }};
}

class ActiveDirectoryTest : public ::testing::Test, public InContainer {
 protected:
  void SetUp() override {
    if (SambaDomain::get() == nullptr) GTEST_SKIP() << "Samba is not installed, or this is not root";
    begin_in(*SambaDomain::get());
  }

  static SambaDomain& domain() { return *SambaDomain::get(); }
};

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
