// Against the real service: what we send is taken, and read back it is what was meant.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include <testkit/scim_service.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "connector_scim/internal/make.h"
#include "connector_scim/scim.h"

namespace linkspan::connector_scim {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

const std::string k_work_mail = R"(emails[type eq "work"].value)";

model::Values one(std::string value) { return {model::Value(std::move(value))}; }

model::AttributeChange change(std::string name, model::Values before, model::Values after) {
  return {std::move(name), std::move(before), std::move(after)};
}

/// One service for all tests of this file, emptied before each.
class ScimServiceTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (testkit::ScimService::available()) service_ = std::make_unique<testkit::ScimService>();
  }
  static void TearDownTestSuite() { service_.reset(); }

  void SetUp() override {
    if (!service_) GTEST_SKIP() << "the SCIM service of lab/ is not to be had (node, npm)";
    service_->reset();
    connector_ = make(options());
  }

  static Options options() {
    Options made;
    made.url = service_->url();
    made.token = vault::Secret::from(std::string(service_->token()));
    made.http.first_delay = std::chrono::milliseconds(1);
    made.http.max_attempts = 6;
    return made;
  }
  std::unique_ptr<connector::Connector> make(Options made) { return make_connector(std::move(made), logger_); }

  model::Export exporting(model::Operation operation, std::string type, std::string anchor = {}) {
    model::Export made;
    made.operation = operation;
    made.object_type = std::move(type);
    made.anchor = std::move(anchor);
    return made;
  }
  model::Export new_user(const std::string& name) {
    model::Export made = exporting(model::Operation::add, "User");
    made.dn = name;
    made.attributes = {change("userName", {}, one(name)), change("externalId", {}, one("x-" + name)),
                       change("active", {}, {true}), change(k_work_mail, {}, one(name + "@quay.example"))};
    return made;
  }

  std::vector<connector::Outcome> send(const std::vector<model::Export>& exports) {
    std::vector<std::optional<connector::Outcome>> got(exports.size());
    connector_->send(exports,
                     [&](std::size_t index, connector::Outcome outcome) {
                       EXPECT_FALSE(got.at(index).has_value()) << "two outcomes for " << index;
                       got.at(index) = std::move(outcome);
                     },
                     {});
    std::vector<connector::Outcome> made;
    for (auto& outcome : got) {
      EXPECT_TRUE(outcome.has_value());
      if (outcome) made.push_back(std::move(*outcome));
    }
    return made;
  }
  connector::Sent sent(const model::Export& wanted) {
    std::vector<connector::Outcome> outcomes = send({wanted});
    if (const auto* failed = std::get_if<connector::Failed>(&outcomes.at(0))) {
      ADD_FAILURE() << failed->error.what();
      return {};
    }
    return std::get<connector::Sent>(outcomes[0]);
  }
  connector::Failed failed(const model::Export& wanted) {
    std::vector<connector::Outcome> outcomes = send({wanted});
    EXPECT_TRUE(std::holds_alternative<connector::Failed>(outcomes.at(0)));
    return std::get<connector::Failed>(outcomes[0]);
  }

  struct Read {
    std::map<std::string, model::Entry> present;
    connector::ImportEnd end;
  };
  Read import(const std::string& watermark = {}) {
    Read made;
    const auto reading = connector_->import({watermark}, {});
    std::vector<model::Observation> batch;
    while (reading->next(batch)) {
      for (auto& each : batch) {
        EXPECT_EQ(each.kind, model::Observation::Kind::present);
        made.present[each.entry.anchor] = std::move(each.entry);
      }
    }
    made.end = reading->end();
    return made;
  }
  json held(const std::string& id) {
    for (const std::string& line : service_->all()) {
      json resource = json::parse(line);
      if (resource["id"] == id) {
        resource.erase("meta");
        resource.erase("schemas");
        resource.erase("id");
        return resource;
      }
    }
    return nullptr;
  }

  static std::unique_ptr<testkit::ScimService> service_;
  QuietLogger logger_;
  std::unique_ptr<connector::Connector> connector_;
};

std::unique_ptr<testkit::ScimService> ScimServiceTest::service_;

TEST_F(ScimServiceTest, TheTestTriesEverythingAndPasses) {
  (void)send({new_user("ada"), new_user("ben")});
  std::vector<std::string> names;
  for (const connector::Check& check : connector_->test()) {
    names.push_back(check.name);
    EXPECT_TRUE(check.passed) << check.name << ": " << check.detail << " " << check.hint;
  }
  EXPECT_THAT(names, ElementsAre("reach", "token", "configuration", "users", "groups", "paging", "filter", "update"));
  EXPECT_EQ(service_->requests("POST /Users"), 2U);
}

TEST_F(ScimServiceTest, AWrongTokenIsSaidByTheTestAndStopsAnExport) {
  Options made = options();
  made.token = vault::Secret::from("wrong");
  connector_ = make(std::move(made));
  const std::vector<connector::Check> checks = connector_->test();
  ASSERT_THAT(checks, SizeIs(2));
  EXPECT_FALSE(checks[1].passed);
  EXPECT_THAT(checks[1].hint, ::testing::HasSubstr("token"));
  try {
    (void)send({new_user("ada")});
    FAIL() << "sent with a wrong token";
  } catch (const Error& error) {
    EXPECT_EQ(error.id(), "scim.credentials");
    EXPECT_EQ(error.fault(), Fault::denied);
    EXPECT_EQ(std::string(error.what()).find("wrong"), std::string::npos);
  }
  EXPECT_EQ(service_->count().users, 0U);
}

TEST_F(ScimServiceTest, TheSchemaHasTheNamesThatRulesUse) {
  const model::Schema schema = connector_->schema();
  ASSERT_THAT(schema.classes, SizeIs(2));
  const auto kind = [&](std::size_t at, const std::string& name) {
    for (const auto& each : schema.classes[at].attributes) {
      if (each.name == name) return static_cast<int>(each.kind);
    }
    return -1;
  };
  EXPECT_EQ(schema.classes[0].name, "Group");
  EXPECT_EQ(kind(0, "members"), static_cast<int>(model::ValueKind::reference));
  EXPECT_EQ(kind(0, "displayName"), static_cast<int>(model::ValueKind::text));
  for (const std::string name : {"userName", "externalId", "name.givenName", k_work_mail.c_str(),
                                 "enterprise:employeeNumber", R"(phoneNumbers[type eq "mobile"].value)"}) {
    EXPECT_EQ(kind(1, name), static_cast<int>(model::ValueKind::text)) << name;
  }
  EXPECT_EQ(kind(1, "active"), static_cast<int>(model::ValueKind::boolean));
  EXPECT_EQ(kind(1, "enterprise:manager"), static_cast<int>(model::ValueKind::reference));
}

TEST_F(ScimServiceTest, AUserIsCreatedChangedAndRemoved) {
  model::Export add = new_user("ada");
  add.attributes.push_back(change("name.givenName", {}, one("Ādā \"the\" first")));
  add.attributes.push_back(change("enterprise:department", {}, one("R&D")));
  const connector::Sent made = sent(add);
  ASSERT_FALSE(made.anchor.empty());
  EXPECT_EQ(made.dn, "ada");
  ASSERT_TRUE(made.entry.has_value());
  EXPECT_THAT(made.entry->attributes, Contains(Pair("enterprise:department", one("R&D"))));

  model::Export update = exporting(model::Operation::update, "User", made.anchor);
  update.attributes = {change(k_work_mail, one("ada@quay.example"), one("a@b.example")),
                       change(R"(phoneNumbers[type eq "work"].value)", {}, one("+1")),
                       change("active", {true}, one("False")),
                       change("enterprise:department", one("R&D"), {}),
                       change("enterprise:costCenter", {}, one("7")),
                       change("title", {}, one("Captain")),
                       change("name.givenName", one("Ādā \"the\" first"), {}),
                       change("name.familyName", {}, one("Ōno")),
                       change(R"(addresses[type eq "work"].locality)", {}, one("Oslo"))};
  EXPECT_EQ(sent(update).anchor, made.anchor);
  EXPECT_EQ(held(made.anchor), json::parse(R"({"userName":"ada","externalId":"x-ada","active":false,"title":"Captain",
    "name":{"familyName":"Ōno"},"emails":[{"type":"work","value":"a@b.example","primary":true}],
    "phoneNumbers":[{"type":"work","value":"+1"}],"addresses":[{"type":"work","locality":"Oslo"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"costCenter":"7"}})"));

  (void)sent(exporting(model::Operation::remove, "User", made.anchor));
  EXPECT_EQ(service_->count().users, 0U);
  (void)sent(exporting(model::Operation::remove, "User", made.anchor));  // gone is gone
  const connector::Failed gone = failed(update);
  EXPECT_EQ(gone.error.id(), "scim.gone");
  EXPECT_EQ(gone.error.fault(), Fault::not_found);
}

TEST_F(ScimServiceTest, AnAddressIsCompletedAndNotDoubled) {
  const std::string street = R"(addresses[type eq "work"].streetAddress)";
  const std::string city = R"(addresses[type eq "work"].locality)";
  const connector::Sent made = sent(new_user("ada"));
  model::Export update = exporting(model::Operation::update, "User", made.anchor);
  update.attributes = {change(city, {}, one("Oslo"))};
  (void)sent(update);
  update.attributes = {change(street, {}, one("Road 1"))};
  (void)sent(update);
  EXPECT_EQ(held(made.anchor)["addresses"],
            json::parse(R"([{"type":"work","locality":"Oslo","streetAddress":"Road 1"}])"));
}

TEST_F(ScimServiceTest, AChangeToAnElementThatIsGoneMakesItAnew) {
  const connector::Sent made = sent(new_user("ada"));
  model::Export update = exporting(model::Operation::update, "User", made.anchor);
  // We believe that there is a mobile number; somebody has removed it.
  update.attributes = {change(R"(phoneNumbers[type eq "mobile"].value)", one("+1"), one("+2")),
                       change("title", {}, one("T"))};
  (void)sent(update);
  EXPECT_EQ(held(made.anchor)["phoneNumbers"], json::parse(R"([{"type":"mobile","value":"+2"}])"));
  EXPECT_EQ(held(made.anchor)["title"], "T");
}

TEST_F(ScimServiceTest, AManagerIsSetReplacedAndRemoved) {
  const std::string enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
  const std::string boss = sent(new_user("boss")).anchor;
  const std::string chief = sent(new_user("chief")).anchor;
  model::Export add = new_user("ada");
  add.references = {{"enterprise:manager", boss, "", true}};
  const std::string ada = sent(add).anchor;
  EXPECT_EQ(held(ada)[enterprise]["manager"]["value"], boss);
  model::Export update = exporting(model::Operation::update, "User", ada);
  update.references = {{"enterprise:manager", chief, "", true}, {"enterprise:manager", boss, "", false}};
  (void)sent(update);
  EXPECT_EQ(held(ada)[enterprise]["manager"]["value"], chief);
  EXPECT_THAT(import().present[ada].references, ElementsAre(model::NamedReference{"enterprise:manager", chief}));
  update.references = {{"enterprise:manager", chief, "", false}};
  (void)sent(update);
  EXPECT_FALSE(held(ada).contains(enterprise));
  update.references = {{"enterprise:manager", boss, "", true}};
  (void)sent(update);
  EXPECT_EQ(held(ada)[enterprise]["manager"]["value"], boss);
}

TEST_F(ScimServiceTest, MembersGoInChunksAndComeBackAsReferences) {
  std::vector<model::Export> adds;
  for (int i = 0; i < 25; ++i) adds.push_back(new_user("u" + std::to_string(i)));
  std::vector<std::string> ids;
  for (const auto& outcome : send(adds)) ids.push_back(std::get<connector::Sent>(outcome).anchor);
  Options made = options();
  made.member_batch = 10;
  connector_ = make(std::move(made));
  model::Export group = exporting(model::Operation::add, "Group");
  group.attributes = {change("displayName", {}, one("Crew")), change("externalId", {}, one("g"))};
  for (const std::string& id : ids) group.references.push_back({"members", id, "", true});
  const std::string anchor = sent(group).anchor;
  EXPECT_EQ(service_->requests("PATCH /Groups"), 3U);
  EXPECT_THAT(held(anchor)["members"], SizeIs(25));

  model::Export update = exporting(model::Operation::update, "Group", anchor);
  update.attributes = {change("displayName", one("Crew"), one("The crew"))};
  for (std::size_t i = 0; i < 20; ++i) update.references.push_back({"members", ids[i], "", false});
  update.references.push_back({"members", anchor, "", true});
  (void)sent(update);
  const model::Entry read = import().present[anchor];
  EXPECT_EQ(read.dn, "The crew");
  std::set<std::string> targets;
  for (const auto& reference : read.references) targets.insert(reference.target);
  std::set<std::string> wanted(ids.begin() + 20, ids.end());
  wanted.insert(anchor);
  EXPECT_EQ(targets, wanted);
}

TEST_F(ScimServiceTest, AFullImportPagesThroughAllOfIt) {
  std::vector<model::Export> adds;
  for (int i = 0; i < 57; ++i) adds.push_back(new_user("u" + std::to_string(i)));
  (void)send(adds);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{10}, std::size_t{19}, std::size_t{57}}) {
    Options made = options();
    made.page_size = size;
    connector_ = make(std::move(made));
    const Read read = import();
    EXPECT_THAT(read.present, SizeIs(57)) << size;
    EXPECT_TRUE(read.end.complete);
  }
  EXPECT_EQ(service_->count().users, 57U);
}

TEST_F(ScimServiceTest, ADeltaShowsWhatChangedAndNothingElse) {
  const std::string ada = sent(new_user("ada")).anchor;
  (void)sent(new_user("ben"));
  const Read first = import();
  ASSERT_FALSE(first.end.watermark.empty());
  EXPECT_TRUE(connector_->capabilities().delta_import);
  model::Export update = exporting(model::Operation::update, "User", ada);
  update.attributes = {change("title", {}, one("T"))};
  (void)sent(update);
  const Read second = import(first.end.watermark);
  EXPECT_FALSE(second.end.complete);
  ASSERT_TRUE(second.present.contains(ada));
  EXPECT_THAT(second.present.at(ada).attributes, Contains(Pair("title", one("T"))));
  // From far enough ahead there is nothing to see.
  EXPECT_THAT(import("since 2099-01-01T00:00:00Z").present, IsEmpty());
  try {
    (void)import("cookie of another directory");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.id(), "connector.watermark_refused");
  }
}

TEST_F(ScimServiceTest, FindGivesTheOneThatWasMeant) {
  const std::string ada = sent(new_user("ada")).anchor;
  (void)sent(new_user("adam"));
  const auto found = connector_->find("User", "externalId", std::string("x-ada"));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].anchor, ada);
  EXPECT_THAT(connector_->find("User", "externalId", std::string("x-nobody")), IsEmpty());
  EXPECT_THAT(connector_->find("User", "externalId", std::string("X-ADA")), IsEmpty());
  EXPECT_THAT(connector_->find("User", k_work_mail, std::string("ada@quay.example")), SizeIs(1));
  EXPECT_THAT(connector_->find("Group", "displayName", std::string("ünknown & co")), IsEmpty());
}

TEST_F(ScimServiceTest, ASecondUserOfThatNameIsAConflict) {
  (void)sent(new_user("ada"));
  const connector::Failed twin = failed(new_user("ADA"));
  EXPECT_EQ(twin.error.id(), "scim.uniqueness");
  EXPECT_EQ(twin.error.fault(), Fault::conflict);
  EXPECT_FALSE(twin.uncertain);
  EXPECT_FALSE(twin.error.hint().empty());
}

TEST_F(ScimServiceTest, ACreateWhoseReplyIsLostIsUncertainAndCanBeFound) {
  service_->fault(R"({"match":"POST /Users","drop":true,"times":1})");
  const connector::Failed lost = failed(new_user("ada"));
  EXPECT_TRUE(lost.uncertain);
  EXPECT_EQ(service_->requests("POST /Users"), 1U);
  EXPECT_THAT(connector_->find("User", "externalId", std::string("x-ada")), SizeIs(1));
}

TEST_F(ScimServiceTest, AnAddThatLooksFirstAdoptsWhatIsThere) {
  const std::string there = sent(new_user("ada")).anchor;
  const json before = held(there);
  std::vector<model::Export> adds{new_user("ada"), new_user("ben")};
  adds[0].attributes[0] = change("userName", {}, one("another name"));
  for (model::Export& each : adds) each.look_first = true;
  const auto outcomes = send(adds);
  const auto& adopted = std::get<connector::Sent>(outcomes.at(0));
  EXPECT_TRUE(adopted.was_there);
  EXPECT_EQ(adopted.anchor, there);
  EXPECT_EQ(held(there), before);
  EXPECT_FALSE(std::get<connector::Sent>(outcomes.at(1)).was_there);
  EXPECT_EQ(service_->requests("POST /Users"), 2U);
  EXPECT_EQ(service_->count().users, 2U);
}

TEST_F(ScimServiceTest, GarbageAfterACreateIsUncertainAndTheRestGoesOn) {
  service_->fault(R"({"match":"POST /Users","garbage":true,"times":1})");
  std::vector<model::Export> adds;
  for (int i = 0; i < 20; ++i) adds.push_back(new_user("u" + std::to_string(i)));
  const auto outcomes = send(adds);
  EXPECT_EQ(std::count_if(outcomes.begin(), outcomes.end(),
                          [](const auto& each) { return std::holds_alternative<connector::Failed>(each); }),
            1);
  for (const auto& each : outcomes) {
    const auto* lost = std::get_if<connector::Failed>(&each);
    EXPECT_TRUE(lost == nullptr || lost->uncertain);
  }
  EXPECT_EQ(service_->count().users, 20U);
}

TEST_F(ScimServiceTest, ThrottlingIsHonouredAndLeavesNoTrace) {
  service_->fault(R"({"match":"POST /Users","status":429,"retryAfter":0,"times":5})");
  std::vector<model::Export> adds;
  for (int i = 0; i < 20; ++i) adds.push_back(new_user("u" + std::to_string(i)));
  for (const auto& each : send(adds)) EXPECT_TRUE(std::holds_alternative<connector::Sent>(each));
  EXPECT_EQ(service_->count().users, 20U);
  EXPECT_EQ(service_->requests("POST /Users"), 25U);
}

TEST_F(ScimServiceTest, AnImportThatBreaksSaysSo) {
  (void)sent(new_user("ada"));
  (void)connector_->schema();
  (void)import();
  service_->fault(R"({"match":"GET /Groups","status":500,"times":-1})");
  EXPECT_THROW((void)import(), Error);
  service_->fault(R"({"match":"GET /Users","garbage":true,"times":-1})");
  EXPECT_THROW((void)import(), Error);
}

}  // namespace
}  // namespace linkspan::connector_scim
