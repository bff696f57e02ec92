// What is written to Active Directory: the account of the synchronization with its rights, and exports.

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <testkit/relay.h>

#include <algorithm>

#include "connector_ldap/internal/guid.h"
#include "connector_ldap/testing/domain.h"

namespace linkspan::connector_ldap {
namespace {

using connector::AccountOrder;
using connector::AccountRight;
using connector::Check;
using connector::CreatedAccount;
using connector::Failed;
using connector::Outcome;
using connector::Sent;
using connector::Settings;
using model::Export;
using model::Operation;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testkit::LdapAdmin;

std::string error_id(const std::function<void()>& deed) {
  try {
    deed();
  } catch (const Error& error) {
    return std::string(error.id());
  }
  return {};
}

class ActiveDirectoryWriting : public ::testing::Test {
 protected:
  void SetUp() override {
    if (SambaDomain::get() == nullptr) GTEST_SKIP() << "Samba is not installed, or this is not root";
    container_ = domain().new_container();
  }

  static SambaDomain& domain() { return *SambaDomain::get(); }
  static LdapAdmin& admin() { return domain().samba.admin(); }
  Settings settings(Settings more = {}) const {
    more.try_emplace("containers", std::vector<std::string>{container_});
    return domain().settings(std::move(more));
  }

  CreatedAccount create(const std::string& name, std::vector<std::string> rights, const std::string& password = {}) {
    std::string secret = password.empty() ? domain().samba.admin_password() : password;
    const AccountOrder order{domain().samba.admin_name(), vault::Secret::from(std::move(secret)), name,
                             std::move(rights)};
    return active_directory_kind().create_account(settings(), order, logger_);
  }
  std::vector<AccountRight> check(const CreatedAccount& account, const std::vector<std::string>& wanted) {
    return active_directory_kind().check_account(settings({{"account", {account.name}}}), secrets(account), wanted,
                                                 logger_);
  }
  static connector::Secrets secrets(const CreatedAccount& account) {
    connector::Secrets made;
    made.emplace("password", vault::Secret::from(std::string(account.password.reveal())));
    return made;
  }

  /// Sends one, and answers what became of it.
  Outcome send(const Export& change, Settings more = {}) {
    const auto connector = make_connector(settings(std::move(more)), logger_, domain().samba.admin_password());
    std::optional<Outcome> got;
    connector->send(std::span(&change, 1), [&](std::size_t, Outcome outcome) { got = std::move(outcome); }, {});
    return got ? std::move(*got) : Outcome(Failed{Error(Fault::invalid, "test.unanswered", "no outcome"), false});
  }
  static std::string failure(const Outcome& outcome) {
    const auto* failed = std::get_if<Failed>(&outcome);
    return failed == nullptr ? std::string() : std::string(failed->error.id());
  }

  Export new_user(const std::string& name, std::int64_t control) const {
    const std::string account = domain().account_name();
    Export made;
    made.operation = Operation::add;
    made.object_type = "user";
    made.dn = child(name, container_);
    made.attributes = {{"cn", {}, {name}},
                       {"sAMAccountName", {}, {account}},
                       {"userPrincipalName", {}, {account + "@" + domain().samba.domain()}},
                       {"userAccountControl", {}, {control}}};
    return made;
  }
  static std::string guid_of(const std::string& dn) {
    return guid_text(admin().values(dn, "objectGUID").front()).value();
  }
  static bool lets_in(const std::string& dn, const std::string& password) {
    return LdapAdmin::lets_in(domain().samba.ldaps_url(), admin().values(dn, "userPrincipalName").front(), password);
  }

  std::string container_;
  RecordingLogger logger_;
};

TEST_F(ActiveDirectoryWriting, NewAccountHasTheRightsThatWereAskedAndNoOthers) {
  const std::vector<std::string> rights{"replicate", "read", "write_anchor"};
  const CreatedAccount account = create("svc-first", rights);
  EXPECT_TRUE(account.made);
  EXPECT_EQ(account.rights.size(), 4U);  // the anchor of users and of inetOrgPersons
  EXPECT_THAT(account.rights, Each(Field(&AccountRight::wanted, true)));
  EXPECT_THAT(account.rights, Each(Field(&AccountRight::held, true)));
  const auto connector =
      active_directory_kind().make(settings({{"account", {account.name}}}), secrets(account), logger_);
  const auto checks = connector->test();
  for (const Check& one : checks) EXPECT_TRUE(one.passed) << one.name << ": " << one.detail;
  EXPECT_THAT(checks, Contains(Field(&Check::detail, HasSubstr("under Replicating Directory Changes"))));
  // Samba does not let it see deleted objects for that, and it is not to be told that it does.
  EXPECT_FALSE(connector->capabilities().delta_reports_removals);
  EXPECT_THAT(checks, Contains(Field(&Check::detail, HasSubstr("deletions are seen by full imports only"))));

  const CreatedAccount again = create("svc-first", rights);
  EXPECT_FALSE(again.made);
  EXPECT_EQ(again.rights.size(), 4U);
  EXPECT_NE(again.password.reveal(), account.password.reveal());
  EXPECT_EQ(check(again, rights).size(), 4U);
}

TEST_F(ActiveDirectoryWriting, AccountThatNothingSpecialWasAskedForIsToldWhatIsDeleted) {
  const CreatedAccount account = create("svc-standard", {});
  EXPECT_EQ(account.rights.size(), 3U);
  EXPECT_THAT(account.rights, Each(AllOf(Field(&AccountRight::wanted, true), Field(&AccountRight::held, true))));
  const auto connector =
      active_directory_kind().make(settings({{"account", {account.name}}}), secrets(account), logger_);
  EXPECT_TRUE(connector->capabilities().delta_reports_removals);
  const auto rights = check(account, {"replicate"});
  EXPECT_THAT(rights, Contains(AllOf(Field(&AccountRight::where, HasSubstr("CN=Deleted Objects")),
                                     Field(&AccountRight::wanted, false), Field(&AccountRight::held, true))));
}

TEST_F(ActiveDirectoryWriting, CheckNamesWhatAnAccountLacksAndWhatItHasWithoutNeed) {
  const CreatedAccount account = create("svc-check", {"replicate", "write:telephoneNumber"});
  const auto rights = check(account, {"replicate", "manage_groups"});
  std::vector<std::string> lacking;
  std::vector<std::string> needless;
  for (const AccountRight& one : rights) {
    if (one.wanted && !one.held) lacking.push_back(one.name);
    if (!one.wanted && one.held) needless.push_back(one.where);
  }
  EXPECT_EQ(lacking.size(), 3U);
  EXPECT_THAT(lacking, Contains("create and delete group"));
  EXPECT_EQ(needless.size(), 2U);
  EXPECT_THAT(needless, Each(container_));
}

TEST_F(ActiveDirectoryWriting, AccountOfSomebodyElseIsLeftAlone) {
  const std::string boss = domain().samba.add_account("boss", "B0ss-of-the-quay");
  EXPECT_EQ(error_id([&] { static_cast<void>(create("boss", {"read"})); }), "ldap.account_taken");
  EXPECT_TRUE(lets_in(boss, "B0ss-of-the-quay"));
}

TEST_F(ActiveDirectoryWriting, OrdersThatCannotBeFollowedHaveTheirErrors) {
  EXPECT_EQ(error_id([&] { static_cast<void>(create("svc-none", {"read"}, "wrong")); }), "ldap.credentials");
  EXPECT_EQ(error_id([&] { static_cast<void>(create("svc none", {"read"})); }), "ldap.bad_name");
  EXPECT_EQ(error_id([&] { static_cast<void>(create("svc-none", {"everything"})); }), "ldap.no_right");
  EXPECT_EQ(error_id([&] { static_cast<void>(create("svc-none", {"write:noSuchAttribute"})); }), "ldap.no_right");
  EXPECT_FALSE(admin().exists("CN=svc-none,CN=Users," + domain().samba.base()));
}

TEST_F(ActiveDirectoryWriting, NewAccountsGetThePasswordThatARuleOrChanceGives) {
  Export weak = new_user("ada", 512);
  weak.attributes.push_back({"unicodePwd", {}, {std::string("x")}});
  EXPECT_EQ(failure(send(weak)), "ldap.bad_password");
  EXPECT_FALSE(admin().exists(child("ada", container_)));
  Export with_password = new_user("ada", 512);
  with_password.attributes.push_back({"unicodePwd", {}, {std::string("First-p4ss-\xC3\xBC")}});
  EXPECT_EQ(failure(send(with_password)), "");
  EXPECT_TRUE(lets_in(child("ada", container_), "First-p4ss-\xC3\xBC"));
  EXPECT_EQ(failure(send(new_user("bob", 512), {{"initial_password", {"random"}}})), "");
  EXPECT_EQ(admin().values(child("bob", container_), "userAccountControl").front(), "512");
  Export update = with_password;
  update.operation = Operation::update;
  update.anchor = guid_of(update.dn);
  EXPECT_EQ(failure(send(update)), "ldap.password_in_update");
  update.attributes = {{"userAccountControl", {std::int64_t{512}}, {std::int64_t{514}}}};
  EXPECT_EQ(failure(send(update)), "");
  EXPECT_FALSE(lets_in(child("ada", container_), "First-p4ss-\xC3\xBC"));
}

TEST_F(ActiveDirectoryWriting, NameThatIsTakenIsNeitherOverwrittenNorMadeTwice) {
  EXPECT_EQ(failure(send(new_user("ada", 514))), "");
  EXPECT_EQ(failure(send(new_user("ada", 514))), "ldap.already_exists");
}

TEST_F(ActiveDirectoryWriting, RenameMovesAndCarriesTheOtherChangesAlong) {
  const std::string ou = "OU=far = away," + container_;
  admin().add("OU=far \\= away," + container_, {{"objectClass", {"organizationalUnit"}}});
  ASSERT_EQ(failure(send(new_user("ada", 514))), "");
  Export change;
  change.operation = Operation::rename;
  change.object_type = "user";
  change.dn = child("ada", container_);
  change.anchor = guid_of(change.dn);
  change.new_dn = "CN=Ada\\, L," + ou;
  change.attributes = {{"displayName", {}, {std::string("Ada, L")}}};
  EXPECT_EQ(failure(send(change)), "");
  const std::string now = "CN=Ada\\, L,OU=far \\= away," + container_;
  EXPECT_EQ(guid_of(now), change.anchor);
  EXPECT_EQ(admin().values(now, "displayName").front(), "Ada, L");
  EXPECT_EQ(admin().values(now, "cn").front(), "Ada, L");
}

TEST_F(ActiveDirectoryWriting, MembersGoByIdentityAndThoseThatAreRefusedAreNamed) {
  ASSERT_EQ(failure(send(new_user("ada", 514))), "");
  ASSERT_EQ(failure(send(new_user("bob", 514))), "");
  const std::string ada = guid_of(child("ada", container_));
  const std::string bob = guid_of(child("bob", container_));
  Export group;
  group.operation = Operation::add;
  group.object_type = "group";
  group.dn = child("crew", container_);
  group.attributes = {{"sAMAccountName", {}, {domain().account_name()}}};
  group.references = {{"member", ada, child("ada", container_), true}};
  ASSERT_EQ(failure(send(group)), "");
  admin().rename(child("ada", container_), "CN=ada l");
  const auto members = [&] {
    auto made = admin().values(group.dn, "member");
    std::ranges::sort(made);
    return made;
  };
  EXPECT_EQ(members(), std::vector<std::string>{child("ada l", container_)});
  const std::string nobody = "00000000-0000-4000-8000-000000000001";
  group.operation = Operation::update;
  group.anchor = guid_of(group.dn);
  group.attributes.clear();
  group.references = {{"member", bob, {}, true}, {"member", nobody, {}, true}, {"member", ada, {}, true}};
  const Outcome outcome = send(group);
  ASSERT_TRUE(std::holds_alternative<Sent>(outcome)) << failure(outcome);
  ASSERT_EQ(std::get<Sent>(outcome).references_refused.size(), 1U);
  EXPECT_EQ(std::get<Sent>(outcome).references_refused.front().target, nobody);
  EXPECT_EQ(members().size(), 2U);
  group.references = {{"member", ada, {}, false}, {"member", nobody, {}, false}};
  const Outcome removed = send(group);
  ASSERT_TRUE(std::holds_alternative<Sent>(removed)) << failure(removed);
  EXPECT_EQ(members(), std::vector<std::string>{child("bob", container_)});
}

TEST_F(ActiveDirectoryWriting, OnlyEmptyContainersAreDeletedAndWhatIsGoneIsGone) {
  const std::string ou = "OU=full," + container_;
  admin().add(ou, {{"objectClass", {"organizationalUnit"}}});
  admin().add(child("ada", ou), {{"objectClass", {"contact"}}});
  Export change;
  change.operation = Operation::remove;
  change.object_type = "organizationalUnit";
  change.dn = ou;
  change.anchor = guid_of(ou);
  EXPECT_EQ(failure(send(change)), "ldap.not_empty");
  admin().remove(child("ada", ou));
  EXPECT_EQ(failure(send(change)), "");
  EXPECT_FALSE(admin().exists(ou));
  EXPECT_EQ(failure(send(change)), "");
}

TEST_F(ActiveDirectoryWriting, AccountMayWriteWhatItWasGivenAndNothingElse) {
  const CreatedAccount account = create("svc-write", {"read", "write:telephoneNumber"});
  ASSERT_EQ(failure(send(new_user("ada", 514))), "");
  const auto connector =
      active_directory_kind().make(settings({{"account", {account.name}}}), secrets(account), logger_);
  const auto write = [&](const char* attribute) {
    Export change;
    change.operation = Operation::update;
    change.object_type = "user";
    change.dn = child("ada", container_);
    change.anchor = guid_of(change.dn);
    change.attributes = {{attribute, {}, {std::string("1")}}};
    std::string id = "unanswered";
    connector->send(std::span(&change, 1), [&](std::size_t, const Outcome& outcome) { id = failure(outcome); }, {});
    return id;
  };
  EXPECT_EQ(write("telephoneNumber"), "");
  EXPECT_EQ(write("displayName"), "ldap.write_access");
}

TEST_F(ActiveDirectoryWriting, BatchesShareAConnectionUntilItIsLost) {
  testkit::Relay relay(domain().samba.address(), 636);
  const auto connector = make_connector(settings({{"url", {fmt::format("ldaps://127.0.0.1:{}", relay.port())}}}),
                                        logger_, domain().samba.admin_password());
  const auto add = [&](const std::string& name) {
    const Export change = new_user(name, 514);
    std::string id = "unanswered";
    connector->send(std::span(&change, 1), [&](std::size_t, const Outcome& outcome) { id = failure(outcome); }, {});
    return id;
  };
  EXPECT_EQ(add("ada"), "");
  const int taken = relay.taken();
  EXPECT_EQ(add("bob"), "");
  EXPECT_EQ(relay.taken(), taken);
  relay.cut();
  EXPECT_NE(error_id([&] { EXPECT_NE(add("cy"), ""); }), "");
  relay.mend();
  EXPECT_EQ(add("dee"), "");
  EXPECT_GT(relay.taken(), taken);
  EXPECT_TRUE(admin().exists(child("dee", container_)));
}

}  // namespace
}  // namespace linkspan::connector_ldap
