// A connection that is cut after any byte, of requests or of answers, loses nothing and makes nothing twice.

#include <gtest/gtest.h>

#include <testkit/cut_points.h>
#include <testkit/relay.h>

#include "connector_graph/testing/graph_lab.h"

namespace linkspan::connector_graph {
namespace {

using Way = testkit::Relay::Way;
using testkit::cut_points;

/// The fake Graph behind a relay.
struct CutLab : GraphLab {
  explicit CutLab(testkit::GraphFakeOptions options = {}) : GraphLab(options), relay("127.0.0.1", fake.port()) {
    fake.show_as("http://127.0.0.1:" + std::to_string(relay.port()));
  }
  /// One request at a time, so that bytes come in the same order each time.
  std::unique_ptr<connector::Connector> connect_one_at_a_time() {
    Options made = options();
    made.concurrency = 1;
    made.http.max_attempts = 2;
    return connect(std::move(made));
  }
  testkit::Relay relay;
};

/// Exports by run after run, as the engine does: what is uncertain or was not sent is looked for when it is an add, and
/// sent again; members that are told apart are sent again. Graph is in reach again from the second run on.
class Runs {
 public:
  explicit Runs(CutLab& lab) : lab_(lab), connector_(lab.connect_one_at_a_time()) {}

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
      const std::string_view key = exports[i].object_type == "user" ? "onPremisesImmutableId" : "uniqueName";
      for (const auto& change : exports[i].attributes) {
        if (change.name != key) continue;
        const auto found = connector_->find(exports[i].object_type, key, change.after.front());
        ASSERT_LE(found.size(), 1U);
        if (found.empty()) continue;
        anchors[i] = found.front().anchor;
        left.erase(i);
      }
    }
  }

  void once(std::vector<model::Export>& exports, std::set<std::size_t>& left, std::vector<std::string>& anchors) {
    std::vector<model::Export> some;
    const std::vector<std::size_t> which(left.begin(), left.end());
    for (const std::size_t i : which) some.push_back(exports[i]);
    Results run = connector_graph::send(*connector_, some);
    if (run.thrown) {
      EXPECT_EQ(run.thrown->fault(), Fault::unavailable) << run.thrown->what();
    }
    has_failed_ = has_failed_ || run.thrown || run.sent() < some.size();
    for (const auto& [at, outcome] : run.outcomes) {
      const std::size_t i = which[at];
      const auto* sent = std::get_if<connector::Sent>(&outcome);
      if (sent == nullptr) continue;
      anchors[i] = sent->anchor;
      if (exports[i].operation == model::Operation::add) {
        EXPECT_FALSE(lab_.fake.get(sent->anchor).is_null());
      }
      if (sent->references_refused.empty()) {
        left.erase(i);
        continue;
      }
      has_failed_ = true;
      exports[i] = exporting(model::Operation::update, exports[i].object_type, sent->anchor);
      exports[i].references = sent->references_refused;
    }
  }

  CutLab& lab_;
  std::unique_ptr<connector::Connector> connector_;
  bool has_failed_ = false;
};

/// Adds, then changes, memberships and a manager, then a removal. What must be true afterwards is true.
void export_all(CutLab& lab) {
  const std::string old = lab.add_user("old");
  const std::string leaver = lab.add_user("leaver");
  const std::string crew = lab.add_group("crew", {leaver});
  Runs runs(lab);
  const auto made = runs.send({new_user("ada"), new_user("ben"), new_user("cleo"), new_group("deck")});
  ASSERT_EQ(std::set<std::string>(made.begin(), made.end()).size(), 4U);
  model::Export title = exporting(model::Operation::update, "user", old);
  title.attributes = {{"jobTitle", {}, one("Captain")}};
  title.references = {{"manager", made[0], "", true}};
  model::Export members = exporting(model::Operation::update, "group", crew);
  members.references = {{"members", leaver, "", false}};
  for (const std::string& id : {made[0], made[1], old}) members.references.push_back({"members", id, "", true});
  (void)runs.send({title, members});
  (void)runs.send({exporting(model::Operation::remove, "user", leaver)});
  EXPECT_EQ(lab.fake.count("user"), 4U);
  EXPECT_EQ(lab.fake.count("group"), 2U);
  EXPECT_EQ(lab.fake.get(old)["jobTitle"], "Captain");
  EXPECT_EQ(lab.fake.manager(old), made[0]);
  EXPECT_EQ(lab.fake.members(crew), (std::set<std::string>{made[0], made[1], old}));
}

void cut_exports(Way way) {
  CutLab undisturbed;
  export_all(undisturbed);
  for (const long at : cut_points(undisturbed.relay.passed(way), undisturbed.relay.marks(way))) {
    CutLab lab;
    lab.relay.cut_after(at, way);
    export_all(lab);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "cut at " << at;
  }
}

TEST(GraphCutTest, ExportWhoseRequestsAreCutAtAnyByteEndsAsItShould) { cut_exports(Way::to_server); }

TEST(GraphCutTest, ExportWhoseAnswersAreCutAtAnyByteEndsAsItShould) { cut_exports(Way::to_client); }

/// A tenant that was read whole, and has changed since.
struct ChangedTenant {
  ChangedTenant() : lab({.page_size = 4}) {
    for (int i = 0; i < 9; ++i) people.insert(lab.add_user("u" + std::to_string(i)));
    crew = lab.add_group("crew", people);
    const Read full = import(*lab.connect_one_at_a_time());
    EXPECT_EQ(full.last.size(), 10U);
    watermark = full.end.watermark;
    gone = *people.begin();
    lab.fake.remove(gone);
    people.erase(gone);
    lab.fake.set(*people.begin(), "city", "Bern");
  }
  CutLab lab;
  std::set<std::string> people;
  std::string crew, gone, watermark;
};

/// Cut once, and read again until it comes to an end.
void cut_import(ChangedTenant& tenant, long at, Way way, bool is_delta, std::size_t shown) {
  testkit::Relay& relay = tenant.lab.relay;
  const auto connector = tenant.lab.connect_one_at_a_time();
  relay.cut_after(at, way);
  std::optional<Read> read;
  for (int round = 0; round < 3 && !read; ++round) {
    try {
      read = import(*connector, is_delta ? tenant.watermark : std::string());
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::unavailable) << error.what();
    }
    relay.cut_after(-1);
    relay.mend();
  }
  ASSERT_TRUE(read.has_value()) << "cut at " << at;
  ASSERT_EQ(read->last.size(), shown) << "cut at " << at;
  EXPECT_EQ(read->references(tenant.crew, "members"), tenant.people) << "cut at " << at;
  EXPECT_EQ(read->text(*tenant.people.begin(), "city"), "Bern");
  EXPECT_EQ(read->is_gone(tenant.gone), is_delta);
}

void cut_imports(Way way, bool is_delta) {
  auto tenant = std::make_unique<ChangedTenant>();
  const long before = tenant->lab.relay.passed(way);
  const std::size_t marks_before = tenant->lab.relay.marks(way).size();
  const std::size_t shown =
      import(*tenant->lab.connect_one_at_a_time(), is_delta ? tenant->watermark : std::string()).last.size();
  std::vector<long> marks = tenant->lab.relay.marks(way);
  marks.erase(marks.begin(), marks.begin() + static_cast<std::ptrdiff_t>(marks_before));
  for (long& mark : marks) mark -= before;
  std::size_t cuts = 0;
  for (const long at : cut_points(tenant->lab.relay.passed(way) - before, marks)) {
    // What serves a connection stays until the end.
    if (++cuts % 200 == 0) tenant = std::make_unique<ChangedTenant>();
    cut_import(*tenant, at, way, is_delta, shown);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(GraphCutTest, ImportThatIsCutAtAnyByteShowsAllOrConcludesNothing) {
  cut_imports(Way::to_server, /*is_delta=*/false);
  cut_imports(Way::to_client, /*is_delta=*/false);
}

TEST(GraphCutTest, DeltaThatIsCutAtAnyByteShowsAllThatChanged) {
  cut_imports(Way::to_server, /*is_delta=*/true);
  cut_imports(Way::to_client, /*is_delta=*/true);
}

}  // namespace
}  // namespace linkspan::connector_graph
