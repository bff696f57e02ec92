// A connection that is cut after any byte of the answers loses nothing and makes nothing twice.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>

#include <testkit/relay.h>
#include <testkit/scim_fake.h>

#include "base/error.h"
#include "connector_scim/internal/make.h"
#include "connector_scim/internal/settings.h"

namespace linkspan::connector_scim {
namespace {

using testkit::ScimFake;

model::Values one(std::string value) { return {model::Value(std::move(value))}; }

/// The strict service behind a relay.
struct CutLab {
  explicit CutLab(testkit::ScimFakeOptions options = {}) : fake(options), relay("127.0.0.1", fake.port()) {}

  std::unique_ptr<connector::Connector> connect() {
    connector::Secrets secrets;
    secrets.emplace("token", vault::Secret::from(ScimFake::token()));
    Options options =
        parse_settings({{"url", {"http://127.0.0.1:" + std::to_string(relay.port()) + "/v2"}}}, std::move(secrets), {});
    options.http.first_delay = std::chrono::milliseconds(1);
    return make_connector(std::move(options), logger);
  }

  ScimFake fake;
  testkit::Relay relay;
  QuietLogger logger;
};

std::vector<model::Export> three_users() {
  std::vector<model::Export> all;
  for (const char* name : {"ada", "ben", "cleo"}) {
    model::Export made;
    made.operation = model::Operation::add;
    made.object_type = "User";
    made.attributes = {{"userName", {}, one(name)}, {"externalId", {}, one(std::string("g-") + name)}};
    all.push_back(std::move(made));
  }
  return all;
}

/// As one export after the other does, the service in reach again from the second on: what is uncertain or was not sent
/// is looked for, and sent again when it is not there. Answers how many objects there are then.
std::size_t send_until_sent(CutLab& lab, const std::vector<model::Export>& exports) {
  const auto connector = lab.connect();
  std::map<std::size_t, std::string> anchors;
  for (int round = 0; round < 6 && anchors.size() < exports.size(); ++round) {
    if (round > 0) lab.relay.mend();
    std::vector<model::Export> left;
    std::vector<std::size_t> which;
    for (std::size_t i = 0; i < exports.size(); ++i) {
      if (anchors.contains(i)) continue;
      if (round > 0) {
        const auto found = connector->find("User", "externalId", exports[i].attributes[1].after.front());
        if (!found.empty()) anchors[i] = found.front().anchor;
      }
      if (anchors.contains(i)) continue;
      left.push_back(exports[i]);
      which.push_back(i);
    }
    try {
      connector->send(left,
                      [&](std::size_t at, const connector::Outcome& outcome) {
                        if (const auto* sent = std::get_if<connector::Sent>(&outcome))
                          anchors[which[at]] = sent->anchor;
                      },
                      {});
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::unavailable) << error.what();
    }
  }
  std::set<std::string> distinct;
  for (const auto& [at, anchor] : anchors) distinct.insert(anchor);
  return distinct.size();
}

TEST(ScimCutTest, ExportThatIsCutAtAnyByteMakesEachUserOnce) {
  long all = 0;
  {
    CutLab lab;
    ASSERT_EQ(send_until_sent(lab, three_users()), 3U);
    all = lab.relay.received();
  }
  for (long at = 0; at < all; at += all / 40 + 1) {
    CutLab lab;
    lab.relay.cut_after(at);
    EXPECT_EQ(send_until_sent(lab, three_users()), 3U) << "cut at " << at;
    EXPECT_EQ(lab.fake.size("Users"), 3U) << "cut at " << at;
  }
}

TEST(ScimCutTest, ImportThatIsCutAtAnyByteShowsAllOrConcludesNothing) {
  for (const bool by_cursor : {false, true}) {
    CutLab lab({.cursor = by_cursor, .index = !by_cursor, .most_per_page = 4});
    for (int i = 0; i < 11; ++i) lab.fake.add("Users", {{"userName", "u" + std::to_string(i)}});
    const auto read = [&](connector::Connector& connector) {
      std::set<std::string> seen;
      const auto reading = connector.import({}, {});
      std::vector<model::Observation> batch;
      while (reading->next(batch)) {
        for (const auto& each : batch) seen.insert(each.entry.anchor);
      }
      EXPECT_TRUE(reading->end().complete);
      return seen.size();
    };
    ASSERT_EQ(read(*lab.connect()), 11U);
    const long all = lab.relay.received();
    for (long at = 0; at < all; at += all / 40 + 1) {
      const auto connector = lab.connect();
      lab.relay.cut_after(at);
      std::size_t seen = 0;
      for (int round = 0; round < 3 && seen == 0; ++round) {
        try {
          seen = read(*connector);
        } catch (const Error& error) {
          EXPECT_EQ(error.fault(), Fault::unavailable) << error.what();
        }
        lab.relay.cut_after(-1);
        lab.relay.mend();
      }
      EXPECT_EQ(seen, 11U) << "cut at " << at << (by_cursor ? " by cursor" : "");
    }
  }
}

}  // namespace
}  // namespace linkspan::connector_scim
