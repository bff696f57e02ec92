// What setup stores of a connector beyond what was answered: registrations made by an administrator's sign-in,
// containers kept by their identity.

#include <optional>

#include "run/lease.h"
#include "setup/connectors.h"
#include "setup/credentials.h"
#include "setup/testing/setup_fixture.h"

namespace linkspan::setup {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

/// A target that wants to know this program: an administrator's sign-in gives the right token.
class RegistrationTest : public SetupTest {
 protected:
  std::vector<connector::Kind> kinds() override {
    auto made = SetupTest::kinds();
    made.back().registrar.enroll = [](const connector::Settings& settings, connector::Secrets, const std::string& name,
                                      const auto& show, Logger&, std::stop_token) {
      EXPECT_THAT(settings, ElementsAre(Pair("url", ElementsAre("https://cloud"))));
      show(connector::SignInPrompt{"https://sign.in", "CODE-OF-" + name, std::chrono::minutes(15)});
      return connector::Registered{{{"containers", {"registered"}}}, secrets("token", k_token), {}, {}};
    };
    return made;
  }
  static Problems fill_registering(StepMachine& machine) {
    static_cast<void>(fill(machine));
    static_cast<void>(
        machine.answer_item("target", "cloud", "scim", {{"url", {"https://cloud"}}, {"register", {"true"}}}, {}));
    return machine.check_all();
  }
};

TEST_F(RegistrationTest, SignInOfAnAdministratorGivesTheTargetWhatItSignsInWith) {
  Installation installation = server("old");
  StepMachine machine(installation);
  std::vector<std::string> codes;
  machine.show_sign_ins([&](const connector::SignInPrompt& prompt) { codes.push_back(prompt.code); }, {});
  ASSERT_THAT(ids_of(fill_registering(machine)), IsEmpty());
  ASSERT_THAT(ids_of(machine.check_all()), IsEmpty());
  EXPECT_THAT(codes, ElementsAre("CODE-OF-cloud")) << "once, whatever is checked again";
  EXPECT_THAT(machine.made_elsewhere(), ElementsAre("the registration of cloud"));
  machine.plan().carry_out(installation);
  const store::ConnectorRow row = installation.connector("cloud");
  EXPECT_THAT(row.settings, HasSubstr("registered"));
  EXPECT_EQ(row.settings.find("register\""), std::string::npos);
  EXPECT_EQ(open_credentials(installation, row).at("token").reveal(), k_token);
}

TEST_F(RegistrationTest, PlanAndSetupThatNobodyWatchesRegisterNothing) {
  Installation installation = server("old");
  {
    StepMachine machine(installation);
    EXPECT_THAT(ids_of(fill_registering(machine)), Contains("setup.no_sign_in"));
  }
  StepMachine machine(installation);
  machine.show_sign_ins([](const connector::SignInPrompt&) { FAIL(); }, {});
  machine.only_plan();
  EXPECT_THAT(ids_of(fill_registering(machine)), Contains("setup.only_plan"));
  EXPECT_THAT(machine.made_elsewhere(), IsEmpty());
}

/// A directory that has its containers kept by their identity.
class PinTest : public SetupTest {
 protected:
  std::vector<connector::Kind> kinds() override {
    auto made = SetupTest::kinds();
    made.front().pin = [this](connector::Settings settings, connector::Secrets given, Logger&) {
      EXPECT_EQ(given.at("password").reveal(), k_password);
      EXPECT_FALSE(settings.contains("deprovision")) << "that is none of the directory's business";
      if (failure_) throw Error(*failure_);
      for (std::string& one : settings["containers"]) one = "pinned " + one;
      return settings;
    };
    return made;
  }
  /// As stored.
  std::vector<std::string> containers() {
    Installation installation = server("old");
    return settings_of(installation.connector("corp")).at("containers");
  }
  void edit(connector::Settings changes) {
    Installation installation = server("old");
    const run::HeldLease lease(installation.store(), logger_);
    change_connector(installation, "corp", changes);
  }
  std::optional<Error> failure_;
};

TEST_F(PinTest, WhatSetupAndEditStoreIsPinned) {
  Installation installation = server("old");
  StepMachine machine(installation);
  ASSERT_THAT(ids_of(fill(machine)), IsEmpty());
  ASSERT_THAT(machine.answer_item("containers", "corp", "", {{"containers", {"ou=a"}}}, {}), IsEmpty());
  ASSERT_THAT(ids_of(machine.check_all()), IsEmpty());
  machine.plan().carry_out(installation);
  EXPECT_THAT(containers(), ElementsAre("pinned ou=a"));
  edit({{"containers", {"ou=b", "ou=c"}}, {"deprovision", {"disconnect"}}});
  EXPECT_THAT(containers(), ElementsAre("pinned ou=b", "pinned ou=c"));
  EXPECT_THAT(settings_of(installation.connector("corp")), Contains(Pair("deprovision", ElementsAre("disconnect"))));
}

TEST_F(PinTest, DirectoryOutOfReachKeepsTheNameAndTheNextEditPinsIt) {
  set_up("old");
  failure_ = Error(Fault::unavailable, "fake.down", "gone");
  edit({{"containers", {"ou=a"}}});
  EXPECT_THAT(containers(), ElementsAre("ou=a"));
  failure_.reset();
  edit({{"object_types", {"user"}}});
  EXPECT_THAT(containers(), ElementsAre("pinned ou=a"));
}

TEST_F(PinTest, ContainerThatIsNotThereIsRefusedAndChangesNothing) {
  set_up("old");
  edit({{"containers", {"ou=a"}}});
  failure_ = Error(Fault::invalid, "fake.container_gone", "ou=b is not there");
  EXPECT_EQ(id_thrown_by([&] { edit({{"containers", {"ou=b"}}}); }), "fake.container_gone");
  EXPECT_THAT(containers(), ElementsAre("pinned ou=a"));
  Installation installation = server("old");
  const run::HeldLease lease(installation.store(), logger_);
  EXPECT_EQ(id_thrown_by([&] {
              add_connector(installation, "more", "ldap", {{"url", {"x"}}, {"containers", {"ou=b"}}},
                            secrets("password", k_password));
            }),
            "fake.container_gone");
  EXPECT_THAT(installation.store().configuration().connectors(), SizeIs(2));
}

}  // namespace
}  // namespace linkspan::setup
