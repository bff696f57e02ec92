// Certificates, assertions, tokens, and every way in which a sign-in is refused.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "connector_graph/graph.h"
#include "connector_graph/internal/registration.h"
#include "connector_graph/internal/sign_in.h"
#include "connector_graph/testing/graph_lab.h"

namespace linkspan::connector_graph {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

vault::Secret secret(std::string text) { return vault::Secret::from(std::move(text)); }

Error import_error(GraphLab& lab, Options options) {
  return thrown_by([&] { (void)import(*lab.connect(std::move(options))); });
}

TEST(CertificateTest, ComesBackFromItsPem) {
  const Certificate& made = test_certificate();
  const Certificate read = Certificate::read(made.pem());
  EXPECT_EQ(read.thumbprint(), made.thumbprint());
  EXPECT_EQ(read.thumbprint().size(), 32U);
  EXPECT_EQ(read.not_after() - read.not_before(), std::chrono::days(365) + std::chrono::hours(1));
  EXPECT_EQ(to_base64url("\xff\xfe\xfd\xfc"), "__79_A");
}

TEST(CertificateTest, UnfitOnesAreRefusedWithWhatIsWrong) {
  const std::string pem(test_certificate().pem().reveal());
  const std::size_t end = pem.find("-----BEGIN CERTIFICATE");
  const std::string other(Certificate::make("other", ManualClock().now(), std::chrono::days(1)).pem().reveal());
  const auto refusal = [](const std::string& text) {
    return thrown_by([&] { (void)Certificate::read(secret(std::string(text))); });
  };
  EXPECT_THAT(refusal("nothing").message(), HasSubstr("no private key"));
  EXPECT_THAT(refusal(pem.substr(0, end)).message(), HasSubstr("no certificate"));
  EXPECT_THAT(refusal(pem.substr(0, end) + other.substr(other.find("-----BEGIN CERTIFICATE"))).message(),
              HasSubstr("another certificate"));
  const auto elliptic = net::LoopbackServer::make_certificate("elliptic");
  const Error error = refusal(elliptic.key_pem + elliptic.certificate_pem);
  EXPECT_THAT(error.message(), HasSubstr("RSA"));
  EXPECT_EQ(error.id(), "graph.certificate");
  EXPECT_THAT(std::string(error.what()) + error.hint(), Not(HasSubstr("BEGIN")));
}

TEST(SettingsTest, AllThatIsWrongIsSaidAtOnce) {
  const connector::Settings wrong{{"tenant", {"no tenant/../x"}},
                                  {"client_id", {"7"}},
                                  {"cloud", {"mars"}},
                                  {"graph_url", {"http://graph.example"}},
                                  {"object_types", {"device"}},
                                  {"write_budget", {"1"}},
                                  {"concurency", {"4"}},
                                  {"directory_extensions", {"costCenter"}}};
  const Error error = thrown_by([&] { (void)parse_settings(wrong, {}); });
  EXPECT_EQ(error.id(), "graph.settings");
  for (const char* part : {"tenant is", "client_id", "cloud is", "graph_url is http", "object_types", "write_budget",
                           "did you mean concurrency?", "directory_extensions"}) {
    EXPECT_THAT(error.message(), HasSubstr(part));
  }
}

TEST(SettingsTest, EachCloudHasItsEndpoints) {
  const auto of = [](const std::string& cloud) {
    return parse_settings({{"tenant", {"contoso.example"}}, {"cloud", {cloud}}}, {});
  };
  EXPECT_EQ(of("global").graph_url, "https://graph.microsoft.com");
  EXPECT_EQ(of("usgov").login_url, "https://login.microsoftonline.us");
  EXPECT_EQ(of("usgov").graph_url, "https://graph.microsoft.us");
  EXPECT_EQ(of("usgov-dod").graph_url, "https://dod-graph.microsoft.us");
  EXPECT_EQ(of("china").login_url, "https://login.chinacloudapi.cn");
  EXPECT_EQ(of("china").graph_url, "https://microsoftgraph.chinacloudapi.cn");
}

TEST(SignInTest, OneTokenServesUntilShortlyBeforeItsEnd) {
  GraphLab lab;
  const auto connector = lab.connect();
  for (int i = 0; i < 3; ++i) (void)import(*connector);
  EXPECT_EQ(lab.fake.identity().calls().tokens, 1U);
  lab.clock.advance(std::chrono::minutes(54));
  (void)import(*connector);
  EXPECT_EQ(lab.fake.identity().calls().tokens, 1U);
  lab.clock.advance(std::chrono::minutes(2));
  (void)import(*connector);
  EXPECT_EQ(lab.fake.identity().calls().tokens, 2U);
  EXPECT_EQ(lab.fake.identity().calls().refused, 0U) << "each assertion is used once";
}

TEST(SignInTest, RefusedTokenIsRenewedOnce) {
  GraphLab lab;
  lab.add_user("ada");
  const auto connector = lab.connect();
  (void)import(*connector);
  lab.fake.identity().expire_tokens();
  EXPECT_EQ(import(*connector).last.size(), 1U);
  lab.fake.identity().expire_tokens();
  EXPECT_EQ(send(*connector, {new_user("bob")}).sent(), 1U) << "an export renews it too";
  EXPECT_EQ(lab.fake.identity().calls().tokens, 3U);
}

TEST(SignInTest, EachRefusalHasItsOwnIdAndHint) {
  GraphLab lab;
  const auto with = [&](const std::function<void(Options&)>& change) {
    Options options = lab.options();
    change(options);
    return import_error(lab, std::move(options));
  };
  std::map<std::string, Error> errors;
  const auto expect = [&](const std::string& id, const Error& error) {
    EXPECT_EQ(error.id(), id) << error.what();
    EXPECT_EQ(error.fault(), Fault::denied);
    EXPECT_FALSE(error.hint().empty()) << id;
    EXPECT_THAT(error.what(), Not(HasSubstr("Trace ID"))) << id;
  };
  expect("graph.tenant", with([](Options& one) { one.tenant = "fabrikam.example"; }));
  expect("graph.application", with([](Options& one) { one.client_id = "00000000-0000-0000-0000-000000000000"; }));
  expect("graph.not_registered", with([](Options& one) { one.client_id.clear(); }));
  expect("graph.not_registered", with([](Options& one) { one.certificate = {}; }));
  expect("graph.certificate_refused", with([&](Options& one) {
           one.certificate = Certificate::make("x", lab.clock.now(), std::chrono::days(1)).pem();
         }));
  lab.fake.identity().disable(lab.client_id);
  expect("graph.application_disabled", with([](Options&) {}));
}

TEST(SignInTest, ExpiredCertificateIsSaidBeforeAnythingIsSent) {
  GraphLab lab;
  lab.clock.advance(std::chrono::days(366));
  const Error error = import_error(lab, lab.options());
  EXPECT_EQ(error.id(), "graph.certificate_expired");
  EXPECT_EQ(lab.fake.identity().calls().refused, 0U);
}

TEST(SignInTest, CertificateThatEndsSoonIsWarnedOf) {
  GraphLab lab;
  (void)import(*lab.connect());
  EXPECT_FALSE(lab.logger.holds("graph.certificate_ends"));
  lab.clock.advance(std::chrono::days(340));
  (void)import(*lab.connect());
  EXPECT_TRUE(lab.logger.holds("graph.certificate_ends"));
}

TEST(SignInTest, CodesOfTheServiceAreToldApart) {
  const auto error_for = [](int status, int code, const std::string& text) {
    net::Response response;
    response.status = status;
    response.body =
        nlohmann::json{{"error", "invalid_grant"},
                       {"error_codes", {code}},
                       {"error_description", "AADSTS" + std::to_string(code) + ": " + text + "\r\nTrace ID: 1"}}
            .dump();
    return sign_in_error(response, "signing in");
  };
  const std::map<int, std::string> ids{
      {90002, "graph.tenant"},           {700016, "graph.application"},     {700027, "graph.certificate_refused"},
      {700024, "graph.clock"},           {65001, "graph.consent"},          {50053, "graph.account_locked"},
      {50057, "graph.account_disabled"}, {50055, "graph.password_expired"}, {50126, "graph.password"},
      {53003, "graph.policy"},           {50076, "graph.policy"},           {123456, "graph.sign_in"}};
  for (const auto& [code, id] : ids) {
    const Error error = error_for(400, code, "Something.");
    EXPECT_EQ(error.id(), id);
    EXPECT_EQ(error.fault(), Fault::denied);
    EXPECT_FALSE(error.hint().empty());
  }
  EXPECT_EQ(error_for(401, 700027, "[Reason - The key used is expired.]").id(), "graph.certificate_expired");
  EXPECT_EQ(error_for(503, 0, "").fault(), Fault::unavailable);
  EXPECT_EQ(error_for(429, 0, "").fault(), Fault::throttled);
}

TEST(SignInTest, MissingConsentIsAnErrorOfItsOwn) {
  GraphLab lab;
  lab.fake.identity().revoke("User.ReadWrite.All");
  const Error error = import_error(lab, lab.options());
  EXPECT_EQ(error.id(), "graph.access");
  EXPECT_EQ(error.fault(), Fault::denied);
  EXPECT_THAT(error.message(), HasSubstr("Authorization_RequestDenied"));
  bool failed = false;
  for (const auto& check : lab.connect()->test()) {
    failed = failed || (check.name == "read users" && !check.passed && !check.hint.empty());
  }
  EXPECT_TRUE(failed);
}

TEST(SignInTest, NoAnswerIsTakenForAToken) {
  for (const std::string body :
       {R"({"access_token":"a b","expires_in":1})", R"({"access_token":"a\r\nX: y","expires_in":1})",
        R"({"access_token":7})", R"([])", R"(<html>)", R"({"access_token":"abc"})"}) {
    net::Response response;
    response.status = 200;
    response.body = body;
    EXPECT_EQ(thrown_by([&] { (void)token_in(response, Time{}, "x"); }).id(), "graph.reply") << body;
  }
}

TEST(KindTest, TakesNothingForGranted) {
  const connector::Kind kind = graph_kind();
  KeepingLogger logger;
  const auto connector = kind.make({{"tenant", {"contoso.example"}}}, {}, logger);
  std::vector<model::Observation> batch;
  EXPECT_EQ(thrown_by([&] { (void)connector->import({}, {})->next(batch); }).id(), "graph.not_registered");
  EXPECT_EQ(connector->capabilities().correlation_attribute, "onPremisesImmutableId");
  EXPECT_TRUE(kind.registrar.enroll && kind.registrar.rotate);
}

}  // namespace
}  // namespace linkspan::connector_graph
