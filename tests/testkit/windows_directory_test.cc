// That the Windows-like directory refuses what Windows refuses: a client that gets away with it here would not there.

#include <gtest/gtest.h>
#include <testkit/windows_directory.h>

#include <functional>
#include <stdexcept>

namespace linkspan::testkit {
namespace {

/// What the directory said, or "" when it did not mind.
std::string refused(const std::function<void()>& deed) {
  try {
    deed();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

class WindowsDirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    admin().add(ou_, {{"objectClass", {"organizationalUnit"}}});
    admin().add(ada_, {{"objectClass", {"user"}}, {"sAMAccountName", {"ada"}}});
    admin().add(crew_, {{"objectClass", {"group"}}, {"member", {ada_}}});
  }
  LdapAdmin& admin() { return windows_.admin(); }
  void expect_refusal(const char* number, const std::function<void()>& deed) {
    const std::string said = refused(deed);
    EXPECT_NE(said.find(number), std::string::npos) << number << " is not in: " << said;
  }

  WindowsDirectory windows_;
  std::string ou_ = "OU=quay," + windows_.base();
  std::string ada_ = "CN=ada," + ou_;
  std::string crew_ = "CN=crew," + ou_;
};

TEST_F(WindowsDirectoryTest, MembersComeAndGoOnce) {
  expect_refusal("00000562", [&] { admin().add_values(crew_, "member", {ada_}); });
  admin().remove_values(crew_, "member", {ada_});
  expect_refusal("00000561", [&] { admin().remove_values(crew_, "member", {ada_}); });
  expect_refusal("NO_OBJECT", [&] { admin().add_values(crew_, "member", {"CN=nobody," + ou_}); });
}

TEST_F(WindowsDirectoryTest, WhatTheDirectoryKeepsNobodyWrites) {
  for (const char* attribute : {"objectGUID", "memberOf", "whenChanged", "isDeleted", "name"}) {
    expect_refusal("CONSTRAINT_ATT_TYPE", [&] { admin().replace(ada_, attribute, {"x"}); });
  }
  expect_refusal("CANT_ON_RDN", [&] { admin().replace(ada_, "cn", {"bob"}); });
  expect_refusal("NO_ATTRIBUTE_OR_VAL", [&] { admin().replace(ada_, "noSuchAttribute", {"x"}); });
  expect_refusal("INVALID_ATTRIBUTE_SYNTAX", [&] { admin().replace(ada_, "title", {"\xff"}); });
  expect_refusal("CONSTRAINT_ATT_TYPE", [&] { admin().replace(ada_, "title", {"one", "two"}); });
}

TEST_F(WindowsDirectoryTest, NamesAreOnesOwnAndFitTheClass) {
  expect_refusal("00000524",
                 [&] { admin().add("CN=bob," + ou_, {{"objectClass", {"user"}}, {"sAMAccountName", {"ADA"}}}); });
  EXPECT_FALSE(admin().exists("CN=bob," + ou_));
  expect_refusal("ENTRY_EXISTS", [&] { admin().add("cn=ADA," + ou_, {{"objectClass", {"user"}}}); });
  expect_refusal("NAMING_VIOLATION", [&] { admin().add("OU=x," + ou_, {{"objectClass", {"user"}}}); });
  expect_refusal("BAD_NAME", [&] { admin().add("nonsense", {{"objectClass", {"user"}}}); });
  expect_refusal("CANT_ON_NON_LEAF", [&] { admin().remove(ou_); });
}

TEST_F(WindowsDirectoryTest, PasswordIsQuotedAndUtf16AndAnAccountNeedsOne) {
  expect_refusal("0000052D", [&] { admin().replace(ada_, "userAccountControl", {"512"}); });
  expect_refusal("0000001F", [&] { admin().replace(ada_, "unicodePwd", {"Qu4y-side-77"}); });
  std::string wide;
  for (const char c : std::string("\"Qu4y-side-77\"")) wide += {c, '\0'};
  admin().replace(ada_, "unicodePwd", {wide});
  admin().replace(ada_, "userAccountControl", {"512"});
  EXPECT_TRUE(admin().values(ada_, "unicodePwd").empty());
  EXPECT_TRUE(LdapAdmin::lets_in(windows_.ldaps_url(), ada_, "Qu4y-side-77"));
  EXPECT_FALSE(LdapAdmin::lets_in(windows_.url(), ada_, "Qu4y-side-77")) << "without TLS";
}

TEST_F(WindowsDirectoryTest, WhoIsNoAdministratorWritesNothing) {
  windows_.add_account("plain", "Qu4y-side-77");
  LdapAdmin plain(windows_.ldaps_url(), "plain@" + windows_.domain(), "Qu4y-side-77", windows_.ca_file());
  EXPECT_EQ(plain.values(crew_, "member").size(), 1U);
  expect_refusal("INSUFF_ACCESS_RIGHTS", [&] { plain.replace(ada_, "title", {"mate"}); });
}

TEST_F(WindowsDirectoryTest, ForestHasAControllerForEachDomain) {
  WindowsDirectory forest({.domains = {"corp.quay.example", "north.corp.quay.example"}});
  LdapAdmin north(forest.ldaps_url(1), forest.admin_name(), forest.admin_password(), forest.ca_file());
  const std::string ada = "CN=ada,CN=Users," + forest.base(1);
  north.add(ada, {{"objectClass", {"user"}}});
  EXPECT_FALSE(refused([&] { static_cast<void>(forest.admin().values(ada, "cn")); }).empty()) << "a referral";
  // A group of one domain holds people of another, and each domain's controller shows its own end.
  forest.admin().add("CN=crew,CN=Users," + forest.base(), {{"objectClass", {"group"}}, {"member", {ada}}});
  EXPECT_EQ(forest.admin().values("CN=crew,CN=Users," + forest.base(), "member"), std::vector{ada});
}

}  // namespace
}  // namespace linkspan::testkit
