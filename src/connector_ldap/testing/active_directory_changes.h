#pragma once
// Every kind of change in a domain, followed by deltas. A test program says
//   INSTANTIATE_TEST_SUITE_P(Ways, ActiveDirectoryChanges, ::testing::Values(ChangesOf{"dirsync", …}, …), name_of_way);

#include <algorithm>

#include "connector_ldap/testing/active_directory_under_test.h"

namespace linkspan::connector_ldap {

using connector::by_name;
using connector::error_id;
using connector::Settings;
using connector::State;
using connector::take_import;

/// A domain, and the way to ask it for changes.
struct ChangesOf {
  std::string name;
  Domain* (*domain)();  ///< answers null where it cannot be had
  std::string way;
  /// Whether links that come back with an undeleted object are told by a delta, or by the next full import only.
  bool tells_restored_links = true;
};

/// Each kind of change.
class ActiveDirectoryChanges : public ::testing::TestWithParam<ChangesOf>, public InContainer {
 protected:
  void SetUp() override {
    Domain* domain = GetParam().domain();
    if (domain == nullptr) GTEST_SKIP() << "Samba is not installed, or this is not root";
    begin_in(*domain);
  }

  void begin(Settings more = {}) {
    more["changes"] = {GetParam().way};
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

  std::unique_ptr<connector::Connector> connector_;
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
  const auto kept = [&](const Settings& settings) {
    connector::Secrets secrets;
    secrets.emplace("password", vault::Secret::from(domain().admin_password()));
    return active_directory_kind().pin(domain().settings(settings), std::move(secrets), logger_);
  };
  const Settings by_identity = kept({{"containers", {scope}}, {"exclude_containers", {hidden}}});
  EXPECT_EQ(by_identity.at("containers").front(), pin(scope));
  EXPECT_EQ(by_identity.at("exclude_containers").front(), pin(hidden));
  EXPECT_EQ(error_id([&] { static_cast<void>(kept({{"containers", {"OU=nobody," + container_}}})); }),
            "ldap.container_gone");
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
  if (GetParam().tells_restored_links) {
    delta("undeleted");
  } else {
    watermark_ = take_import(*connector_, known_, watermark_).watermark;
  }
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

TEST_P(ActiveDirectoryChanges, OfWhatIsHeldOnlyWhatChangedIsTold) {
  const std::string ada = add_person("ada", container_);
  const std::string bob = add_person("bob", container_);
  const std::string crew = add_group("crew", container_, {ada, bob});
  begin();
  const std::string cy = add_person("cy", container_);
  admin().add_values(crew, "member", {cy});
  admin().remove_values(crew, "member", {ada});
  admin().replace(ada, "displayName", {"Ada"});
  std::vector<model::Observation> told;
  const auto import = connector_->import({watermark_,
                                          [&](std::span<const std::string> anchors) {
                                            std::vector<bool> held;
                                            for (const std::string& one : anchors) held.push_back(known_.contains(one));
                                            return held;
                                          }},
                                         {});
  for (std::vector<model::Observation> batch; import->next(batch);) std::ranges::move(batch, std::back_inserter(told));
  const bool in_part = GetParam().way == "dirsync";
  for (const auto& [name, references] : {std::pair("crew", std::size_t{1}), std::pair("ada", std::size_t{0})}) {
    const auto found =
        std::ranges::find(told, by_name(known_, name).first, [](const auto& one) { return one.entry.anchor; });
    ASSERT_NE(found, told.end()) << name;
    EXPECT_EQ(found->kind == model::Observation::Kind::changed, in_part) << name;
    if (!in_part) continue;
    EXPECT_EQ(found->entry.references.size(), references) << name;
    EXPECT_EQ(found->references_gone.size(), references) << name;
  }
  delta("the same, taken");
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

TEST_P(ActiveDirectoryChanges, AccountsTellTheirPrimaryGroupIfAskedTo) {
  for (const Settings& more : {Settings{}, Settings{{"attributes", {"displayName", "member"}}}}) {
    const std::string scope = add_ou(more.empty() ? "all" : "chosen", container_);
    const std::string ada = add_person("ada", scope);
    const std::string crew = add_group("crew", scope, {ada});
    const std::string fleet = add_group("fleet", container_, {ada});
    admin().replace(ada, "primaryGroupID", {relative_id(crew)});
    Settings settings = more;
    settings["containers"] = {scope};
    begin(settings);
    const auto primary = [&] {
      std::set<std::string> made;
      for (const auto& [attribute, target] : by_name(known_, "ada").second.references) {
        if (attribute == "primaryGroup") made.insert(target);
      }
      return made;
    };
    EXPECT_EQ(primary(), std::set<std::string>{});
    settings["primary_group"] = {"true"};
    begin(settings);
    EXPECT_EQ(primary(), std::set<std::string>{guid_of(crew)});
    admin().replace(ada, "primaryGroupID", {relative_id(fleet)});
    delta("another primary group, out of the scope");
    EXPECT_EQ(primary(), std::set<std::string>{guid_of(fleet)});
    admin().rename(ada, "CN=ada l");
    add_person("bob", scope);
    delta("renamed, and somebody new");
    admin().remove(child("ada l", scope));
    admin().remove(fleet);
  }
}

TEST_P(ActiveDirectoryChanges, ChangesOfTheSettingsNeedAFullImport) {
  add_person("ada", container_);
  begin();
  for (const Settings& other : {Settings{{"object_types", {"user"}}}, Settings{{"attributes", {"cn"}}},
                                Settings{{"containers", {add_ou("sub", container_)}}}}) {
    Settings settings = other;
    settings["changes"] = {GetParam().way};
    const auto connector = connect(settings);
    State state;
    EXPECT_EQ(error_id([&] { take_import(*connector, state, watermark_); }), "connector.watermark_refused");
  }
}

inline void PrintTo(const ChangesOf& one, std::ostream* out) { *out << one.name; }
inline std::string name_of_way(const ::testing::TestParamInfo<ChangesOf>& info) { return info.param.name; }

}  // namespace linkspan::connector_ldap
