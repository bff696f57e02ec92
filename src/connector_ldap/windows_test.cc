// The connector to Active Directory against what Windows does otherwise than Samba (tests/testkit/windows_directory.h).

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <testkit/relay.h>
#include <testkit/windows_directory.h>

#include "connector_ldap/internal/active_directory.h"
#include "connector_ldap/internal/guid.h"
#include "connector_ldap/testing/active_directory_changes.h"

namespace linkspan::connector_ldap {
namespace {

using connector::Connector;
using testkit::WindowsDirectory;
using testkit::WindowsDirectoryOptions;

class WindowsDomain final : public Domain {
 public:
  explicit WindowsDomain(WindowsDirectoryOptions options = {}) : windows(std::move(options)) {}

  testkit::LdapAdmin& admin() override { return windows.admin(); }
  std::string base() const override { return windows.base(); }
  std::string dns_name() const override { return windows.domain(); }
  std::string ldaps_url() const override { return windows.ldaps_url(); }
  std::pair<std::string, int> address() const override { return {"127.0.0.1", windows.ldaps_port()}; }
  std::string ca_file() const override { return windows.ca_file(); }
  std::string admin_name() const override { return windows.admin_name(); }
  std::string admin_password() const override { return windows.admin_password(); }
  int large_group() const override { return 4000; }

  WindowsDirectory windows;
};

/// With the recycle bin, as most domains are, and with little in each part of an answer.
Domain* with_recycle_bin() {
  static WindowsDomain domain{[] {
    WindowsDirectoryOptions options;
    options.limits.part_objects = 3;
    options.limits.part_looks = 200;
    return options;
  }()};
  return &domain;
}

Domain* with_tombstones() {
  static WindowsDomain domain{[] {
    WindowsDirectoryOptions options;
    options.recycle_bin = false;
    return options;
  }()};
  return &domain;
}

INSTANTIATE_TEST_SUITE_P(Ways, ActiveDirectoryChanges,
                         ::testing::Values(ChangesOf{"dirsync", &with_recycle_bin, "dirsync"},
                                           ChangesOf{"dirsync_visible", &with_recycle_bin, "dirsync_visible"},
                                           ChangesOf{"usn", &with_recycle_bin, "usn", false},
                                           ChangesOf{"dirsync_tombstones", &with_tombstones, "dirsync"},
                                           ChangesOf{"usn_tombstones", &with_tombstones, "usn"}),
                         name_of_way);

constexpr std::size_t k_range = 1500;  // MaxValRange

class WindowsTest : public ::testing::Test, public InContainer {
 protected:
  void SetUp() override { begin(); }

  void begin(WindowsDirectoryOptions options = {}) {
    own_ = std::make_unique<WindowsDomain>(std::move(options));
    begin_in(*own_);
    outside_ = own_->new_container();
  }
  WindowsDirectory& windows() { return own_->windows; }

  State full(const Settings& settings = {}) {
    State state;
    last_ = take_import(*connect(settings), state);
    return state;
  }
  /// What is known now, and by a full import.
  void expect_caught_up(Connector& connector, State& known, std::string& watermark, const char* what) {
    watermark = take_import(connector, known, watermark).watermark;
    EXPECT_EQ(known, full()) << what;
  }
  std::size_t members_of(const State& state, const std::string& group) {
    return by_name(state, group).second.references.size();
  }
  static std::string crowd(const std::string& name, std::size_t number, const std::string& container) {
    return child(fmt::format("{} {}", name, number), container);
  }

  std::unique_ptr<WindowsDomain> own_;
  std::string outside_;
  connector::ImportEnd last_;
};

TEST_F(WindowsTest, MoreThanAPageIsNeverAskedForAtOnce) {
  windows().add_crowd("crew", container_, 2300);
  EXPECT_EQ(full({{"page_size", {"5000"}}}).size(), 2301U);
  EXPECT_EQ(full().size(), 2301U);
  // The fake keeps to it: who does not ask for pages is cut short, and told.
  EXPECT_THROW(admin().remove_below(container_), std::runtime_error);
}

TEST_F(WindowsTest, GroupGrowsAboveARangeAndShrinksBelowIt) {
  windows().add_crowd("crew", outside_, k_range - 1);
  windows().add_crowd("more", outside_, 2);
  const std::string crew = child("crew", outside_);
  admin().rename(crew, "CN=crew", container_);
  const std::string group = child("crew", container_);
  const auto connector = connect();
  State known;
  std::string watermark = take_import(*connector, known).watermark;
  EXPECT_EQ(members_of(known, "crew"), k_range - 1);
  windows().set_member(group, crowd("more", 0, outside_), true);
  expect_caught_up(*connector, known, watermark, "as many as one range");
  windows().set_member(group, crowd("more", 1, outside_), true);
  expect_caught_up(*connector, known, watermark, "one more");
  EXPECT_EQ(members_of(known, "crew"), k_range + 1);
  windows().set_member(group, crowd("crew", 7, outside_), false);
  windows().set_member(group, crowd("crew", 8, outside_), false);
  expect_caught_up(*connector, known, watermark, "below it again");
  admin().replace(group, "member", {});
  expect_caught_up(*connector, known, watermark, "nobody");
}

TEST_F(WindowsTest, GroupThatChangesWhileItIsReadIsReadAsItIs) {
  windows().add_crowd("crew", outside_, 2 * k_range + 10);
  admin().rename(child("crew", outside_), "CN=crew", container_);
  const std::string group = child("crew", container_);
  // The first members go while the others are read: the rest moves up, past what was asked for already.
  std::size_t gone = 0;
  windows().after_search([&](const testkit::WindowsRequest& request) {
    const bool part = !request.attributes.empty() && request.attributes.front().starts_with("member;range=");
    if (!part || gone == 3) return;
    windows().set_member(group, crowd("crew", gone++, outside_), false);
  });
  const State state = full();
  windows().after_search({});
  EXPECT_EQ(gone, 3U);
  EXPECT_EQ(state, full());
  EXPECT_EQ(members_of(state, "crew"), 2 * k_range + 7);
}

TEST_F(WindowsTest, GroupThatShrinksToTheEndOfARangeIsStillRead) {
  windows().add_crowd("crew", outside_, k_range + 1);
  admin().rename(child("crew", outside_), "CN=crew", container_);
  bool gone = false;
  windows().after_search([&](const testkit::WindowsRequest& request) {
    if (gone || !request.controls.page) return;
    gone = true;
    windows().set_member(child("crew", container_), crowd("crew", 0, outside_), false);
  });
  EXPECT_EQ(members_of(full(), "crew"), k_range);
}

TEST_F(WindowsTest, DirSyncInManyPartsTellsAll) {
  begin({.limits = {.part_objects = 7, .part_looks = 50}});
  windows().add_crowd("crew", container_, 200);
  const auto connector = connect();
  State known;
  std::string watermark = take_import(*connector, known).watermark;
  const std::size_t before = windows().dirsync_parts();
  for (std::size_t i = 0; i < 200; i += 2) {
    admin().replace(crowd("crew", i, container_), "displayName", {fmt::format("now {}", i)});
    if (i % 10 == 0) admin().remove(crowd("crew", i + 1, container_));
  }
  // One more changes whenever a part was sent.
  int changed = 0;
  windows().after_search([&](const testkit::WindowsRequest& request) {
    if (!request.controls.dirsync || changed == 20) return;
    windows().set_member(child("crew", container_),
                         crowd("crew", static_cast<std::size_t>(10 * changed++ + 2), container_), false);
  });
  watermark = take_import(*connector, known, watermark).watermark;
  windows().after_search({});
  EXPECT_GT(windows().dirsync_parts(), before + 10);
  expect_caught_up(*connector, known, watermark, "what changed meanwhile");
}

TEST_F(WindowsTest, RefusedCookieLeadsToAFullImportAndNothingIsLost) {
  begin({.limits = {.part_objects = 5}});
  windows().add_crowd("crew", container_, 60);
  const auto connector = connect();
  State known;
  const std::string watermark = take_import(*connector, known).watermark;
  for (std::size_t i = 0; i < 40; ++i) admin().replace(crowd("crew", i, container_), "title", {"mate"});
  admin().remove(crowd("crew", 50, container_));
  windows().refuse_cookies_after(3);
  EXPECT_EQ(error_id([&] { take_import(*connector, known, watermark); }), "connector.watermark_refused");
  EXPECT_EQ(take_import(*connector, known).watermark.empty(), false);
  EXPECT_EQ(known, full());
}

TEST_F(WindowsTest, ControllerFromABackupIsAskedForEverythingAgain) {
  windows().add_crowd("crew", container_, 30);
  for (const char* way : {"dirsync", "usn"}) {
    const auto connector = connect({{"changes", {way}}});
    State known;
    std::string watermark = take_import(*connector, known).watermark;
    windows().restore();
    admin().replace(crowd("crew", 3, container_), "title", {way});
    const std::string problem = error_id([&] { take_import(*connector, known, watermark); });
    if (!problem.empty()) {
      EXPECT_EQ(problem, "connector.watermark_refused");
      take_import(*connector, known);
    }
    EXPECT_EQ(known, full()) << way;
  }
}

TEST_F(WindowsTest, AccountIsLetToAskForChangesInItsWayAndSeesWhatItMay) {
  windows().add_account("plain", k_password);
  windows().add_crowd("crew", container_, 20);
  const auto plain = connect({}, "plain");
  EXPECT_FALSE(plain->capabilities().delta_reports_removals);
  EXPECT_EQ(error_id([&] { static_cast<void>(connect({{"changes", {"dirsync"}}}, "plain")->import({}, {})); }),
            "ldap.replication_right");
  windows().let_replicate("plain");
  const auto replicator = connect({{"changes", {"dirsync"}}}, "plain");
  EXPECT_TRUE(replicator->capabilities().delta_reports_removals);
  State known;
  std::string watermark = take_import(*replicator, known).watermark;
  admin().remove(crowd("crew", 4, container_));
  expect_caught_up(*replicator, known, watermark, "removed");
  EXPECT_EQ(members_of(known, "crew"), 19U);
}

TEST_F(WindowsTest, EachReasonNotToBeLetInHasItsErrorAndSaysWhatToDo) {
  const auto refused = [&](const std::string& account, const std::string& password = k_password) {
    Settings settings{{"account", {account + "@" + domain().dns_name()}}};
    try {
      static_cast<void>(make_connector(domain().settings(settings), logger_, password)->capabilities());
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::denied) << error.message();
      EXPECT_FALSE(error.hint().empty()) << error.message();
      EXPECT_EQ(error.message().find(password), std::string::npos);
      return std::string(error.id());
    }
    return std::string();
  };
  const auto account = [&](const char* name) { return windows().add_account(name, k_password); };
  account("fine");
  EXPECT_EQ(refused("fine"), "");
  EXPECT_EQ(refused("nobody"), "ldap.credentials");
  EXPECT_EQ(refused("fine", "wrong"), "ldap.credentials");
  admin().replace(account("disabled"), "userAccountControl", {"66050"});
  EXPECT_EQ(refused("disabled"), "ldap.account_disabled");
  admin().replace(account("ended"), "accountExpires", {"132000000000000000"});
  EXPECT_EQ(refused("ended"), "ldap.account_expired");
  account("aged");
  windows().let_password_expire("aged");
  EXPECT_EQ(refused("aged"), "ldap.password_expired");
  const std::string fresh = account("fresh");
  admin().replace(fresh, "userAccountControl", {"512"});
  admin().replace(fresh, "pwdLastSet", {"0"});
  EXPECT_EQ(refused("fresh"), "ldap.password_must_change");
  account("locked");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(refused("locked", "wrong"), "ldap.credentials");
  EXPECT_EQ(refused("locked"), "ldap.account_locked");
}

TEST_F(WindowsTest, DeletedAndUndeletedWithMembershipsBetweenTwoDeltas) {
  windows().add_crowd("crew", container_, 12);
  const auto connector = connect();
  State known;
  std::string watermark = take_import(*connector, known).watermark;
  const std::string dn = crowd("crew", 5, container_);
  const std::string guid = by_name(known, "crew 5").first;
  admin().remove(dn);
  admin().undelete(guid, crowd("crew", 5, outside_));
  expect_caught_up(*connector, known, watermark, "back, and elsewhere");
  EXPECT_EQ(members_of(known, "crew"), 12U);
  admin().remove(crowd("crew", 5, outside_));
  windows().set_member(child("crew", container_), crowd("crew", 6, container_), false);
  admin().undelete(guid, dn);
  expect_caught_up(*connector, known, watermark, "back in its place");
  EXPECT_EQ(members_of(known, "crew"), 11U);
  admin().remove(dn);
  windows().recycle(guid);
  expect_caught_up(*connector, known, watermark, "gone for good");
  const std::string group = by_name(known, "crew").first;
  admin().remove(child("crew", container_));
  expect_caught_up(*connector, known, watermark, "the group deleted");
  admin().undelete(group, child("crew", container_));
  expect_caught_up(*connector, known, watermark, "the group back");
  EXPECT_EQ(members_of(known, "crew"), 10U);
}

/// A connection that is cut anywhere loses nothing: the import says so, and the next one tells all.
TEST_F(WindowsTest, ImportCutAnywhereSaysSoAndTheNextOneMissesNothing) {
  begin({.limits = {.page_size = 20, .values = 30, .part_objects = 10}});
  windows().add_crowd("crew", container_, 100);
  testkit::Relay relay("127.0.0.1", windows().ldaps_port());
  const Settings over{{"url", {fmt::format("ldaps://127.0.0.1:{}", relay.port())}}, {"page_size", {"20"}}};
  const auto connector = connect(over);
  State known;
  std::string watermark = take_import(*connector, known).watermark;
  for (std::size_t i = 0; i < 60; ++i) admin().replace(crowd("crew", i, container_), "title", {"mate"});
  windows().set_member(child("crew", container_), crowd("crew", 3, container_), false);
  const State expected = full();
  const auto bytes_of = [&](const std::string& from) {
    const long before = relay.received();
    State state = known;
    take_import(*connector, state, from);
    EXPECT_EQ(state, expected);
    return relay.received() - before;
  };
  for (const std::string& from : {std::string(), watermark}) {
    const long all = bytes_of(from);
    for (long at = 1; at < all; at += all / 40 + 1) {
      relay.cut_after(at);
      State state = known;
      try {
        take_import(*connector, state, from);
        // Only what follows the last answer may be missing: the farewell.
        EXPECT_GT(at, all - 2000) << "it came to a proper end without the rest";
      } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::unavailable) << error.message();
      }
      relay.mend();
      relay.cut_after(-1);
      take_import(*connector, state, from);
      EXPECT_EQ(state, expected) << "cut after " << at << " of " << all;
    }
  }
}

TEST_F(WindowsTest, HostileValuesComeWhole) {
  std::string photo = "\xff\xd8";
  while (photo.size() < 5'000'000) photo += static_cast<char>(photo.size() * 31 % 251);
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  const std::string text("a\0b\r\nc\x01 \xC3\xA9\xF0\x9F\x98\x80 =*()\\ ", 22);
  const std::string name = " #a,b+c\"d\\e<f>g;h=i/j\r\n\x01 \xC3\xA9 ";
  admin().add(child(name, container_),
              {{"objectClass", {"user"}}, {"jpegPhoto", {photo, all, "\xc3\x28"}}, {"url", {text, "x"}}});
  admin().add(child("crew", container_), {{"objectClass", {"group"}}, {"member", {child(name, container_)}}});
  const State state = full();
  const auto [anchor, seen] = by_name(state, name);
  EXPECT_EQ(seen.dn_key, model::dn_key(child(name, container_)));
  const auto photos = seen.attributes.at("jpegPhoto");
  ASSERT_EQ(photos.size(), 3U);
  for (const std::string& bytes : {photo, all, std::string("\xc3\x28")}) {
    EXPECT_THAT(photos, ::testing::Contains(model::Value(model::Binary{bytes})));
  }
  EXPECT_THAT(seen.attributes.at("url"),
              ::testing::UnorderedElementsAre(model::Value(text), model::Value(std::string("x"))));
  EXPECT_EQ(by_name(state, "crew").second.references.begin()->second, anchor);
}

TEST_F(WindowsTest, GroupOfFortyThousandIsWhole) {
  windows().add_crowd("crew", outside_, 40'000);
  admin().rename(child("crew", outside_), "CN=crew", container_);
  EXPECT_EQ(members_of(full(), "crew"), 40'000U);
}

}  // namespace
}  // namespace linkspan::connector_ldap

namespace linkspan::connector {

INSTANTIATE_TEST_SUITE_P(Windows, ConnectorContract,
                         ::testing::Values(ContractBackend{
                             "windows",
                             [] {
                               return std::make_unique<connector_ldap::ActiveDirectoryUnderTest>(
                                   *connector_ldap::with_recycle_bin(), Settings{});
                             }}),
                         backend_name);

}  // namespace linkspan::connector
