// What goes wrong: strict services, failing ones, and those that answer nonsense. Against a fake on loopback.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>

#include <testkit/scim_fake.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "connector_scim/internal/make.h"
#include "connector_scim/internal/scim_import.h"
#include "connector_scim/scim.h"

namespace linkspan::connector_scim {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using testkit::ScimFake;
using testkit::ScimFakeOptions;

model::Values one(std::string value) { return {model::Value(std::move(value))}; }

model::Export exporting(model::Operation operation, std::string type, std::string anchor = {}) {
  model::Export made;
  made.operation = operation;
  made.object_type = std::move(type);
  made.anchor = std::move(anchor);
  return made;
}

model::Export new_user(const std::string& name) {
  model::Export made = exporting(model::Operation::add, "User");
  made.attributes = {{"userName", {}, one(name)}, {"externalId", {}, one("x-" + name)}};
  return made;
}

std::vector<model::Export> new_users(int count) {
  std::vector<model::Export> made;
  for (int i = 0; i < count; ++i) made.push_back(new_user("u" + std::to_string(i)));
  return made;
}

model::Export new_title(const std::string& anchor) {
  model::Export made = exporting(model::Operation::update, "User", anchor);
  made.attributes = {{"title", {}, one("T")}};
  return made;
}

bool is_sent(const connector::Outcome& outcome) { return std::holds_alternative<connector::Sent>(outcome); }

class ScimFaultTest : public ::testing::Test {
 protected:
  void start(ScimFakeOptions fake = {}, std::size_t concurrency = 4, std::size_t longest_body = 1'000'000) {
    fake_ = std::make_unique<ScimFake>(fake);
    Options options;
    options.url = fake_->url();
    options.token = vault::Secret::from(ScimFake::token());
    options.concurrency = concurrency;
    options.member_batch = 8;
    options.http.first_delay = std::chrono::milliseconds(1);
    options.http.max_attempts = 3;
    options.http.longest_body = longest_body;
    connector_ = make_connector(std::move(options), logger_);
  }

  /// The outcomes by index, and what send() threw.
  struct Run {
    std::map<std::size_t, connector::Outcome> outcomes;
    std::optional<Error> thrown;
    [[nodiscard]] long sent() const {
      return std::count_if(outcomes.begin(), outcomes.end(), [](const auto& each) { return is_sent(each.second); });
    }
  };
  Run send(const std::vector<model::Export>& exports, std::stop_token stop = {}) {
    Run run;
    try {
      connector_->send(
          exports,
          [&](std::size_t index, connector::Outcome outcome) {
            EXPECT_TRUE(run.outcomes.emplace(index, std::move(outcome)).second) << "two outcomes for " << index;
          },
          std::move(stop));
    } catch (const Error& error) {
      run.thrown = error;
    }
    return run;
  }
  connector::Failed failed(const model::Export& wanted) {
    Run run = send({wanted});
    EXPECT_FALSE(run.thrown.has_value()) << run.thrown->what();
    if (run.outcomes.size() != 1 || is_sent(run.outcomes.at(0))) {
      ADD_FAILURE() << "it did not fail";
      return {Error(Fault::invalid, "none", "none"), false};
    }
    return std::get<connector::Failed>(run.outcomes.at(0));
  }
  connector::Sent sent(const model::Export& wanted) {
    Run run = send({wanted});
    EXPECT_FALSE(run.thrown.has_value()) << run.thrown->what();
    if (run.outcomes.size() == 1 && is_sent(run.outcomes.at(0))) return std::get<connector::Sent>(run.outcomes.at(0));
    ADD_FAILURE() << (run.outcomes.empty() ? "no outcome"
                                           : std::get<connector::Failed>(run.outcomes.at(0)).error.what());
    return {};
  }

  struct Read {
    std::map<std::string, model::Observation::Kind> last;
    connector::ImportEnd end;
  };
  Read import(const std::string& watermark = {}) {
    Read made;
    const auto reading = connector_->import({watermark}, {});
    std::vector<model::Observation> batch;
    while (reading->next(batch)) {
      for (const auto& each : batch) made.last[each.entry.anchor] = each.kind;
    }
    made.end = reading->end();
    return made;
  }
  std::string import_failure(const std::string& watermark = {}) {
    try {
      (void)import(watermark);
    } catch (const Error& error) {
      return std::string(error.id());
    }
    return "none";
  }

  /// Answers the first `times` requests of that method to a path that holds `part` with `reply`.
  ScimFake::Intercept first(int times, std::string method, std::string part, net::ScriptedReply reply) {
    auto left = std::make_shared<std::atomic<int>>(times);
    return [=](const net::SeenRequest& request) -> std::optional<net::ScriptedReply> {
      if (request.method != method || request.target.find(part) == std::string::npos) return std::nullopt;
      return left->fetch_sub(1) > 0 ? std::optional(reply) : std::nullopt;
    };
  }

  std::unique_ptr<ScimFake> fake_;
  QuietLogger logger_;
  std::unique_ptr<connector::Connector> connector_;
};

TEST_F(ScimFaultTest, AServiceWithoutDiscoveryIsAsTheRfcSays) {
  start({.discovery = false});
  const connector::Sent made = sent(new_user("ada"));
  EXPECT_EQ(fake_->get(made.anchor)["userName"], "ada");
  EXPECT_THAT(connector_->schema().classes, SizeIs(2));
  for (const connector::Check& check : connector_->test()) EXPECT_TRUE(check.passed) << check.name << check.detail;
}

TEST_F(ScimFaultTest, ALocationAloneNamesTheNewObject) {
  start({.answers_with_body = false});
  const connector::Sent made = sent(new_user("ada"));
  EXPECT_EQ(made.anchor, "id1");
  EXPECT_FALSE(made.entry.has_value());
  (void)sent(new_title("id1"));
  EXPECT_EQ(fake_->get("id1")["title"], "T");
}

TEST_F(ScimFaultTest, AFailureOfOneCreateIsUncertainAndTheRestGoesOn) {
  for (const auto& [status, id] :
       std::vector<std::pair<int, std::string>>{{500, "scim.failed"}, {502, "scim.failed"}}) {
    start();
    fake_->intercept(first(1, "POST", "/Users", {net::http_reply(status, "<html>oops\x1b[31m</html>")}));
    const Run run = send(new_users(10));
    EXPECT_FALSE(run.thrown.has_value());
    EXPECT_EQ(run.sent(), 9);
    for (const auto& [index, outcome] : run.outcomes) {
      if (is_sent(outcome)) continue;
      const auto& lost = std::get<connector::Failed>(outcome);
      EXPECT_TRUE(lost.uncertain);
      EXPECT_EQ(lost.error.id(), id);
      EXPECT_EQ(lost.error.fault(), Fault::unavailable);
      EXPECT_EQ(std::string(lost.error.what()).find('\x1b'), std::string::npos);
    }
    EXPECT_EQ(fake_->size("Users"), 9U);
  }
}

TEST_F(ScimFaultTest, AConnectionClosedAfterACreateIsUncertainAndNothingIsSentTwice) {
  start();
  fake_->intercept(first(1, "POST", "/Users", {"", true}), /*carry_out=*/true);
  const connector::Failed lost = failed(new_user("ada"));
  EXPECT_TRUE(lost.uncertain);
  EXPECT_EQ(fake_->seen("POST", "/Users"), 1U);
  EXPECT_THAT(connector_->find("User", "externalId", std::string("x-ada")), SizeIs(1));
}

TEST_F(ScimFaultTest, A2xxThatSaysNothingUsableIsUncertain) {
  for (const std::string body : {"", "{", "[]", "{\"id\":7}", "<html>"}) {
    start();
    fake_->intercept(first(1, "POST", "/Users", {net::http_reply(201, body, "Location: nowhere\r\n")}));
    const connector::Failed lost = failed(new_user("ada"));
    EXPECT_TRUE(lost.uncertain) << body;
    EXPECT_EQ(lost.error.id(), "scim.reply");
  }
}

TEST_F(ScimFaultTest, ThrottlingWithAFractionIsWaitedFor) {
  start();
  fake_->intercept(first(2, "POST", "/Users", {net::http_reply(429, {}, "Retry-After: 0.01\r\n")}));
  EXPECT_EQ(send(new_users(8)).sent(), 8);
  EXPECT_EQ(fake_->seen("POST", "/Users"), 10U);
}

TEST_F(ScimFaultTest, ThrottlingWithoutEndIsNotUncertain) {
  start();
  fake_->intercept(first(1000, "POST", "/Users", {net::http_reply(429, {}, "Retry-After: 0\r\n")}));
  const connector::Failed refused = failed(new_user("ada"));
  EXPECT_FALSE(refused.uncertain);
  EXPECT_EQ(refused.error.fault(), Fault::throttled);
  EXPECT_TRUE(refused.error.retry_after().has_value());
}

TEST_F(ScimFaultTest, ATokenThatIsRefusedOnTheWayStopsAllAndLeavesTheRestUnsent) {
  start({}, 1);
  auto creates = std::make_shared<std::atomic<int>>(0);
  fake_->intercept([=](const net::SeenRequest& request) -> std::optional<net::ScriptedReply> {
    if (request.method != "POST" || ++*creates <= 3) return std::nullopt;
    return net::ScriptedReply{net::http_reply(401)};
  });
  const Run run = send(new_users(20));
  ASSERT_TRUE(run.thrown.has_value());
  EXPECT_EQ(run.thrown->id(), "scim.credentials");
  EXPECT_THAT(std::string(run.thrown->what()), Not(HasSubstr(ScimFake::token())));
  EXPECT_THAT(run.outcomes, SizeIs(3));
  EXPECT_EQ(run.sent(), 3);
  EXPECT_EQ(fake_->seen("POST", "/Users"), 4U);
}

TEST_F(ScimFaultTest, OneForbiddenObjectIsItsOwnFailureAndAllOfThemStop) {
  start();
  fake_->intercept(first(1, "POST", "/Users", {net::http_reply(403)}));
  Run run = send(new_users(10));
  EXPECT_FALSE(run.thrown.has_value());
  EXPECT_EQ(run.sent(), 9);
  start();
  fake_->intercept(first(1000, "POST", "/Users", {net::http_reply(403)}));
  run = send(new_users(100));
  ASSERT_TRUE(run.thrown.has_value());
  EXPECT_EQ(run.thrown->id(), "scim.access");
  EXPECT_LT(fake_->seen("POST", "/Users"), 12U);
}

TEST_F(ScimFaultTest, AServiceThatOnlyFailsIsLeftAlone) {
  start();
  fake_->intercept(first(1000, "POST", "/Users", {net::http_reply(500)}));
  const Run run = send(new_users(200));
  ASSERT_TRUE(run.thrown.has_value());
  EXPECT_EQ(run.thrown->fault(), Fault::unavailable);
  EXPECT_LT(fake_->seen("POST", "/Users"), 20U);
  EXPECT_EQ(run.outcomes.size(), fake_->seen("POST", "/Users"));
}

TEST_F(ScimFaultTest, AServiceThatIsNotThereIsOneError) {
  start();
  (void)connector_->schema();
  (void)sent(new_user("ada"));  // it knows the service by now
  fake_.reset();
  const Run run = send(new_users(50));
  ASSERT_TRUE(run.thrown.has_value());
  EXPECT_EQ(run.thrown->fault(), Fault::unavailable);
  EXPECT_THAT(run.outcomes, IsEmpty());
  EXPECT_FALSE(connector_->test().at(0).passed);
}

TEST_F(ScimFaultTest, RefusedMembersAreNamedAndTheOthersGoThrough) {
  start();
  model::Export group = exporting(model::Operation::add, "Group");
  group.attributes = {{"displayName", {}, one("Crew")}};
  std::vector<std::string> real;
  for (int i = 0; i < 30; ++i) {
    const bool stranger = i == 4 || i == 5 || i == 21;
    const std::string id =
        stranger ? "stranger" + std::to_string(i) : fake_->add("Users", {{"userName", std::to_string(i)}});
    if (!stranger) real.push_back(id);
    group.references.push_back({"members", id, "", true});
  }
  const connector::Sent made = sent(group);
  std::vector<std::string> refused;
  for (const auto& reference : made.references_refused) refused.push_back(reference.target);
  EXPECT_THAT(refused, ElementsAre("stranger4", "stranger5", "stranger21"));
  EXPECT_THAT(fake_->get(made.anchor)["members"], SizeIs(real.size()));
}

TEST_F(ScimFaultTest, AGroupThatIsGoneIsNotABadMember) {
  start();
  model::Export update = exporting(model::Operation::update, "Group", "nowhere");
  update.references = {{"members", "a", "", true}, {"members", "b", "", false}};
  EXPECT_EQ(failed(update).error.id(), "scim.gone");
  EXPECT_EQ(fake_->seen("PATCH", "/Groups"), 1U);
}

TEST_F(ScimFaultTest, MembersThatFailAfterOthersWentInAreToldApart) {
  start();
  const std::string group = fake_->add("Groups", {{"displayName", "Crew"}});
  model::Export update = exporting(model::Operation::update, "Group", group);
  for (int i = 0; i < 16; ++i) {
    update.references.push_back({"members", fake_->add("Users", {{"userName", std::to_string(i)}}), "", true});
  }
  auto patches = std::make_shared<std::atomic<int>>(0);
  fake_->intercept([=](const net::SeenRequest& request) -> std::optional<net::ScriptedReply> {
    if (request.method != "PATCH" || ++*patches == 1) return std::nullopt;
    return net::ScriptedReply{net::http_reply(500)};
  });
  EXPECT_THAT(sent(update).references_refused, SizeIs(8));
  EXPECT_THAT(fake_->get(group)["members"], SizeIs(8));
}

TEST_F(ScimFaultTest, WithoutPatchTheWholeObjectIsPut) {
  start({.patch = false, .etag = true});
  const std::string id = fake_->add("Users", {{"userName", "ada"}, {"nickName", "A"}});
  (void)sent(new_title(id));
  EXPECT_EQ(fake_->get(id)["title"], "T");
  EXPECT_EQ(fake_->get(id)["nickName"], "A");
  const auto seen = fake_->seen();
  EXPECT_EQ(seen.back().method, "PUT");
  EXPECT_THAT(seen.back().head, HasSubstr("If-Match: W/\"1\""));
  (void)sent(new_title(id));  // as it is already
  EXPECT_EQ(fake_->seen("PUT", id), 1U);
}

TEST_F(ScimFaultTest, AChangeInBetweenIsSeenAndReconciledOnce) {
  start({.patch = false, .etag = true});
  const std::string id = fake_->add("Users", {{"userName", "ada"}});
  fake_->intercept(first(1, "PUT", id, {net::http_reply(412)}));
  (void)sent(new_title(id));
  EXPECT_EQ(fake_->get(id)["title"], "T");
  fake_->intercept(first(100, "PUT", id, {net::http_reply(412)}));
  model::Export update = new_title(id);
  update.attributes[0].after = one("Other");
  const connector::Failed lost = failed(update);
  EXPECT_EQ(lost.error.id(), "scim.changed");
  EXPECT_EQ(lost.error.fault(), Fault::conflict);
}

TEST_F(ScimFaultTest, WhatCannotBeSaidFailsAloneAndIsNotSent) {
  start();
  model::Export bad = new_user("bad");
  bad.attributes.push_back({"active", {}, one("maybe")});
  model::Export unknown = new_user("unknown");
  unknown.object_type = "Device";
  const Run run = send({bad, new_user("good"), unknown, new_title("a/../b")});
  EXPECT_EQ(std::get<connector::Failed>(run.outcomes.at(0)).error.id(), "scim.value");
  EXPECT_TRUE(is_sent(run.outcomes.at(1)));
  EXPECT_EQ(std::get<connector::Failed>(run.outcomes.at(2)).error.id(), "scim.object_type");
  EXPECT_EQ(std::get<connector::Failed>(run.outcomes.at(3)).error.id(), "scim.gone");
  EXPECT_EQ(fake_->seen("POST", "/Users"), 1U);
}

TEST_F(ScimFaultTest, AStopLeavesTheRestUnsent) {
  start({}, 1);
  std::stop_source stop;
  auto creates = std::make_shared<std::atomic<int>>(0);
  fake_->intercept([=](const net::SeenRequest& request) mutable -> std::optional<net::ScriptedReply> {
    if (request.method == "POST" && ++*creates == 5) stop.request_stop();
    return std::nullopt;
  });
  const Run run = send(new_users(20), stop.get_token());
  EXPECT_FALSE(run.thrown.has_value());
  EXPECT_EQ(run.sent(), 5);
  EXPECT_EQ(fake_->size("Users"), 5U);
}

TEST_F(ScimFaultTest, FewerThanTheTotalIsNoImport) {
  start();
  for (int i = 0; i < 3; ++i) fake_->add("Users", {{"userName", std::to_string(i)}});
  const std::string one_of_three = R"({"totalResults":3,"Resources":[{"id":"id1","userName":"a"}]})";
  fake_->intercept(first(1000, "GET", "/Users", {net::http_reply(200, one_of_three)}));  // ever the same page
  EXPECT_EQ(import_failure(), "scim.incomplete");
  fake_->intercept(first(1000, "GET", "/Users", {net::http_reply(200, R"({"totalResults":3})")}));
  EXPECT_EQ(import_failure(), "scim.incomplete");
}

TEST_F(ScimFaultTest, AListThatMovesIsReadAgainAndWhatWentMeanwhileIsGone) {
  start({.most_per_page = 4});
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(fake_->add("Users", {{"userName", std::to_string(i)}}));
  auto done = std::make_shared<std::atomic<bool>>(false);
  // As the second page is asked for, somebody who was on the first one leaves.
  fake_->intercept([this, done, ids](const net::SeenRequest& request) -> std::optional<net::ScriptedReply> {
    if (request.target.find("startIndex=5") != std::string::npos && !done->exchange(true)) fake_->remove(ids[0]);
    return std::nullopt;
  });
  const Read read = import();
  EXPECT_TRUE(read.end.complete);
  EXPECT_THAT(read.last, SizeIs(10));
  EXPECT_EQ(read.last.at(ids[0]), model::Observation::Kind::gone);
  EXPECT_EQ(std::count_if(read.last.begin(), read.last.end(),
                          [](const auto& each) { return each.second == model::Observation::Kind::present; }),
            9);
}

TEST_F(ScimFaultTest, AServiceThatSendsShortPagesIsReadToTheEnd) {
  start({.most_per_page = 3});
  for (int i = 0; i < 20; ++i) fake_->add("Users", {{"userName", std::to_string(i)}});
  EXPECT_THAT(import().last, SizeIs(20));
}

TEST_F(ScimFaultTest, PagesTooLargeToTakeAreAskedForInParts) {
  start({.discovery = false}, 4, 2000);
  for (int i = 0; i < 40; ++i) {
    fake_->add("Groups", {{"displayName", std::to_string(i) + std::string(i == 20 ? 1500 : 20, 'x')}});
  }
  const Read read = import();
  EXPECT_THAT(read.last, SizeIs(40));
  EXPECT_TRUE(read.end.complete);
  start({.discovery = false}, 4, 2000);
  fake_->add("Groups", {{"displayName", std::string(3000, 'x')}});
  EXPECT_EQ(import_failure(), "net.too_large");
}

TEST_F(ScimFaultTest, HeavyPagesAreFollowedByShorterOnesOneAtATime) {
  start({.discovery = false, .most_per_page = 8}, 4, std::size_t{64} << 20);
  for (int i = 0; i < 12; ++i) fake_->add("Groups", {{"displayName", std::string(3 << 20, 'x')}});
  const auto reading = connector_->import({}, {});
  std::vector<model::Observation> batch;
  std::size_t count = 0;
  while (reading->next(batch)) {
    EXPECT_EQ(batch.size(), 1U) << "a batch is bounded by what is in it";
    count += batch.size();
  }
  EXPECT_EQ(count, 12U);
  EXPECT_EQ(fake_->seen("GET", "/Groups?startIndex=1&count="), 1U);
  EXPECT_EQ(fake_->seen("GET", "/Groups?startIndex=9&count=5"), 1U);
}

TEST_F(ScimFaultTest, ARequestTooLargeForTheServiceIsTheObjectsOwnFailure) {
  start();
  fake_->intercept([](const net::SeenRequest& request) -> std::optional<net::ScriptedReply> {
    if (request.body.size() < 1'000'000) return std::nullopt;
    return net::ScriptedReply{net::http_reply(413)};
  });
  std::vector<model::Export> adds = new_users(20);
  adds[7].attributes.push_back({R"(photos[type eq "photo"].value)", {}, one(std::string(5'000'000, 'x'))});
  const Run run = send(adds);
  EXPECT_FALSE(run.thrown.has_value());
  EXPECT_EQ(run.sent(), 19);
  const auto& failed = std::get<connector::Failed>(run.outcomes.at(7));
  EXPECT_EQ(failed.error.id(), "scim.too_large");
  EXPECT_THAT(failed.error.hint(), HasSubstr("photograph"));
  EXPECT_FALSE(failed.uncertain);
}

TEST_F(ScimFaultTest, CallsAreLongerWhereMoreIsInFlight) {
  start({}, 8);
  EXPECT_EQ(connector_->capabilities().changes_at_once, 200U);
  start({}, 16);
  EXPECT_EQ(connector_->capabilities().changes_at_once, 400U);
}

TEST_F(ScimFaultTest, AGroupTooLargeToBeShownIsChangedAllTheSame) {
  start({.discovery = false}, 4, 2000);
  const std::string group = fake_->add("Groups", {{"displayName", std::string(3000, 'x')}});
  model::Export update = exporting(model::Operation::update, "Group", group);
  for (int i = 0; i < 20; ++i) {
    update.references.push_back({"members", fake_->add("Users", {{"userName", std::to_string(i)}}), "", true});
  }
  EXPECT_THAT(sent(update).references_refused, IsEmpty());
  EXPECT_THAT(fake_->get(group)["members"], SizeIs(20));
}

TEST_F(ScimFaultTest, AGroupsEndpointThatFailsIsNoEmptyOne) {
  start();
  fake_->intercept(first(1000, "GET", "/Groups", {net::http_reply(404)}));
  EXPECT_EQ(import_failure(), "scim.gone");
}

TEST_F(ScimFaultTest, ARefusedFilterEndsDeltasForGood) {
  start({.filter = false});
  fake_->add("Users", {{"userName", "ada"}});
  const Read full = import();
  ASSERT_FALSE(full.end.watermark.empty());
  EXPECT_EQ(import_failure(full.end.watermark), "connector.watermark_refused");
  EXPECT_FALSE(connector_->capabilities().delta_import);
  EXPECT_EQ(import_failure(full.end.watermark), "connector.watermark_refused");
  EXPECT_TRUE(import().end.watermark.empty());
}

TEST_F(ScimFaultTest, AnIgnoredFilterFindsNobodyAndSaysSo) {
  start({.ignores_filter = true});
  fake_->add("Users", {{"userName", "ada"}, {"externalId", "x-ada"}});
  try {
    (void)connector_->find("User", "externalId", std::string("x-ben"));
    FAIL() << "a stranger was found";
  } catch (const Error& error) {
    EXPECT_EQ(error.id(), "scim.filter_ignored");
  }
  for (const connector::Check& check : connector_->test())
    EXPECT_EQ(check.passed, check.name != "filter") << check.name;
}

TEST_F(ScimFaultTest, AnAddThatLooksFirstIsMadeWhereTheServiceCannotBeAsked) {
  for (const bool ignores : {true, false}) {
    start({.filter = ignores, .ignores_filter = ignores});
    fake_->add("Users", {{"userName", "ada"}, {"externalId", "x-ada"}});
    model::Export ben = new_user("ben");
    ben.look_first = true;
    EXPECT_FALSE(sent(ben).was_there);
  }
}

TEST_F(ScimFaultTest, AnAddThatLooksFirstDoesNotChooseBetweenTwo) {
  start({});
  for (const char* name : {"ada", "ada2"}) fake_->add("Users", {{"userName", name}, {"externalId", "x-ben"}});
  model::Export ben = new_user("ben");
  ben.look_first = true;
  const connector::Failed refused = failed(ben);
  EXPECT_EQ(refused.error.id(), "scim.several_found");
  EXPECT_FALSE(refused.uncertain);
}

TEST(ScimWatermarkTest, ItReachesBackForClocksThatLag) {
  const Time began = from_rfc3339("2026-11-22T12:00:00Z");
  const auto seconds = [](int count) { return std::chrono::seconds(count); };
  EXPECT_EQ(next_since(began, began + seconds(60)), began - seconds(5));
  EXPECT_EQ(next_since(began, began - seconds(30)), began - seconds(35));
  EXPECT_EQ(next_since(began, began - seconds(3600)), began - seconds(125));
  EXPECT_EQ(next_since(began, std::nullopt), began - seconds(125));
  EXPECT_EQ(parse_watermark(to_watermark(began)), began);
  EXPECT_THROW((void)parse_watermark("since yesterday"), Error);
}

TEST(ScimSettingsTest, AllThatIsWrongIsSaidAtOnce) {
  QuietLogger logger;
  const connector::Kind kind = scim_kind();
  const connector::Settings settings = {{"url", {"http://service.example/v2"}},
                                        {"concurrency", {"1000"}},
                                        {"verfy", {"no"}},
                                        {"object_types", {"User", "Dev ice"}}};
  try {
    (void)kind.make(settings, {}, logger);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.id(), "scim.settings");
    for (const std::string part : {"https", "concurrency", "verify", "Dev ice", "token"}) {
      EXPECT_THAT(error.message(), HasSubstr(part));
    }
  }
}

TEST(ScimSettingsTest, ClearTextIsForLoopbackOrWhoeverSaysSo) {
  const auto make = [](connector::Settings settings, std::string token) {
    connector::Secrets secrets;
    secrets.emplace("token", vault::Secret::from(std::move(token)));
    return parse_settings(settings, std::move(secrets));
  };
  EXPECT_EQ(make({{"url", {"http://127.0.0.1:80/v2/"}}}, "t").url, "http://127.0.0.1:80/v2");
  EXPECT_EQ(make({{"url", {"https://service.example"}}}, "t").concurrency, 8U);
  EXPECT_NO_THROW((void)make({{"url", {"http://service.example"}}, {"allow_clear_text", {"true"}}}, "t"));
  EXPECT_THROW((void)make({{"url", {"http://127.example/"}}}, "t"), Error);
  EXPECT_THROW((void)make({{"url", {"ftp://service.example"}}}, "t"), Error);
  EXPECT_THROW((void)make({{"url", {"https://service.example"}}}, "two\r\nlines"), Error);
}

}  // namespace
}  // namespace linkspan::connector_scim
