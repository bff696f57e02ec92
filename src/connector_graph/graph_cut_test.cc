// A connection that is cut after any byte of the answers loses nothing and makes nothing twice.

#include <gtest/gtest.h>

#include <testkit/relay.h>

#include "connector_graph/testing/graph_lab.h"

namespace linkspan::connector_graph {
namespace {

/// The fake Graph behind a relay.
struct CutLab : GraphLab {
  explicit CutLab(testkit::GraphFakeOptions options = {}) : GraphLab(options), relay("127.0.0.1", fake.port()) {
    fake.show_as("http://127.0.0.1:" + std::to_string(relay.port()));
  }
  testkit::Relay relay;
};

/// As one export after the other does, Graph in reach again from the second on: what is uncertain or was not sent is
/// looked for, and sent again when it is not there. Answers the anchors of all.
std::set<std::string> send_until_sent(CutLab& lab, const std::vector<model::Export>& exports) {
  const auto connector = lab.connect();
  std::map<std::size_t, std::string> anchors;
  for (int round = 0; round < 6 && anchors.size() < exports.size(); ++round) {
    if (round > 0) lab.relay.mend();
    std::vector<model::Export> left;
    std::vector<std::size_t> which;
    for (std::size_t i = 0; i < exports.size(); ++i) {
      if (anchors.contains(i)) continue;
      const bool is_user = exports[i].object_type == "user";
      const std::string_view key = is_user ? "onPremisesImmutableId" : "uniqueName";
      for (const auto& change : exports[i].attributes) {
        if (round == 0 || change.name != key) continue;
        const auto found = connector->find(exports[i].object_type, key, change.after.front());
        if (!found.empty()) anchors[i] = found.front().anchor;
      }
      if (anchors.contains(i)) continue;
      left.push_back(exports[i]);
      which.push_back(i);
    }
    const Results run = send(*connector, left);
    for (const auto& [at, outcome] : run.outcomes) {
      if (const auto* done = std::get_if<connector::Sent>(&outcome)) anchors[which[at]] = done->anchor;
    }
  }
  std::set<std::string> made;
  for (const auto& [at, anchor] : anchors) made.insert(anchor);
  return made;
}

const std::vector<model::Export>& three_and_a_group() {
  static const std::vector<model::Export> all{new_user("ada"), new_user("ben"), new_user("cleo"), new_group("crew")};
  return all;
}

TEST(GraphCutTest, ExportThatIsCutAtAnyByteMakesEachObjectOnce) {
  long all = 0;
  {
    CutLab lab;
    ASSERT_EQ(send_until_sent(lab, three_and_a_group()).size(), 4U);
    all = lab.relay.received();
  }
  for (long at = 0; at < all; at += all / 40 + 1) {
    CutLab lab;
    lab.relay.cut_after(at);
    EXPECT_EQ(send_until_sent(lab, three_and_a_group()).size(), 4U) << "cut at " << at;
    EXPECT_EQ(lab.fake.count("user"), 3U) << "cut at " << at;
    EXPECT_EQ(lab.fake.count("group"), 1U) << "cut at " << at;
  }
}

TEST(GraphCutTest, ImportThatIsCutAtAnyByteShowsAllOrConcludesNothing) {
  testkit::GraphFakeOptions small;
  small.page_size = 4;
  CutLab lab(small);
  std::set<std::string> people;
  for (int i = 0; i < 9; ++i) people.insert(lab.add_user("u" + std::to_string(i)));
  const std::string crew = lab.add_group("crew", people);
  const auto whole = lab.connect();
  const Read full = import(*whole);
  ASSERT_EQ(full.last.size(), 10U);
  const std::string gone = *people.begin();
  lab.fake.remove(gone);
  people.erase(gone);
  lab.fake.set(*people.begin(), "city", "Bern");
  for (const std::string& since : {std::string(), full.end.watermark}) {
    const long before = lab.relay.received();
    const Read undisturbed = import(*lab.connect(), since);
    const long all = lab.relay.received() - before;
    for (long at = 0; at < all; at += all / 40 + 1) {
      const auto connector = lab.connect();
      lab.relay.cut_after(at);
      std::optional<Read> read;
      for (int round = 0; round < 3 && !read; ++round) {
        try {
          read = import(*connector, since);
        } catch (const Error& error) {
          EXPECT_EQ(error.fault(), Fault::unavailable) << error.what();
        }
        lab.relay.cut_after(-1);
        lab.relay.mend();
      }
      ASSERT_TRUE(read.has_value()) << "cut at " << at;
      ASSERT_EQ(read->last.size(), undisturbed.last.size()) << "cut at " << at;
      EXPECT_EQ(read->references(crew, "members"), people) << "cut at " << at;
      EXPECT_EQ(read->text(*people.begin(), "city"), "Bern");
      EXPECT_EQ(read->is_gone(gone), !since.empty());
    }
  }
}

}  // namespace
}  // namespace linkspan::connector_graph
