// A forest of several domains, and what of it Samba cannot show (tests/testkit/windows_directory.h).

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <testkit/relay.h>
#include <testkit/windows_directory.h>

#include <optional>

#include "connector/testing/connector_contract.h"
#include "connector_ldap/internal/guid.h"
#include "connector_ldap/testing/domain.h"

namespace linkspan::connector_ldap {
namespace {

using connector::by_name;
using connector::Connector;
using connector::error_id;
using connector::Failed;
using connector::Outcome;
using connector::Sent;
using connector::Settings;
using connector::State;
using connector::take_import;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using testkit::LdapAdmin;
using testkit::Relay;
using testkit::WindowsDirectory;
using testkit::WindowsDirectoryOptions;

class ForestTest : public ::testing::Test {
 protected:
  ForestTest()
      : windows_([] {
          WindowsDirectoryOptions options;
          options.domains = {"corp.quay.example", "sea.corp.quay.example"};
          return options;
        }()),
        root_(windows_.ldaps_url(0), windows_.admin_name(), windows_.admin_password(), windows_.ca_file()),
        sea_(windows_.ldaps_url(1), windows_.admin_name(), windows_.admin_password(), windows_.ca_file()),
        to_root_("127.0.0.1", windows_.ldaps_port(0)),
        to_sea_("127.0.0.1", windows_.ldaps_port(1)) {
    root_.add(in_root(), {{"objectClass", {"organizationalUnit"}}});
    sea_.add(in_sea(), {{"objectClass", {"organizationalUnit"}}});
  }

  std::string in_root() const { return "OU=staff," + windows_.base(0); }
  std::string in_sea() const { return "OU=staff," + windows_.base(1); }

  std::string add_person(LdapAdmin& domain, const std::string& name, const std::string& parent) {
    domain.add(child(name, parent), {{"objectClass", {"user"}}, {"sAMAccountName", {name}}});
    return child(name, parent);
  }
  std::string add_group(LdapAdmin& domain, const std::string& name, const std::string& parent,
                        std::vector<std::string> members) {
    domain.add(child(name, parent), {{"objectClass", {"group"}},
                                     {"groupType", {"-2147483640"}},
                                     {"sAMAccountName", {name}},
                                     {"member", std::move(members)}});
    return child(name, parent);
  }
  static std::string guid_of(LdapAdmin& domain, const std::string& dn) {
    return guid_text(domain.values(dn, "objectGUID").front()).value();
  }

  std::unique_ptr<Connector> connect(Settings more = {}) {
    const auto url = [](const Relay& relay) { return fmt::format("ldaps://127.0.0.1:{}", relay.port()); };
    more.try_emplace("url", std::vector<std::string>{url(to_root_), url(to_sea_)});
    more.try_emplace("base", std::vector<std::string>{"*"});
    more.try_emplace("containers", std::vector<std::string>{in_root(), in_sea()});
    more["account"] = {windows_.admin_name()};
    more["ca_file"] = {windows_.ca_file()};
    return make_connector(more, logger_, windows_.admin_password());
  }
  static std::set<std::string> names(const State& state) {
    std::set<std::string> made;
    for (const auto& [anchor, seen] : state) made.insert(seen.name);
    return made;
  }
  static Outcome send(Connector& connector, const model::Export& change) {
    std::optional<Outcome> got;
    try {
      connector.send(std::span(&change, 1), [&](std::size_t, Outcome outcome) { got = std::move(outcome); }, {});
    } catch (const Error& error) {
      if (!got) got = Failed{error, false};
    }
    return got ? std::move(*got) : Outcome(Failed{Error(Fault::invalid, "test.unanswered", "no outcome"), false});
  }
  static std::string failure(const Outcome& outcome) {
    const auto* failed = std::get_if<Failed>(&outcome);
    return failed == nullptr ? std::string() : std::string(failed->error.id());
  }

  RecordingLogger logger_;
  WindowsDirectory windows_;
  LdapAdmin root_;
  LdapAdmin sea_;
  Relay to_root_;
  Relay to_sea_;
};

TEST_F(ForestTest, EachDomainIsReadAndReferencesLeadFromOneToTheOther) {
  const std::string ada = add_person(root_, "ada", in_root());
  const std::string bob = add_person(sea_, "bob", in_sea());
  const std::string crew = add_group(root_, "crew", in_root(), {ada, bob});
  for (const char* way : {"dirsync", "usn"}) {
    const auto connector = connect({{"changes", {way}}});
    State known;
    std::string watermark = take_import(*connector, known).watermark;
    EXPECT_EQ(names(known), (std::set<std::string>{"ada", "bob", "crew"}));
    const std::set<std::pair<std::string, std::string>> both{{"member", guid_of(root_, ada)},
                                                             {"member", guid_of(sea_, bob)}};
    EXPECT_EQ(by_name(known, "crew").second.references, both);
    // A delta of each domain.
    const auto delta = [&](const char* what) {
      watermark = take_import(*connector, known, watermark).watermark;
      State full;
      take_import(*connector, full);
      EXPECT_EQ(known, full) << what;
    };
    sea_.replace(bob, "displayName", {std::string("Bob ") + way});
    const std::string cy = add_person(sea_, "cy", in_sea());
    delta("changes in one domain");
    root_.remove_values(crew, "member", {bob});
    sea_.remove(cy);
    delta("changes in both");
    root_.add_values(crew, "member", {bob});
  }
}

TEST_F(ForestTest, DomainThatCannotBeReachedStopsTheImportAndNobodyLeaves) {
  add_person(root_, "ada", in_root());
  add_person(sea_, "bob", in_sea());
  const auto connector = connect();
  State known;
  const std::string watermark = take_import(*connector, known).watermark;
  const State before = known;
  to_sea_.cut();
  add_person(root_, "cy", in_root());
  for (const std::string& begin : {watermark, std::string()}) {
    State seen = known;
    EXPECT_NE(error_id([&] { take_import(*connector, seen, begin); }), "") << "it is not taken for empty";
    EXPECT_EQ(seen, before);
  }
  to_sea_.mend();
  take_import(*connector, known, watermark);
  EXPECT_EQ(names(known), (std::set<std::string>{"ada", "bob", "cy"}));
}

TEST_F(ForestTest, ADomainMayBeLeftOut) {
  add_person(root_, "ada", in_root());
  const std::string bob = add_person(sea_, "bob", in_sea());
  add_group(root_, "crew", in_root(), {bob});
  State state;
  take_import(*connect({{"base", {windows_.base(0)}}, {"containers", {in_root()}}}), state);
  EXPECT_EQ(names(state), (std::set<std::string>{"ada", "crew"}));
  EXPECT_EQ(by_name(state, "crew").second.references.size(), 1U) << "a reference may lead out of what is read";
  EXPECT_EQ(error_id([&] { static_cast<void>(connect({{"base", {windows_.base(0)}}})->import({}, {})); }),
            "ldap.container_gone");
}

TEST_F(ForestTest, ContainersOfEachDomainAreFollowedByIdentity) {
  add_person(sea_, "bob", in_sea());
  const auto pin = [&](LdapAdmin& domain, const std::string& dn) {
    return fmt::format("<GUID={}>;{}", guid_of(domain, dn), dn);
  };
  const auto connector = connect({{"containers", {pin(root_, in_root()), pin(sea_, in_sea())}}});
  State known;
  const std::string watermark = take_import(*connector, known).watermark;
  sea_.rename(in_sea(), "OU=crew");
  add_person(root_, "ada", in_root());
  take_import(*connector, known, watermark);
  EXPECT_EQ(by_name(known, "bob").second.dn_key, model::dn_key("CN=bob,OU=crew," + windows_.base(1)));
  EXPECT_EQ(names(known), (std::set<std::string>{"ada", "bob"}));
}

TEST_F(ForestTest, ExportsGoToTheDomainThatTheNameLiesIn) {
  const auto connector = connect();
  model::Export change;
  change.operation = model::Operation::add;
  change.object_type = "contact";
  for (const std::string& parent : {in_root(), in_sea()}) {
    change.dn = child("dee", parent);
    EXPECT_EQ(failure(send(*connector, change)), "");
  }
  EXPECT_TRUE(root_.exists(child("dee", in_root())));
  EXPECT_TRUE(sea_.exists(child("dee", in_sea())));
  change.dn = "CN=dee,DC=elsewhere,DC=example";
  EXPECT_EQ(failure(send(*connector, change)), "ldap.no_partition");
}

/// An add whose answer got lost.
class UncertainAdd : public ForestTest {
 protected:
  UncertainAdd() : connector_(connect()) {
    change_.operation = model::Operation::add;
    change_.object_type = "user";
    change_.dn = child("ada", in_root());
    change_.attributes = {{"cn", {}, {std::string("ada")}},
                          {"sAMAccountName", {}, {std::string("alove")}},
                          {"displayName", {}, {std::string("Ada Lovelace")}},
                          {"userAccountControl", {}, {std::int64_t{514}}}};
  }
  Outcome send_and_lose_the_answer() {
    static_cast<void>(connector_->capabilities());
    model::Export other = change_;  // opens the connection
    other.object_type = "contact";
    other.dn = child("before", in_root());
    other.attributes.clear();
    EXPECT_EQ(failure(send(*connector_, other)), "");
    to_root_.cut_after(0);
    Outcome outcome = send(*connector_, change_);
    to_root_.mend();
    return outcome;
  }

  std::unique_ptr<Connector> connector_;
  model::Export change_;
};

TEST_F(UncertainAdd, IsKnownAgainByWhatWasWritten) {
  const Outcome outcome = send_and_lose_the_answer();
  const auto* failed = std::get_if<Failed>(&outcome);
  ASSERT_NE(failed, nullptr);
  EXPECT_TRUE(failed->uncertain) << failed->error.message();
  ASSERT_TRUE(root_.exists(change_.dn));
  EXPECT_EQ(failure(send(*connector_, change_)), "ldap.already_exists") << "who is not told to look does not";
  change_.look_first = true;
  const Outcome again = send(*connector_, change_);
  ASSERT_TRUE(std::holds_alternative<Sent>(again)) << failure(again);
  EXPECT_EQ(std::get<Sent>(again).anchor, guid_of(root_, change_.dn));
}

TEST_F(UncertainAdd, IsNotTakenForWhatSomebodyElseMadeByThatName) {
  root_.add(change_.dn, {{"objectClass", {"user"}}, {"sAMAccountName", {"alove"}}, {"displayName", {"Ada Byron"}}});
  change_.look_first = true;
  EXPECT_EQ(failure(send(*connector_, change_)), "ldap.already_exists");
  change_.attributes = {{"cn", {}, {std::string("ada")}}, {"displayName", {}, {std::string("Ada")}}};
  root_.replace(change_.dn, "displayName", {"Ada"});  // which anybody would write
  EXPECT_EQ(failure(send(*connector_, change_)), "ldap.already_exists");
}

TEST_F(UncertainAdd, ThatNeverArrivedIsMade) {
  change_.look_first = true;
  const Outcome outcome = send(*connector_, change_);
  ASSERT_TRUE(std::holds_alternative<Sent>(outcome)) << failure(outcome);
  EXPECT_EQ(std::get<Sent>(outcome).anchor, guid_of(root_, change_.dn));
}

TEST_F(ForestTest, UndeletedObjectsBringTheirMembershipsAlongAndRecycledOnesAreNotThere) {
  const std::string ada = add_person(root_, "ada", in_root());
  const std::string bob = add_person(root_, "bob", in_root());
  add_group(sea_, "fleet", in_sea(), {ada});
  add_group(root_, "crew", in_root(), {ada, bob});
  const auto connector = connect({{"changes", {"dirsync"}}});
  State known;
  std::string watermark = take_import(*connector, known).watermark;
  const std::string guid = guid_of(root_, ada);
  const std::string gone = guid_of(root_, bob);
  root_.remove(ada);
  root_.remove(bob);
  watermark = take_import(*connector, known, watermark).watermark;
  EXPECT_THAT(by_name(known, "crew").second.references, IsEmpty());
  root_.undelete(guid, ada);
  windows_.recycle(gone);
  watermark = take_import(*connector, known, watermark).watermark;
  State full;
  take_import(*connector, full);
  EXPECT_EQ(known, full);
  EXPECT_EQ(names(known), (std::set<std::string>{"ada", "crew", "fleet"}));
  EXPECT_EQ(by_name(known, "crew").second.references.size(), 1U);
}

TEST_F(ForestTest, MemberOfAnotherForestIsTheObjectThatStandsForIt) {
  const std::string sid = "S-1-5-21-1004336348-1177238915-682003330-1104";
  const std::string stranger = "CN=" + sid + ",CN=ForeignSecurityPrincipals," + windows_.base(0);
  root_.add(stranger, {{"objectClass", {"foreignSecurityPrincipal"}}});
  add_group(root_, "crew", in_root(), {stranger});
  State known;
  const auto connector = connect({{"containers", {in_root(), "CN=ForeignSecurityPrincipals," + windows_.base(0)}}});
  take_import(*connector, known);
  EXPECT_EQ(by_name(known, sid).second.type, "foreignSecurityPrincipal");
  EXPECT_THAT(by_name(known, "crew").second.references,
              UnorderedElementsAre(std::pair<std::string, std::string>("member", guid_of(root_, stranger))));
  State without;
  take_import(*connect(), without);
  EXPECT_EQ(by_name(without, "crew").second.references.size(), 1U) << "it is no harm where they are not read";
}

}  // namespace
}  // namespace linkspan::connector_ldap

namespace linkspan::connector {
// windows_test.cc runs the contract.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ConnectorContract);
}  // namespace linkspan::connector
