// Exports: what is sent, what is refused, what is uncertain, and what a cut leaves.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connector_graph/internal/writer.h"
#include "connector_graph/testing/graph_lab.h"

namespace linkspan::connector_graph {
namespace {

using model::Operation;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using testkit::GraphAsked;
using testkit::GraphFakeOptions;
using testkit::GraphReply;
using Strings = std::set<std::string>;

model::Export changing(const std::string& type, const std::string& id, const std::string& attribute,
                       model::Values after) {
  model::Export made = exporting(Operation::update, type, id);
  made.attributes = {{attribute, {}, std::move(after)}};
  return made;
}

model::Export linking(const std::string& group, const std::string& link, const std::vector<std::string>& add,
                      const std::vector<std::string>& remove = {}) {
  model::Export made = exporting(Operation::update, link == "manager" ? "user" : "group", group);
  for (const std::string& id : add) made.references.push_back({link, id, {}, true});
  for (const std::string& id : remove) made.references.push_back({link, id, {}, false});
  return made;
}

GraphReply failing(int status, const std::string& code, const std::string& message) {
  return {status, {{"error", {{"code", code}, {"message", message}}}}};
}

TEST(GraphWriterTest, CreatesWithWhatGraphNeedsAndAPasswordNobodyKnows) {
  const ObjectType user = object_type("user", {});
  const auto first = nlohmann::json::parse(create_body(user, new_user("ada"), true));
  const auto second = nlohmann::json::parse(create_body(user, new_user("ada"), false));
  EXPECT_EQ(first.at("accountEnabled"), true);
  EXPECT_EQ(first.at("onPremisesImmutableId"), "anchor/ada==");
  EXPECT_EQ(first.at("passwordProfile").at("forceChangePasswordNextSignIn"), true);
  EXPECT_EQ(second.at("passwordProfile").at("forceChangePasswordNextSignIn"), false);
  const std::string password = first.at("passwordProfile").at("password");
  EXPECT_EQ(password.size(), 24U);
  EXPECT_NE(password, second.at("passwordProfile").at("password"));
  for (const char* kind : {"ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnopqrstuvwxyz", "23456789", "!#%+-=?@_"}) {
    EXPECT_NE(password.find_first_of(kind), std::string::npos);
  }
  EXPECT_FALSE(
      nlohmann::json::parse(create_body(object_type("group", {}), new_group("crew"), true)).contains("uniqueName"));
}

TEST(GraphWriterTest, RefusesWhatGraphCannotBeTold) {
  const ObjectType user = object_type("user", {});
  const auto id_of = [&](const model::Export& wanted) {
    return std::string(thrown_by([&] {
                         if (wanted.operation == Operation::add) {
                           (void)create_body(user, wanted, true);
                         } else {
                           (void)patch_body(user, wanted);
                         }
                       }).id());
  };
  model::Export add = new_user("ada");
  add.attributes.erase(add.attributes.begin());
  add.attributes.erase(add.attributes.begin() + 1);
  EXPECT_EQ(id_of(add), "graph.required");
  EXPECT_THAT(thrown_by([&] { (void)create_body(user, add, true); }).message(),
              HasSubstr("mailNickname, userPrincipalName"));
  EXPECT_EQ(id_of(changing("user", "1", "shoeSize", one("42"))), "graph.attribute");
  EXPECT_EQ(id_of(changing("user", "1", "onPremisesSyncEnabled", {true})), "graph.read_only");
  EXPECT_EQ(id_of(changing("user", "1", "accountEnabled", one("maybe"))), "graph.value");
  EXPECT_EQ(id_of(changing("user", "1", "city", {std::string("a"), std::string("b")})), "graph.value");
  EXPECT_EQ(id_of(changing("user", "1", "city", one("\xff"))), "graph.value");
  EXPECT_EQ(id_of(changing("user", "1", "employeeHireDate", one("yesterday"))), "graph.value");
}

TEST(GraphWriterTest, ClearsAndKeepsKinds) {
  const ObjectType user = object_type("user", {{"extension_0_n", model::ValueKind::integer, false, {"User"}}});
  model::Export update = exporting(Operation::update, "user", "1");
  update.attributes = {{"city", one("x"), {}},
                       {"businessPhones", one("x"), {}},
                       {"accountEnabled", {}, one("False")},
                       {"onPremisesExtensionAttributes.extensionAttribute3", {}, one("three")},
                       {"onPremisesExtensionAttributes.extensionAttribute4", one("x"), {}},
                       {"extension_0_n", {}, one("7")}};
  EXPECT_EQ(nlohmann::json::parse(*patch_body(user, update)),
            (nlohmann::json{
                {"city", nullptr},
                {"businessPhones", nlohmann::json::array()},
                {"accountEnabled", false},
                {"onPremisesExtensionAttributes", {{"extensionAttribute3", "three"}, {"extensionAttribute4", nullptr}}},
                {"extension_0_n", 7}}));
  EXPECT_EQ(patch_body(user, exporting(Operation::update, "user", "1")), std::nullopt);
}

TEST(GraphWriterTest, FiltersHoldTheirValues) {
  const ObjectType user = object_type("user", {});
  EXPECT_EQ(equality_filter(user, "displayName", std::string("it's ' or 1 eq 1")),
            "displayName eq 'it''s '' or 1 eq 1'");
  EXPECT_EQ(equality_filter(user, "otherMails", std::string("a@b")), "otherMails/any(each:each eq 'a@b')");
  EXPECT_EQ(equality_filter(user, "accountEnabled", true), "accountEnabled eq true");
  EXPECT_EQ(equality_filter(user, "onPremisesExtensionAttributes.extensionAttribute1", std::string("x")),
            "onPremisesExtensionAttributes/extensionAttribute1 eq 'x'");
}

TEST(GraphExportTest, MakesChangesAndRemovesUsersAndGroups) {
  GraphLab lab;
  const auto connector = lab.connect();
  const std::string ada = sent(*connector, new_user("ada")).anchor;
  EXPECT_EQ(lab.fake.get(ada).at("onPremisesImmutableId"), "anchor/ada==");
  EXPECT_FALSE(lab.fake.get(ada).contains("passwordProfile"));
  EXPECT_EQ(sent(*connector, changing("user", ada, "accountEnabled", {model::Value(false)})).anchor, ada);
  EXPECT_EQ(lab.fake.get(ada).at("accountEnabled"), false);
  model::Export crew = new_group("crew");
  crew.references = {{"members", ada, {}, true}, {"owners", ada, {}, true}};
  const std::string group = sent(*connector, crew).anchor;
  EXPECT_EQ(lab.fake.get(group).at("uniqueName"), "anchor/crew'==");
  EXPECT_EQ(lab.fake.members(group), Strings{ada});
  EXPECT_EQ(lab.fake.owners(group), Strings{ada});
  for (int i = 0; i < 2; ++i) EXPECT_EQ(sent(*connector, exporting(Operation::remove, "group", group)).anchor, group);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(sent(*connector, exporting(Operation::remove, "user", ada)).anchor, ada);
  EXPECT_EQ(lab.fake.count("user") + lab.fake.count("group"), 0U);
}

TEST(GraphExportTest, MembersGoTwentyAtATimeAndNeverAsAWhole) {
  GraphLab lab;
  std::vector<std::string> ids;
  for (int i = 0; i < 130; ++i) ids.push_back(lab.add_user("u" + std::to_string(i)));
  const std::string group = lab.add_group("crew", {ids.begin(), ids.begin() + 30});
  const auto connector = lab.connect();
  const std::vector<std::string> come(ids.begin() + 30, ids.end());
  const std::vector<std::string> go(ids.begin(), ids.begin() + 25);
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(sent(*connector, linking(group, "members", come, go)).references_refused, IsEmpty()) << "time " << i;
    EXPECT_EQ(lab.fake.members(group), Strings(ids.begin() + 25, ids.end()));
    if (i == 0) {
      EXPECT_EQ(lab.fake.calls().writes, 30U) << "5 of 20, and 25 removals";
    }
  }
}

TEST(GraphExportTest, OneMemberThatCannotBeTakenDoesNotKeepTheOthersOut) {
  GraphLab lab;
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(lab.add_user("u" + std::to_string(i)));
  const std::string group = lab.add_group("crew", {ids[3]});
  const std::string nobody = testkit::make_uuid(0xDEAD);
  ids[7] = nobody;
  const auto connector = lab.connect();
  const connector::Sent made = sent(*connector, linking(group, "members", ids));
  ASSERT_THAT(made.references_refused, SizeIs(1));
  EXPECT_EQ(made.references_refused.front().target, nobody);
  ids.erase(ids.begin() + 7);
  EXPECT_EQ(lab.fake.members(group), Strings(ids.begin(), ids.end()));
  EXPECT_TRUE(lab.logger.holds("graph.references_refused"));
}

TEST(GraphExportTest, ManagersAreSetReplacedAndTakenAway) {
  GraphLab lab;
  const std::string ada = lab.add_user("ada");
  const std::string boss = lab.add_user("boss");
  const std::string next = lab.add_user("next");
  const auto connector = lab.connect();
  (void)sent(*connector, linking(ada, "manager", {boss}));
  EXPECT_EQ(lab.fake.manager(ada), boss);
  (void)sent(*connector, linking(ada, "manager", {next}, {boss}));
  EXPECT_EQ(lab.fake.manager(ada), next);
  EXPECT_EQ(lab.fake.seen("DELETE", "manager"), 0U) << "one write replaces it";
  for (int i = 0; i < 2; ++i) (void)sent(*connector, linking(ada, "manager", {}, {next}));
  EXPECT_EQ(lab.fake.manager(ada), "");
}

TEST(GraphExportTest, EachItemOfABatchIsJudgedAlone) {
  GraphLab lab;
  lab.add_user("u3");
  const auto connector = lab.connect();
  std::vector<model::Export> all;
  for (int i = 0; i < 10; ++i) all.push_back(new_user("u" + std::to_string(i)));
  all[5].attributes.push_back({"usageLocation", {}, one("Switzerland")});
  all[6].attributes.clear();
  const Results run = send(*connector, all);
  EXPECT_EQ(run.sent(), 7U);
  const auto error_of = [&](std::size_t index) { return std::get<connector::Failed>(run.outcomes.at(index)).error; };
  EXPECT_EQ(error_of(3).id(), "graph.taken");
  EXPECT_EQ(error_of(3).fault(), Fault::conflict);
  EXPECT_THAT(error_of(3).message(), HasSubstr("userPrincipalName already exists"));
  EXPECT_EQ(error_of(5).id(), "graph.refused");
  EXPECT_EQ(error_of(6).id(), "graph.required");
}

TEST(GraphExportTest, WhatIsTooLongForARequestIsItsOwnFailureAndKeepsNobodyOut) {
  GraphLab lab;
  const auto connector = lab.connect();
  std::vector<model::Export> all;
  for (int i = 0; i < 30; ++i) all.push_back(new_user("u" + std::to_string(i)));
  // One alone is more than Graph takes, some are so together, with others in between.
  all[4].attributes.push_back({"streetAddress", {}, one(std::string(5'000'000, 'x'))});
  for (const std::size_t i : {7U, 8U, 9U, 12U, 15U, 22U}) {
    all[i].attributes.push_back({"streetAddress", {}, one(std::string(1'000'000, 'x'))});
  }
  const Results run = send(*connector, all);
  EXPECT_FALSE(run.thrown.has_value()) << run.thrown->what();
  EXPECT_EQ(run.outcomes.size(), 30U);
  EXPECT_EQ(run.sent(), 23U);
  EXPECT_EQ(lab.fake.count("user"), 23U);
  for (const auto& [index, outcome] : run.outcomes) {
    const auto* failed = std::get_if<connector::Failed>(&outcome);
    if (failed == nullptr) continue;
    EXPECT_EQ(failed->error.id(), index == 4 ? "graph.too_large" : "graph.refused") << index;
    EXPECT_FALSE(failed->error.hint().empty());
    EXPECT_FALSE(failed->uncertain);
  }
}

TEST(GraphExportTest, ABatchThatIsRefusedAsSuchIsHalvedUntilTheCulpritStandsAlone) {
  GraphLab lab;
  const auto connector = lab.connect();
  std::vector<model::Export> all;
  for (int i = 0; i < 40; ++i) all.push_back(new_user("u" + std::to_string(i)));
  lab.fake.intercept([](const testkit::GraphAsked& asked) -> std::optional<testkit::GraphReply> {
    if (asked.path != "/$batch" || asked.body.dump().find("u17@") == std::string::npos) return std::nullopt;
    return testkit::GraphReply{400,
                               {{"error", {{"code", "BadRequest"}, {"message", "Invalid batch payload format."}}}}};
  });
  const Results run = send(*connector, all);
  EXPECT_FALSE(run.thrown.has_value());
  EXPECT_EQ(run.sent(), 39U);
  EXPECT_EQ(std::get<connector::Failed>(run.outcomes.at(17)).error.id(), "graph.refused");
}

TEST(GraphExportTest, BatchesThatAreAllRefusedEndTheExport) {
  GraphLab lab;
  const auto connector = lab.connect();
  std::vector<model::Export> all;
  for (int i = 0; i < 200; ++i) all.push_back(new_user("u" + std::to_string(i)));
  lab.fake.intercept([](const testkit::GraphAsked& asked) -> std::optional<testkit::GraphReply> {
    if (asked.path != "/$batch") return std::nullopt;
    return testkit::GraphReply{400, {{"error", {{"code", "BadRequest"}, {"message", "No batches here."}}}}};
  });
  const Results run = send(*connector, all);
  ASSERT_TRUE(run.thrown.has_value());
  EXPECT_EQ(run.thrown->id(), "graph.refused");
  EXPECT_EQ(run.sent(), 0U);
  EXPECT_LT(lab.fake.seen("POST", "/$batch"), 120U);
}

TEST(GraphExportTest, ItemsThatAreThrottledOrFailGoAgainAndTheOthersDoNot) {
  GraphLab lab;
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(lab.add_user("u" + std::to_string(i)));
  const auto connector = lab.connect();
  std::map<std::string, int> times;
  lab.fake.intercept([&](const GraphAsked& asked) -> std::optional<GraphReply> {
    if (asked.method != "PATCH") return std::nullopt;
    const int time = ++times[asked.path];
    if (asked.path == "/users/" + ids[2] && time <= 2) return GraphReply{429, nullptr, {{"Retry-After", "30"}}};
    if (asked.path == "/users/" + ids[4] && time == 1) return GraphReply{503, nullptr, {{"Retry-After", "3"}}};
    if (asked.path == "/users/" + ids[6] && time == 1) return GraphReply{504};
    return std::nullopt;
  });
  std::vector<model::Export> all;
  for (const std::string& id : ids) all.push_back(changing("user", id, "city", one("Bern")));
  const Time began = lab.clock.now();
  EXPECT_EQ(send(*connector, all).sent(), 20U);
  EXPECT_GE(lab.clock.now() - began, std::chrono::seconds(60)) << "twice thirty seconds were asked for";
  EXPECT_EQ(times["/users/" + ids[2]], 3);
  EXPECT_EQ(times["/users/" + ids[4]], 2);
  EXPECT_EQ(times["/users/" + ids[6]], 2);
  EXPECT_EQ(times["/users/" + ids[0]], 1);
}

TEST(GraphExportTest, CreateThatFailsLateIsUncertainAndThrottledOneIsNot) {
  GraphLab lab;
  const auto connector = lab.connect();
  for (const int status : {500, 502, 504}) {
    lab.fake.intercept([&](const GraphAsked& asked) -> std::optional<GraphReply> {
      return asked.method == "POST" && asked.path == "/users" ? std::optional(GraphReply{status}) : std::nullopt;
    });
    EXPECT_TRUE(failed(*connector, new_user("ada")).uncertain) << status;
    EXPECT_EQ(lab.fake.seen("POST", "/users"), static_cast<std::size_t>(status == 500   ? 1
                                                                        : status == 502 ? 2
                                                                                        : 3))
        << "it is not sent again";
  }
  lab.fake.intercept([](const GraphAsked& asked) -> std::optional<GraphReply> {
    if (asked.method != "POST" || asked.path != "/users") return std::nullopt;
    return GraphReply{429, nullptr, {{"Retry-After", "1"}}};
  });
  const connector::Failed throttled = failed(*connector, new_user("ada"));
  EXPECT_FALSE(throttled.uncertain);
  EXPECT_EQ(throttled.error.id(), "graph.throttled");
}

TEST(GraphExportTest, LostBatchLeavesNoTwin) {
  for (const bool carried_out : {false, true}) {
    GraphLab lab;
    const std::string bob = lab.add_user("bob");
    const auto connector = lab.connect();
    lab.fake.lose_batches(1, carried_out);
    const Results run =
        send(*connector, {new_user("ada"), new_group("crew"), changing("user", bob, "city", one("Bern"))});
    ASSERT_EQ(run.outcomes.size(), 3U);
    EXPECT_TRUE(std::get<connector::Failed>(run.outcomes.at(0)).uncertain) << "a POST may have arrived";
    EXPECT_TRUE(std::holds_alternative<connector::Sent>(run.outcomes.at(1))) << "a group is made by its key, once";
    EXPECT_TRUE(std::holds_alternative<connector::Sent>(run.outcomes.at(2))) << "a change is sent again";
    EXPECT_EQ(lab.fake.get(bob).at("city"), "Bern");
    const auto found = connector->find("user", "onPremisesImmutableId", model::Value(std::string("anchor/ada==")));
    EXPECT_EQ(found.size(), carried_out ? 1U : 0U);
    EXPECT_EQ(lab.fake.count("user"), carried_out ? 2U : 1U);
    EXPECT_EQ(lab.fake.count("group"), 1U);
    EXPECT_EQ(std::get<connector::Sent>(run.outcomes.at(1)).anchor, lab.fake.where("displayName", "crew").front());
  }
}

TEST(GraphExportTest, AccountThatQueriesDoNotShowYetIsNeverMadeTwice) {
  GraphFakeOptions options;
  options.lag = 1'000;
  GraphLab lab(options);
  const auto connector = lab.connect();
  lab.fake.lose_batches(1, /*carry_out=*/true);
  EXPECT_TRUE(failed(*connector, new_user("ada")).uncertain);
  // The engine asks, finds nobody, and tries again.
  EXPECT_THAT(connector->find("user", "onPremisesImmutableId", model::Value(std::string("anchor/ada=="))), IsEmpty());
  model::Export again = new_user("ada");
  again.attributes.erase(again.attributes.begin());
  again.attributes.push_back({"userPrincipalName", {}, one("ada.other@contoso.example")});
  for (int i = 0; i < 3; ++i) {
    const connector::Failed later = failed(*connector, again);
    EXPECT_TRUE(later.uncertain);
    EXPECT_EQ(later.error.id(), "graph.taken");
  }
  EXPECT_EQ(lab.fake.count("user"), 1U);
}

TEST(GraphExportTest, AccountThatIsThereIsAdoptedByItsAnchor) {
  GraphLab lab;
  const std::string there = lab.add_user("ada", {{"onPremisesImmutableId", "anchor/ada=="}});
  const auto connector = lab.connect();
  model::Export add = new_user("ada");
  for (const bool look_first : {true, false}) {
    add.look_first = look_first;
    const connector::Sent adopted = sent(*connector, add);
    EXPECT_EQ(adopted.anchor, there);
    EXPECT_TRUE(adopted.was_there);
  }
  EXPECT_EQ(lab.fake.count("user"), 1U);
  model::Export crew = new_group("crew");
  const std::string made = sent(*connector, crew).anchor;
  crew.look_first = true;
  EXPECT_TRUE(sent(*connector, crew).was_there);
  crew.look_first = false;
  EXPECT_EQ(sent(*connector, crew).anchor, made) << "made by its key, however often";
  EXPECT_EQ(lab.fake.count("group"), 1U);
}

TEST(GraphExportTest, AnchorThatDiffersByCaseIsSomebodyElse) {
  GraphLab lab;
  lab.add_user("eve", {{"onPremisesImmutableId", "ANCHOR/ADA=="}});
  const auto connector = lab.connect();
  EXPECT_THAT(connector->find("user", "onPremisesImmutableId", model::Value(std::string("anchor/ada=="))), IsEmpty());
}

TEST(GraphExportTest, FreshGroupThatIsNotKnownYetGetsItsMembersAllTheSame) {
  GraphFakeOptions options;
  options.lag = 4;
  GraphLab lab(options);
  const std::string ada = lab.add_user("ada");
  model::Export crew = new_group("crew");
  crew.references = {{"members", ada, {}, true}};
  const connector::Sent made = sent(*lab.connect(), crew);
  EXPECT_THAT(made.references_refused, IsEmpty());
  EXPECT_EQ(lab.fake.members(made.anchor), Strings{ada});
}

TEST(GraphExportTest, MissingRightStopsAnExportAndOneProtectedAccountDoesNot) {
  GraphLab lab;
  std::vector<std::string> ids;
  for (int i = 0; i < 30; ++i) ids.push_back(lab.add_user("u" + std::to_string(i)));
  std::vector<model::Export> all;
  for (const std::string& id : ids) all.push_back(changing("user", id, "city", one("Bern")));
  auto connector = lab.connect();
  lab.fake.intercept([&](const GraphAsked& asked) -> std::optional<GraphReply> {
    if (asked.path != "/users/" + ids[29]) return std::nullopt;
    return failing(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.");
  });
  Results run = send(*connector, all);
  EXPECT_FALSE(run.thrown.has_value());
  EXPECT_EQ(run.sent(), 29U);
  lab.fake.intercept({});
  lab.fake.identity().revoke("User.ReadWrite.All");
  lab.fake.identity().expire_tokens();
  run = send(*connector, all);
  ASSERT_TRUE(run.thrown.has_value());
  EXPECT_EQ(run.thrown->id(), "graph.access");
  EXPECT_EQ(run.thrown->fault(), Fault::denied);
  EXPECT_EQ(run.sent(), 0U);
}

TEST(GraphExportTest, ServiceThatOnlyFailsIsLeftAlone) {
  GraphLab lab;
  std::vector<model::Export> all;
  for (int i = 0; i < 500; ++i) all.push_back(new_user("u" + std::to_string(i)));
  lab.fake.intercept([](const GraphAsked& asked) -> std::optional<GraphReply> {
    return asked.path == "/$batch" ? std::optional(GraphReply{500}) : std::nullopt;
  });
  const Results run = send(*lab.connect(), all);
  ASSERT_TRUE(run.thrown.has_value());
  EXPECT_EQ(run.thrown->fault(), Fault::unavailable);
  EXPECT_LE(lab.fake.calls().requests, 20U);
}

TEST(GraphExportTest, AnswerThatLacksAnItemIsUncertainForThatOneOnly) {
  GraphLab lab;
  const auto connector = lab.connect();
  lab.fake.intercept([](const GraphAsked& asked) -> std::optional<GraphReply> {
    if (asked.path != "/$batch") return std::nullopt;
    const std::string made = testkit::make_uuid(0xABC);
    return GraphReply{200, {{"responses", {{{"id", "0.0"}, {"status", 201}, {"body", {{"id", made}}}}}}}};
  });
  const Results run = send(*connector, {new_user("a"), new_user("b")});
  EXPECT_TRUE(std::holds_alternative<connector::Sent>(run.outcomes.at(0)));
  EXPECT_TRUE(std::get<connector::Failed>(run.outcomes.at(1)).uncertain);
}

TEST(GraphExportTest, StopLeavesTheRestUnsent) {
  GraphLab lab;
  const auto connector = lab.connect();
  std::stop_source stop;
  lab.fake.intercept([&](const GraphAsked& asked) -> std::optional<GraphReply> {
    if (asked.path == "/users") stop.request_stop();
    return std::nullopt;
  });
  std::vector<model::Export> all;
  for (int i = 0; i < 2000; ++i) all.push_back(new_user("u" + std::to_string(i)));
  const Results run = send(*connector, all, stop.get_token());
  EXPECT_LT(run.outcomes.size(), 200U);
  EXPECT_EQ(run.sent(), lab.fake.count("user")) << "each that was made is known";
}

TEST(GraphExportTest, FindAsksTheIndexOnlyWhereTheDirectoryCannotAnswer) {
  GraphLab lab;
  const std::string ada = lab.add_user("ada", {{"city", "Bern"}, {"otherMails", {"a'da@home.example"}}});
  const auto connector = lab.connect();
  const auto found = [&](const std::string& attribute, const std::string& value) {
    const auto all = connector->find("user", attribute, model::Value(value));
    return all.empty() ? std::string() : all.front().anchor;
  };
  EXPECT_EQ(found("userPrincipalName", "ADA@contoso.example"), ada);
  EXPECT_EQ(found("otherMails", "a'da@home.example"), ada);
  EXPECT_EQ(found("city", "Bern"), ada);
  EXPECT_EQ(found("city", "Basel"), "");
  EXPECT_EQ(thrown_by([&] { (void)connector->find("user", "streetAddress", model::Value(std::string("x"))); }).id(),
            "graph.filter");
  EXPECT_EQ(thrown_by([&] { (void)connector->find("device", "id", model::Value(std::string("x"))); }).id(),
            "graph.object_type");
}

TEST(GraphExportTest, NothingSecretIsLogged) {
  GraphLab lab;
  const auto connector = lab.connect();
  lab.fake.intercept([](const GraphAsked& asked) -> std::optional<GraphReply> {
    if (asked.path != "/users") return std::nullopt;
    return failing(400, "Request_BadRequest", "no");
  });
  const connector::Failed refused = failed(*connector, new_user("ada"));
  EXPECT_THAT(std::string(refused.error.what()) + refused.error.hint(), Not(HasSubstr("token-")));
  EXPECT_THAT(refused.error.what(), Not(HasSubstr("passwordProfile")));
  EXPECT_FALSE(lab.logger.holds("token-"));
  EXPECT_FALSE(lab.logger.holds("Bearer"));
}

}  // namespace
}  // namespace linkspan::connector_graph
