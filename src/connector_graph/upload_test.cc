// The second mode: workers handed to a provisioning job, and what its log says of them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connector_graph/internal/registration.h"
#include "connector_graph/internal/upload.h"
#include "connector_graph/internal/worker.h"
#include "connector_graph/testing/graph_lab.h"

namespace linkspan::connector_graph {
namespace {

using model::Operation;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testkit::GraphAsked;
using testkit::GraphReply;
using testkit::GraphUpload;

struct UploadLab : GraphLab {
  explicit UploadLab(const std::set<std::string>& rights = {"SynchronizationData-User.Upload",
                                                            "ProvisioningLog.Read.All"}) {
    uploader = fake.identity().add_application(test_certificate().der(), rights);
  }
  [[nodiscard]] Options upload_options() const {
    Options made = options();
    made.client_id = uploader;
    made.service_principal_id = GraphUpload::principal();
    made.job_id = GraphUpload::job();
    made.object_types.clear();
    made.worker_attributes = {"urn:contoso:employee:HireDate"};
    made.http.max_attempts = 1;
    return made;
  }
  std::unique_ptr<connector::Connector> connect_upload(Options made) {
    return make_upload_connector(std::move(made), clock, cranked(clock), logger);
  }
  std::unique_ptr<connector::Connector> connect_upload() { return connect_upload(upload_options()); }
  void work_off(const std::map<std::string, std::string>& refused = {}) {
    clock.advance(std::chrono::minutes(2));
    fake.with_upload([&](GraphUpload& job) { job.work_off(refused); });
  }
  GraphUpload::Calls upload_calls() {
    return fake.with_upload([](GraphUpload& job) { return job.calls(); });
  }
  nlohmann::json account(const std::string& worker) {
    return fake.with_upload([&](GraphUpload& job) { return job.account(worker); });
  }
  std::string uploader;
};

model::Export worker(const std::string& number, Operation operation = Operation::add) {
  model::Export made = exporting(operation, "User", operation == Operation::add ? "" : number);
  model::Entry& whole = made.whole.emplace();
  whole.attributes = {{"externalId", one(number)},
                      {"userName", one(number + "@contoso.example")},
                      {"displayName", one("Worker " + number)},
                      {"name.givenName", one("W")},
                      {R"(emails[type eq "work"].value)", one(number + "@contoso.example")},
                      {"enterprise:department", one("Sales")},
                      {"urn:contoso:employee:HireDate", one("2026-01-01")},
                      {"active", {model::Value(true)}}};
  return made;
}

TEST(GraphUploadTest, TellsAllOfAWorkerAndNullForWhatIsTakenAway) {
  UploadLab lab;
  model::Export change = worker("701984", Operation::update);
  change.attributes = {{"title", one("Guide"), {}}};
  change.whole->references = {{"enterprise:manager", "89607"}};
  const nlohmann::json data = worker_data(lab.upload_options(), change);
  EXPECT_EQ(data.at("externalId"), "701984");
  EXPECT_EQ(data.at("title"), nullptr);
  EXPECT_EQ(data.at("active"), true);
  EXPECT_EQ(data.at("name").at("givenName"), "W");
  EXPECT_EQ(data.at("emails").at(0).at("value"), "701984@contoso.example");
  EXPECT_EQ(data.at("emails").at(0).at("type"), "work");
  const auto& enterprise = data.at("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User");
  EXPECT_EQ(enterprise.at("department"), "Sales");
  EXPECT_EQ(enterprise.at("manager").at("value"), "89607");
  EXPECT_EQ(data.at("urn:contoso:employee").at("HireDate"), "2026-01-01");
  EXPECT_EQ(data.at("schemas").size(), 3U);
  change.whole->references.clear();
  change.references = {{"enterprise:manager", "89607", {}, false}};
  EXPECT_EQ(worker_data(lab.upload_options(), change)
                .at("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")
                .at("manager")
                .at("value"),
            nullptr);
  EXPECT_EQ(worker_data(lab.upload_options(), exporting(Operation::remove, "User", "7")),
            (nlohmann::json{{"externalId", "7"},
                            {"active", false},
                            {"schemas", data.at("schemas").size() == 3
                                            ? nlohmann::json{data.at("schemas")[0], data.at("schemas")[1]}
                                            : nlohmann::json()}}));
}

TEST(GraphUploadTest, RefusesWhatAWorkerCannotHave) {
  UploadLab lab;
  const auto id_of = [&](const std::string& attribute, model::Values values) {
    model::Export change = worker("7", Operation::update);
    change.whole->attributes.emplace_back(attribute, std::move(values));
    return std::string(thrown_by([&] { (void)worker_data(lab.upload_options(), change); }).id());
  };
  EXPECT_EQ(id_of("shoeSize", one("42")), "graph.attribute");
  EXPECT_EQ(id_of(R"(emails[type eq "home"].value)", one("a@b")), "graph.attribute");
  EXPECT_EQ(id_of("title", {std::string("a"), std::string("b")}), "graph.value");
  EXPECT_EQ(id_of("title", one("\xff")), "graph.value");
  EXPECT_EQ(id_of("title", one(std::string("CR\r\nNUL\0.", 9))), "none");
  model::Export renamed = worker("8", Operation::update);
  renamed.anchor = "7";
  EXPECT_EQ(thrown_by([&] { (void)worker_of(renamed); }).id(), "graph.read_only");
  EXPECT_EQ(thrown_by([] { (void)worker_of(exporting(Operation::add, "User")); }).id(), "graph.required");
}

TEST(GraphUploadTest, WorkersGoFiftyAtATimeAndTheLogConfirmsThem) {
  UploadLab lab;
  const auto connector = lab.connect_upload();
  std::vector<model::Export> all;
  for (int i = 0; i < 120; ++i) all.push_back(worker("w" + std::to_string(i)));
  const Results run = send(*connector, all);
  ASSERT_EQ(run.sent(), 120U);
  EXPECT_EQ(std::get<connector::Sent>(run.outcomes.at(7)).anchor, "w7");
  EXPECT_EQ(std::get<connector::Sent>(run.outcomes.at(7)).dn, "w7@contoso.example");
  EXPECT_EQ(lab.upload_calls().uploads, 3U);
  EXPECT_EQ(lab.upload_calls().largest, 50U);
  Read read = import(*connector);
  EXPECT_THAT(read.last, IsEmpty()) << "taken on is not done";
  EXPECT_FALSE(read.end.complete);
  lab.work_off({{"w3", "UserPrincipalNameTaken"}, {"w4", "skip:NotEffectivelyEntitled"}});
  lab.fake.with_upload([](GraphUpload& job) { job.set_limits(2000, 7); });
  read = import(*connector, read.end.watermark);
  ASSERT_EQ(read.last.size(), 120U);
  EXPECT_EQ(read.last.at("w5").kind, model::Observation::Kind::confirmed);
  EXPECT_EQ(read.last.at("w3").kind, model::Observation::Kind::refused);
  EXPECT_THAT(read.last.at("w3").reason, HasSubstr("UserPrincipalNameTaken"));
  EXPECT_EQ(read.last.at("w4").kind, model::Observation::Kind::refused);
  EXPECT_TRUE(lab.logger.holds("graph.upload_refused"));
  // Uploading the same again changes nothing, and that is a success.
  ASSERT_EQ(send(*connector, {worker("w5", Operation::update)}).sent(), 1U);
  lab.work_off();
  read = import(*connector, read.end.watermark);
  EXPECT_EQ(read.last.at("w5").kind, model::Observation::Kind::confirmed);
}

TEST(GraphUploadTest, NewestLineAboutAWorkerCounts) {
  UploadLab lab;
  const auto connector = lab.connect_upload();
  ASSERT_EQ(send(*connector, {worker("w")}).sent(), 1U);
  lab.work_off({{"w", "Broken"}});
  ASSERT_EQ(send(*connector, {worker("w")}).sent(), 1U);
  lab.work_off();
  const Read read = import(*connector);
  EXPECT_EQ(read.last.at("w").kind, model::Observation::Kind::confirmed);
  EXPECT_EQ(read.times.at("w"), 1);
}

TEST(GraphUploadTest, WhoLeavesIsDisabled) {
  UploadLab lab;
  const auto connector = lab.connect_upload();
  ASSERT_EQ(send(*connector, {worker("w")}).sent(), 1U);
  lab.work_off();
  ASSERT_EQ(lab.account("w").at("active"), true);
  ASSERT_EQ(send(*connector, {exporting(Operation::remove, "User", "w")}).sent(), 1U);
  lab.work_off();
  EXPECT_EQ(lab.account("w").at("active"), false);
  EXPECT_EQ(lab.account("w").at("displayName"), "Worker w");
}

TEST(GraphUploadTest, KeepsToFortyRequestsInFiveSecondsAndToTheDay) {
  UploadLab lab;
  Options options = lab.upload_options();
  options.daily_requests = 120;
  const auto connector = lab.connect_upload(std::move(options));
  std::vector<model::Export> all;
  for (int i = 0; i < 6050; ++i) all.push_back(worker("w" + std::to_string(i)));
  const Time began = lab.clock.now();
  const Results first = send(*connector, all);
  EXPECT_EQ(first.sent(), 6000U);
  ASSERT_TRUE(first.thrown.has_value());
  EXPECT_EQ(first.thrown->id(), "graph.upload_quota");
  EXPECT_EQ(first.thrown->fault(), Fault::throttled);
  EXPECT_EQ(lab.upload_calls().throttled, 0U);
  EXPECT_LE(lab.upload_calls().most_in_five_seconds, 40U);
  EXPECT_LE(lab.clock.now() - began, std::chrono::seconds(30));
  lab.clock.advance(std::chrono::hours(24));
  EXPECT_EQ(send(*connector, {all.begin() + 6000, all.end()}).sent(), 50U);
}

TEST(GraphUploadTest, OneWorkerThatIsRefusedDoesNotKeepTheOthersOut) {
  UploadLab lab;
  const auto connector = lab.connect_upload();
  lab.fake.intercept([](const GraphAsked& asked) -> std::optional<GraphReply> {
    if (!asked.path.ends_with("/bulkUpload")) return std::nullopt;
    for (const auto& each : asked.body.at("Operations")) {
      if (each.at("data").at("externalId") != "w13") continue;
      return GraphReply{400, {{"error", {{"code", "InvalidDataFormat"}, {"message", "Invalid Data Format"}}}}};
    }
    return std::nullopt;
  });
  std::vector<model::Export> all;
  for (int i = 0; i < 50; ++i) all.push_back(worker("w" + std::to_string(i)));
  all.push_back(exporting(Operation::add, "User"));
  const Results run = send(*connector, all);
  EXPECT_EQ(run.sent(), 49U);
  EXPECT_EQ(std::get<connector::Failed>(run.outcomes.at(13)).error.id(), "graph.refused");
  EXPECT_EQ(std::get<connector::Failed>(run.outcomes.at(50)).error.id(), "graph.required");
}

TEST(GraphUploadTest, WhatHoldsForAllStopsTheExportWithItsOwnError) {
  const auto thrown = [](UploadLab& lab, Options options) {
    const Results run = send(*lab.connect_upload(std::move(options)), {worker("w")});
    EXPECT_THAT(run.outcomes, IsEmpty());
    return run.thrown ? *run.thrown : Error(Fault::invalid, "none", "none");
  };
  UploadLab lab;
  Options other_job = lab.upload_options();
  other_job.job_id = "API2AAD.0.0";
  EXPECT_EQ(thrown(lab, std::move(other_job)).id(), "graph.upload_job");
  UploadLab without({"ProvisioningLog.Read.All"});
  const Error denied = thrown(without, without.upload_options());
  EXPECT_EQ(denied.id(), "graph.access");
  EXPECT_THAT(denied.hint(), HasSubstr("SynchronizationData-User.Upload"));
  lab.fake.with_upload([](GraphUpload& job) { job.set_limits(0, 500); });
  EXPECT_EQ(thrown(lab, lab.upload_options()).id(), "graph.upload_quota");
  lab.fake.with_upload([](GraphUpload& job) {
    job.set_limits(2000, 500);
    job.fill_up();
  });
  EXPECT_EQ(thrown(lab, lab.upload_options()).id(), "graph.upload_full");
  EXPECT_EQ(thrown(lab, lab.upload_options()).fault(), Fault::unavailable);
}

TEST(GraphUploadTest, AnswerThatIsThrottledOrLostIsAskedForAgain) {
  UploadLab lab;
  const auto connector = lab.connect_upload();
  int asked_for = 0;
  lab.fake.intercept([&](const GraphAsked& asked) -> std::optional<GraphReply> {
    if (!asked.path.ends_with("/bulkUpload")) return std::nullopt;
    ++asked_for;
    if (asked_for == 1) return GraphReply{429, nullptr, {{"Retry-After", "30"}}};
    if (asked_for == 2) return GraphReply{503};
    return std::nullopt;
  });
  const Time began = lab.clock.now();
  EXPECT_EQ(send(*connector, {worker("w")}).sent(), 1U);
  EXPECT_EQ(asked_for, 3);
  EXPECT_GE(lab.clock.now() - began, std::chrono::seconds(30));
}

TEST(GraphUploadTest, TheServiceRefusesWhatItsDocumentationRefuses) {
  UploadLab lab;
  Tenant tenant(lab.upload_options(), lab.clock, cranked(lab.clock), lab.logger);
  const auto operation = [&](int i) {
    return nlohmann::json{{"method", "POST"},
                          {"bulkId", std::to_string(i)},
                          {"path", "/Users"},
                          {"data", worker_data(tenant.options(), worker("w" + std::to_string(i)))}}
        .dump();
  };
  std::vector<std::string> many;
  for (int i = 0; i < 51; ++i) many.push_back(operation(i));
  EXPECT_EQ(tenant.perform(upload_call(tenant.options(), many), {}).status, 400);
  many.pop_back();
  EXPECT_EQ(tenant.perform(upload_call(tenant.options(), many), {}).status, 202);
  Call plain = upload_call(tenant.options(), many);
  plain.headers = {};
  EXPECT_EQ(tenant.perform(plain, {}).status, 400) << "application/json";
}

TEST(GraphUploadTest, TestsTheRightsAndTheJob) {
  const auto failed = [](const std::vector<connector::Check>& checks) {
    std::string names;
    for (const auto& each : checks) names += each.passed ? "" : each.name + ";";
    return names;
  };
  UploadLab lab;
  EXPECT_EQ(failed(lab.connect_upload()->test()), "");
  EXPECT_EQ(lab.upload_calls().operations, 0U) << "a test uploads nobody";
  Options other = lab.upload_options();
  other.job_id = "API2AAD.0.0";
  EXPECT_EQ(failed(lab.connect_upload(std::move(other))->test()), "upload;");
  UploadLab blind({"SynchronizationData-User.Upload"});
  EXPECT_EQ(failed(blind.connect_upload()->test()), "provisioning log;");
  EXPECT_EQ(permissions_for(lab.upload_options()),
            (std::vector<std::string>{"SynchronizationData-User.Upload", "ProvisioningLog.Read.All"}));
}

TEST(GraphUploadTest, WatermarksOfOtherJobsAreRefused) {
  UploadLab lab;
  const auto connector = lab.connect_upload();
  for (const char* text : {"graph-1 1 2 3", "graph-log-1 API2AAD.0.0 1764500000", "graph-log-1"}) {
    EXPECT_EQ(thrown_by([&] { (void)import(*connector, text); }).id(), "connector.watermark_refused") << text;
  }
}

TEST(GraphUploadTest, SettingsAreComplainedAboutAllAtOnce) {
  const connector::Settings wrong{{"tenant", {"contoso.example"}},
                                  {"job_id", {"a/b"}},
                                  {"daily_requests", {"7000"}},
                                  {"worker_attributes", {"HireDate"}}};
  const Error error = thrown_by([&] { (void)parse_upload_settings(wrong, {}); });
  EXPECT_EQ(error.id(), "graph.settings");
  for (const char* part : {"service_principal_id", "job_id", "daily_requests", "worker_attributes"}) {
    EXPECT_THAT(error.message(), HasSubstr(part));
  }
}

}  // namespace
}  // namespace linkspan::connector_graph
