// The SQL Server driver on a stub that speaks TDS: what it sends, and what it makes of failures. What a server does
// with it is for the contract suites, where LINKSPAN_TEST_SQLSERVER_URL names one.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <testkit/tds_stub.h>

#include "sql/heavy_work.h"
#include "sql/inspect.h"
#include "sql/row_batch.h"
#include "sql/testing/backends.h"
#include "sql/testing/golden.h"

namespace linkspan::sql {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using testing::id_thrown_by;
using testkit::TdsStub;

const Table k_pet{"pet", {{"owner", Role::key}, {"kind", Role::key}, {"made", Role::initial}, {"note"}}};
const Table k_pet_note{"pet", {{"owner", Role::key}, {"kind", Role::key}, {"note"}}};
const Table k_pet_key{"pet", {{"owner", Role::key}, {"kind", Role::key}}};

// The stub's answers: those given, then what every session asks.
json script(json answers, int snapshots = 1) {
  answers.push_back(
      {{"match", "snapshot_isolation_state"}, {"columns", {"state:int"}}, {"rows", json::array({{snapshots}})}});
  answers.push_back({{"match", R"(^SELECT "owner", "kind", "made", "note" FROM "pet" WHERE 1 = 0)"},
                     {"columns", {"owner:bigint", "kind:varbinary", "made:bigint", "note:nvarchar"}},
                     {"rows", json::array()}});
  answers.push_back({{"match", R"(^SELECT "owner", "kind", "note" FROM "pet" WHERE 1 = 0)"},
                     {"columns", {"owner:bigint", "kind:varbinary", "note:nvarchar"}},
                     {"rows", json::array()}});
  answers.push_back({{"match", R"(^SELECT "owner", "kind" FROM "pet" WHERE 1 = 0)"},
                     {"columns", {"owner:bigint", "kind:varbinary"}},
                     {"rows", json::array()}});
  return {{"answers", std::move(answers)}};
}

std::unique_ptr<Database> open(const TdsStub& stub, OpenOptions options = {}) {
  options.connect_wait = std::chrono::seconds(60);  // the machine may be busy
  options.password = "none";
  return sql::open(DatabaseUrl::parse(stub.url("&encrypt=no")), options);
}

TEST(SqlServerDatabaseTest, SendsWhatIsKept) {
  const TdsStub stub(script({{{"match", "SYSUTCDATETIME"}, {"columns", {"now:bigint"}}, {"rows", {{17}}}},
                             {{"match", "sp_getapplock"}, {"columns", {"got:int"}}, {"rows", {{0}}}}}));
  {
    const auto database = open(stub);
    EXPECT_EQ(database_time(*database), Time(std::chrono::microseconds(17)));
    (void)table_names(*database);
    (void)database_bytes(*database);
    ensure_table(*database, "linkspan_thing", {{"id", ColumnKind::integer}, {"name", ColumnKind::text}});
    using enum ColumnKind;
    ensure_table(*database, "linkspan_thing_part", {{"name", name}, {"position", integer}, {"definition", text}}, 2);
    (void)view_names(*database);
    (void)most_bytes(*database);
    EXPECT_TRUE(has_snapshots(*database));
    EXPECT_EQ(server_facts(*database, DatabaseUrl::parse(stub.url("&encrypt=no"))).link, "in clear, on this machine");
    prepare_for_heavy_work(*database);
    EXPECT_TRUE(try_lock_alone(*database));
    make_commits_durable(*database);
    const std::vector<ValueView> rows{std::int64_t{1}, BlobView("cat"), std::int64_t{7}, "first",
                                      std::int64_t{2}, BlobView("dog"), ValueView(),     ValueView()};
    const std::vector<ValueView> keys{std::int64_t{1}, BlobView("cat"), std::int64_t{2}, ValueView()};
    {
      Transaction transaction(*database);
      database->insert(k_pet, Rows{rows, 4});
      database->upsert(k_pet, Rows{rows, 4});
      database->erase(k_pet_key, Rows{keys, 2});
      database->run("UPDATE pet SET note = $2 WHERE owner = $1", {std::int64_t{1}, "x"});
      const std::string_view tables[] = {"pet"};
      lock_against_writers(*database, tables);
      transaction.commit();
    }
    {
      const Transaction transaction(*database, Mode::read);
      database->lookup(k_pet_note, Rows{keys, 2}, [](std::size_t, const Row&) {});
      database->query("SELECT note FROM pet WHERE owner = $1 ORDER BY owner LIMIT $2",
                      {std::int64_t{1}, std::int64_t{2}}, [](const Row&) {});
    }
  }
  std::string sent;
  for (const std::string& statement : stub.statements()) sent += statement + "\n\n";
  testing::expect_golden("sqlserver/session.sql", sent);
}

TEST(SqlServerDatabaseTest, ALockThatAnotherHasIsNotGot) {
  const TdsStub stub(script({{{"match", "sp_getapplock"}, {"columns", {"got:int"}}, {"rows", {{-1}}}}}));
  const auto database = open(stub);
  EXPECT_FALSE(try_lock_alone(*database));
}

TEST(SqlServerDatabaseTest, ReadsAreReadCommittedWhereNobodyAllowedSnapshots) {
  const TdsStub stub(script(json::array(), 0));
  const auto database = open(stub);
  const Transaction transaction(*database, Mode::read);
  EXPECT_THAT(stub.statements().back(), HasSubstr("ISOLATION LEVEL READ COMMITTED"));
}

TEST(SqlServerDatabaseTest, WhatMayBeDoneAgainSaysSo) {
  const std::pair<int, std::string_view> cases[] = {
      {1205, "sql.retry"},     {3960, "sql.retry"},     {1222, "sql.locked"},           {2627, "sql.constraint"},
      {229, "sql.permission"}, {1105, "sql.disk_full"}, {40613, "sql.connection_lost"}, {8114, "sql.type_mismatch"},
      {3906, "sql.read_only"}};
  json answers = json::array();
  for (const auto& [number, id] : cases) {
    answers.push_back({{"match", "thing_" + std::to_string(number)}, {"error", {{"number", number}}}});
  }
  const TdsStub stub(script(answers));
  const auto database = open(stub);
  for (const auto& [number, id] : cases) {
    Transaction transaction(*database);
    const std::string text = "UPDATE thing_" + std::to_string(number) + " SET a = $1";
    EXPECT_EQ(id_thrown_by([&] { database->run(text, {std::int64_t{1}}); }), id) << number;
    EXPECT_EQ(id_thrown_by([&] { transaction.commit(); }), "sql.transaction_failed") << number;
  }
  EXPECT_EQ(database->run("UPDATE other SET a = 1"), 0) << "the connection is as good as before";
}

TEST(SqlServerDatabaseTest, AServerThatHangsUpIsALostConnection) {
  const TdsStub stub(script({{{"match", "FROM there"}, {"close", true}},
                             {{"match", "FROM half"},
                              {"columns", {"a:bigint", "b:nvarchar"}},
                              {"rows", {{1, "x"}, {2, "y"}, {3, "z"}}},
                              {"close", "middle"}}}));
  for (const std::string_view table : {"there", "half"}) {
    const auto database = open(stub);
    const std::string text = "SELECT a, b FROM " + std::string(table);
    EXPECT_EQ(id_thrown_by([&] { database->query(text, {}, [](const Row&) {}); }), "sql.connection_lost") << table;
    EXPECT_EQ(id_thrown_by([&] { database->run("UPDATE t SET a = 1"); }), "sql.connection_lost") << table;
    const auto other = open(stub);
    Transaction transaction(*other, Mode::read);
    EXPECT_EQ(id_thrown_by([&] { other->scan(text, {}, [](const Row&) { return true; }); }), "sql.connection_lost");
  }
}

TEST(SqlServerDatabaseTest, AScanThatBreaksWhileItIsParkedIsNotTakenForWhole) {
  json rows = json::array();
  for (int i = 0; i < 2000; ++i) rows.push_back({i, "name"});
  const TdsStub stub(
      script({{{"match", "FROM half"}, {"columns", {"a:bigint", "b:nvarchar"}}, {"rows", rows}, {"close", "middle"}}}));
  const auto database = open(stub);
  const Transaction transaction(*database, Mode::read);
  std::size_t seen = 0;
  EXPECT_EQ(id_thrown_by([&] {
              database->scan("SELECT a, b FROM half", {}, [&](const Row&) {
                // What is asked meanwhile fails, and whoever asks passes over it.
                if (++seen == 1) (void)id_thrown_by([&] { database->query("SELECT 1", {}, [](const Row&) {}); });
                return true;
              });
            }),
            "sql.connection_lost");
  EXPECT_GT(seen, 0U);
  EXPECT_LT(seen, 2000U);
}

TEST(SqlServerDatabaseTest, NothingIsWrittenWhereOnlyReadingWasAskedFor) {
  const TdsStub stub(script(json::array()));
  const std::vector<ValueView> keys{std::int64_t{1}, BlobView("cat")};
  const auto refuse = [&](Database& database) {
    EXPECT_EQ(id_thrown_by([&] { database.run("DELETE FROM pet"); }), "sql.read_only");
  };
  const auto reader = open(stub, {.read_only = true});
  refuse(*reader);
  EXPECT_EQ(id_thrown_by([&] { reader->erase(k_pet_key, Rows{keys, 2}); }), "sql.read_only");
  EXPECT_EQ(id_thrown_by([&] { reader->execute("DROP TABLE pet"); }), "sql.read_only");
  const auto database = open(stub);
  const Transaction transaction(*database, Mode::read);
  refuse(*database);
  for (const std::string& statement : stub.statements()) {
    EXPECT_THAT(statement, ::testing::Not(::testing::AnyOf(HasSubstr("DELETE"), HasSubstr("DROP TABLE pet"))));
  }
}

}  // namespace
}  // namespace linkspan::sql
