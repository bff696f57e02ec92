// The bodies we send, golden: what stands here is what real services were seen to take.

#include "connector_scim/internal/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace linkspan::connector_scim {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;

const std::string k_work_mail = R"(emails[type eq "work"].value)";

model::Values one(std::string value) { return {model::Value(std::move(value))}; }

model::AttributeChange change(std::string name, model::Values before, model::Values after) {
  return {std::move(name), std::move(before), std::move(after)};
}

model::Export update(std::vector<model::AttributeChange> attributes,
                     std::vector<model::ReferenceChange> references = {}) {
  model::Export made;
  made.operation = model::Operation::update;
  made.object_type = "User";
  made.anchor = "7";
  made.attributes = std::move(attributes);
  made.references = std::move(references);
  return made;
}

json operations(const model::Export& made, const model::Entry* current = nullptr) {
  const std::optional<std::string> body = patch_body(standard_user(true), made, current);
  if (!body) return json::array();
  const json parsed = json::parse(*body);
  EXPECT_EQ(parsed["schemas"], json::parse(R"(["urn:ietf:params:scim:api:messages:2.0:PatchOp"])"));
  return parsed["Operations"];
}

std::string failure(const model::Export& made) {
  try {
    (void)patch_body(standard_user(true), made, nullptr);
  } catch (const Error& error) {
    return std::string(error.id());
  }
  return "none";
}

TEST(ScimWriterTest, ACreateIsOneResource) {
  const model::Export add =
      update({change("userName", {}, one("ada@x")), change("externalId", {}, one("g1")),
              change("active", {}, one("True")), change("name.givenName", {}, one("Ada")),
              change(k_work_mail, {}, one("ada@x")), change(R"(emails[type eq "home"].value)", {}, one("a@home")),
              change(R"(addresses[type eq "work"].locality)", {}, one("Oslo")),
              change(R"(addresses[type eq "work"].country)", {}, one("NO")),
              change("roles.value", {}, {one("a")[0], one("b")[0]}), change("enterprise:department", {}, one("IT")),
              change("urn:example:ext:User:badge", {}, {std::int64_t{7}}), change("title", {}, {})},
             {{"enterprise:manager", "42", "boss", true}});
  EXPECT_EQ(json::parse(create_body(standard_user(true), add)), json::parse(R"({
    "schemas":["urn:example:ext:User","urn:ietf:params:scim:schemas:core:2.0:User",
               "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
    "userName":"ada@x","externalId":"g1","active":true,"name":{"givenName":"Ada"},
    "emails":[{"type":"work","value":"ada@x","primary":true},{"type":"home","value":"a@home"}],
    "addresses":[{"type":"work","locality":"Oslo","country":"NO"}],"roles":[{"value":"a"},{"value":"b"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"IT","manager":{"value":"42"}},
    "urn:example:ext:User":{"badge":7}})"));
}

TEST(ScimWriterTest, AGroupIsCreatedWithoutItsMembers) {
  model::Export add = update({change("displayName", {}, one("G"))}, {{"members", "1", "", true}});
  EXPECT_EQ(json::parse(create_body(standard_group(), add)),
            json::parse(R"({"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"G"})"));
}

TEST(ScimWriterTest, SimpleAttributesAreSetByPath) {
  EXPECT_EQ(
      operations(update({change("title", one("a"), one("b")), change("name.givenName", {}, one("Ada")),
                         change("active", {true}, one("False")), change("enterprise:costCenter", one("1"), one("2")),
                         change("nickName", one("x"), {}), change("locale", one("no"), one("no"))})),
      json::parse(R"([
    {"op":"remove","path":"nickName"},
    {"op":"replace","path":"title","value":"b"},
    {"op":"add","path":"name.givenName","value":"Ada"},
    {"op":"replace","path":"active","value":false},
    {"op":"replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter","value":"2"}])"));
}

TEST(ScimWriterTest, AWorkMailIsReplacedAddedOrRemovedAsAnElement) {
  EXPECT_EQ(operations(update({change(k_work_mail, one("a@x"), one("b@x"))})),
            json::parse(R"([{"op":"replace","path":"emails[type eq \"work\"].value","value":"b@x"}])"));
  EXPECT_EQ(operations(update({change(k_work_mail, {}, one("b@x"))})),
            json::parse(R"([{"op":"add","path":"emails","value":[{"type":"work","value":"b@x","primary":true}]}])"));
  EXPECT_EQ(operations(update({change(k_work_mail, one("a@x"), {})})),
            json::parse(R"([{"op":"remove","path":"emails[type eq \"work\"]"}])"));
}

TEST(ScimWriterTest, AValueAndItsDisplayComeAndGoAsOneElement) {
  const std::string display = R"(emails[type eq "work"].display)";
  const model::Export coming = update({change(display, {}, one("Ada")), change(k_work_mail, {}, one("b@x"))});
  EXPECT_FALSE(needs_look(standard_user(true), coming));
  EXPECT_EQ(
      operations(coming),
      json::parse(
          R"([{"op":"add","path":"emails","value":[{"type":"work","value":"b@x","display":"Ada","primary":true}]}])"));
  EXPECT_EQ(operations(update({change(display, one("Ada"), {}), change(k_work_mail, one("b@x"), {})})),
            json::parse(R"([{"op":"remove","path":"emails[type eq \"work\"]"}])"));
}

TEST(ScimWriterTest, SeveralValuesChangeOneByOne) {
  EXPECT_EQ(operations(update({change("roles.value", {one("a")[0], one("b")[0]}, {one("b")[0], one("c\"")[0]}),
                               change(R"(phoneNumbers[type eq "work"].value)", {one("1")[0], one("2")[0]}, one("2"))})),
            json::parse(R"([
    {"op":"remove","path":"roles[value eq \"a\"]"},
    {"op":"remove","path":"phoneNumbers[type eq \"work\" and value eq \"1\"]"},
    {"op":"add","path":"roles","value":[{"value":"c\""}]}])"));
}

TEST(ScimWriterTest, ANewPartOfAnElementNeedsALookUnlessTheElementIsKnown) {
  const std::string street = R"(addresses[type eq "work"].streetAddress)";
  const std::string city = R"(addresses[type eq "work"].locality)";
  const model::Export unsure = update({change(street, {}, one("Road 1"))});
  EXPECT_TRUE(needs_look(standard_user(true), unsure));
  EXPECT_FALSE(
      needs_look(standard_user(true), update({change(street, {}, one("Road 1")), change(city, one("A"), one("B"))})));
  model::Entry there;
  there.attributes = {{city, one("A")}};
  EXPECT_EQ(operations(unsure, &there),
            json::parse(R"([{"op":"add","path":"addresses[type eq \"work\"].streetAddress","value":"Road 1"}])"));
  const model::Entry missing;
  EXPECT_EQ(operations(unsure, &missing),
            json::parse(R"([{"op":"add","path":"addresses","value":[{"type":"work","streetAddress":"Road 1"}]}])"));
}

TEST(ScimWriterTest, WhatALookShowsToBeSoIsNotSentAgain) {
  model::Entry current;
  current.attributes = {{"title", one("b")}, {R"(emails[type eq "home"].value)", one("h@x")}};
  EXPECT_EQ(operations(update({change("title", one("a"), one("b"))}), &current), json::array());
  EXPECT_EQ(operations(update({change(k_work_mail, one("a@x"), {}), change("nickName", one("n"), {})}), &current),
            json::array());
  // Another address is there, and may be the primary one.
  EXPECT_EQ(operations(update({change(k_work_mail, one("a@x"), one("b@x"))}), &current),
            json::parse(R"([{"op":"add","path":"emails","value":[{"type":"work","value":"b@x"}]}])"));
}

TEST(ScimWriterTest, AManagerIsAnObjectWithAValue) {
  const auto refer = [](std::string target, bool add) {
    return model::ReferenceChange{"enterprise:manager", std::move(target), "", add};
  };
  const std::string path = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
  EXPECT_EQ(operations(update({}, {refer("1", true)})),
            json::array({{{"op", "add"}, {"path", path}, {"value", {{"value", "1"}}}}}));
  EXPECT_EQ(operations(update({}, {refer("2", true), refer("1", false)})),
            json::array({{{"op", "replace"}, {"path", path}, {"value", {{"value", "2"}}}}}));
  EXPECT_EQ(operations(update({}, {refer("1", false)})), json::array({{{"op", "remove"}, {"path", path}}}));
}

TEST(ScimWriterTest, MembersGoOneByOneAndComeInOneOperation) {
  const model::Export made = update({}, {{"members", "a", "", true},
                                         {"members", "b\"", "", false},
                                         {"members", "c", "", true},
                                         {"members", "d", "", false}});
  const std::vector<std::size_t> order = member_changes(standard_group(), made);
  EXPECT_THAT(order, ElementsAre(1, 3, 0, 2));
  EXPECT_EQ(json::parse(member_patch(made, order))["Operations"], json::parse(R"([
    {"op":"remove","path":"members[value eq \"b\\\"\"]"},{"op":"remove","path":"members[value eq \"d\"]"},
    {"op":"add","path":"members","value":[{"value":"a"},{"value":"c"}]}])"));
}

TEST(ScimWriterTest, WhatCannotBeSaidIsRefusedBeforeItIsSent) {
  EXPECT_EQ(failure(update({change("active", {}, one("maybe"))})), "scim.value");
  EXPECT_EQ(failure(update({change("title", {}, {one("a")[0], one("b")[0]})})), "scim.value");
  EXPECT_EQ(failure(update({change("title", {}, one("\xff"))})), "scim.value");
  EXPECT_EQ(failure(update({change("groups.value", {}, one("g"))})), "scim.read_only");
  EXPECT_EQ(failure(update({change("name", {}, one("Ada"))})), "scim.attribute_path");
  EXPECT_EQ(failure(update({change("no such thing", {}, one("x"))})), "scim.attribute_path");
}

TEST(ScimWriterTest, ValuesTakeTheKindOfTheirAttribute) {
  const Time when = from_rfc3339("2026-01-02T03:04:05Z");
  EXPECT_EQ(operations(update({change("active", {}, {std::int64_t{1}}), change("title", {}, {std::int64_t{7}}),
                               change("urn:x:User:when", {}, {when}), change("urn:x:User:flag", {}, {true}),
                               change("x509Certificates.value", {}, {model::Binary{"abc"}})})),
            json::parse(R"([{"op":"add","path":"active","value":true},{"op":"add","path":"title","value":"7"},
    {"op":"add","path":"urn:x:User:when","value":"2026-01-02T03:04:05Z"},{"op":"add","path":"urn:x:User:flag","value":true},
    {"op":"add","path":"x509Certificates","value":[{"value":"YWJj"}]}])"));
}

TEST(ScimWriterTest, APutKeepsWhatNobodyChanged) {
  const std::string current = R"({"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"7","userName":"ada",
    "meta":{"version":"1"},"groups":[{"value":"g"}],"title":"a","nickName":"n","name":{"givenName":"A"},
    "emails":[{"type":"work","value":"a@x","primary":true},{"type":"home","value":"h@x"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"1"},"department":"IT"}})";
  const model::Export made =
      update({change("title", one("a"), one("b")), change("name.givenName", one("A"), {}),
              change(k_work_mail, one("a@x"), one("b@x")), change("enterprise:department", one("IT"), {})},
             {{"enterprise:manager", "2", "", true}, {"enterprise:manager", "1", "", false}});
  const std::optional<std::string> body = put_body(standard_user(true), made, current);
  ASSERT_TRUE(body.has_value());
  EXPECT_EQ(json::parse(*body), json::parse(R"({
    "schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
    "id":"7","userName":"ada","title":"b","nickName":"n",
    "emails":[{"type":"work","value":"b@x","primary":true},{"type":"home","value":"h@x"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"2"}}})"));
  EXPECT_FALSE(put_body(standard_user(true), update({change("nickName", {}, one("n"))}), current).has_value());
  EXPECT_THROW((void)put_body(standard_user(true), made, "<html>"), Error);
}

TEST(ScimWriterTest, APutOfAGroupAddsAndRemovesMembers) {
  const model::Export made =
      update({}, {{"members", "a", "", false}, {"members", "c", "", true}, {"members", "b", "", true}});
  const std::optional<std::string> body =
      put_body(standard_group(), made,
               R"({"id":"g","displayName":"G","members":[{"value":"a"},{"value":"b"},{"value":7},"odd"]})");
  ASSERT_TRUE(body.has_value());
  EXPECT_EQ(json::parse(*body)["members"], json::parse(R"([{"value":"b"},{"value":7},"odd",{"value":"c"}])"));
}

}  // namespace
}  // namespace linkspan::connector_scim
