// Registration by device code, twice over, and the rotation of certificates.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connector_graph/internal/registration.h"
#include "connector_graph/testing/graph_lab.h"

namespace linkspan::connector_graph {
namespace {

using ::testing::HasSubstr;
using Strings = std::set<std::string>;

class RegistrationTest : public ::testing::Test {
 protected:
  /// The settings as they are before, or as a registration left them.
  Options options(const connector::Registered* registered = nullptr) {
    Options made = lab_.options();
    made.client_id.clear();
    made.certificate = {};
    if (registered == nullptr) return made;
    const auto setting = [&](const char* name) {
      const auto found = registered->settings.find(name);
      return found == registered->settings.end() ? std::string() : found->second.front();
    };
    made.client_id = setting("client_id");
    made.object_id = setting("object_id");
    made.key_id = setting("key_id");
    made.certificate = registered->secrets.at("certificate").clone();
    return made;
  }
  connector::Registered enroll(Options options) {
    Tenant tenant(std::move(options), lab_.clock, cranked(lab_.clock), lab_.logger);
    return register_application(tenant, "entra",
                                [&](const connector::SignInPrompt& prompt) { shown_.push_back(prompt); }, {});
  }
  Error refusal() {
    return thrown_by([&] { (void)enroll(options()); });
  }

  GraphLab lab_;
  std::vector<connector::SignInPrompt> shown_;
};

TEST_F(RegistrationTest, MakesAnApplicationThatCanSignInAndMayDoWhatItNeeds) {
  lab_.fake.identity().set_device_outcome(/*polls=*/3, {}, 0, /*slow_down=*/true);
  const Time began = lab_.clock.now();
  const connector::Registered made = enroll(options());
  EXPECT_GE(lab_.clock.now() - began, std::chrono::seconds(5 + 10 + 10 + 10)) << "it heeds slow_down";
  ASSERT_EQ(shown_.size(), 1U);
  EXPECT_EQ(shown_.front().url, "https://microsoft.com/devicelogin");
  EXPECT_EQ(shown_.front().code, "FJC3LAU4Q");
  const std::string client = made.settings.at("client_id").front();
  EXPECT_EQ(lab_.fake.identity().permissions(client), (Strings{"User.ReadWrite.All", "Group.ReadWrite.All"}))
      << "and no more";
  EXPECT_EQ(made.done.back(), "signed in with the new certificate");
  lab_.add_user("ada");
  const auto connector = lab_.connect(options(&made));
  EXPECT_EQ(import(*connector).last.size(), 1U);
  for (const auto& check : connector->test()) EXPECT_TRUE(check.passed) << check.name << ": " << check.detail;
}

TEST_F(RegistrationTest, RepeatedFindsWhatIsThere) {
  const connector::Registered first = enroll(options());
  const std::size_t applications = lab_.fake.identity().applications();
  // With the settings, and without them (a lost database): the same application, one more certificate each time.
  const connector::Registered second = enroll(options(&first));
  const connector::Registered third = enroll(options());
  const std::string client = first.settings.at("client_id").front();
  EXPECT_EQ(second.settings.at("client_id").front(), client);
  EXPECT_EQ(third.settings.at("client_id").front(), client);
  EXPECT_EQ(lab_.fake.identity().applications(), applications);
  EXPECT_EQ(lab_.fake.identity().keys(client), 3U) << "another server's certificate is left alone";
  EXPECT_TRUE(import(*lab_.connect(options(&first))).end.complete);
}

TEST_F(RegistrationTest, RefusedSignInsSayWhy) {
  auto& identity = lab_.fake.identity();
  identity.set_device_outcome(0, "authorization_declined");
  EXPECT_EQ(refusal().id(), "graph.code_declined");
  identity.set_device_outcome(1000);
  EXPECT_EQ(refusal().id(), "graph.code_expired");
  identity.set_device_outcome(0, "expired_token");
  EXPECT_EQ(refusal().id(), "graph.code_expired");
  identity.set_device_outcome(0, "invalid_grant", 50053);
  const Error locked = refusal();
  EXPECT_EQ(locked.id(), "graph.account_locked");
  EXPECT_THAT(locked.hint(), HasSubstr("unlock"));
  identity.set_device_outcome(0, "invalid_grant", 53003);
  EXPECT_EQ(refusal().id(), "graph.policy");
  EXPECT_EQ(identity.applications(), 1U) << "nothing was made";
}

TEST_F(RegistrationTest, StopEndsTheWaitForTheAdministrator) {
  lab_.fake.identity().set_device_outcome(1000);
  std::stop_source stop;
  Tenant tenant(options(), lab_.clock, cranked(lab_.clock), lab_.logger);
  const Error error = thrown_by([&] {
    (void)register_application(
        tenant, "entra", [&](const connector::SignInPrompt&) { stop.request_stop(); }, stop.get_token());
  });
  EXPECT_EQ(error.fault(), Fault::cancelled);
}

TEST_F(RegistrationTest, CertificateIsRotatedWithoutAnAdministratorAndTheOldOneGoesLast) {
  const connector::Registered first = enroll(options());
  const std::string client = first.settings.at("client_id").front();
  shown_.clear();
  Tenant tenant(options(&first), lab_.clock, cranked(lab_.clock), lab_.logger);
  connector::Registered second = rotate_certificate(tenant, "entra", {});
  EXPECT_TRUE(shown_.empty());
  EXPECT_EQ(lab_.fake.identity().keys(client), 2U);
  EXPECT_TRUE(import(*lab_.connect(options(&first))).end.complete) << "the old one serves until the new one is kept";
  ASSERT_TRUE(second.afterwards);
  second.afterwards();
  EXPECT_EQ(lab_.fake.identity().keys(client), 1U);
  EXPECT_EQ(thrown_by([&] { (void)import(*lab_.connect(options(&first))); }).id(), "graph.certificate_refused");
  second.settings["client_id"] = first.settings.at("client_id");
  second.settings["object_id"] = first.settings.at("object_id");
  EXPECT_TRUE(import(*lab_.connect(options(&second))).end.complete);
}

TEST_F(RegistrationTest, WithoutARegistrationThereIsNothingToRotate) {
  Tenant tenant(options(), lab_.clock, cranked(lab_.clock), lab_.logger);
  EXPECT_EQ(thrown_by([&] { (void)rotate_certificate(tenant, "entra", {}); }).id(), "graph.not_registered");
}

TEST(PermissionsTest, AreTheLeastThatTheSettingsNeed) {
  Options options;
  EXPECT_EQ(permissions_for(options), (std::vector<std::string>{"User.ReadWrite.All", "Group.ReadWrite.All"}));
  options.object_types = {"user"};
  EXPECT_EQ(permissions_for(options), (std::vector<std::string>{"User.ReadWrite.All"}));
  options.directory_extensions = {"extension_0_x"};
  EXPECT_EQ(permissions_for(options), (std::vector<std::string>{"User.ReadWrite.All", "Directory.Read.All"}));
}

}  // namespace
}  // namespace linkspan::connector_graph
