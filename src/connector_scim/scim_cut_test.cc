// A connection that is cut after any byte, of requests or of answers, loses nothing and makes nothing twice.

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>

#include <testkit/cut_points.h>
#include <testkit/relay.h>
#include <testkit/scim_fake.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "connector_scim/internal/make.h"
#include "connector_scim/internal/settings.h"

namespace linkspan::connector_scim {
namespace {

using Way = testkit::Relay::Way;
using testkit::cut_points;
using testkit::ScimFake;

model::Values one(std::string value) { return {model::Value(std::move(value))}; }

/// The strict service behind a relay.
struct CutLab {
  explicit CutLab(testkit::ScimFakeOptions options = {}) : fake(options), relay("127.0.0.1", fake.port()) {}

  /// One request at a time, so that bytes come in the same order each time.
  std::unique_ptr<connector::Connector> connect(std::size_t concurrency = 1) {
    connector::Secrets secrets;
    secrets.emplace("token", vault::Secret::from(ScimFake::token()));
    Options options =
        parse_settings({{"url", {"http://127.0.0.1:" + std::to_string(relay.port()) + "/v2"}}}, std::move(secrets), {});
    options.http.first_delay = std::chrono::milliseconds(1);
    options.http.max_attempts = 2;
    options.concurrency = concurrency;
    options.member_batch = 2;
    return make_connector(std::move(options), logger);
  }

  ScimFake fake;
  testkit::Relay relay;
  QuietLogger logger;
};

model::Export exporting(model::Operation operation, std::string type, std::string anchor = {}) {
  model::Export made;
  made.operation = operation;
  made.object_type = std::move(type);
  made.anchor = std::move(anchor);
  return made;
}

model::Export new_object(const std::string& type, const std::string& name) {
  model::Export made = exporting(model::Operation::add, type);
  made.attributes = {{"externalId", {}, one("g-" + name)},
                     {type == "User" ? "userName" : "displayName", {}, one(name)}};
  return made;
}

/// Exports by run after run, as the engine does: what is uncertain or was not sent is looked for when it is an add, and
/// sent again; members that are told apart are sent again. The service is in reach again from the second run on.
class Runs {
 public:
  explicit Runs(CutLab& lab, std::size_t concurrency) : lab_(lab), connector_(lab.connect(concurrency)) {}

  /// Answers the anchors.
  std::vector<std::string> send(std::vector<model::Export> exports) {
    std::vector<std::string> anchors(exports.size());
    std::set<std::size_t> left;
    for (std::size_t i = 0; i < exports.size(); ++i) left.insert(i);
    for (int run = 0; run < 6 && !left.empty(); ++run) {
      if (has_failed_) look_for(exports, left, anchors);
      once(exports, left, anchors);
    }
    EXPECT_TRUE(left.empty()) << "never told as done";
    return anchors;
  }

 private:
  void look_for(const std::vector<model::Export>& exports, std::set<std::size_t>& left,
                std::vector<std::string>& anchors) {
    lab_.relay.mend();
    for (const std::size_t i : std::set<std::size_t>(left)) {
      if (exports[i].operation != model::Operation::add) continue;
      const auto found = connector_->find(exports[i].object_type, "externalId", exports[i].attributes[0].after.front());
      ASSERT_LE(found.size(), 1U);
      if (found.empty()) continue;
      anchors[i] = found.front().anchor;
      left.erase(i);
    }
  }

  void once(std::vector<model::Export>& exports, std::set<std::size_t>& left, std::vector<std::string>& anchors) {
    std::vector<model::Export> some;
    const std::vector<std::size_t> which(left.begin(), left.end());
    for (const std::size_t i : which) some.push_back(exports[i]);
    const auto take = [&](std::size_t at, const connector::Outcome& outcome) {
      const std::size_t i = which[at];
      if (const auto* failed = std::get_if<connector::Failed>(&outcome)) {
        EXPECT_EQ(failed->error.fault(), Fault::unavailable) << failed->error.what();
        has_failed_ = true;
        return;
      }
      const auto& sent = std::get<connector::Sent>(outcome);
      anchors[i] = sent.anchor;
      if (exports[i].operation == model::Operation::add) {
        EXPECT_FALSE(lab_.fake.get(sent.anchor).is_null());
      }
      if (sent.references_refused.empty()) {
        left.erase(i);
        return;
      }
      has_failed_ = true;
      exports[i] = exporting(model::Operation::update, exports[i].object_type, sent.anchor);
      exports[i].references = sent.references_refused;
    };
    try {
      connector_->send(some, take, {});
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::unavailable) << error.what();
      has_failed_ = true;
    }
  }

  CutLab& lab_;
  std::unique_ptr<connector::Connector> connector_;
  bool has_failed_ = false;
};

/// Adds, then changes and memberships, then a removal. What must be true afterwards is true.
void export_all(CutLab& lab, std::size_t concurrency) {
  const std::string old = lab.fake.add("Users", {{"userName", "old"}, {"externalId", "g-old"}});
  const std::string leaver = lab.fake.add("Users", {{"userName", "leaver"}, {"externalId", "g-leaver"}});
  const std::string crew = lab.fake.add("Groups", {{"displayName", "crew"}, {"members", {{{"value", leaver}}}}});
  Runs runs(lab, concurrency);
  const auto made = runs.send({new_object("User", "ada"), new_object("User", "ben"), new_object("Group", "deck")});
  ASSERT_EQ(std::set<std::string>(made.begin(), made.end()).size(), 3U);
  model::Export title = exporting(model::Operation::update, "User", old);
  title.attributes = {{"title", {}, one("Captain")}};
  model::Export members = exporting(model::Operation::update, "Group", crew);
  members.references = {{"members", leaver, "", false}};
  for (const std::string& id : {made[0], made[1], old}) members.references.push_back({"members", id, "", true});
  (void)runs.send({title, members});
  (void)runs.send({exporting(model::Operation::remove, "User", leaver)});
  EXPECT_EQ(lab.fake.size("Users"), 3U);
  EXPECT_EQ(lab.fake.size("Groups"), 2U);
  EXPECT_EQ(lab.fake.get(old)["title"], "Captain");
  std::multiset<std::string> there;
  const nlohmann::json group = lab.fake.get(crew);
  for (const auto& each : group.value("members", nlohmann::json::array())) there.insert(each["value"]);
  EXPECT_EQ(there, (std::multiset<std::string>{made[0], made[1], old}));
}

void cut_exports(Way way, std::size_t concurrency) {
  CutLab undisturbed;
  export_all(undisturbed, concurrency);
  for (const long at : cut_points(undisturbed.relay.passed(way), undisturbed.relay.marks(way))) {
    CutLab lab;
    lab.relay.cut_after(at, way);
    export_all(lab, concurrency);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "cut at " << at;
  }
}

TEST(ScimCutTest, ExportWhoseRequestsAreCutAtAnyByteEndsAsItShould) { cut_exports(Way::to_server, 1); }

TEST(ScimCutTest, ExportWhoseAnswersAreCutAtAnyByteEndsAsItShould) { cut_exports(Way::to_client, 1); }

TEST(ScimCutTest, ExportThatIsCutWithSeveralRequestsInFlightEndsAsItShould) { cut_exports(Way::to_client, 4); }

/// What an import showed: the title of each, or of a group its members.
using Shown = std::map<std::string, std::string>;

Shown read(connector::Connector& connector, std::string& watermark) {
  Shown shown;
  const auto reading = connector.import({watermark}, {});
  std::vector<model::Observation> batch;
  while (reading->next(batch)) {
    for (const auto& each : batch) {
      std::string& what = shown[each.entry.anchor];
      what.clear();
      for (const auto& [name, values] : each.entry.attributes) {
        if (name == "title") what += model::to_text(values.front());
      }
      for (const auto& reference : each.entry.references) what += " " + reference.target;
    }
  }
  const connector::ImportEnd end = reading->end();
  EXPECT_EQ(end.complete, watermark.empty());
  watermark = end.watermark;
  return shown;
}

/// A service, and where a delta begins; empty = all is read.
struct Prepared {
  explicit Prepared(testkit::ScimFakeOptions options) : lab(options) {}
  CutLab lab;
  std::string since;
};

void cut_imports(const std::function<std::unique_ptr<Prepared>()>& prepare) {
  for (const Way way : {Way::to_server, Way::to_client}) {
    auto service = prepare();
    const long before = service->lab.relay.passed(way);
    const std::size_t marks_before = service->lab.relay.marks(way).size();
    std::string next = service->since;
    const Shown undisturbed = read(*service->lab.connect(), next);
    std::vector<long> marks = service->lab.relay.marks(way);
    marks.erase(marks.begin(), marks.begin() + static_cast<std::ptrdiff_t>(marks_before));
    for (long& mark : marks) mark -= before;
    std::size_t cuts = 0;
    for (const long at : cut_points(service->lab.relay.passed(way) - before, marks)) {
      // What serves a connection stays until the end.
      if (++cuts % 200 == 0) service = prepare();
      const auto connector = service->lab.connect();
      service->lab.relay.cut_after(at, way);
      std::optional<Shown> shown;
      std::string watermark;
      for (int run = 0; run < 3 && !shown; ++run) {
        watermark = service->since;
        try {
          shown = read(*connector, watermark);
        } catch (const Error& error) {
          EXPECT_EQ(error.fault(), Fault::unavailable) << error.what();
        }
        service->lab.relay.cut_after(-1);
        service->lab.relay.mend();
      }
      ASSERT_TRUE(shown.has_value()) << "cut at " << at;
      ASSERT_EQ(*shown, undisturbed) << "cut at " << at;
      EXPECT_EQ(watermark, next) << "cut at " << at;
    }
  }
}

TEST(ScimCutTest, ImportThatIsCutAtAnyByteShowsAllOrConcludesNothing) {
  for (const bool by_cursor : {false, true}) {
    cut_imports([&] {
      auto made = std::make_unique<Prepared>(
          testkit::ScimFakeOptions{.cursor = by_cursor, .index = !by_cursor, .most_per_page = 4});
      std::vector<std::string> ids(9);
      for (std::size_t i = 0; i < 9; ++i) ids[i] = made->lab.fake.add("Users", {{"userName", "u" + std::to_string(i)}});
      made->lab.fake.add("Groups", {{"displayName", "crew"}, {"members", {{{"value", ids[1]}}, {{"value", ids[7]}}}}});
      return made;
    });
  }
}

TEST(ScimCutTest, DeltaThatIsCutAtAnyByteShowsAllThatChanged) {
  cut_imports([] {
    auto made = std::make_unique<Prepared>(testkit::ScimFakeOptions{.most_per_page = 4});
    std::vector<std::string> ids(11);
    for (std::size_t i = 0; i < 11; ++i) ids[i] = made->lab.fake.add("Users", {{"userName", "u" + std::to_string(i)}});
    EXPECT_EQ(read(*made->lab.connect(), made->since).size(), 11U);
    std::vector<model::Export> changes(6);
    for (std::size_t i = 0; i < 6; ++i) {
      changes[i] = exporting(model::Operation::update, "User", ids[i]);
      changes[i].attributes = {{"title", {}, one("Mate " + std::to_string(i))}};
    }
    made->lab.connect()->send(changes, [](std::size_t, const connector::Outcome&) {}, {});
    std::string since = made->since;
    EXPECT_EQ(read(*made->lab.connect(), since).at(ids[5]), "Mate 5");
    return made;
  });
}

}  // namespace
}  // namespace linkspan::connector_scim
