// Delta queries as they come: replayed, in pieces, incomplete, refused.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "connector_graph/internal/graph_import.h"
#include "connector_graph/internal/reader.h"
#include "connector_graph/testing/graph_lab.h"

namespace linkspan::connector_graph {
namespace {

using ::testing::HasSubstr;
using testkit::GraphAsked;
using testkit::GraphFakeOptions;
using testkit::GraphReply;
using Strings = std::set<std::string>;

std::string refusal(connector::Connector& connector, const std::string& watermark) {
  return std::string(thrown_by([&] { (void)import(connector, watermark); }).id());
}

GraphFakeOptions groups_in_pieces(bool interleaves) {
  GraphFakeOptions options;
  options.members_per_page = 3;
  options.page_size = 2;
  options.interleaves = interleaves;
  return options;
}

TEST(GraphImportTest, ReadsUsersWithAllTheirKinds) {
  GraphLab lab;
  const std::string boss = lab.add_user("boss");
  const std::string id = lab.add_user("ada", {{"businessPhones", {"+1"}},
                                              {"employeeHireDate", "2026-01-02T03:04:05Z"},
                                              {"onPremisesExtensionAttributes", {{"extensionAttribute7", "seven"}}},
                                              {"onPremisesImmutableId", "AbC="}});
  lab.fake.set_manager(id, boss);
  const Read read = import(*lab.connect());
  EXPECT_TRUE(read.end.complete);
  EXPECT_EQ(read.text(id, "businessPhones"), "+1");
  EXPECT_EQ(read.text(id, "employeeHireDate"), "2026-01-02T03:04:05Z");
  EXPECT_EQ(read.text(id, "onPremisesExtensionAttributes.extensionAttribute7"), "seven");
  EXPECT_EQ(read.text(id, "accountEnabled"), "True");
  EXPECT_EQ(read.references(id, "manager"), Strings{boss});
  EXPECT_EQ(read.last.at(id).entry.dn, "ada@contoso.example");
}

TEST(GraphImportTest, GroupsInPiecesAreWholeWhateverTheirOrder) {
  for (const bool interleaves : {false, true}) {
    GraphLab lab(groups_in_pieces(interleaves));
    Strings all;
    for (int i = 0; i < 20; ++i) all.insert(lab.add_user("u" + std::to_string(i)));
    const std::string first = lab.add_group("first", all);
    const std::string second = lab.add_group("second", all);
    const Read read = import(*lab.connect());
    EXPECT_EQ(read.references(first, "members"), all) << interleaves;
    EXPECT_EQ(read.references(second, "members"), all) << interleaves;
    EXPECT_EQ(read.last.size(), 22U);
  }
}

TEST(GraphImportTest, ReplaysChangeNothing) {
  GraphFakeOptions options;
  options.page_size = 4;
  options.shows_twice = true;
  GraphLab lab(options);
  Strings all;
  for (int i = 0; i < 10; ++i) all.insert(lab.add_user("u" + std::to_string(i)));
  const std::string group = lab.add_group("crew", all);
  const auto connector = lab.connect();
  const Read read = import(*connector);
  EXPECT_EQ(read.last.size(), 11U);
  EXPECT_EQ(read.references(group, "members"), all);
  const std::string gone = *all.begin();
  lab.fake.set(*all.rbegin(), "city", "Bern");
  lab.fake.remove(gone);
  const Read delta = import(*connector, read.end.watermark);
  EXPECT_EQ(delta.text(*all.rbegin(), "city"), "Bern");
  EXPECT_TRUE(delta.is_gone(gone));
  all.erase(gone);
  EXPECT_EQ(delta.references(group, "members"), all);
}

TEST(GraphImportTest, DeltaShowsWholeObjectsThoughGraphShowsPartsOnly) {
  GraphLab lab;
  const std::string boss = lab.add_user("boss");
  const std::string ada = lab.add_user("ada", {{"city", "Bern"}, {"department", "IT"}});
  const std::string crew = lab.add_group("crew", {boss, ada});
  lab.fake.set_manager(ada, boss);
  const auto connector = lab.connect();
  const Read full = import(*connector);
  lab.fake.set(ada, "city", nullptr);
  lab.fake.set(crew, "description", "all of them");
  const Read delta = import(*connector, full.end.watermark);
  EXPECT_EQ(delta.last.size(), 2U);
  EXPECT_FALSE(delta.end.complete);
  EXPECT_EQ(delta.text(ada, "city"), "(none)");
  EXPECT_EQ(delta.text(ada, "department"), "IT");
  EXPECT_EQ(delta.references(ada, "manager"), Strings{boss});
  EXPECT_EQ(delta.references(crew, "members"), (Strings{ada, boss}));
  lab.fake.set_manager(ada, "");
  EXPECT_EQ(import(*connector, delta.end.watermark).references(ada, "manager"), Strings{});
}

TEST(GraphImportTest, WhatTheDeltaSaysCountsMoreThanAnOlderCopy) {
  GraphLab lab;
  const std::string ada = lab.add_user("ada", {{"city", "Bern"}});
  const std::string crew = lab.add_group("crew");
  const auto connector = lab.connect();
  const Read full = import(*connector);
  lab.fake.set(ada, "city", "Basel");
  lab.fake.set_members(crew, {ada});
  // Single reads are answered by a copy that has not heard of it.
  lab.fake.intercept([&](const GraphAsked& asked) -> std::optional<GraphReply> {
    if (asked.path == "/users/" + ada) {
      return GraphReply{200, {{"id", ada}, {"city", "Bern"}, {"userPrincipalName", "ada@contoso.example"}}};
    }
    if (asked.path == "/groups/" + crew + "/members") return GraphReply{200, {{"value", nlohmann::json::array()}}};
    return std::nullopt;
  });
  const Read delta = import(*connector, full.end.watermark);
  EXPECT_EQ(delta.text(ada, "city"), "Basel");
  EXPECT_EQ(delta.references(crew, "members"), Strings{ada});
}

TEST(GraphImportTest, WhatCannotBeReadYetComesWithTheNextDelta) {
  GraphLab lab;
  const auto connector = lab.connect();
  const Read full = import(*connector);
  const std::string ada = lab.add_user("ada");
  lab.fake.intercept([&](const GraphAsked& asked) -> std::optional<GraphReply> {
    if (asked.path != "/users/" + ada) return std::nullopt;
    return GraphReply{404, {{"error", {{"code", "Request_ResourceNotFound"}, {"message", "not there"}}}}};
  });
  const Read early = import(*connector, full.end.watermark);
  EXPECT_TRUE(early.last.empty());
  lab.fake.intercept({});
  EXPECT_TRUE(import(*connector, early.end.watermark).shows(ada));
}

TEST(GraphImportTest, ObjectsThatAreNotSeenYetAreNotSkipped) {
  GraphFakeOptions options;
  options.lag = 30;
  GraphLab lab(options);
  const auto connector = lab.connect();
  Read read = import(*connector);
  const std::string ada = sent(*connector, new_user("ada")).anchor;
  read = import(*connector, read.end.watermark);
  EXPECT_FALSE(read.shows(ada));
  for (int i = 0; i < 20 && !read.shows(ada); ++i) read = import(*connector, read.end.watermark);
  EXPECT_TRUE(read.shows(ada));
}

TEST(GraphImportTest, RefusedAndOldWatermarksLeadToAFullImport) {
  GraphLab lab;
  lab.add_user("ada");
  const auto connector = lab.connect();
  const std::string watermark = import(*connector).end.watermark;
  EXPECT_EQ(refusal(*connector, watermark), "none");
  // Another selection.
  auto more = lab.options();
  more.object_types = {"user"};
  EXPECT_EQ(refusal(*lab.connect(std::move(more)), watermark), "connector.watermark_refused");
  // 410 Gone.
  lab.fake.forget_tokens();
  EXPECT_EQ(refusal(*connector, watermark), "connector.watermark_refused");
  // Seven days later, before anything is asked, and also where Graph says so.
  const std::string later = import(*connector).end.watermark;
  lab.clock.advance(std::chrono::hours(7 * 24));
  EXPECT_EQ(refusal(*connector, later), "connector.watermark_refused");
  const Time now = lab.clock.now();
  std::string younger = later;
  const auto seconds = [](Time time) {
    return std::to_string(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
  };
  const std::string made = seconds(now - std::chrono::hours(7 * 24));
  ASSERT_NE(younger.find(made), std::string::npos);
  younger.replace(younger.find(made), made.size(), seconds(now));
  lab.clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(refusal(*connector, younger), "connector.watermark_refused");
}

TEST(GraphImportTest, WatermarksAreReadWithCare) {
  const Time now = ManualClock().now();
  Watermark made;
  made.made = now;
  made.at = {{"user", "/users/delta?$deltatoken=a=b"}};
  const std::string text = to_text(made, "f");
  EXPECT_EQ(parse_watermark(text, "f", now).at, made.at);
  for (const std::string& wrong : {std::string("graph-1 f x user=/a"), std::string("graph-1 f 1 user"),
                                   std::string("graph-1"), std::string("graph-1 f 99999999999999 user=/a"),
                                   text + " group=https://evil.example/", std::string(100'000, 'x')}) {
    EXPECT_EQ(thrown_by([&] { (void)parse_watermark(wrong, "f", now); }).id(), "connector.watermark_refused")
        << wrong.substr(0, 60);
  }
}

TEST(GraphImportTest, TokensGoToGraphOnly) {
  GraphLab lab;
  lab.fake.intercept([&](const GraphAsked& asked) -> std::optional<GraphReply> {
    if (asked.path != "/users/delta") return std::nullopt;
    return GraphReply{
        200,
        {{"value", nlohmann::json::array()}, {"@odata.nextLink", "http://127.0.0.1:1/v1.0/users/delta?$skiptoken=x"}}};
  });
  EXPECT_EQ(thrown_by([&] { (void)import(*lab.connect()); }).id(), "graph.reply");
}

TEST(GraphImportTest, NonsenseConcludesNothing) {
  GraphLab lab;
  const std::vector<GraphReply> replies{
      {200, nlohmann::json::array()},
      {200, {{"value", 7}}},
      {200, {{"value", {1, 2}}}},
      {200, {{"value", {{{"id", "../users"}}}}}},
      {200, {{"value", nlohmann::json::array()}}},  // no link at the end
      {200, {{"value", {{{"displayName", "without an id"}}}}, {"@odata.deltaLink", "x"}}},
  };
  for (const GraphReply& reply : replies) {
    lab.fake.intercept([&](const GraphAsked& asked) -> std::optional<GraphReply> {
      return asked.path == "/users/delta" ? std::optional(reply) : std::nullopt;
    });
    const Error error = thrown_by([&] { (void)import(*lab.connect()); });
    EXPECT_EQ(error.id(), "graph.reply") << reply.body.dump();
    EXPECT_EQ(error.fault(), Fault::unavailable);
  }
}

TEST(GraphImportTest, AnswersThatAreNoUtf8OrNestedWithoutEndAreRefused) {
  const ObjectType user = object_type("user", {});
  const auto refusal = [&](const std::string& name) {
    const std::string body = R"({"value":[{"id":"1","displayName":)" + name + R"(}],"@odata.deltaLink":"x"})";
    const Error error = thrown_by([&] { (void)Reader().page(body, user); });
    EXPECT_EQ(error.id(), "graph.reply");
    return error.message();
  };
  EXPECT_THAT(refusal("\"M\xfcller\""), HasSubstr("not UTF-8 near"));
  EXPECT_THAT(refusal("\"\xed\xb0\x80\""), HasSubstr("not UTF-8 near"));
  for (const char* half : {"\\ud800", "\\udc00", "\\ud800\\u0041", "\\x41"}) {
    EXPECT_THAT(refusal("\"" + std::string(half) + "\""), HasSubstr("Graph's answer is no")) << half;
  }
  EXPECT_THAT(refusal(std::string(5000, '[') + std::string(5000, ']')), HasSubstr("too deep"));
}

TEST(GraphImportTest, MembersThatAreNeitherUsersNorGroupsAreLeftAlone) {
  GraphLab lab;
  const std::string device = lab.fake.add("device", nlohmann::json::object());
  const std::string ada = lab.add_user("ada");
  const std::string crew = lab.add_group("crew", {ada, device});
  const auto connector = lab.connect();
  const Read full = import(*connector);
  EXPECT_EQ(full.references(crew, "members"), Strings{ada});
  lab.fake.set(crew, "description", "x");
  EXPECT_EQ(import(*connector, full.end.watermark).references(crew, "members"), Strings{ada});
}

TEST(GraphImportTest, ThrottledReadsAreAskedAgainOneByOne) {
  GraphLab lab;
  const auto connector = lab.connect();
  const Read full = import(*connector);
  Strings all;
  for (int i = 0; i < 50; ++i) all.insert(lab.add_user("u" + std::to_string(i)));
  int refusals = 0;
  lab.fake.intercept([&](const GraphAsked& asked) -> std::optional<GraphReply> {
    if (!asked.path.starts_with("/users/5eed") || refusals >= 30) return std::nullopt;
    ++refusals;
    return GraphReply{429, nullptr, {{"Retry-After", "2.128"}}};
  });
  EXPECT_EQ(import(*connector, full.end.watermark).last.size(), 50U);
  EXPECT_EQ(refusals, 30);
}

using References = std::vector<model::NamedReference>;

References members(const Strings& targets) {
  References made;
  for (const std::string& target : targets) made.push_back({"members", target});
  return made;
}

/// Attribute -> values as text, of one that is a part; an attribute without values is there too.
std::map<std::string, std::vector<std::string>> changes_of(const Read& read, const std::string& id) {
  std::map<std::string, std::vector<std::string>> made;
  if (!read.is_part(id)) return {{"(no part)", {}}};
  for (const auto& [name, values] : read.last.at(id).entry.attributes) {
    auto& texts = made[name];
    for (const model::Value& value : values) texts.push_back(model::to_text(value));
  }
  return made;
}

TEST(GraphImportTest, OneChangedMemberOfAGroupOfThousandsCostsNoReadOfTheGroup) {
  GraphLab lab;
  Strings all;
  for (int i = 0; i < 3000; ++i) all.insert(lab.add_user("u" + std::to_string(i)));
  const std::string crew = lab.add_group("crew", all);
  const std::string ada = lab.add_user("ada");
  const auto connector = lab.connect();
  const Read full = import(*connector);
  const std::string left = *all.begin();
  all.erase(left);
  all.insert(ada);
  lab.fake.set_members(crew, all);
  const std::size_t before = lab.fake.calls().requests;
  const Read delta = import(*connector, full.end.watermark, all_held);
  EXPECT_EQ(lab.fake.calls().requests - before, 2U) << "the delta query of users and that of groups";
  EXPECT_EQ(lab.fake.seen("GET", "/members"), 0U);
  ASSERT_TRUE(delta.is_part(crew));
  EXPECT_EQ(delta.last.size(), 1U);
  EXPECT_EQ(delta.last.at(crew).entry.references, members({ada}));
  EXPECT_EQ(delta.last.at(crew).references_gone, members({left}));
  EXPECT_TRUE(delta.last.at(crew).entry.attributes.empty());
  // Not held: nothing but all of it will do.
  const Read whole = import(*connector, full.end.watermark);
  EXPECT_EQ(whole.references(crew, "members"), all);
  EXPECT_GT(lab.fake.seen("GET", "/members"), 0U);
}

TEST(GraphImportTest, PiecesOfAGroupInOneDeltaAreOnePart) {
  for (const bool interleaves : {false, true}) {
    GraphLab lab(groups_in_pieces(interleaves));
    Strings before;
    Strings after;
    for (int i = 0; i < 10; ++i) before.insert(lab.add_user("old" + std::to_string(i)));
    for (int i = 0; i < 10; ++i) after.insert(lab.add_user("new" + std::to_string(i)));
    const std::vector<std::string> groups{lab.add_group("first", before), lab.add_group("second", before)};
    const auto connector = lab.connect();
    const Read full = import(*connector);
    for (const std::string& group : groups) lab.fake.set_members(group, after);
    lab.fake.set(groups[0], "description", "other people");
    const std::size_t reads = lab.fake.seen("POST", "/$batch");  // the full import's, of what came in pieces
    const Read delta = import(*connector, full.end.watermark, all_held);
    for (const std::string& group : groups) {
      ASSERT_TRUE(delta.is_part(group)) << interleaves;
      EXPECT_EQ(delta.times.at(group), 1) << interleaves;
      EXPECT_EQ(delta.last.at(group).entry.references, members(after)) << interleaves;
      EXPECT_EQ(delta.last.at(group).references_gone, members(before)) << interleaves;
    }
    EXPECT_EQ(changes_of(delta, groups[0])["description"], std::vector<std::string>{"other people"});
    EXPECT_EQ(lab.fake.seen("POST", "/$batch"), reads);
  }
}

TEST(GraphImportTest, AMemberWhoLeftAndCameAgainIsThere) {
  GraphLab lab;
  const std::string ada = lab.add_user("ada");
  const std::string eve = lab.add_user("eve");
  const std::string crew = lab.add_group("crew", {ada});
  const auto connector = lab.connect();
  const Read full = import(*connector);
  lab.fake.set_members(crew, {eve});
  lab.fake.set_members(crew, {ada});
  const Read delta = import(*connector, full.end.watermark, all_held);
  ASSERT_TRUE(delta.is_part(crew));
  EXPECT_EQ(delta.last.at(crew).entry.references, members({ada}));
  EXPECT_EQ(delta.last.at(crew).references_gone, members({eve}));
}

TEST(GraphImportTest, PropertiesThatChangedAreToldInPartAndThoseThatWereClearedToo) {
  GraphLab lab;
  const std::string ada = lab.add_user("ada", {{"city", "Bern"}, {"businessPhones", {"+1"}}, {"department", "IT"}});
  const auto connector = lab.connect();
  const Read full = import(*connector);
  lab.fake.set(ada, "city", nullptr);
  lab.fake.set(ada, "businessPhones", nlohmann::json::array());
  lab.fake.set(ada, "userPrincipalName", "lovelace@contoso.example");
  const Read delta = import(*connector, full.end.watermark, all_held);
  EXPECT_THAT(changes_of(delta, ada),
              testing::UnorderedElementsAre(
                  testing::Pair("city", testing::IsEmpty()), testing::Pair("businessPhones", testing::IsEmpty()),
                  testing::Pair("userPrincipalName", testing::ElementsAre("lovelace@contoso.example"))));
  EXPECT_EQ(delta.last.at(ada).entry.dn, "lovelace@contoso.example");
  EXPECT_EQ(lab.fake.seen("GET", "/users/" + ada), 0U);
}

TEST(GraphImportTest, OfAnotherManagerNobodySaysWhoItWasBefore) {
  GraphLab lab;
  const std::string boss = lab.add_user("boss");
  const std::string chief = lab.add_user("chief");
  const std::string ada = lab.add_user("ada");
  lab.fake.set_manager(ada, boss);
  const auto connector = lab.connect();
  const Read full = import(*connector);
  lab.fake.set_manager(ada, chief);
  const Read delta = import(*connector, full.end.watermark, all_held);
  EXPECT_EQ(delta.references(ada, "manager"), Strings{chief});
  lab.fake.set_manager(ada, "");
  const Read none = import(*connector, delta.end.watermark, all_held);
  EXPECT_TRUE(none.shows(ada));
  EXPECT_EQ(none.references(ada, "manager"), Strings{});
}

TEST(GraphImportTest, AComplexPropertyWithoutSomeOfItsPartsIsReadWhole) {
  GraphLab lab;
  const std::string ada = lab.add_user("ada", {{"employeeOrgData", {{"costCenter", "7"}, {"division", "West"}}}});
  const std::string eve = lab.add_user("eve", {{"employeeOrgData", {{"costCenter", "7"}}}});
  const auto connector = lab.connect();
  const Read full = import(*connector);
  lab.fake.set(ada, "employeeOrgData", {{"costCenter", "8"}, {"division", nullptr}});
  lab.fake.set(eve, "employeeOrgData", {{"costCenter", "8"}});
  const Read delta = import(*connector, full.end.watermark, all_held);
  EXPECT_THAT(changes_of(delta, ada),
              testing::UnorderedElementsAre(testing::Pair("employeeOrgData.costCenter", testing::ElementsAre("8")),
                                            testing::Pair("employeeOrgData.division", testing::IsEmpty())));
  EXPECT_EQ(delta.text(eve, "employeeOrgData.costCenter"), "8");
}

TEST(GraphImportTest, WhatADeltaSpokeOfBeforeIsReadWhole) {
  GraphFakeOptions options;
  options.page_size = 1;
  options.shows_twice = true;
  GraphLab lab(options);
  const std::string ada = lab.add_user("ada", {{"city", "Bern"}});
  const std::string crew = lab.add_group("crew", {ada});
  const auto connector = lab.connect();
  const Read full = import(*connector);
  lab.fake.set(ada, "city", "Basel");
  const Read replayed = import(*connector, full.end.watermark, all_held);
  EXPECT_EQ(replayed.times.at(ada), 2);
  EXPECT_EQ(replayed.text(ada, "city"), "Basel");
  // Removed and there again (restored) in one delta: whoever held it holds it no more.
  lab.fake.intercept([&](const GraphAsked& asked) -> std::optional<GraphReply> {
    if (asked.path != "/groups/delta") return std::nullopt;
    return GraphReply{
        200,
        {{"value", {{{"id", crew}, {"@removed", {{"reason", "changed"}}}}, {{"id", crew}, {"displayName", "crew"}}}},
         {"@odata.deltaLink", lab.fake.root() + "/groups/delta?$deltatoken=x"}}};
  });
  const Read restored = import(*connector, replayed.end.watermark, all_held);
  EXPECT_EQ(restored.times.at(crew), 2);
  EXPECT_EQ(restored.references(crew, "members"), Strings{ada});
}

}  // namespace
}  // namespace linkspan::connector_graph
