// What a service offers is used, what it lacks is done without, and what it does otherwise is learned or set. Against
// the strict service.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include <testkit/scim_fake.h>
#include <testkit/scim_schema.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "connector_scim/internal/make.h"
#include "connector_scim/scim.h"

namespace linkspan::connector_scim {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using testkit::ScimFake;
using testkit::ScimFakeOptions;

const std::string k_work_mail = R"(emails[type eq "work"].value)";

model::Values one(std::string value) { return {model::Value(std::move(value))}; }

class ScimNegotiationTest : public ::testing::Test {
 protected:
  void start(ScimFakeOptions fake, const connector::Settings& more = {}) {
    fake_ = std::make_unique<ScimFake>(fake);
    open(more);
  }
  void open(connector::Settings settings) {
    settings["url"] = {fake_->url()};
    settings["concurrency"] = {"4"};
    connector::Secrets secrets;
    const bool asks = settings.contains("token_url");
    secrets.emplace("token", vault::Secret::from(asks ? ScimFake::client_secret() : ScimFake::token()));
    Options options = parse_settings(settings, std::move(secrets), profiles_);
    options.http.first_delay = std::chrono::milliseconds(1);
    connector_ = make_connector(std::move(options), logger_);
  }
  static model::Export exporting(model::Operation operation, std::string type, std::string anchor = {}) {
    model::Export made;
    made.operation = operation;
    made.object_type = std::move(type);
    made.anchor = std::move(anchor);
    return made;
  }
  static model::Export new_user(const std::string& name) {
    model::Export made = exporting(model::Operation::add, "User");
    made.attributes = {{"userName", {}, one(name)}, {"active", {}, {true}}, {k_work_mail, {}, one(name + "@q")}};
    return made;
  }
  static model::Export titled(const std::string& anchor, const std::string& title = "T") {
    model::Export made = exporting(model::Operation::update, "User", anchor);
    made.attributes = {{"title", {}, one(title)}};
    return made;
  }
  std::vector<std::string> people(int count) {
    std::vector<std::string> ids;
    for (int i = 0; i < count; ++i) ids.push_back(fake_->add("Users", {{"userName", "p" + std::to_string(i)}}));
    return ids;
  }

  /// What became of each: its anchor, or the error's id.
  std::vector<std::string> send(const std::vector<model::Export>& exports) {
    std::vector<std::string> made(exports.size(), "nothing");
    connector_->send(exports,
                     [&](std::size_t at, const connector::Outcome& outcome) {
                       if (const auto* sent = std::get_if<connector::Sent>(&outcome)) {
                         made[at] = sent->anchor;
                         refused_ += sent->references_refused.size();
                       } else {
                         made[at] = std::string(std::get<connector::Failed>(outcome).error.id());
                       }
                     },
                     {});
    return made;
  }
  std::size_t imported() {
    const auto reading = connector_->import({}, {});
    std::vector<model::Observation> batch;
    std::size_t count = 0;
    while (reading->next(batch)) count += batch.size();
    return count;
  }
  [[nodiscard]] std::size_t with_header(const std::string& method, const std::string& text) const {
    std::size_t count = 0;
    for (const auto& each : fake_->seen()) count += each.method == method && each.head.find(text) != std::string::npos;
    return count;
  }

  std::unique_ptr<ScimFake> fake_;
  std::filesystem::path profiles_ = LINKSPAN_PROFILES;
  QuietLogger logger_;
  std::unique_ptr<connector::Connector> connector_;
  std::size_t refused_ = 0;
};

// ---- OAuth 2.0

TEST_F(ScimNegotiationTest, ATokenIsAskedForOnceAndAgainWhenItIsRefused) {
  for (const std::string how : {"basic", "body"}) {
    start({.oauth = true});
    open({{"token_url", {fake_->token_url()}},
          {"client_id", {ScimFake::client_id()}},
          {"client_authentication", {how}}});
    (void)people(3);
    EXPECT_EQ(imported(), 3U);
    EXPECT_EQ(fake_->seen("POST", "/token"), 1U);
    fake_->forget_tokens();
    std::vector<model::Export> adds;
    for (int i = 0; i < 20; ++i) adds.push_back(new_user("u" + std::to_string(i)));
    (void)send(adds);
    EXPECT_EQ(fake_->size("Users"), 23U);
    EXPECT_EQ(fake_->seen("POST", "/token"), 2U);
    fake_->forget_tokens();
    EXPECT_EQ(imported(), 23U);
    EXPECT_EQ(fake_->seen("POST", "/token"), 3U);
  }
}

TEST_F(ScimNegotiationTest, ATokenThatEndsIsRenewedBefore) {
  start({.oauth = true, .token_life = 0});
  open({{"token_url", {fake_->token_url()}}, {"client_id", {ScimFake::client_id()}}});
  EXPECT_EQ(imported(), 0U);
  EXPECT_GT(fake_->seen("POST", "/token"), 1U);
  EXPECT_EQ(with_header("GET", "Authorization: Bearer token-1\r\n"), 1U);
}

TEST_F(ScimNegotiationTest, AClientThatIsRefusedIsAnErrorOfItsOwn) {
  start({.oauth = true});
  const auto error_of_import = [&](const std::string& client, const std::string& scope,
                                   const std::string& id = "scim.sign_in") {
    open({{"token_url", {fake_->token_url()}}, {"client_id", {client}}, {"scope", {scope}}});
    try {
      (void)imported();
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::denied);
      EXPECT_EQ(std::string(error.what()).find(ScimFake::client_secret()), std::string::npos);
      EXPECT_EQ(error.id(), id);
      return error.hint();
    }
    return std::string("none");
  };
  EXPECT_THAT(error_of_import("stranger", "all"), HasSubstr("client_id"));
  EXPECT_THAT(error_of_import(ScimFake::client_id(), "too much"), HasSubstr("scope"));
  EXPECT_THAT(error_of_import("old client", "all", "scim.expired"), HasSubstr("new token or client's secret"));
  EXPECT_THAT(error_of_import("locked client", "all", "scim.locked"), HasSubstr("unlock"));
  EXPECT_THAT(error_of_import("other client", "all", "scim.access"), HasSubstr("the right"));
  (void)error_of_import("stranger", "all");
  try {
    (void)send({new_user("ada")});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.id(), "scim.sign_in");
  }
  EXPECT_FALSE(connector_->test().back().passed);
}

// ---- Paging

TEST_F(ScimNegotiationTest, PagesByCursorAreReadToTheEnd) {
  for (const bool index : {true, false}) {
    start({.cursor = true, .index = index, .most_per_page = 3});
    (void)people(20);
    EXPECT_EQ(imported(), 20U);
    EXPECT_EQ(fake_->seen("GET", "startIndex"), 0U);
    for (const connector::Check& check : connector_->test()) EXPECT_TRUE(check.passed) << check.name << check.detail;
  }
  open({{"paging", {"index"}}});
  EXPECT_THROW((void)imported(), Error);  // it is believed, and the service has none
}

TEST_F(ScimNegotiationTest, ACursorThatExpiresBeginsTheListAgainOnce) {
  start({.cursor = true, .most_per_page = 4});
  (void)people(10);
  auto times = std::make_shared<int>(1);
  fake_->intercept([this, times](const net::SeenRequest& request) -> std::optional<net::ScriptedReply> {
    if (request.target.find("cursor=c") != std::string::npos && *times > 0 && --*times >= 0) fake_->forget_cursors();
    return std::nullopt;
  });
  EXPECT_GE(imported(), 10U);
  *times = 1000;
  try {
    (void)imported();
    FAIL() << "a list without an end was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.id(), "scim.incomplete");
  }
}

TEST_F(ScimNegotiationTest, ATotalThatIsOnlyAnEstimateIsNotBelievedAgainstTwoReadings) {
  start({.cursor = true, .most_per_page = 4, .misjudges_total = 3});
  (void)people(10);
  EXPECT_EQ(imported(), 18U) << "8 of the first reading, whose end did not fit, and 10 of the second";
}

TEST_F(ScimNegotiationTest, PagesLongerThanTheServiceTakesAreAskedForInParts) {
  start({.cursor = true, .most_per_page = 4}, {{"page_size", {"50"}}});
  (void)people(10);
  EXPECT_EQ(imported(), 10U);
  EXPECT_EQ(fake_->seen("GET", "count=50"), 0U) << "what the service says is known";
  start({.discovery = false, .cursor = true, .most_per_page = 4}, {{"page_size", {"50"}}, {"paging", {"cursor"}}});
  (void)people(10);
  EXPECT_EQ(imported(), 10U) << "learned by invalidCount";
}

TEST_F(ScimNegotiationTest, PagesComeInTheOrderOfIdsWhereTheServiceSorts) {
  start({.sort = true, .most_per_page = 4});
  (void)people(10);
  EXPECT_EQ(imported(), 10U);
  EXPECT_GT(fake_->seen("GET", "sortBy=id"), 0U);
  start({.most_per_page = 4});
  (void)people(10);
  EXPECT_EQ(imported(), 10U);
  EXPECT_EQ(fake_->seen("GET", "sortBy"), 0U);
  // It says so, and cannot: once is enough.
  start({.sort = true, .most_per_page = 4});
  (void)people(10);
  fake_->intercept([](const net::SeenRequest& request) -> std::optional<net::ScriptedReply> {
    if (request.target.find("sortBy") == std::string::npos) return std::nullopt;
    return net::ScriptedReply{net::http_reply(400, "{}")};
  });
  EXPECT_EQ(imported(), 10U);
}

// ---- Versions

TEST_F(ScimNegotiationTest, AServiceThatWantsEveryWriteGuardedTeachesIt) {
  start({.etag = true, .requires_if_match = true});
  const std::vector<std::string> ids = people(3);
  const std::string group = fake_->add("Groups", {{"displayName", "Crew"}});
  model::Export crew = exporting(model::Operation::update, "Group", group);
  for (const std::string& id : {ids[0], ids[1]}) crew.references.push_back({"members", id, "", true});
  EXPECT_EQ(send({titled(ids[0]), crew, exporting(model::Operation::remove, "User", ids[2])}),
            (std::vector<std::string>{ids[0], group, ids[2]}));
  EXPECT_EQ(refused_, 0U);
  EXPECT_EQ(fake_->get(ids[0])["title"], "T");
  EXPECT_THAT(fake_->get(group)["members"], SizeIs(2));
  EXPECT_TRUE(fake_->get(ids[2]).is_null());
  const std::size_t unguarded = fake_->seen("PATCH", "/") + fake_->seen("DELETE", "/");
  (void)send({titled(ids[1])});
  EXPECT_EQ(fake_->seen("PATCH", "/") + fake_->seen("DELETE", "/"), unguarded + 1);
}

TEST_F(ScimNegotiationTest, ALateChangeOfSomebodyElseIsSeenBeforeAGuardedWrite) {
  start({.etag = true}, {{"if_match", {"always"}}});
  const std::string id = people(1).front();
  auto meddled = std::make_shared<bool>(false);
  fake_->intercept([this, meddled, id](const net::SeenRequest& request) -> std::optional<net::ScriptedReply> {
    if (request.method != "PATCH" || std::exchange(*meddled, true)) return std::nullopt;
    return net::ScriptedReply{net::http_reply(412)};
  });
  EXPECT_EQ(send({titled(id)}).front(), id);
  EXPECT_EQ(with_header("PATCH", "If-Match: W/\"1\""), 2U);
  EXPECT_EQ(fake_->seen("GET", id), 2U);
}

// ---- PATCH, or not

TEST_F(ScimNegotiationTest, AServiceWithoutPatchGetsItsMembersByPut) {
  for (const char* said : {"true", "as-said"}) {
    start({.patch = false}, {{"patch", {said}}});
    const std::vector<std::string> ids = people(3);
    model::Export crew = exporting(model::Operation::add, "Group");
    crew.attributes = {{"displayName", {}, one("Crew")}};
    for (const std::string& id : ids) crew.references.push_back({"members", id, "", true});
    const std::string group = send({crew}).front();
    EXPECT_THAT(fake_->get(group)["members"], SizeIs(3)) << said;
    EXPECT_EQ(send({titled(ids[0])}).front(), ids[0]);
    EXPECT_EQ(fake_->get(ids[0])["title"], "T");
    EXPECT_EQ(fake_->seen("PATCH", "/"), said == std::string("true") ? 1U : 0U);
  }
  EXPECT_EQ(refused_, 0U);
}

TEST_F(ScimNegotiationTest, MembersThatAPutDoesNotBringInAreToldApart) {
  start({.patch = false});
  const std::vector<std::string> ids = people(3);
  fake_->intercept([](const net::SeenRequest& request) -> std::optional<net::ScriptedReply> {
    if (request.method != "PUT") return std::nullopt;
    return net::ScriptedReply{net::http_reply(400)};
  });
  model::Export crew = exporting(model::Operation::add, "Group");
  crew.attributes = {{"displayName", {}, one("Crew")}};
  for (const std::string& id : ids) crew.references.push_back({"members", id, "", true});
  EXPECT_FALSE(fake_->get(send({crew}).front()).contains("members"));
  EXPECT_EQ(refused_, 3U);
}

TEST_F(ScimNegotiationTest, AMemberLimitIsLearned) {
  start({.most_member_changes = 30});
  const std::vector<std::string> ids = people(120);
  const auto group_of = [&](const std::string& name) {
    model::Export crew = exporting(model::Operation::add, "Group");
    crew.attributes = {{"displayName", {}, one(name)}};
    for (const std::string& id : ids) crew.references.push_back({"members", id, "", true});
    return send({crew}).front();
  };
  EXPECT_THAT(fake_->get(group_of("one"))["members"], SizeIs(120));
  const std::size_t before = fake_->seen("PATCH", "/Groups");
  EXPECT_THAT(fake_->get(group_of("two"))["members"], SizeIs(120));
  EXPECT_EQ(fake_->seen("PATCH", "/Groups"), before + 5);  // 25 at a time
  EXPECT_EQ(refused_, 0U);
}

TEST_F(ScimNegotiationTest, AMemberThatIsGoneAlreadyIsGone) {
  start({});
  const std::vector<std::string> ids = people(3);
  json members = json::array();
  for (std::size_t at = 0; at < 2; ++at) members.push_back({{"value", ids[at]}});
  const std::string group = fake_->add("Groups", {{"displayName", "Crew"}, {"members", members}});
  model::Export update = exporting(model::Operation::update, "Group", group);
  for (const std::string& id : {ids[1], ids[2]}) update.references.push_back({"members", id, "", false});
  EXPECT_EQ(send({update}).front(), group);
  EXPECT_EQ(refused_, 0U);
  EXPECT_THAT(fake_->get(group)["members"], SizeIs(1));
}

TEST_F(ScimNegotiationTest, AServiceMadeForMicrosoftsClientGetsItsForms) {
  start({.manners = {.text_booleans = true, .removes_by_value = true}},
        {{"booleans", {"text"}}, {"member_removal", {"value"}}, {"patch_paths", {"whole"}}});
  const std::vector<std::string> ids = people(3);
  const std::string ada = send({new_user("ada")}).front();
  model::Export update = exporting(model::Operation::update, "User", ada);
  update.attributes = {
      {"active", {true}, {false}}, {k_work_mail, one("ada@q"), one("a@b")}, {"enterprise:department", {}, one("R&D")}};
  EXPECT_EQ(send({update}).front(), ada);
  EXPECT_EQ(fake_->get(ada)["active"], false);
  EXPECT_EQ(fake_->get(ada)["emails"], json::parse(R"([{"type":"work","value":"a@b","primary":true}])"));
  EXPECT_EQ(fake_->get(ada)[testkit::k_scim_enterprise]["department"], "R&D");
  json members = json::array();
  for (const std::string& id : ids) members.push_back({{"value", id}});
  const std::string group = fake_->add("Groups", {{"displayName", "Crew"}, {"members", members}});
  model::Export leave = exporting(model::Operation::update, "Group", group);
  leave.references = {{"members", ids[0], "", false}, {"members", ids[2], "", false}, {"members", ada, "", true}};
  EXPECT_EQ(send({leave}).front(), group);
  EXPECT_EQ(fake_->get(group)["members"], (json::array({{{"value", ids[1]}}, {{"value", ada}}})));
}

// ---- Bulk

TEST_F(ScimNegotiationTest, WritesGoByBulkWithinTheServicesLimits) {
  start({.etag = true, .most_operations = 10}, {{"bulk", {"50"}}});
  std::vector<model::Export> adds;
  for (int i = 0; i < 35; ++i) adds.push_back(new_user("u" + std::to_string(i)));
  adds.push_back(new_user("U3"));  // taken
  const std::vector<std::string> made = send(adds);
  EXPECT_EQ(fake_->size("Users"), 35U);
  EXPECT_EQ(made.back(), "scim.uniqueness");
  EXPECT_EQ(fake_->seen("POST", "/Bulk"), 4U);
  EXPECT_EQ(fake_->seen("POST", "/Users"), 0U);
  std::vector<model::Export> updates;
  for (std::size_t i = 0; i < 35; ++i) {
    EXPECT_EQ(fake_->get(made[i])["userName"], "u" + std::to_string(i));
    updates.push_back(titled(made[i]));
  }
  EXPECT_EQ(send(updates), std::vector<std::string>(made.begin(), made.end() - 1));
  EXPECT_EQ(fake_->get(made[34])["title"], "T");
  EXPECT_EQ(fake_->seen("POST", "/Bulk"), 8U);
}

TEST_F(ScimNegotiationTest, BulkThatIsRefusedOrTooLongIsDoneWithout) {
  start({.most_operations = 1000, .most_payload = 3000}, {{"bulk", {"50"}}});
  std::vector<model::Export> adds;
  for (int i = 0; i < 40; ++i) adds.push_back(new_user("u" + std::to_string(i)));
  (void)send(adds);
  EXPECT_EQ(fake_->size("Users"), 40U);
  start({.most_operations = 1000}, {{"bulk", {"50"}}});
  fake_->intercept([](const net::SeenRequest& request) -> std::optional<net::ScriptedReply> {
    if (request.target != "/v2/Bulk") return std::nullopt;
    return net::ScriptedReply{net::http_reply(501)};
  });
  (void)send(adds);
  EXPECT_EQ(fake_->size("Users"), 40U);
  EXPECT_EQ(fake_->seen("POST", "/Bulk"), 1U);
}

TEST_F(ScimNegotiationTest, WhatABulkReplyDoesNotMentionIsUncertain) {
  start({.most_operations = 1000}, {{"bulk", {"50"}}});
  fake_->intercept(
      [](const net::SeenRequest& request) -> std::optional<net::ScriptedReply> {
        if (request.target != "/v2/Bulk") return std::nullopt;
        return net::ScriptedReply{net::http_reply(200, R"({"Operations":[{"bulkId":"0","status":"400"}]})")};
      },
      /*carry_out=*/true);
  const std::vector<model::Export> adds{new_user("ada"), new_user("ben")};
  std::map<std::size_t, bool> uncertain;
  connector_->send(adds,
                   [&](std::size_t at, const connector::Outcome& outcome) {
                     uncertain[at] = std::get<connector::Failed>(outcome).uncertain;
                   },
                   {});
  EXPECT_THAT(uncertain, (::testing::ElementsAre(Pair(0U, false), Pair(1U, true))));
}

TEST_F(ScimNegotiationTest, ABulkReplyThatIsHostileLeavesAllUncertain) {
  const std::string begin = R"({"Operations":[{"bulkId":"0","status":"201","location":"/Users/1","response":{"a":)";
  constexpr std::size_t k_deep = 2'000'000;
  for (const std::string& reply : {begin + std::string(k_deep, '[') + std::string(k_deep, ']') + "}}]}",
                                   begin + "\"M\xfcller\"}}]}", begin, std::string("[]"), std::string("\0", 1)}) {
    start({.most_operations = 1000}, {{"bulk", {"50"}}});
    fake_->intercept(
        [&](const net::SeenRequest& request) -> std::optional<net::ScriptedReply> {
          if (request.target != "/v2/Bulk") return std::nullopt;
          return net::ScriptedReply{net::http_reply(200, reply)};
        },
        /*carry_out=*/true);
    int uncertain = 0;
    const std::vector<model::Export> adds{new_user("ada"), new_user("ben")};
    connector_->send(adds,
                     [&](std::size_t, const connector::Outcome& outcome) {
                       const auto* failed = std::get_if<connector::Failed>(&outcome);
                       uncertain += failed != nullptr && failed->uncertain ? 1 : 0;
                     },
                     {});
    EXPECT_EQ(uncertain, 2) << reply.substr(0, 120);
  }
}

// ---- Schemas and profiles

TEST_F(ScimNegotiationTest, AnExtensionOfTheServicesOwnIsReadAndWritten) {
  start({});
  const std::string berth = testkit::k_scim_harbour + ":berth";
  const std::string tonnage = testkit::k_scim_harbour + ":tonnage";
  const std::string codes = testkit::k_scim_harbour + ":codes";
  model::Export ada = new_user("ada");
  ada.attributes.push_back({berth, {}, one("7b")});
  ada.attributes.push_back({tonnage, {}, one("120")});
  ada.attributes.push_back({codes, {}, {model::Value(std::string("a")), model::Value(std::string("b"))}});
  const std::string id = send({ada}).front();
  EXPECT_EQ(fake_->get(id)[testkit::k_scim_harbour], json::parse(R"({"berth":"7b","tonnage":120,"codes":["a","b"]})"));
  const auto found = connector_->find("User", berth, std::string("7b"));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_THAT(found[0].attributes, Contains(Pair(tonnage, model::Values{std::int64_t{120}})));
  model::Export update = exporting(model::Operation::update, "User", id);
  update.attributes = {{tonnage, one("120"), {}}, {berth, one("7b"), one("8")}};
  EXPECT_EQ(send({update}).front(), id);
  EXPECT_EQ(fake_->get(id)[testkit::k_scim_harbour], json::parse(R"({"berth":"8","codes":["a","b"]})"));
}

TEST_F(ScimNegotiationTest, AResourceTypeOfTheServicesOwnIsReadWrittenAndFound) {
  start({}, {{"object_types", {"User", "Vessel"}}});
  const std::string ada = fake_->add("Users", {{"userName", "ada"}});
  const std::string ben = fake_->add("Users", {{"userName", "ben"}});
  const model::Schema schema = connector_->schema();
  ASSERT_THAT(schema.classes, SizeIs(2));
  EXPECT_EQ(schema.classes[1].name, "Vessel");
  const auto kind = [&](const std::string& name) {
    for (const auto& each : schema.classes[1].attributes) {
      if (each.name == name) return each.kind;
    }
    return model::ValueKind::time;
  };
  EXPECT_EQ(kind("draught"), model::ValueKind::integer);
  EXPECT_EQ(kind("owner"), model::ValueKind::reference);
  EXPECT_EQ(kind("crew"), model::ValueKind::reference);
  EXPECT_EQ(kind("externalId"), model::ValueKind::text);

  model::Export maria = exporting(model::Operation::add, "Vessel");
  maria.attributes = {{"name", {}, one("Maria")}, {"draught", {}, one("7")}, {"externalId", {}, one("v1")}};
  maria.references = {{"owner", ada, {}, true}, {"crew", ada, {}, true}, {"crew", ben, {}, true}};
  const std::string id = send({maria}).front();
  EXPECT_EQ(fake_->get(id)["draught"], 7);
  EXPECT_EQ(fake_->get(id)["owner"]["value"], ada);
  EXPECT_THAT(fake_->get(id)["crew"], SizeIs(2));
  model::Export update = exporting(model::Operation::update, "Vessel", id);
  update.attributes = {{"draught", one("7"), one("8")}};
  update.references = {{"crew", ben, {}, false}};
  EXPECT_EQ(send({update}).front(), id);
  EXPECT_EQ(fake_->get(id)["draught"], 8);
  EXPECT_THAT(fake_->get(id)["crew"], SizeIs(1));

  const auto found = connector_->find("Vessel", "externalId", std::string("v1"));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].dn, "Maria");
  EXPECT_EQ(imported(), 3U);
  for (const connector::Check& check : connector_->test()) EXPECT_TRUE(check.passed) << check.name << check.detail;
  EXPECT_EQ(send({exporting(model::Operation::remove, "Vessel", id)}).front(), id);
  EXPECT_EQ(fake_->size("Vessels"), 0U);

  open({{"object_types", {"Barge"}}});
  try {
    (void)imported();
    FAIL() << "a type that nobody knows was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.id(), "scim.object_type");
    EXPECT_THAT(error.hint(), HasSubstr("Vessel"));
  }
}

TEST_F(ScimNegotiationTest, AProfileFillsInWhatTheSettingsLeaveOpen) {
  const connector::Settings aws = read_profile("aws-identity-center", profiles_);
  EXPECT_THAT(aws, Contains(Pair("member_batch", std::vector<std::string>{"100"})));
  for (const auto& entry : std::filesystem::directory_iterator(profiles_)) {
    EXPECT_THAT(read_profile(entry.path().string(), {}), Not(IsEmpty()));
  }
  const auto options = [&](connector::Settings settings) {
    settings["url"] = {"https://service.example"};
    connector::Secrets secrets;
    secrets.emplace("token", vault::Secret::from("t"));
    return parse_settings(settings, std::move(secrets), profiles_);
  };
  EXPECT_EQ(options({{"profile", {"entra-scim"}}}).paging, Paging::cursor);
  EXPECT_EQ(options({{"profile", {"entra-scim"}}, {"paging", {"index"}}}).paging, Paging::index);
  EXPECT_EQ(options({}).paging, Paging::as_said);
  const std::filesystem::path own = std::filesystem::path(::testing::TempDir()) / "own-profile.toml";
  for (const auto& [text, said] : std::vector<std::pair<std::string, std::string>>{
           {"url = \"https://elsewhere.example\"", "url is nothing that a profile sets"},
           {"page_size = [1]", "page_size"},
           {"= 1", "line 1"}}) {
    std::ofstream(own) << text;
    try {
      (void)options({{"profile", {own.string()}}});
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.id(), "scim.profile");
      EXPECT_THAT(error.message(), HasSubstr(said));
    }
  }
  std::filesystem::remove(own);
  EXPECT_THROW((void)options({{"profile", {"../../etc/passwd"}}}), Error);
}

// ---- Probing

class ScimProbeTest : public ScimNegotiationTest {
 protected:
  connector::Probed probe(bool may_write) {
    connector::Secrets secrets;
    secrets.emplace("token", vault::Secret::from(ScimFake::token()));
    return scim_kind(profiles_).probe({{"url", {fake_->url()}}}, std::move(secrets), may_write, logger_, {});
  }
  static std::string lacking(const connector::Probed& made) {
    std::string text;
    for (const auto& one : made.found) text += one.passed ? "" : one.name + ": " + one.detail + "\n";
    return text;
  }
};

TEST_F(ScimProbeTest, AStrictServiceNeedsNoProfile) {
  start({.etag = true, .most_operations = 10});
  (void)people(3);
  const connector::Probed made = probe(true);
  EXPECT_EQ(lacking(made), "");
  EXPECT_THAT(made.profile, HasSubstr("Nothing was found"));
  EXPECT_EQ(fake_->size("Users"), 3U);
  EXPECT_EQ(fake_->size("Groups"), 0U);
}

TEST_F(ScimProbeTest, QuestionsAloneChangeNothing) {
  start({.most_per_page = 2});
  (void)people(3);
  fake_->intercept([](const net::SeenRequest& request) -> std::optional<net::ScriptedReply> {
    EXPECT_EQ(request.method, "GET");
    return std::nullopt;
  });
  EXPECT_EQ(lacking(probe(false)), "");
}

TEST_F(ScimProbeTest, WhatDeviatesIsFoundAndTheProfileFits) {
  start({.etag = true,
         .requires_if_match = true,
         .ignores_filter = true,
         .manners = {.text_booleans = true, .removes_by_value = true}});
  (void)people(3);
  const connector::Probed made = probe(true);
  EXPECT_EQ(lacking(made), "");
  const std::filesystem::path file = std::filesystem::path(::testing::TempDir()) / "probed-profile.toml";
  std::ofstream(file) << made.profile;
  const connector::Settings settings = read_profile(file.string(), {});
  std::filesystem::remove(file);
  const auto text = [](const char* value) { return std::vector<std::string>{value}; };
  EXPECT_EQ(settings, (connector::Settings{{"booleans", text("text")},
                                           {"filter", text("false")},
                                           {"if_match", text("always")},
                                           {"member_removal", text("value")},
                                           {"patch_paths", text("whole")}}))
      << made.profile;
  EXPECT_EQ(fake_->size("Users"), 3U);
}

TEST_F(ScimProbeTest, WhatCannotBeRemovedAgainIsNamed) {
  start({.patch = false});
  fake_->intercept([](const net::SeenRequest& request) -> std::optional<net::ScriptedReply> {
    if (request.method != "DELETE") return std::nullopt;
    return net::ScriptedReply{net::http_reply(403)};
  });
  const connector::Probed made = probe(true);
  EXPECT_THAT(lacking(made), HasSubstr("cleaned up: still there: Users/id2, Users/id1"));
}

}  // namespace
}  // namespace linkspan::connector_scim
