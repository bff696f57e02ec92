#include "transfer/upgrade.h"

#include <vector>

#include "sql/inspect.h"
#include "sql/open.h"
#include "store_sql/schema.h"
#include "transfer/testing/transfer_fixture.h"

namespace linkspan::transfer {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class UpgradeTest : public TransferTest {
 protected:
  std::vector<Place> both() { return {filled(sqlite("state.db"), 20), filled(postgresql(), 20)}; }

  /// What a later version of the program would bring.
  static std::vector<sql::Migration> later(const Place& place) {
    const auto own = store_sql::migrations(sql::DatabaseUrl::parse(place.url).dialect);
    std::vector<sql::Migration> migrations(own.begin(), own.end());
    const int next = own.back().number + 1;
    migrations.push_back({.number = next, .name = "pier", .sql = "CREATE TABLE pier (id bigint PRIMARY KEY)"});
    migrations.push_back({.number = next + 1, .name = "berth", .sql = "CREATE TABLE berth (id bigint PRIMARY KEY)"});
    return migrations;
  }

  static std::unique_ptr<sql::Database> open(const Place& place) {
    return sql::open(sql::DatabaseUrl::parse(place.url));
  }
};

TEST_F(UpgradeTest, AppliesWhatIsMissingAndANewerSchemaIsRefused) {
  for (const Place& place : both()) {
    SCOPED_TRACE(place.url);
    EXPECT_THAT(look_at_upgrade(place).migrations, IsEmpty());
    EXPECT_THAT(upgrade(place).migrations, IsEmpty());
    const auto migrations = later(place);
    const Upgrade found = look_at_upgrade(place, migrations);
    EXPECT_EQ(found.migrations.size(), 2U);
    EXPECT_EQ(found.to, found.from + 2);
    EXPECT_THAT(sql::table_names(*open(place)), Not(Contains("pier")));
    const Upgrade done = upgrade(place, {}, migrations);
    EXPECT_EQ(done.migrations, found.migrations);
    EXPECT_THAT(sql::table_names(*open(place)), Contains("berth"));
    EXPECT_THAT(look_at_upgrade(place, migrations).migrations, IsEmpty());
    EXPECT_EQ(id_thrown_by([&] { (void)look_at_upgrade(place); }), "sql.newer_schema");
    EXPECT_EQ(id_thrown_by([&] { (void)upgrade(place); }), "sql.newer_schema");
  }
}

TEST_F(UpgradeTest, WaitsForNobodyWhoIsAtWork) {
  const Place place = filled(sqlite("state.db"), 5);
  const auto service = store_sql::open_store(place.url, {});
  (void)service->operations().acquire("quay:4711", std::chrono::hours(1));
  EXPECT_EQ(id_thrown_by([&] { (void)upgrade(place, {}, later(place)); }), "transfer.lease_held");
  EXPECT_THAT(sql::table_names(*open(place)), Not(Contains("pier")));
}

TEST_F(UpgradeTest, StoppedInBetweenItGoesOnWithTheNextCall) {
  const Place place = filled(sqlite("state.db"), 5);
  const auto migrations = later(place);
  std::stop_source stop;
  Job job{.stop = stop.get_token()};
  job.at_step = [&](std::string_view) { stop.request_stop(); };
  EXPECT_EQ(id_thrown_by([&] { (void)upgrade(place, job, migrations); }), "transfer.cancelled");
  EXPECT_THAT(sql::table_names(*open(place)), Contains("pier"));
  EXPECT_THAT(upgrade(place, {}, migrations).migrations, ElementsAre(::testing::EndsWith(" berth")));
  EXPECT_THAT(sql::table_names(*open(place)), Contains("berth"));
}

TEST_F(UpgradeTest, PrunesOldHistoryAndStandInsThatNothingRefersTo) {
  for (const Place& place : both()) {
    SCOPED_TRACE(place.url);
    const auto database = open(place);
    // Two stand-ins: the first one is referred to, the second one is not.
    for (const char* id : {"900001", "900002"}) {
      database->execute(
          std::string("INSERT INTO connector_object (id, connector_id, dn, type, state, link_rule, desired, "
                      "pending, pending_references, touched) VALUES (") +
          id + ", 1, 'cn=gone', 1, 0, 0, 0, 0, 0, 0)");
    }
    database->execute(
        "INSERT INTO connector_reference (object_id, attribute_id, target_id, bits, pending) VALUES (1, 1, 900001, 1, "
        "0)");
    database->execute("UPDATE sequence SET next_id = 900003 WHERE name = 'connector_object'");
    const auto count = [&](const char* statement) { return sql::query_integer(*database, statement).value(); };
    const std::int64_t runs = count("SELECT count(*) FROM run WHERE result <> ''");
    ASSERT_GT(runs, 0);
    EXPECT_EQ(prune(place, {.history = std::chrono::years(100)}).runs, 0);
    EXPECT_EQ(count("SELECT count(*) FROM connector_object WHERE id > 900000"), 1);
    EXPECT_EQ(count("SELECT count(*) FROM connector_object WHERE id = 900001"), 1);
    EXPECT_EQ(prune(place, {.history = std::chrono::seconds(0)}).runs, runs);
    EXPECT_EQ(count("SELECT count(*) FROM run WHERE result <> ''"), 0);
    expect_sound(place);
  }
}

TEST_F(UpgradeTest, PruningTakesTheRoomOfAnSqliteFileBack) {
  const Place place = filled(sqlite("state.db"), 300);
  open(place)->execute("DELETE FROM connector_image; DELETE FROM connector_object_key");
  const Pruned pruned = prune(place, {.history = std::chrono::days(7)});
  EXPECT_LT(pruned.bytes_after, pruned.bytes_before * 3 / 4);
}

TEST_F(UpgradeTest, PruningLeavesWhoIsAtWorkAlone) {
  const Place place = filled(sqlite("state.db"), 5);
  const auto service = store_sql::open_store(place.url, {});
  (void)service->operations().acquire("quay:4711", std::chrono::hours(1));
  EXPECT_EQ(id_thrown_by([&] { (void)prune(place, {}); }), "transfer.lease_held");
}

}  // namespace
}  // namespace linkspan::transfer
