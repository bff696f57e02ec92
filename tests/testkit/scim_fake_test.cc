// The strict SCIM service itself: that it refuses what the RFCs refuse, with the status and the scimType they have.

#include "testkit/scim_fake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/http_client.h"
#include "net/url.h"
#include "testkit/scim_schema.h"

namespace linkspan::testkit {
namespace {

using net::Method;
using nlohmann::json;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ScimFakeTest : public ::testing::Test {
 protected:
  struct Reply {
    int status = 0;
    json body;
    net::Headers headers;
    /// "400 invalidPath".
    [[nodiscard]] std::string said() const {
      return std::to_string(status) + (body.contains("scimType") ? " " + body["scimType"].get<std::string>() : "");
    }
  };

  void start(ScimFakeOptions options = {}) { fake_ = std::make_unique<ScimFake>(options); }

  Reply ask(Method method, const std::string& path, const json& body = {}, const std::string& if_match = {},
            const std::string& media = "application/scim+json") {
    net::Request request;
    request.method = method;
    request.url = fake_->url() + path;
    request.headers = {{"Authorization", "Bearer " + ScimFake::token()}};
    if (!if_match.empty()) request.headers.add("If-Match", if_match);
    if (!body.is_null()) request.headers.add("Content-Type", media);
    if (!body.is_null()) request.body = body.dump();
    const net::Response response = client_.perform(request, {});
    return {response.status, response.body.empty() ? json() : json::parse(response.body), response.headers};
  }
  Reply get(const std::string& path) { return ask(Method::get, path); }
  Reply patch(const std::string& id, const json& operations, const std::string& endpoint = "Users") {
    return ask(Method::patch, "/" + endpoint + "/" + id, patch_body(operations));
  }
  static json patch_body(const json& operations) {
    return {{"schemas", {"urn:ietf:params:scim:api:messages:2.0:PatchOp"}}, {"Operations", operations}};
  }
  static json user(const std::string& name) { return {{"schemas", {k_scim_user}}, {"userName", name}}; }

  std::unique_ptr<ScimFake> fake_;
  SystemClock clock_;
  QuietLogger logger_;
  net::HttpClient client_{{.max_attempts = 1}, clock_, logger_};
};

TEST_F(ScimFakeTest, ResourcesAreCheckedAgainstTheirSchemas) {  // RFC 7643 section 2, RFC 7644 section 3.3
  start();
  const Reply made = ask(Method::post, "/Users", user("ada"));
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.headers.find("Location"), made.body["meta"]["location"].get<std::string>());
  const auto refused = [&](const char* with, const char* said) {
    json body = user("ben");
    body.merge_patch(json::parse(with));
    EXPECT_EQ(ask(Method::post, "/Users", body).said(), said) << with;
  };
  refused(R"({"schemas":null})", "400 invalidValue");
  refused(R"({"schemas":["urn:example:none"]})", "400 invalidValue");
  refused(R"({"userName":null})", "400 invalidValue");
  refused(R"({"userName":7})", "400 invalidValue");
  refused(R"({"userName":"ADA"})", "409 uniqueness");
  refused(R"({"active":"true"})", "400 invalidValue");
  refused(R"({"shoeSize":7})", "400 invalidSyntax");
  refused(R"({"emails":{"value":"a"}})", "400 invalidValue");
  refused(R"({"emails":[{"value":"a","primary":true},{"value":"b","primary":true}]})", "400 invalidValue");
  refused(R"({"x509Certificates":[{"value":"no base64!"}]})", "400 invalidValue");
  refused(R"({"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"A"}})", "400 invalidValue");
  json ignored = user("cy");
  ignored["id"] = "mine";
  ignored["USERNAME"] = ignored["userName"];
  ignored.erase("userName");
  const Reply cy = ask(Method::post, "/Users", ignored);
  EXPECT_EQ(cy.body["userName"], "cy");
  EXPECT_NE(cy.body["id"], "mine");
  EXPECT_EQ(ask(Method::post, "/Users", user("dee"), {}, "text/plain").status, 415);
  EXPECT_EQ(ask(Method::put, "/Users", user("dee")).status, 405);
  EXPECT_EQ(get("/Users/nobody").status, 404);
}

TEST_F(ScimFakeTest, WhatPutLeavesOutIsGone) {  // RFC 7644 section 3.5.1
  start();
  const std::string id = fake_->add("Users", {{"userName", "ada"}, {"title", "T"}});
  EXPECT_EQ(ask(Method::put, "/Users/" + id, user("ada l")).status, 200);
  EXPECT_FALSE(fake_->get(id).contains("title"));
  EXPECT_EQ(ask(Method::remove, "/Users/" + id).status, 204);
  EXPECT_EQ(ask(Method::remove, "/Users/" + id).status, 404);
}

TEST_F(ScimFakeTest, PatchKeepsToItsGrammar) {  // RFC 7644 section 3.5.2
  start();
  const std::string id =
      fake_->add("Users", {{"userName", "ada"}, {"emails", {{{"type", "work"}, {"value", "a@b"}, {"primary", true}}}}});
  const auto said = [&](const char* operation) { return patch(id, json::array({json::parse(operation)})).said(); };
  EXPECT_EQ(said(R"({"op":"Replace","path":"title","value":"T"})"), "400 invalidSyntax");
  EXPECT_EQ(said(R"({"op":"remove"})"), "400 noTarget");
  EXPECT_EQ(said(R"({"op":"add","path":"shoeSize","value":1})"), "400 invalidPath");
  EXPECT_EQ(said(R"({"op":"add","path":"emails[type eq","value":1})"), "400 invalidPath");
  EXPECT_EQ(said(R"({"op":"replace","path":"emails[shoe eq \"a\"].value","value":"x"})"), "400 invalidFilter");
  EXPECT_EQ(said(R"({"op":"replace","path":"emails[type eq \"home\"].value","value":"x"})"), "400 noTarget");
  EXPECT_EQ(said(R"({"op":"add","path":"active","value":"False"})"), "400 invalidValue");
  EXPECT_EQ(said(R"({"op":"replace","path":"id","value":"x"})"), "400 mutability");
  EXPECT_EQ(said(R"({"op":"remove","path":"userName"})"), "400 mutability");
  EXPECT_EQ(said(R"({"op":"remove","path":"emails","value":[{"value":"a@b"}]})"), "400 invalidSyntax");
  EXPECT_EQ(said(R"({"op":"add","value":{"title":"T","name":{"givenName":"A"}}})"), "200");
  EXPECT_EQ(said(R"({"op":"add","path":"emails","value":[{"type":"home","value":"c@d","primary":true}]})"), "200");
  EXPECT_EQ(fake_->get(id)["emails"][0]["primary"], false);
  EXPECT_EQ(said(R"({"op":"replace","path":"name","value":{"familyName":"L"}})"), "200");
  EXPECT_EQ(fake_->get(id)["name"], json::parse(R"({"givenName":"A","familyName":"L"})"));
  EXPECT_EQ(said(R"({"op":"remove","path":"emails[type eq \"work\" and value co \"@\"]"})"), "200");
  EXPECT_THAT(fake_->get(id)["emails"], SizeIs(1));
  // All of it or nothing.
  const json before = fake_->get(id);
  EXPECT_EQ(patch(id, json::parse(R"([{"op":"remove","path":"title"},{"op":"remove","path":"emails[type eq \"x\"]"}])"))
                .said(),
            "400 noTarget");
  EXPECT_EQ(fake_->get(id), before);
}

TEST_F(ScimFakeTest, VersionsGuardWrites) {  // RFC 7644 section 3.14
  start({.etag = true});
  const std::string id = fake_->add("Users", {{"userName", "ada"}});
  const json change = patch_body({{{"op", "add"}, {"path", "title"}, {"value", "T"}}});
  const Reply first = ask(Method::patch, "/Users/" + id, change, "W/\"1\"");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.headers.find("ETag"), "W/\"2\"");
  EXPECT_EQ(ask(Method::patch, "/Users/" + id, change, "W/\"1\"").status, 412);
  // Section 3.5.2.1: what is there already is no change.
  EXPECT_EQ(ask(Method::patch, "/Users/" + id, change).body["meta"]["version"], "W/\"2\"");
  start({.etag = true, .requires_if_match = true});
  const std::string other = fake_->add("Users", {{"userName", "ada"}});
  EXPECT_EQ(ask(Method::remove, "/Users/" + other).status, 428);
  EXPECT_EQ(ask(Method::remove, "/Users/" + other, {}, "W/\"1\"").status, 204);
}

TEST_F(ScimFakeTest, FiltersAreReadAndJudged) {  // RFC 7644 section 3.4.2.2
  start();
  fake_->add("Users", {{"userName", "Ada"},
                       {"active", true},
                       {"externalId", "X"},
                       {"emails", {{{"type", "work"}, {"value", "ada@b"}}, {{"type", "home"}, {"value", "x@y"}}}},
                       {k_scim_harbour, {{"tonnage", 7}}}});
  fake_->add("Users", {{"userName", "ben"}});
  const auto found = [&](const std::string& filter) {
    net::Request request;
    request.url = net::with_query(fake_->url() + "/Users", {{"filter", filter}});
    request.headers = {{"Authorization", "Bearer " + ScimFake::token()}};
    const json body = json::parse(client_.perform(request, {}).body);
    if (body.contains("scimType")) return body["scimType"].get<std::string>();
    std::string names;
    for (const json& each : body["Resources"]) names += each["userName"].get<std::string>() + " ";
    return names;
  };
  EXPECT_EQ(found(R"(userName eq "ada")"), "Ada ");
  EXPECT_EQ(found(R"(externalId eq "x")"), "");
  EXPECT_EQ(found(R"(emails co "ADA")"), "Ada ");
  EXPECT_EQ(found(R"(emails[type eq "home" and value sw "ada"])"), "");
  EXPECT_EQ(found(R"(emails[type eq "work" and value sw "ada"])"), "Ada ");
  EXPECT_EQ(found(R"(not (title pr) and (active eq true or userName ew "n"))"), "Ada ben ");
  EXPECT_EQ(found(k_scim_harbour + ":tonnage gt 6"), "Ada ");
  EXPECT_EQ(found(R"(meta.lastModified ge "2026-11-22T18:57:13+01:00")"), "Ada ben ");
  EXPECT_EQ(found(R"(meta.lastModified gt "2026-11-22T17:57:13Z")"), "");
  EXPECT_EQ(found(R"(userName ne "ada")"), "ben ");
  for (const char* bad : {"bogus eq", "userName", "userName eq ada", R"(shoe eq "1")", "active gt true",
                          R"(userName eq "a" and)", R"((userName eq "a")", R"(meta.lastModified ge "soon")"}) {
    EXPECT_EQ(found(bad), "invalidFilter") << bad;
  }
}

TEST_F(ScimFakeTest, PagesAreCutByIndexOrByCursor) {  // RFC 7644 section 3.4.2.4, RFC 9865
  start({.cursor = true, .most_per_page = 2});
  for (const char* name : {"a", "b", "c"}) fake_->add("Users", {{"userName", name}});
  const json page = get("/Users?startIndex=3&count=-1").body;
  EXPECT_EQ(page["totalResults"], 3);
  EXPECT_THAT(page["Resources"], IsEmpty());
  EXPECT_THAT(get("/Users?startIndex=0&count=50").body["Resources"], SizeIs(2));
  const json first = get("/Users?cursor=&count=2").body;
  EXPECT_FALSE(first.contains("totalResults"));
  const std::string next = net::percent_encode(first["nextCursor"].get<std::string>());
  const json last = get("/Users?count=2&cursor=" + next).body;
  EXPECT_THAT(last["Resources"], SizeIs(1));
  EXPECT_FALSE(last.contains("nextCursor"));
  fake_->forget_cursors();
  EXPECT_EQ(get("/Users?count=2&cursor=" + next).said(), "400 expiredCursor");
  start({.cursor = true, .index = false});
  EXPECT_EQ(get("/Users?startIndex=1").said(), "400 invalidValue");
  EXPECT_EQ(get("/ServiceProviderConfig").body["pagination"]["index"], false);
}

TEST_F(ScimFakeTest, BulkHasItsLimitsAndItsIds) {  // RFC 7644 section 3.7
  start({.most_operations = 3, .most_payload = 2000});
  const auto send = [&](const json& operations) {
    return ask(Method::post, "/Bulk",
               {{"schemas", {"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}}, {"Operations", operations}});
  };
  const json ada = {{"method", "POST"}, {"path", "/Users"}, {"bulkId", "a"}, {"data", user("ada")}};
  const json crew = {
      {"method", "POST"},
      {"path", "/Groups"},
      {"bulkId", "g"},
      {"data", {{"schemas", {k_scim_group}}, {"displayName", "Crew"}, {"members", {{{"value", "bulkId:a"}}}}}}};
  const json gone = {{"method", "DELETE"}, {"path", "/Users/none"}};
  const json done = send({ada, crew, gone}).body["Operations"];
  ASSERT_THAT(done, SizeIs(3));
  EXPECT_EQ(done[0]["status"], "201");
  EXPECT_EQ(done[2]["response"]["status"], "404");
  const std::string group = done[1]["location"].get<std::string>();
  EXPECT_EQ(fake_->get(group.substr(group.rfind('/') + 1))["members"][0]["value"],
            done[0]["location"].get<std::string>().substr(fake_->url().size() + 7));
  EXPECT_EQ(send({gone, gone, gone, gone}).status, 413);
  json large = ada;
  large["data"]["title"] = std::string(2000, 'x');
  EXPECT_EQ(send({large}).status, 413);
  start();
  EXPECT_EQ(send({gone}).status, 404);
}

}  // namespace
}  // namespace linkspan::testkit
