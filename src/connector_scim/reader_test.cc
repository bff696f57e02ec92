// Replies become entries, and hostile ones become errors.

#include "connector_scim/internal/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "connector_scim/internal/bulk.h"
#include "connector_scim/internal/writer.h"

namespace linkspan::connector_scim {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

model::Values text(std::string value) { return {model::Value(std::move(value))}; }

class ScimReaderTest : public ::testing::Test {
 protected:
  model::Entry user(std::string_view body) { return reader_.resource(body, standard_user(true)).entry; }
  std::string failure(std::string_view body) {
    try {
      (void)reader_.page(body, standard_user(true));
    } catch (const Error& error) {
      EXPECT_EQ(error.id(), "scim.reply");
      return error.message();
    }
    return {};
  }
  Reader reader_;
};

TEST_F(ScimReaderTest, AWholeUserGetsFlatNames) {
  const Resource read = reader_.resource(R"({
    "schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"7","externalId":"g1","userName":"ada@x","active":false,
    "meta":{"resourceType":"User","lastModified":"2026-01-02T03:04:05.678Z","version":"W/\"9\""},
    "name":{"givenName":"Ada","familyName":"Ōno"},
    "emails":[{"type":"work","value":"ada@x","primary":true},{"type":"HOME","value":"a@home","display":"private"},{"value":"b@x"}],
    "groups":[{"value":"g","display":"G"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
      {"department":"R&D","manager":{"value":"42","$ref":"../Users/42","displayName":"Boss"}},
    "urn:example:ext:User":{"badge":77,"tags":["a","b"],"lock":{"open":true}}})",
                                         standard_user(true));
  EXPECT_EQ(read.entry.anchor, "7");
  EXPECT_EQ(read.entry.dn, "ada@x");
  EXPECT_EQ(read.entry.object_type, "User");
  EXPECT_EQ(read.version, "W/\"9\"");
  EXPECT_EQ(read.last_modified, from_rfc3339("2026-01-02T03:04:05.678Z"));
  EXPECT_THAT(
      read.entry.attributes,
      UnorderedElementsAre(Pair("externalId", text("g1")), Pair("userName", text("ada@x")),
                           Pair("active", model::Values{false}), Pair("name.givenName", text("Ada")),
                           Pair("name.familyName", text("Ōno")), Pair(R"(emails[type eq "work"].value)", text("ada@x")),
                           Pair(R"(emails[type eq "home"].value)", text("a@home")),
                           Pair(R"(emails[type eq "home"].display)", text("private")),
                           Pair("emails.value", text("b@x")), Pair("enterprise:department", text("R&D")),
                           Pair("urn:example:ext:User:badge", model::Values{std::int64_t{77}}),
                           Pair("urn:example:ext:User:tags", model::Values{std::string("a"), std::string("b")}),
                           Pair("urn:example:ext:User:lock.open", model::Values{true})));
  EXPECT_THAT(read.entry.references, ElementsAre(model::NamedReference{"enterprise:manager", "42"}));
}

TEST_F(ScimReaderTest, NamesAndBooleansAreTakenInAnyCase) {
  const model::Entry entry = user(R"({"ID":"1","UserName":"ada","Active":"True","name":{"GIVENNAME":"A"}})");
  EXPECT_THAT(entry.attributes, UnorderedElementsAre(Pair("userName", text("ada")), Pair("active", model::Values{true}),
                                                     Pair("name.givenName", text("A"))));
}

TEST_F(ScimReaderTest, WhatIsUnsetIsNoValue) {
  const model::Entry entry =
      user(R"({"id":"1","userName":"a","title":"","nickName":null,"emails":[],"name":{},"password":"never kept"})");
  EXPECT_THAT(entry.attributes, ElementsAre(Pair("userName", text("a"))));
}

TEST_F(ScimReaderTest, MembersAreReferencesOnceEach) {
  const Page page = reader_.page(R"({"totalResults":1,"Resources":[{"id":"g","displayName":"G","members":[
    {"value":"2"},{"value":"1","display":"A","type":"User"},{"value":"2"},{"$ref":"https://h/v2/Users/3"},{"value":""},{}]}]})",
                                 standard_group());
  ASSERT_EQ(page.resources.size(), 1U);
  EXPECT_EQ(page.total, 1U);
  EXPECT_THAT(page.resources[0].entry.references,
              ElementsAre(model::NamedReference{"members", "1"}, model::NamedReference{"members", "2"},
                          model::NamedReference{"members", "3"}));
  EXPECT_EQ(page.resources[0].entry.dn, "G");
}

TEST_F(ScimReaderTest, SeveralOfOneTypeAreSeveralValues) {
  const model::Entry entry =
      user(R"({"id":"1","phoneNumbers":[{"type":"work","value":"1"},{"type":"work","value":"2"}]})");
  EXPECT_THAT(entry.attributes, ElementsAre(Pair(R"(phoneNumbers[type eq "work"].value)",
                                                 model::Values{std::string("1"), std::string("2")})));
}

TEST_F(ScimReaderTest, AnEmptyListMayLeaveItsResourcesOut) {
  const Page page = reader_.page(R"({"totalResults":0})", standard_user(true));
  EXPECT_THAT(page.resources, IsEmpty());
}

TEST_F(ScimReaderTest, WhatIsNoListSaysWhatItIs) {
  EXPECT_THAT(failure("<html>502</html>"), HasSubstr("<html>502"));
  EXPECT_THAT(failure("[]"), HasSubstr("no JSON object"));
  EXPECT_THAT(failure("{}"), HasSubstr("totalResults"));
  EXPECT_THAT(failure(R"({"totalResults":-1})"), HasSubstr("totalResults"));
  EXPECT_THAT(failure(R"({"totalResults":1,"Resources":{}})"), HasSubstr("no array"));
  EXPECT_THAT(failure(R"({"totalResults":1,"Resources":["a"]})"), HasSubstr("no JSON object"));
  EXPECT_THAT(failure(R"({"totalResults":1,"Resources":[{"userName":"a"}]})"), HasSubstr("no usable id"));
  EXPECT_THAT(failure(R"({"totalResults":1,"Resources":[{"id":7}]})"), HasSubstr("no usable id"));
  EXPECT_THAT(failure("{\"totalResults\":1,\"Resources\":[{\"id\":\"1\",\"userName\":\"\xff\"}]}"),
              HasSubstr("no JSON"));
  EXPECT_THAT(failure(R"({"totalResults":1,"Resources":[)" + std::string(5000, '[')), HasSubstr("no JSON"));
  const std::string deep = std::string(5000, '[') + std::string(5000, ']');
  EXPECT_THAT(failure(R"({"totalResults":1,"Resources":[{"id":"1","x":)" + deep + "}]}"), HasSubstr("too deep"));
}

TEST_F(ScimReaderTest, WhatIsNoUtf8IsRefusedAndShown) {
  const std::string before = R"({"totalResults":2,"Resources":[{"id":"1","title":"Zoë"},{"id":"2","title":"M)";
  const std::string message = failure(before + "\xfcller\"}]}");
  EXPECT_THAT(message, HasSubstr("not UTF-8 near"));
  EXPECT_THAT(message, HasSubstr("ller"));
  EXPECT_THAT(failure(before + "\xed\xb0\x80\"}]}"), HasSubstr("not UTF-8"));
}

TEST_F(ScimReaderTest, AnEscapeThatIsHalfACharacterIsRefused) {
  for (const char* half : {"\\ud800", "\\udc00", "\\ud800\\u0041", "\\uD83D\\uD83D", "\\x41", "\\u12"}) {
    const std::string list = R"({"totalResults":1,"Resources":[{"id":"1","title":")" + std::string(half) + "\"}]}";
    EXPECT_THAT(failure(list), HasSubstr("no JSON object")) << half;
  }
}

TEST_F(ScimReaderTest, AComplaintIsPrintableAndShort) {
  const Complaint said =
      reader_.complaint(R"({"scimType":"uniqueness","detail":"taken\u001b[31m)" + std::string(5000, 'x') + "\"}");
  EXPECT_EQ(said.scim_type, "uniqueness");
  EXPECT_EQ(said.detail.find('\x1b'), std::string::npos);
  EXPECT_LT(said.detail.size(), 320U);
  EXPECT_EQ(reader_.complaint("").detail, "");
  EXPECT_THAT(reader_.complaint("<h1>Bad gateway</h1>").detail, HasSubstr("Bad gateway"));
}

TEST_F(ScimReaderTest, NoReplyIsTooDeepForTheStack) {
  constexpr std::size_t k_levels = 1'000'000;
  const std::string deep = std::string(k_levels, '[') + std::string(k_levels, ']');
  EXPECT_THAT(failure(deep), HasSubstr("no JSON object"));
  EXPECT_FALSE(parse_shape(deep).has_value());
  const auto said = bulk_outcomes(R"({"Operations":[{"status":"200","response":{"x":)" + deep + "}}]}", 1);
  ASSERT_TRUE(std::holds_alternative<Error>(said.front()));
  EXPECT_EQ(std::get<Error>(said.front()).id(), "net.lost");
  model::Export update;
  update.attributes = {{"title", {}, text("Captain")}};
  EXPECT_THROW((void)put_body(standard_user(true), update, R"({"id":"1","x":)" + deep + "}"), Error);
}

TEST_F(ScimReaderTest, BulkRepliesAreTakenApartWithoutBelievingThem) {
  const auto said =
      bulk_outcomes(R"({"Operations":[7,{"bulkId":"2","status":{"code":"201"},"location":"https://h/Users/1"},
    {"bulkId":"0","status":4294967496},{"bulkId":"1","status":"204"},{"bulkId":"-1","status":200},{"bulkId":"3","status":200}]})",
                    3);
  ASSERT_THAT(said, ::testing::SizeIs(3));
  EXPECT_TRUE(std::holds_alternative<Error>(said[0])) << "no status is that large";
  EXPECT_EQ(std::get<net::Response>(said[1]).status, 204);
  EXPECT_EQ(std::get<net::Response>(said[2]).headers.find("Location"), "https://h/Users/1");
}

TEST_F(ScimReaderTest, SchemasAreReadAndFlattened) {
  const std::optional<Shape> shape = parse_shape(R"({"id":"urn:x:User","attributes":[
    {"name":"boss","type":"complex","mutability":"readWrite","subAttributes":[
      {"name":"value","type":"string"},{"name":"$ref","type":"reference","referenceTypes":["User"]}]},
    {"name":"level","type":"integer","multiValued":true},{"name":"made","type":"dateTime","mutability":"readOnly"},
    {"name":""},{"type":"string"},7]})");
  ASSERT_TRUE(shape.has_value());
  ResourceType user = standard_user(false);
  user.extensions.push_back(*shape);
  const model::SchemaClass flat = flatten(user);
  const auto find = [&](const std::string& name) -> const model::SchemaAttribute* {
    for (const auto& each : flat.attributes) {
      if (each.name == name) return &each;
    }
    return nullptr;
  };
  ASSERT_NE(find("urn:x:User:boss"), nullptr);
  EXPECT_EQ(find("urn:x:User:boss")->kind, model::ValueKind::reference);
  EXPECT_EQ(find("urn:x:User:level")->kind, model::ValueKind::integer);
  EXPECT_TRUE(find("urn:x:User:level")->multi_valued);
  EXPECT_FALSE(find("urn:x:User:made")->writable);
  ASSERT_NE(find(R"(emails[type eq "work"].value)"), nullptr);
  EXPECT_FALSE(find(R"(emails[type eq "work"].value)")->multi_valued);
  EXPECT_EQ(find("active")->kind, model::ValueKind::boolean);
  EXPECT_EQ(find("groups.value"), nullptr);
  EXPECT_FALSE(parse_shape("{").has_value());
  EXPECT_FALSE(parse_shape("[]").has_value());
  EXPECT_FALSE(parse_shape(R"({"id":"urn:x","attributes":{}})").has_value());
}

}  // namespace
}  // namespace linkspan::connector_scim
