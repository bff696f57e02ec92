#include "sql/migrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "sql/test_migrations.h"
#include "sql/testing/backends.h"

namespace linkspan::sql {
namespace {

using testing::id_thrown_by;
using testing::Kind;

class MigrateTest : public testing::DatabaseTest {
 protected:
  // `a` refers to itself through `b`, so that rebuilding it is what a real migration has to do on SQLite.
  const std::vector<Migration> k_two{
      {1, "first",
       "CREATE TABLE a (id bigint PRIMARY KEY, name text); CREATE TABLE b (a bigint REFERENCES a (id) ON DELETE "
       "CASCADE);"},
      {2, "second", "INSERT INTO a (id, name) VALUES (1, 'it''s; one'); INSERT INTO b (a) VALUES (1);\n-- done"}};
};

TEST_P(MigrateTest, AppliesWhatIsPendingOnceAndInOrder) {
  EXPECT_EQ(schema_version(*db_), 0);
  EXPECT_EQ(pending_migrations(*db_, k_two).size(), 2U);
  EXPECT_EQ(migrate(*db_, std::span(k_two).first(1)), 1);
  EXPECT_EQ(schema_version(*db_), 1);
  EXPECT_EQ(migrate(*db_, k_two), 1);
  EXPECT_EQ(migrate(*db_, k_two), 0);
  EXPECT_EQ(schema_version(*db_), 2);
  EXPECT_EQ(query_integer(*db_, "SELECT count(*) FROM a"), 1);
  EXPECT_GT(query_integer(*db_, "SELECT min(applied_at) FROM schema_migration"), 1'600'000'000'000'000);
}

TEST_P(MigrateTest, FilesAreEmbeddedAsTheyStand) {
  EXPECT_EQ(migrate(*db_, test_migrations()), 2);
  EXPECT_EQ(query_row(*db_, "SELECT word FROM odd")->front(), Value("a;b [c] ${d} @e@ \"f\" \\g #h"));
  EXPECT_EQ(query_row(*db_, "SELECT name FROM schema_migration WHERE number = 2")->front(), Value("second"));
}

TEST_P(MigrateTest, AFailedMigrationLeavesNothingOfItselfAndKeepsTheEarlier) {
  auto list = k_two;
  list[1].sql = "CREATE TABLE c (id bigint); INSERT INTO nowhere VALUES (1);";
  EXPECT_EQ(id_thrown_by([&] { migrate(*db_, list); }), "sql.migration_failed");
  EXPECT_EQ(schema_version(*db_), 1);
  list[1].sql = "CREATE TABLE c (id bigint);";
  EXPECT_EQ(migrate(*db_, list), 1);
}

TEST_P(MigrateTest, RefusesANewerSchema) {
  migrate(*db_, k_two);
  const std::span<const Migration> older = std::span(k_two).first(1);
  EXPECT_EQ(id_thrown_by([&] { (void)pending_migrations(*db_, older); }), "sql.newer_schema");
  EXPECT_EQ(id_thrown_by([&] { migrate(*db_, older); }), "sql.newer_schema");
}

TEST_P(MigrateTest, RefusesAMigrationThatWasChangedAfterItWasApplied) {
  migrate(*db_, k_two);
  auto changed = k_two;
  changed[0].sql = "CREATE TABLE other (id bigint);";
  EXPECT_EQ(id_thrown_by([&] { migrate(*db_, changed); }), "sql.migration_changed");
}

TEST_P(MigrateTest, ATableMayBeRebuiltWithoutLosingWhatRefersToIt) {
  if (is_postgresql()) GTEST_SKIP() << "only SQLite rebuilds tables";
  auto list = k_two;
  list.push_back({3, "rebuild",
                  "CREATE TABLE a2 (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO a2 SELECT * FROM a; "
                  "DROP TABLE a; ALTER TABLE a2 RENAME TO a;"});
  EXPECT_EQ(migrate(*db_, list), 3);
  EXPECT_EQ(query_integer(*db_, "SELECT count(*) FROM b"), 1);
  list.push_back({4, "orphan", "DELETE FROM a;"});
  EXPECT_EQ(id_thrown_by([&] { migrate(*db_, list); }), "sql.migration_failed");
  EXPECT_EQ(id_thrown_by([&] { db_->run("INSERT INTO b (a) VALUES (77)"); }), "sql.constraint");  // on again
}

TEST_P(MigrateTest, SeveralProgramsMayMigrateAtOnce) {
  if (GetParam() == Kind::sqlite_memory) GTEST_SKIP() << "one connection only";
  std::vector<int> applied(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < applied.size(); ++i) {
      threads.emplace_back([&, i] { applied[i] = migrate(*fresh_->open(), k_two); });
    }
  }
  EXPECT_EQ(applied[0] + applied[1] + applied[2] + applied[3], 2);
  EXPECT_EQ(query_integer(*db_, "SELECT count(*) FROM a"), 1);
}

INSTANTIATE_TEST_SUITE_P(Each, MigrateTest, ::testing::Values(Kind::sqlite_file, Kind::sqlite_memory, Kind::postgresql),
                         testing::kind_name);

}  // namespace
}  // namespace linkspan::sql
