// The step machine and its plan on fake directories and a real embedded database.

#include <fstream>

#include "run/lease.h"
#include "run/settings.h"
#include "setup/answers.h"
#include "setup/discover.h"
#include "setup/keys.h"
#include "setup/rule_base.h"
#include "setup/testing/setup_fixture.h"
#include "sql/open.h"
#include "store_sql/schema.h"

namespace linkspan::setup {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;  // the page's is setup::Field
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST_F(SetupTest, StepsDependOnTheMode) {
  Installation installation = server("old");
  StepMachine machine(installation);
  const auto ids = [&](const std::string& mode) {
    static_cast<void>(machine.answer("mode", {{"mode", {mode}}}));
    std::vector<std::string> out;
    for (const auto& step : machine.rail()) out.push_back(step.id);
    return out;
  };
  EXPECT_THAT(ids("express"), ElementsAre("welcome", "mode", "directories", "target", "options", "review"));
  EXPECT_THAT(ids("custom"), ElementsAre("welcome", "mode", "database", "directories", "containers", "identify",
                                         "target", "rules", "options", "review"));
  EXPECT_THAT(ids("use-existing-database"),
              ElementsAre("welcome", "mode", "database", "target", "directories", "options", "review"));
}

TEST_F(SetupTest, NothingIsChangedBeforeInstall) {
  Installation installation = server("old");
  StepMachine machine(installation);
  ASSERT_THAT(ids_of(fill(machine)), IsEmpty());
  EXPECT_THAT(machine.plan().actions, Not(IsEmpty()));
  EXPECT_TRUE(fs::is_empty(state("old")));
}

TEST_F(SetupTest, InstallWithoutEveryStepPassedIsRefused) {
  Installation installation = server("old");
  StepMachine machine(installation);
  ASSERT_THAT(ids_of(fill(machine)), IsEmpty());
  ASSERT_THAT(machine.answer("database", {{"url", {"sqlite://" + (state("old") / "other.db").string()}}}), IsEmpty());
  EXPECT_EQ(id_thrown_by([&] { static_cast<void>(machine.plan()); }), "setup.not_ready");
}

TEST_F(SetupTest, LicenceMustBeAccepted) {
  Installation installation = server("old");
  StepMachine machine(installation);
  fill(machine);
  ASSERT_THAT(machine.answer("welcome", {{"accept", {"no"}}}), IsEmpty());
  EXPECT_THAT(ids_of(machine.check_all()), ElementsAre("setup.licence"));
}

TEST_F(SetupTest, DirectoryIsTriedForRealAndGetsCrossOrTick) {
  Installation installation = server("old");
  StepMachine machine(installation);
  fill(machine);
  ASSERT_THAT(machine.answer_item("directories", "corp", "ldap", {}, secrets("password", "wrong")), IsEmpty());
  EXPECT_THAT(ids_of(machine.check("directories")), ElementsAre("fake.denied"));
  EXPECT_FALSE(machine.step("directories").items.front().good);
  ASSERT_THAT(machine.answer_item("directories", "corp", "ldap", {}, secrets("password", k_password)), IsEmpty());
  EXPECT_THAT(machine.check("directories"), IsEmpty());
  EXPECT_TRUE(machine.step("directories").items.front().good);
  directory_.be_down(Error(Fault::unavailable, "fake.down", "gone"));
  EXPECT_THAT(ids_of(machine.check("directories")), ElementsAre("setup.connector_test"));
}

TEST_F(SetupTest, NoSecretIsInAnyPage) {
  Installation installation = server("old");
  StepMachine machine(installation);
  fill(machine);
  for (const auto& outline : machine.rail()) {
    for (const Item& item : machine.step(outline.id).items) {
      for (const setup::Field& field : item.fields) {
        EXPECT_THAT(field.values, Not(Contains(HasSubstr(std::string(k_password))))) << field.id;
        EXPECT_TRUE(field.kind != FieldKind::secret || field.values.empty());
      }
    }
  }
}

TEST_F(SetupTest, TargetMustTakeExports) {
  Installation installation = server("old");
  StepMachine machine(installation);
  fill(machine);
  machine.remove_item("target", "cloud");
  ASSERT_THAT(machine.answer_item("target", "mirror", "ldap", {{"url", {"x"}}}, secrets("password", k_password)),
              IsEmpty());
  EXPECT_THAT(ids_of(machine.check("target")), ElementsAre("setup.no_exports"));
}

TEST_F(SetupTest, ObjectTypesMustBeInTheSchema) {
  Installation installation = server("old");
  StepMachine machine(installation);
  fill(machine);
  ASSERT_THAT(machine.answer_item("containers", "corp", "", {{"object_types", {"inetOrgPersn"}}}, {}), IsEmpty());
  const Problems problems = machine.check("containers");
  ASSERT_THAT(ids_of(problems), ElementsAre("setup.not_in_schema"));
  EXPECT_EQ(problems.front().hint, "Is inetOrgPerson meant?");
}

TEST_F(SetupTest, AnchorAndMatchingGoIntoTheRules) {
  Installation installation = server("old");
  StepMachine machine(installation);
  fill(machine);
  ASSERT_THAT(machine.answer("identify", {{"anchor", {"employeeNumber"}}, {"matching", {"mail"}}}), IsEmpty());
  ASSERT_THAT(ids_of(machine.check_all()), IsEmpty());
  machine.plan().carry_out(installation);
  const RuleFiles rules = stored_rules(installation);
  const auto person = std::find_if(rules.rules.begin(), rules.rules.end(), [](const auto& rule) {
    return rule.direction == rules::Direction::inbound && rule.link == rules::LinkType::provision &&
           rule.target == "person";
  });
  ASSERT_NE(person, rules.rules.end());
  ASSERT_THAT(person->join, SizeIs(2));
  EXPECT_EQ(person->join[0][0].source, "employeeNumber");
  EXPECT_EQ(person->join[1][0].source, "mail");
  EXPECT_EQ(person->join[1][0].target, "mail");
  EXPECT_THAT(person->flows, Contains(AllOf(Field(&rules::Flow::target, "sourceAnchor"),
                                            Field(&rules::Flow::text, "employeeNumber"))));
}

TEST_F(SetupTest, AnchorThatTheDirectoryDoesNotHaveIsRefused) {
  Installation installation = server("old");
  StepMachine machine(installation);
  fill(machine);
  ASSERT_THAT(machine.answer("identify", {{"anchor", {"shoeSize"}}}), IsEmpty());
  EXPECT_THAT(ids_of(machine.check("identify")), ElementsAre("setup.not_in_schema"));
}

TEST_F(SetupTest, CustomModeLeavesStagingAsItWasAsked) {
  set_up("old", true);
  EXPECT_THAT(state_of("old"), Contains("staging=on"));
  set_up("other", false);
  EXPECT_THAT(state_of("other"), Contains("staging=off"));
}

TEST_F(SetupTest, ExpressModeNeedsNothingOfTheDatabase) {
  Installation installation = server("old");
  StepMachine machine(installation);
  ASSERT_THAT(ids_of(fill(machine, "express")), IsEmpty());
  machine.plan().carry_out(installation);
  EXPECT_THAT(state_of("old"), Contains("sqlite://" + (state("old") / "linkspan.db").string()));
}

TEST_F(SetupTest, ExpressModeFindsTheDirectoryOfTheDomain) {
  Installation installation = server("old");
  StepMachine machine(installation, [] { return std::vector<std::string>{"ldap://dc1:389", "ldap://dc2:389"}; });
  static_cast<void>(machine.answer("mode", {{"mode", {"express"}}}));
  EXPECT_EQ(machine.new_item("directories", "ldap").front().standard, "ldap://dc1:389");
  ASSERT_THAT(machine.answer_item("directories", "corp", "ldap", {}, secrets("password", k_password)), IsEmpty());
  EXPECT_THAT(machine.step("directories").items.front().fields.front().values,
              ElementsAre("ldap://dc1:389", "ldap://dc2:389"));
}

TEST(Discover, ReadsServersBestFirstAndNothingFromGarbage) {
  const std::string header("\0\1\x81\x80\0\1\0\2\0\0\0\0", 12);
  const std::string question("\5_ldap\4_tcp\1q\0\0\x21\0\1", 18);
  const auto server = [](char priority, char weight, char letter) {
    std::string rdata{0, priority, 0, weight, 1, static_cast<char>(0x85), 1, letter, 0};
    return std::string("\xc0\x0c\0\x21\0\1\0\0\0\x3c\0", 11) + static_cast<char>(rdata.size()) + rdata;
  };
  const auto read = [](std::string_view text) {
    return read_srv_reply({reinterpret_cast<const unsigned char*>(text.data()), text.size()});
  };
  const std::string reply = header + question + server(9, 1, 'b') + server(0, 5, 'a');
  EXPECT_THAT(read(reply), ElementsAre("ldap://a:389", "ldap://b:389"));
  for (std::size_t size = 0; size < reply.size(); ++size) EXPECT_THAT(read(reply.substr(0, size)), IsEmpty()) << size;
}

TEST_F(SetupTest, DatabaseInUseIsNotSetUpAnew) {
  set_up("old");
  Installation installation = server("old");
  StepMachine machine(installation);
  EXPECT_THAT(ids_of(fill(machine)), ElementsAre("setup.database_in_use"));
}

TEST_F(SetupTest, PlanMayFailAtEveryActionAndIsRepeated) {
  set_up("whole");
  std::vector<std::string> wanted = state_of("whole");
  std::size_t actions = 0;
  {
    Installation installation = server("counted");
    StepMachine machine(installation);
    fill(machine);
    actions = machine.plan().actions.size();
  }
  for (std::size_t failing = 0; failing < 2 * actions; ++failing) {
    const std::string name = "broken" + std::to_string(failing);
    {
      Installation installation = server(name);
      StepMachine machine(installation);
      ASSERT_THAT(ids_of(fill(machine)), IsEmpty());
      std::size_t seen = 0;
      EXPECT_EQ(id_thrown_by([&] {
                  machine.plan().carry_out(installation, [&](const Action&, ActionState) {
                    if (seen++ == failing) throw Error(Fault::unavailable, "test.cut", "cut");
                  });
                }),
                "test.cut");
    }
    // The very last notice comes when all is done: that installation is whole, and not set up again.
    Installation installation = server(name);
    StepMachine machine(installation);
    const Problems problems = fill(machine);
    if (failing + 1 == 2 * actions) {
      EXPECT_THAT(ids_of(problems), ElementsAre("setup.database_in_use"));
    } else {
      ASSERT_THAT(ids_of(problems), IsEmpty()) << failing;
      machine.plan().carry_out(installation);
    }
    std::vector<std::string> expected = wanted;
    std::replace(expected.begin(), expected.end(), "sqlite://" + (state("whole") / "linkspan.db").string(),
                 "sqlite://" + (state(name) / "linkspan.db").string());
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(state_of(name), expected) << failing;
  }
}

TEST_F(SetupTest, HalfDoneInstallationExportsNothing) {
  Installation installation = server("old");
  StepMachine machine(installation);
  fill(machine);
  const Plan plan = machine.plan();
  EXPECT_FALSE(plan.staging);
  std::vector<std::string> staging;
  plan.carry_out(installation, [&](const Action& action, ActionState state) {
    if (state != ActionState::done || action.id == "create_schema" || action.id == "record_server") return;
    staging.push_back(installation.store().configuration().setting(run::k_staging).value_or("off"));
  });
  EXPECT_THAT(staging, AllOf(Not(IsEmpty()), ::testing::Each("on")));
}

TEST_F(SetupTest, WhatAnUnfinishedSetupLeftAndIsNotWantedGoes) {
  {
    Installation installation = server("old");
    StepMachine machine(installation);
    fill(machine);
    EXPECT_THROW(machine.plan().carry_out(installation,
                                          [](const Action& action, ActionState) {
                                            if (action.id == "install_rules") {
                                              throw Error(Fault::unavailable, "test.cut", "cut");
                                            }
                                          }),
                 Error);
  }
  Installation installation = server("old");
  StepMachine machine(installation);
  fill(machine);
  machine.remove_item("directories", "corp");
  ASSERT_THAT(machine.answer_item("directories", "hq", "ldap", {{"url", {"x"}}}, secrets("password", k_password)),
              IsEmpty());
  ASSERT_THAT(ids_of(machine.check_all()), IsEmpty());
  machine.plan().carry_out(installation);
  std::vector<std::string> names;
  for (const auto& row : installation.store().configuration().connectors()) names.push_back(row.name);
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("hq", "cloud"));
}

TEST_F(SetupTest, AdoptionShowsCrossesUntilEveryCredentialIsEnteredAgain) {
  set_up("old");
  copy_database();
  Installation installation = server("new");
  StepMachine machine(installation);
  const Problems problems = begin_adoption(machine);
  ASSERT_THAT(ids_of(problems), ElementsAre("setup.credentials_missing", "setup.credentials_missing"));
  EXPECT_THAT(problems[0].message, HasSubstr("cloud (token)"));
  EXPECT_THAT(problems[1].message, HasSubstr("corp (password)"));
  EXPECT_FALSE(machine.step("directories").items.front().good);
  EXPECT_THAT(machine.step("directories").items.front().findings, SizeIs(1));
  EXPECT_EQ(id_thrown_by([&] { static_cast<void>(machine.plan()); }), "setup.not_ready");
  EXPECT_THAT(ids_of(enter_credentials(machine)), IsEmpty());
  EXPECT_TRUE(machine.step("directories").items.front().good);
}

TEST_F(SetupTest, AdoptionReplacesSecretsKeepsTheRestAndStages) {
  set_up("old", false);
  std::vector<std::string> wanted = state_of("old");
  copy_database();
  Installation installation = server("new");
  StepMachine machine(installation);
  begin_adoption(machine);
  ASSERT_THAT(ids_of(enter_credentials(machine)), IsEmpty());
  const Plan plan = machine.plan();
  EXPECT_TRUE(plan.staging);
  plan.carry_out(installation);
  std::replace(wanted.begin(), wanted.end(), std::string("staging=off"), std::string("staging=on"));
  std::replace(wanted.begin(), wanted.end(), "sqlite://" + (state("old") / "linkspan.db").string(),
               "sqlite://" + (state("new") / "linkspan.db").string());
  std::sort(wanted.begin(), wanted.end());
  EXPECT_EQ(state_of("new"), wanted);
  const KeyState keys = key_state(installation);
  EXPECT_TRUE(keys.opens);
  EXPECT_EQ(keys.id, keys.database_id);
  EXPECT_EQ(keys.unopened, 0U);
}

TEST_F(SetupTest, AdoptionMayFailAtEveryActionAndIsRepeated) {
  set_up("old");
  copy_database();
  std::size_t failing = 0;
  for (bool cut = true; cut; ++failing) {
    fs::remove_all(state("new"));
    copy_database();
    cut = false;
    Installation installation = server("new");
    StepMachine machine(installation);
    begin_adoption(machine);
    ASSERT_THAT(ids_of(enter_credentials(machine)), IsEmpty());
    std::size_t seen = 0;
    try {
      machine.plan().carry_out(installation, [&](const Action&, ActionState) {
        if (seen++ == failing) throw Error(Fault::unavailable, "test.cut", "cut");
      });
    } catch (const Error& error) {
      ASSERT_EQ(error.id(), "test.cut");
      cut = true;
    }
    Installation again = server("new");
    StepMachine repeated(again);
    begin_adoption(repeated);
    ASSERT_THAT(ids_of(enter_credentials(repeated)), IsEmpty()) << failing;
    repeated.plan().carry_out(again);
    EXPECT_THAT(state_of("new"), AllOf(Contains("staging=on"), Contains("corp password " + std::string(k_password)),
                                       Contains("cloud token " + std::string(k_token))))
        << failing;
  }
  EXPECT_GT(failing, 10U);
}

TEST_F(SetupTest, KeySetAtHandMakesTicksAtOnce) {
  set_up("old");
  copy_database();
  fs::copy_file(state("old") / "key_set", state("new") / "key_set");
  fs::permissions(state("new") / "key_set", fs::perms::owner_read | fs::perms::owner_write);
  Installation installation = server("new");
  StepMachine machine(installation);
  EXPECT_THAT(ids_of(begin_adoption(machine)), IsEmpty());
  machine.plan().carry_out(installation);
  EXPECT_THAT(state_of("new"), AllOf(Contains("staging=on"), Contains("corp password " + std::string(k_password))));
}

TEST_F(SetupTest, EnteredCredentialMustWorkBeforeAdoption) {
  set_up("old");
  copy_database();
  Installation installation = server("new");
  StepMachine machine(installation);
  begin_adoption(machine);
  static_cast<void>(machine.answer_item("target", "cloud", "", {}, secrets("token", "wrong")));
  EXPECT_THAT(ids_of(machine.check("target")), ElementsAre("fake.denied"));
  EXPECT_EQ(id_thrown_by([&] { machine.remove_item("target", "cloud"); }), "setup.item_fixed");
  EXPECT_THAT(ids_of(machine.answer_item("target", "another", "scim", {}, {})), ElementsAre("setup.no_item"));
}

TEST_F(SetupTest, AdoptionDoesNotTakeStagingOff) {
  set_up("old");
  copy_database();
  Installation installation = server("new");
  StepMachine machine(installation);
  begin_adoption(machine);
  EXPECT_THAT(ids_of(machine.answer("options", {{"staging", {"false"}}})), ElementsAre("setup.staging_always"));
}

TEST_F(SetupTest, DatabaseThatAnotherServerWorksOnIsNotAdopted) {
  set_up("old");
  copy_database();
  Installation old = server("old");
  const std::string url = "sqlite://" + (state("old") / "linkspan.db").string();
  const run::HeldLease lease(old.store(), logger_, {.holder = "quay-1:77:abc"});
  Installation installation = server("new");
  StepMachine machine(installation);
  static_cast<void>(machine.answer("mode", {{"mode", {"use-existing-database"}}}));
  ASSERT_THAT(machine.answer("database", {{"url", {url}}}), IsEmpty());
  const Problems problems = machine.check("database");
  ASSERT_THAT(ids_of(problems), ElementsAre("setup.active_elsewhere"));
  EXPECT_THAT(problems.front().message, HasSubstr("quay-1 works"));
}

TEST_F(SetupTest, DatabaseThatMovedAwayIsNotAdopted) {
  set_up("old");
  store_sql::mark_moved(*sql::open_sqlite((state("old") / "linkspan.db").string()), "postgresql://db1/linkspan",
                        clock_.now());
  Installation installation = server("old");
  StepMachine machine(installation);
  static_cast<void>(machine.answer("mode", {{"mode", {"use-existing-database"}}}));
  const Problems problems = machine.check("database");
  ASSERT_THAT(ids_of(problems), ElementsAre("setup.database_moved"));
  EXPECT_THAT(problems.front().message, HasSubstr("postgresql://db1/linkspan"));
}

TEST_F(SetupTest, WhatIsNoDatabaseOfOursIsNotAdopted) {
  Installation installation = server("new");
  StepMachine machine(installation);
  static_cast<void>(machine.answer("mode", {{"mode", {"use-existing-database"}}}));
  EXPECT_THAT(ids_of(machine.check("database")), ElementsAre("setup.nothing_to_adopt"));
  sql::open_sqlite((state("new") / "linkspan.db").string(), {.create = true})
      ->execute("CREATE TABLE shop (id INTEGER)");
  EXPECT_THAT(ids_of(machine.check("database")), ElementsAre("store.not_linkspan"));
  newer_ = true;
  EXPECT_THAT(ids_of(machine.check("database")), ElementsAre("sql.newer_schema"));
}

TEST_F(SetupTest, AdoptionFindsWhoWasActiveLast) {
  set_up("old");
  copy_database();
  Installation installation = server("new");
  StepMachine machine(installation);
  begin_adoption(machine);
  std::string all;
  for (const Finding& one : machine.step("database").findings) all += one.text + "\n";
  EXPECT_THAT(all, AllOf(HasSubstr("SQLite"), HasSubstr("corp (ldap, 0 objects)"), HasSubstr("Set up by: "),
                         HasSubstr(", 2023-11-14T")));
}

class AnswersTest : public SetupTest {
 protected:
  void SetUp() override {
    write("password", k_password);
    write("token", k_token);
  }
  void write(const std::string& name, std::string_view text) {
    std::ofstream(folder_.path() / name) << text;
    fs::permissions(folder_.path() / name, fs::perms::owner_read | fs::perms::owner_write);
  }
  /// "nothing", or id and message.
  std::string answer(StepMachine& machine, Installation& installation, const std::string& text,
                     GivenChoices given = {.mode = {}, .database_url = {}, .accept_licence = true}) {
    try {
      answer_from_file(machine, installation, text, folder_.path() / "a.toml", given);
    } catch (const Error& error) {
      return std::string(error.id()) + "\n" + error.message();
    }
    return "nothing";
  }
  const std::string connectors_ = R"([[directory]]
name = "corp"
kind = "ldap"
url = "ldaps://corp"
password_file = "password"
[target]
name = "cloud"
kind = "scim"
url = "https://cloud"
token_file = "token"
)";
};

TEST_F(AnswersTest, CustomModeIsSetUpByAFile) {
  Installation installation = server("old");
  StepMachine machine(installation);
  ASSERT_EQ(answer(machine, installation, "mode = \"custom\"\n" + connectors_ + "[options]\ninterval = \"5m\"\n"),
            "nothing");
  machine.plan().carry_out(installation);
  EXPECT_THAT(state_of("old"), AllOf(Contains("corp password " + std::string(k_password)),
                                     Contains("scheduler.interval=5m"), Contains("staging=off")));
}

TEST_F(AnswersTest, EverythingWrongIsSaidAtOnceWithItsLine) {
  Installation installation = server("old");
  StepMachine machine(installation);
  const std::string said = answer(machine, installation, R"(mode = "custom"
extra = 1
[[directory]]
name = "corp"
kind = "ldap"
ulr = "ldaps://corp"
password_file = "nowhere"
[target]
name = "cloud"
kind = "smic"
[options]
interval = "soon"
)");
  EXPECT_THAT(said, AllOf(HasSubstr("setup.answers"), HasSubstr("a.toml:2: extra"), HasSubstr("a.toml:6: ulr"),
                          HasSubstr("Is url meant?"), HasSubstr("a.toml:7: "), HasSubstr("a.toml:8: ")));
  EXPECT_THAT(said, HasSubstr("a.toml:12: "));
}

TEST_F(AnswersTest, SecretInTheFileIsRefusedAndNotRepeated) {
  Installation installation = server("old");
  StepMachine machine(installation);
  const std::string said = answer(machine, installation, R"(mode = "custom"
[[directory]]
name = "corp"
kind = "ldap"
url = "ldaps://corp"
password = "Tarn-4417"
[target]
name = "cloud"
kind = "scim"
url = "https://cloud"
token = "Fell-2093"
[database]
url = "postgresql://linkspan:Moor-3301@db1/linkspan"
)");
  EXPECT_THAT(said, AllOf(HasSubstr("a.toml:6: "), HasSubstr("a.toml:11: "), HasSubstr("a.toml:13: "),
                          Not(HasSubstr("Tarn-4417")), Not(HasSubstr("Fell-2093")), Not(HasSubstr("Moor-3301"))));
}

TEST_F(AnswersTest, CommandLineAndFileMustNotDisagree) {
  Installation installation = server("old");
  StepMachine machine(installation);
  EXPECT_THAT(answer(machine, installation, "mode = \"custom\"\n" + connectors_,
                     {.mode = Mode::express, .database_url = {}, .accept_licence = true}),
              HasSubstr("the command line says express, the file says custom"));
}

TEST_F(AnswersTest, LicenceComesFromTheCommandLineOrTheFile) {
  Installation installation = server("old");
  StepMachine machine(installation);
  EXPECT_THAT(answer(machine, installation, connectors_, {.mode = {}, .database_url = {}, .accept_licence = false}),
              HasSubstr("setup.licence"));
  EXPECT_EQ(answer(machine, installation, "accept_license = true\n" + connectors_,
                   {.mode = {}, .database_url = {}, .accept_licence = false}),
            "nothing");
}

TEST_F(AnswersTest, ModeThatDoesNotAskForItIsNamed) {
  Installation installation = server("old");
  StepMachine machine(installation);
  EXPECT_THAT(answer(machine, installation, "mode = \"express\"\n" + connectors_ + "[identify]\nanchor = \"mail\"\n"),
              AllOf(HasSubstr("setup.not_asked"), HasSubstr("a.toml:13: ")));
}

TEST_F(AnswersTest, AdoptionByAFileNeedsEachCredential) {
  set_up("old");
  copy_database();
  Installation installation = server("new");
  StepMachine machine(installation);
  EXPECT_THAT(answer(machine, installation, "mode = \"use-existing-database\"\n"),
              AllOf(HasSubstr("setup.credentials_missing"), HasSubstr("cloud (token)"), HasSubstr("corp (password)")));
  EXPECT_EQ(answer(machine, installation, R"(mode = "use-existing-database"
[[directory]]
name = "cloud"
token_file = "token"
[[directory]]
name = "corp"
password_file = "password"
)"),
            "nothing");
  machine.plan().carry_out(installation);
  EXPECT_THAT(state_of("new"), Contains("staging=on"));
}

}  // namespace
}  // namespace linkspan::setup
