// From a personnel file to a provisioning job by the rules that are delivered: what was uploaded counts as sent until
// the job's log says what became of it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <testkit/world.h>

#include <fstream>
#include <sstream>

#include "connector_graph/testing/graph_lab.h"

namespace linkspan::scenario {
namespace {

using connector_graph::GraphLab;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testkit::GraphUpload;

const char* const k_enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

std::string delivered_rules() {
  std::ifstream file(LINKSPAN_SOURCE_DIR "/rules/csv-to-graph-upload.toml");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class UploadStory : public ::testing::Test {
 protected:
  UploadStory() {
    uploader_ = lab_.fake.identity().add_application(connector_graph::test_certificate().der(),
                                                     {"SynchronizationData-User.Upload", "ProvisioningLog.Read.All"});
    connector::FakeOptions job;
    job.references_by_anchor = true;
    job.correlation_attribute = "externalId";
    world_ = std::make_unique<testkit::World>(
        delivered_rules(), std::vector<testkit::DirectorySpec>{
                               {"hr", "csv", {}}, {"entra", "graph-upload", job, [this] { return connect(); }}});
  }

  std::unique_ptr<connector::Connector> connect() {
    auto options = lab_.options();
    options.client_id = uploader_;
    options.service_principal_id = GraphUpload::principal();
    options.job_id = GraphUpload::job();
    options.object_types.clear();
    return connector_graph::make_upload_connector(std::move(options), lab_.clock, connector_graph::cranked(lab_.clock),
                                                  lab_.logger);
  }

  std::string add_person(const std::string& number, const std::string& manager = {}) {
    model::Entry entry;
    entry.dn = "cn=" + number + ",dc=hr";
    entry.object_type = "person";
    entry.attributes = {{"employeeNumber", {number}}, {"givenName", {"Given"}},
                        {"sn", {"Name " + number}},   {"mail", {number + "@contoso.example"}},
                        {"title", {"Engineer"}},      {"department", {"Works"}}};
    if (!manager.empty()) entry.references = {{"manager", "cn=" + manager + ",dc=hr"}};
    return hr().add(std::move(entry));
  }
  connector::FakeDirectory& hr() { return world_->directory("hr"); }

  void pass(std::chrono::minutes time) {
    lab_.clock.advance(time);
    world_->clock().advance(time);
  }
  /// The job works off what it has, two minutes later.
  void work_off(const std::map<std::string, std::string>& refused = {}) {
    pass(std::chrono::minutes(2));
    lab_.fake.with_upload([&](GraphUpload& job) { job.work_off(refused); });
    pass(std::chrono::minutes(8));
  }
  nlohmann::json account(const std::string& number) {
    return lab_.fake.with_upload([&](GraphUpload& job) { return job.account(number); });
  }
  std::size_t uploaded() {
    return lab_.fake.with_upload([](GraphUpload& job) { return job.calls().operations; });
  }
  std::vector<store::ObjectError> errors() {
    return world_->store().summary()->errors(world_->info("entra").id, {0, 100});
  }

  GraphLab lab_;
  std::string uploader_;
  std::unique_ptr<testkit::World> world_;
};

TEST_F(UploadStory, WorkersComeChangeAndLeaveAndTheLogConfirmsEach) {
  add_person("1");
  const std::string two = add_person("2", "1");
  world_->cycle();
  EXPECT_EQ(account("1"), nullptr) << "taken on is not done";
  EXPECT_THAT(world_->pending("entra"), IsEmpty());
  work_off();
  EXPECT_EQ(account("2").at("displayName"), "Given Name 2");
  EXPECT_EQ(account("2").at(k_enterprise).at("manager").at("value"), "1");
  const auto confirmed = world_->import("entra");
  EXPECT_EQ(confirmed.counters.get("confirmed"), 2);
  EXPECT_EQ(world_->import("entra").counters.get("confirmed"), 0) << "once";
  const std::size_t before = uploaded();
  world_->cycle();
  world_->cycle(/*full=*/true);
  EXPECT_EQ(uploaded(), before) << "nothing changed: nothing is uploaded";

  // Even where null flows, a change of one attribute clears no other.
  lab_.fake.with_upload([](GraphUpload& job) { job.let_null_flow(); });
  hr().set(two, "title", {"Lead"});
  world_->cycle();
  EXPECT_EQ(uploaded(), before + 1);
  work_off();
  EXPECT_EQ(account("2").at("title"), "Lead");
  EXPECT_EQ(account("2").at(k_enterprise).at("department"), "Works");
  EXPECT_EQ(account("2").at(k_enterprise).at("manager").at("value"), "1");
  hr().set(two, "department", {});
  world_->cycle();
  work_off();
  EXPECT_FALSE(account("2").at(k_enterprise).contains("department"));
  EXPECT_EQ(world_->import("entra").counters.get("confirmed"), 1);

  world_->set("guard.deletions", "off");
  hr().remove(two);
  world_->cycle();
  work_off();
  EXPECT_EQ(account("2").at("active"), false);
  world_->cycle();
  EXPECT_THAT(world_->pending("entra"), IsEmpty());
  EXPECT_THAT(errors(), IsEmpty());
}

TEST_F(UploadStory, WhatTheJobRefusesIsAnErrorOfItsWorkerAndTriedAgainLater) {
  add_person("1");
  add_person("2");
  world_->cycle();
  work_off({{"2", "UserPrincipalNameTaken"}});
  const auto read = world_->import("entra");
  EXPECT_EQ(read.counters.get("confirmed"), 1);
  EXPECT_EQ(read.counters.get("refused"), 1);
  ASSERT_THAT(errors(), SizeIs(1));
  EXPECT_EQ(errors().front().error, "export.refused_later");
  EXPECT_THAT(errors().front().message, HasSubstr("UserPrincipalNameTaken"));
  EXPECT_THAT(world_->pending("entra"), SizeIs(1)) << "it is to be made anew";
  const std::size_t before = uploaded();
  world_->cycle();
  EXPECT_EQ(uploaded(), before) << "not before its time";
  EXPECT_EQ(errors().front().count, 1) << "one line is one failure, however often it is read";

  pass(std::chrono::minutes(40));
  world_->cycle();
  EXPECT_EQ(uploaded(), before + 1);
  EXPECT_THAT(errors(), SizeIs(1)) << "taken on is not done: the error stays";
  work_off({{"2", "UserPrincipalNameTaken"}});
  world_->import("entra");
  EXPECT_EQ(errors().front().count, 2);

  pass(std::chrono::minutes(70));
  world_->cycle();
  work_off();
  world_->import("entra");
  EXPECT_EQ(account("2").at("displayName"), "Given Name 2");
  EXPECT_THAT(errors(), IsEmpty());
}

TEST_F(UploadStory, WhatAWorkerIsIsPendingAgainWhenAChangeOfItIsRefused) {
  const std::string one = add_person("1");
  world_->cycle();
  work_off();
  world_->import("entra");
  hr().set(one, "title", {"Lead"});
  world_->cycle();
  work_off({{"1", "Broken"}});
  world_->import("entra");
  ASSERT_THAT(world_->pending("entra"), SizeIs(1));
  EXPECT_THAT(world_->pending("entra").front(), HasSubstr("update"));
  pass(std::chrono::minutes(40));
  world_->cycle();
  work_off();
  EXPECT_EQ(world_->import("entra").counters.get("confirmed"), 1);
  EXPECT_EQ(account("1").at("title"), "Lead");
  EXPECT_THAT(world_->pending("entra"), IsEmpty());
}

TEST_F(UploadStory, LineThatIsOlderThanTheLastUploadConfirmsNothing) {
  const std::string one = add_person("1");
  world_->cycle();
  work_off();
  hr().set(one, "title", {"Lead"});
  world_->import("hr");
  world_->synchronize();
  world_->send("entra");  // the first line is not read yet
  EXPECT_EQ(world_->import("entra").counters.get("confirmed"), 0);
  work_off();
  EXPECT_EQ(world_->import("entra").counters.get("confirmed"), 1);
}

TEST_F(UploadStory, ADatabaseOpenedAnewGoesOnWhereItWas) {
  add_person("1");
  world_->cycle();
  world_->reopen();
  world_->cycle();
  EXPECT_EQ(uploaded(), 1U) << "what is under way is not uploaded again";
  work_off();
  EXPECT_EQ(world_->import("entra").counters.get("confirmed"), 1);
}

}  // namespace
}  // namespace linkspan::scenario
