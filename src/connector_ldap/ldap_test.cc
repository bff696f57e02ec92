#include "connector_ldap/ldap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <testkit/slapd.h>

#include <filesystem>
#include <functional>
#include <set>
#include <thread>

#include "connector_ldap/testing/ldap_writing.h"

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
using ::testing::Pair;
using testkit::Slapd;
using testkit::SlapdOptions;

Settings settings_for(const Slapd& slapd, Settings more = {}) {
  more.try_emplace("url", std::vector<std::string>{slapd.url()});
  more.try_emplace("bind_dn", std::vector<std::string>{Slapd::reader_dn()});
  more.try_emplace("timeout_seconds", std::vector<std::string>{"20"});
  return more;
}

std::unique_ptr<Connector> make(const Settings& settings, Logger& logger,
                                std::string password = Slapd::reader_password()) {
  return make_ldap_connector(settings, logger, std::move(password));
}

class OpenLdap final : public LdapServer {
 public:
  explicit OpenLdap(SlapdOptions options) : slapd_(std::move(options)) {}
  std::string url() const override { return slapd_.url(); }
  std::string base() const override { return Slapd::base(); }
  std::string account() const override { return Slapd::reader_dn(); }
  std::string password() const override { return Slapd::reader_password(); }
  testkit::LdapAdmin& admin() override { return slapd_.admin(); }
  void kill() override { slapd_.kill(); }
  std::string binary_attribute() const override { return "quayBlob"; }
  std::string binary_class() const override { return "quayExtras"; }

 private:
  Slapd slapd_;
};

std::shared_ptr<LdapServer> make_server(SlapdOptions options) {
  options.reader_writes = true;
  return Slapd::available() ? std::make_shared<OpenLdap>(std::move(options)) : nullptr;
}

connector::ContractBackend backend(const char* name, SlapdOptions options, Settings more = {}) {
  return {name, [options, more]() -> std::unique_ptr<connector::TestDirectory> {
            auto server = make_server(options);
            return server ? std::make_unique<LdapTestDirectory>(std::move(server), more) : nullptr;
          }};
}

}  // namespace
}  // namespace linkspan::connector_ldap

namespace linkspan::connector {

using connector_ldap::backend;
using testkit::SlapdOptions;

// The ways an import can go: with a log of removals, without one (all that is left is told instead), an account that
// may not see the server's sequence number, several containers, pages only, and by modifyTimestamp.
INSTANTIATE_TEST_SUITE_P(
    Ldap, ConnectorContract,
    ::testing::Values(backend("session_log", SlapdOptions{}), backend("present_phase", SlapdOptions{.session_log = 0}),
                      backend("hidden_csn", SlapdOptions{.access = "access to attrs=contextCSN by * none\n"},
                              {{"containers", {"ou=people,dc=quay,dc=example", "ou=groups,dc=quay,dc=example"}}}),
                      backend("two_containers", SlapdOptions{},
                              {{"containers", {"ou=people,dc=quay,dc=example", "ou=groups,dc=quay,dc=example"}}}),
                      backend("pages", SlapdOptions{.syncprov = false}, {{"page_size", {"10"}}, {"changes", {"full"}}}),
                      backend("modification_time", SlapdOptions{.syncprov = false})),
    backend_name);

}  // namespace linkspan::connector

namespace linkspan::connector_ldap {

INSTANTIATE_TEST_SUITE_P(OpenLdap, LdapWriting, ::testing::Values([] { return make_server({}); }));

}  // namespace linkspan::connector_ldap

namespace linkspan::connector_ldap {
namespace {

class LdapTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Slapd::available()) GTEST_SKIP() << "slapd is not installed";
    start({});
  }
  void start(SlapdOptions options) { slapd_ = std::make_unique<Slapd>(std::move(options)); }

  std::unique_ptr<Connector> connect(Settings more = {}) {
    return make(settings_for(*slapd_, std::move(more)), logger_);
  }

  State full(Connector& connector) {
    State state;
    last_ = take_import(connector, state);
    return state;
  }

  std::string import_error(Settings more) {
    return error_id([&] { full(*connect(std::move(more))); });
  }

  std::unique_ptr<Slapd> slapd_;
  RecordingLogger logger_;
  ImportEnd last_;
};

TEST_F(LdapTest, ValuesComeByTheSchema) {
  slapd_->add_person("ada", {{"quayFlag", {"TRUE"}},
                             {"quayNumber", {"42", "-1"}},
                             {"quayTime", {"20260102030405.5Z"}},
                             {"quayBlob", {"text in a blob"}},
                             {"MAIL", {"Ada@X.example"}},
                             {"cn;lang-fr", {"Adèle"}},
                             {"manager", {"cn=Boss\\, Big,ou=people,dc=quay,dc=example"}},
                             {"userPassword", {"secret"}}});
  const Seen ada = by_name(full(*connect()), "ada").second;
  EXPECT_EQ(ada.attributes.at("quayFlag"), model::Values{true});
  EXPECT_EQ(ada.attributes.at("quayNumber"), (model::Values{std::int64_t{-1}, std::int64_t{42}}));
  EXPECT_EQ(ada.attributes.at("quayTime"), model::Values{from_rfc3339("2026-01-02T03:04:05.5Z")});
  EXPECT_EQ(ada.attributes.at("quayBlob"), model::Values{model::Binary{"text in a blob"}});
  EXPECT_EQ(ada.attributes.at("mail"), model::Values{std::string("Ada@X.example")});
  EXPECT_EQ(ada.attributes.at("cn;lang-fr"), model::Values{std::string("Adèle")});
  EXPECT_THAT(ada.references, Contains(Pair("manager", model::dn_key("cn=Boss\\, Big,ou=people,dc=quay,dc=example"))));
  EXPECT_FALSE(ada.attributes.contains("userPassword"));
  EXPECT_FALSE(ada.attributes.contains("entryCSN"));
  EXPECT_FALSE(ada.attributes.contains("manager"));
  EXPECT_TRUE(ada.attributes.contains("entryUUID"));
}

TEST_F(LdapTest, MostSpecificOfTheWantedTypesIsTheType) {
  slapd_->add_person("ada");
  slapd_->add_person("pia", {{"objectClass", {"quayPilot"}}});
  EXPECT_EQ(by_name(full(*connect()), "pia").second.type, "inetOrgPerson");
  const State state = full(*connect({{"object_types", {"person", "QUAYPILOT", "inetorgperson"}}}));
  EXPECT_EQ(by_name(state, "pia").second.type, "quayPilot");
  EXPECT_EQ(by_name(state, "ada").second.type, "inetOrgPerson");
  EXPECT_EQ(state.size(), 2U);
}

TEST_F(LdapTest, OnlySelectedAttributesAreRead) {
  slapd_->add_person("ada", {{"mail", {"a@x.example"}}, {"description", {"d"}}});
  const Seen ada = by_name(full(*connect({{"attributes", {"mail", "modifyTimestamp"}}})), "ada").second;
  EXPECT_TRUE(ada.attributes.contains("mail"));
  EXPECT_TRUE(ada.attributes.contains("modifyTimestamp"));
  EXPECT_FALSE(ada.attributes.contains("description"));
}

TEST_F(LdapTest, ContainersAndExclusionsDecideWhatIsRead) {
  slapd_->add("ou=deep," + Slapd::people(), {{"objectClass", {"organizationalUnit"}}, {"ou", {"deep"}}});
  slapd_->add("cn=ada,ou=deep," + Slapd::people(),
              {{"objectClass", {"inetOrgPerson"}}, {"cn", {"ada"}}, {"sn", {"a"}}});
  slapd_->add_person("bob");
  EXPECT_EQ(full(*connect({{"containers", {Slapd::people()}}})).size(), 4U);
  // One within another is not read twice.
  EXPECT_EQ(full(*connect({{"containers", {"OU=Deep," + Slapd::people(), Slapd::people()}}})).size(), 4U);
  const State state = full(*connect({{"exclude_containers", {"ou=DEEP," + Slapd::people()}}}));
  EXPECT_EQ(by_name(state, "bob").second.type, "inetOrgPerson");
  EXPECT_EQ(state.size(), 3U);
  EXPECT_EQ(import_error({{"containers", {"ou=none,dc=quay,dc=example"}}}), "ldap.no_container");
  EXPECT_EQ(import_error({{"containers", {"dc=elsewhere"}}}), "ldap.settings");
}

TEST_F(LdapTest, WhatLeavesOrEntersAContainerDoesSoInADelta) {
  slapd_->add("ou=out," + Slapd::base(), {{"objectClass", {"organizationalUnit"}}, {"ou", {"out"}}});
  slapd_->add_person("ada");
  slapd_->add_person("bob");
  const auto connector = connect({{"containers", {Slapd::people()}}});
  State known = full(*connector);
  std::string watermark = last_.watermark;
  slapd_->rename("cn=ada," + Slapd::people(), "cn=ada", "ou=out," + Slapd::base());
  watermark = take_import(*connector, known, watermark).watermark;
  EXPECT_EQ(known, full(*connector));
  EXPECT_EQ(known.size(), 2U);
  slapd_->rename("cn=ada,ou=out," + Slapd::base(), "cn=ada", Slapd::people());
  take_import(*connector, known, watermark);
  EXPECT_EQ(known, full(*connector));
  EXPECT_EQ(known.size(), 3U);
}

TEST_F(LdapTest, RenamedContainerBringsAllBelowItInADelta) {
  const std::string deep = "ou=deep," + Slapd::people();
  slapd_->add(deep, {{"objectClass", {"organizationalUnit"}}, {"ou", {"deep"}}});
  slapd_->add("ou=deeper," + deep, {{"objectClass", {"organizationalUnit"}}, {"ou", {"deeper"}}});
  slapd_->add("cn=ada,ou=deeper," + deep, {{"objectClass", {"inetOrgPerson"}}, {"cn", {"ada"}}, {"sn", {"a"}}});
  const auto everywhere = connect();
  const auto people = connect({{"containers", {Slapd::people()}}});
  State all = full(*everywhere);
  const std::string all_mark = last_.watermark;
  State below = full(*people);
  const std::string below_mark = last_.watermark;
  slapd_->rename(deep, "ou=moved", Slapd::groups());
  take_import(*everywhere, all, all_mark);
  EXPECT_EQ(all, full(*everywhere));
  EXPECT_THAT(by_name(all, "ada").second.dn_key, HasSubstr("ou=moved"));
  take_import(*people, below, below_mark);
  EXPECT_EQ(below, full(*people));
  EXPECT_EQ(below.size(), 1U);
}

TEST_F(LdapTest, ChangedTypeLeavesInADelta) {
  slapd_->add("cn=x," + Slapd::people(), {{"objectClass", {"applicationProcess", "quayExtras"}}, {"cn", {"x"}}});
  const auto connector = connect({{"object_types", {"quayExtras"}}});
  State known = full(*connector);
  EXPECT_EQ(known.size(), 1U);
  slapd_->replace("cn=x," + Slapd::people(), "objectClass", {"applicationProcess"});
  take_import(*connector, known, last_.watermark);
  EXPECT_THAT(known, IsEmpty());
}

TEST_F(LdapTest, ChangedSettingsRefuseTheWatermark) {
  full(*connect());
  const std::string watermark = last_.watermark;
  ASSERT_NE(watermark, "");
  State state;
  EXPECT_EQ(error_id([&] { take_import(*connect({{"attributes", {"mail"}}}), state, watermark); }),
            "connector.watermark_refused");
  EXPECT_EQ(error_id([&] { take_import(*connect({{"exclude_containers", {Slapd::groups()}}}), state, watermark); }),
            "connector.watermark_refused");
  EXPECT_EQ(error_id([&] { take_import(*connect(), state, watermark); }), "");
}

TEST_F(LdapTest, ServerThatWasSetBackRefusesTheWatermark) {
  namespace fs = std::filesystem;
  slapd_->stop();
  fs::copy(slapd_->folder() / "db", slapd_->folder() / "backup");
  slapd_->start();
  slapd_->add_person("ada");
  full(*connect());
  slapd_->stop();
  fs::remove_all(slapd_->folder() / "db");
  fs::rename(slapd_->folder() / "backup", slapd_->folder() / "db");
  slapd_->start();
  State state;
  EXPECT_EQ(error_id([&] { take_import(*connect(), state, last_.watermark); }), "connector.watermark_refused");
}

TEST_F(LdapTest, WithoutSynchronizationDeltasGoByModificationTimeAndSayThatTheySeeNoDeletions) {
  start({.syncprov = false});
  slapd_->add_person("ada");
  slapd_->add_person("bob");
  slapd_->add("ou=deep," + Slapd::people(), {{"objectClass", {"organizationalUnit"}}, {"ou", {"deep"}}});
  slapd_->add("cn=cy,ou=deep," + Slapd::people(), {{"objectClass", {"inetOrgPerson"}}, {"cn", {"cy"}}, {"sn", {"c"}}});
  slapd_->add("ou=out," + Slapd::base(), {{"objectClass", {"organizationalUnit"}}, {"ou", {"out"}}});
  const auto connector = connect({{"containers", {Slapd::people()}}, {"object_types", {"inetOrgPerson"}}});
  State known = full(*connector);
  EXPECT_TRUE(connector->capabilities().delta_import);
  EXPECT_FALSE(connector->capabilities().delta_reports_removals);
  const auto checks = connector->test();
  EXPECT_THAT(checks, Contains(::testing::Field(&Check::detail, HasSubstr("deletions are seen by full imports only"))));
  // What a container takes along, and what leaves the containers, is seen.
  slapd_->rename("ou=deep," + Slapd::people(), "ou=deeper");
  slapd_->rename("cn=bob," + Slapd::people(), "cn=bob", "ou=out," + Slapd::base());
  const std::string watermark = take_import(*connector, known, last_.watermark).watermark;
  EXPECT_EQ(known, full(*connector));
  EXPECT_THAT(logger_.ids(), Contains("ldap.deletions_unseen"));
  slapd_->remove("cn=ada," + Slapd::people());
  EXPECT_FALSE(take_import(*connector, known, watermark).complete);
  EXPECT_EQ(known.size(), 2U) << "a deletion cannot be seen, and is not guessed";
  State state;
  EXPECT_EQ(
      error_id([&] {
        take_import(
            *connect({{"containers", {Slapd::people()}}, {"object_types", {"inetOrgPerson"}}, {"changes", {"full"}}}),
            state, watermark);
      }),
      "connector.watermark_refused");
}

/// Reads an import with something done after its first batch; what it says is there, what is gone, and its end.
struct Reading {
  std::set<std::string> told;
  ImportEnd end;
};

Reading read_with(Connector& connector, const std::string& watermark, const std::function<void()>& meanwhile) {
  Reading made;
  const auto import = connector.import({watermark, {}}, {});
  std::vector<model::Observation> batch;
  for (bool first = true; import->next(batch); first = false) {
    for (const model::Observation& one : batch) {
      if (one.kind != model::Observation::Kind::gone) made.told.insert(one.entry.anchor);
    }
    if (first) meanwhile();
  }
  made.end = import->end();
  return made;
}

std::string person(const std::string& name) { return "cn=" + name + "," + Slapd::people(); }

/// So large that the server cannot have sent all of them before the first ones are taken.
std::string large(char letter) { return std::string(std::size_t{1} << 20, letter); }

TEST_F(LdapTest, WhatIsWrittenWhileAFullImportReadsIsNotTakenForGone) {
  for (int i = 0; i < 40; ++i) slapd_->add_person("p" + std::to_string(i), {{"quayBlob", {large('a')}}});
  const auto connector = connect();
  State state;
  take_import(*connector, state);
  const std::string last = by_name(state, "p39").first;
  const Reading read = read_with(*connector, {}, [&] { slapd_->replace(person("p39"), "sn", {"changed"}); });
  EXPECT_TRUE(read.end.complete);
  for (const auto& [anchor, seen] : state) EXPECT_THAT(read.told, Contains(anchor)) << seen.name;
  take_import(*connector, state, read.end.watermark);
  EXPECT_EQ(state.at(last).attributes.at("sn"), model::Values{std::string("changed")});
}

TEST_F(LdapTest, DamagedWatermarkIsRefused) {
  full(*connect());
  const std::string watermark = last_.watermark;
  for (std::size_t i = 0; i < watermark.size(); i += 5) {
    std::string damaged = watermark;
    damaged[i] = damaged[i] == '0' ? '1' : '0';
    State state;
    EXPECT_EQ(error_id([&] { take_import(*connect(), state, damaged); }), "connector.watermark_refused") << damaged;
  }
}

TEST_F(LdapTest, EveryWayOfTlsReads) {
  slapd_->add_person("ada");
  const std::string ca = slapd_->ca_file().string();
  const std::vector<std::pair<Settings, const char*>> ways{
      {{{"url", {slapd_->ldaps_url()}}, {"ca_file", {ca}}}, "certificate verified"},
      {{{"start_tls", {"always"}}, {"ca_file", {ca}}}, "certificate verified"},
      {{{"url", {slapd_->ldaps_url()}}, {"verify", {"false"}}}, "NOT verified"},
      {{{"url", {slapd_->ldapi_url()}}}, "not encrypted"},
      {{{"url", {"ldap://127.0.0.1:1 " + slapd_->url()}}}, "not encrypted"},
  };
  for (const auto& [settings, said] : ways) {
    const auto connector = connect(settings);
    EXPECT_EQ(full(*connector).size(), 3U) << said;
    const std::vector<Check> checks = connector->test();
    const auto tls = std::ranges::find(checks, "tls", &Check::name);
    ASSERT_NE(tls, checks.end());
    EXPECT_THAT(tls->detail, HasSubstr(said));
    EXPECT_TRUE(std::ranges::all_of(checks, &Check::passed));
  }
  EXPECT_THAT(logger_.ids(), Contains("ldap.verify_off"));
  EXPECT_THAT(logger_.ids(), Contains("ldap.unreachable"));
}

TEST_F(LdapTest, UntrustedCertificateIsRefusedByName) {
  for (const Settings& settings : {Settings{{"url", {slapd_->ldaps_url()}}}, Settings{{"start_tls", {"always"}}}}) {
    EXPECT_EQ(import_error(settings), "ldap.certificate");
    const std::vector<Check> checks = connect(settings)->test();
    EXPECT_EQ(checks.back().name, "tls");
    EXPECT_FALSE(checks.back().passed);
    EXPECT_THAT(checks.back().hint, HasSubstr("ca_file"));
  }
  EXPECT_EQ(import_error({{"url", {slapd_->ldaps_url()}}, {"ca_file", {"/nonexistent/ca.pem"}}}), "ldap.certificate");
}

TEST_F(LdapTest, PasswordNeverGoesOverTheNetworkInClear) {
  // 192.0.2.0/24 is for documentation: nothing is sent there, for the refusal comes first or the connection never
  // opens.
  const Settings far{{"url", {"ldap://192.0.2.1"}}, {"start_tls", {"never"}}, {"timeout_seconds", {"1"}}};
  EXPECT_EQ(import_error(far), "ldap.clear_text");
  Settings allowed = far;
  allowed["allow_clear_text"] = {"true"};
  EXPECT_EQ(import_error(allowed), "ldap.unreachable");
  EXPECT_THAT(logger_.ids(), Contains("ldap.clear_text"));
}

TEST_F(LdapTest, LimitOfTheServerIsSaidAsOne) {
  start({.size_limit = "5"});
  for (int i = 0; i < 20; ++i) slapd_->add_person("p" + std::to_string(i));
  EXPECT_EQ(import_error({}), "ldap.limit");
}

TEST_F(LdapTest, AccountThatIsOnlyLimitedOutsideOfPagesReadsInPages) {
  start({.size_limit = "5 size.prtotal=unlimited"});
  for (int i = 0; i < 20; ++i) slapd_->add_person("p" + std::to_string(i));
  EXPECT_EQ(full(*connect({{"page_size", {"4"}}})).size(), 22U);
  EXPECT_TRUE(last_.complete);
}

TEST_F(LdapTest, HiddenIdentityIsAnErrorAndNotAnEmptyDirectory) {
  start({.syncprov = false, .access = "access to attrs=entryUUID by * none\n"});
  slapd_->add_person("ada");
  EXPECT_EQ(import_error({}), "ldap.no_anchor");
}

TEST_F(LdapTest, UnreadableContainerIsAnErrorAndNotAnEmptyOne) {
  start({.access = "access to dn.subtree=\"ou=people,dc=quay,dc=example\" by * none\n"});
  EXPECT_EQ(import_error({{"containers", {Slapd::people()}}}), "ldap.no_container");
}

TEST_F(LdapTest, SilentServerEndsByTimeoutAndByStop) {
  for (int i = 0; i < 3000; ++i)
    slapd_->add_person("p" + std::to_string(i), {{"quayBlob", {std::string(10'000, 'x')}}});
  const auto connector = connect({{"timeout_seconds", {"1"}}});
  std::vector<model::Observation> batch;
  const auto drain = [&](std::stop_token stop) {
    return error_id([&] {
      const auto import = connector->import({}, std::move(stop));
      ASSERT_TRUE(import->next(batch));
      ::kill(slapd_->pid(), SIGSTOP);
      while (import->next(batch)) {
      }
    });
  };
  EXPECT_EQ(drain({}), "ldap.timeout");
  ::kill(slapd_->pid(), SIGCONT);
  std::stop_source stop;
  const std::jthread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    stop.request_stop();
  });
  EXPECT_EQ(drain(stop.get_token()), "ldap.stopped");
  ::kill(slapd_->pid(), SIGCONT);
}

TEST_F(LdapTest, SettingsSayAllThatIsWrongAtOnce) {
  try {
    static_cast<void>(make({{"ulr", {"x"}},
                            {"url", {"http://x"}},
                            {"page_size", {"0"}},
                            {"verify", {"maybe"}},
                            {"containers", {"no dn"}},
                            {"object_types", {"a)(b"}},
                            {"start_tls", {"perhaps"}},
                            {"bind_dn", {"cn=x"}}},
                           logger_, ""));
    FAIL() << "taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.id(), "ldap.settings");
    for (const char* part : {"did you mean url", "http://x", "page_size", "verify", "containers", "object_types",
                             "start_tls", "password"}) {
      EXPECT_THAT(error.message(), HasSubstr(part));
    }
  }
}

}  // namespace
}  // namespace linkspan::connector_ldap
