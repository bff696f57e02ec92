// The state on a SQL Server, where LINKSPAN_TEST_SQLSERVER_URL names one; the statements it is read with, everywhere.

#include <cstdlib>

#include <fmt/format.h>
#include <testkit/tds_stub.h>
#include "sql/heavy_work.h"
#include "sql/inspect.h"
#include "sql/testing/golden.h"
#include "transfer/backup.h"
#include "transfer/copy.h"
#include "transfer/internal/source.h"
#include "transfer/internal/target.h"
#include "transfer/marker.h"
#include "transfer/move.h"
#include "transfer/rights.h"
#include "transfer/testing/transfer_fixture.h"
#include "transfer/upgrade.h"

namespace linkspan::transfer {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST(SqlServerTables, AreReadAsItIsKept) {
  using enum sql::Dialect;
  std::string read;
  for (const TableInfo& table : store_sql::all_tables()) {
    read += select_all(table, sqlserver, Order::any) + ";\n\n" + select_all(table, sqlserver, Order::by_key) + ";\n\n";
  }
  for (const TableInfo* table : large_tables()) {
    const bool bytes = table->columns[key_columns(*table).front()].type == store_sql::ColumnType::blob;
    const sql::Value after = bytes ? sql::Value(sql::Blob{std::string("\x01\x00", 2)}) : sql::Value(std::int64_t{17});
    const sql::Value upto = bytes ? sql::Value(sql::Blob{"\xfe"}) : sql::Value(std::int64_t{99});
    read += select_all(*table, sqlserver, Order::by_key, {.after = after, .upto = upto}) + ";\n\n";
  }
  sql::testing::expect_golden("sqlserver/carry.sql", read);
}

TEST(SqlServerStub, ADatabaseWithoutSnapshotsIsNeitherFilledNorCopied) {
  const nlohmann::json answer{{"match", "snapshot_isolation_state"},
                              {"columns", {"state:int"}},
                              {"rows", nlohmann::json::array({nlohmann::json::array({0})})}};
  const nlohmann::json script{{"answers", nlohmann::json::array({answer})}};
  const testkit::TdsStub stub(script);
  const auto database = sql::open(sql::DatabaseUrl::parse(stub.url("&encrypt=no")),
                                  {.connect_wait = std::chrono::seconds(60), .password = "none"});
  try {
    prepare_target(*database, {}, {}, "");
    ADD_FAILURE() << "it was filled";
  } catch (const Error& error) {
    EXPECT_EQ(error.id(), "transfer.snapshots");
    EXPECT_THAT(error.hint(), HasSubstr("ALLOW_SNAPSHOT_ISOLATION"));
  }
  EXPECT_THAT(stub.statements(), Each(Not(HasSubstr("CREATE"))));
}

TEST(SqlServerStub, EachRightThatIsLackingOrHasNoUseIsNamed) {
  using nlohmann::json;
  const auto answer = [](std::string_view match, std::vector<std::string> columns, json row) {
    return json{{"match", match}, {"columns", std::move(columns)}, {"rows", json::array({std::move(row)})}};
  };
  const std::vector<std::string> need{"on:nvarchar", "held:int"};
  const json script{
      {"answers", json::array({answer("N'CREATE TABLE'", need, {"database quay", 0}),
                               answer("N'SCHEMA', N'ALTER'", need, {"schema dbo", 1}),
                               answer("snapshot_isolation_state = 1", need, {"database quay", 0}),
                               answer("N'OBJECT', N'DELETE'", {"all:int", "lacking:int"}, {21, 2}),
                               answer("sysadmin", {"right:nvarchar", "on:nvarchar", "how:nvarchar"},
                                      {"sysadmin", "the server", "ALTER SERVER ROLE sysadmin DROP MEMBER [quay]"}),
                               answer("snapshot_isolation_state", {"state:int"}, json::array({1}))})}};
  const testkit::TdsStub stub(script);
  std::vector<std::string> said;
  for (const Right& right : rights_of({.url = stub.url("&encrypt=no"), .password = std::string("none")})) {
    said.push_back(fmt::format("{} {} on {}", name_of(right.state), right.right, right.on));
  }
  EXPECT_THAT(said, ElementsAre("lacks CREATE TABLE on database quay", "has ALTER on schema dbo",
                                "lacks ALLOW_SNAPSHOT_ISOLATION on database quay", "lacks DELETE on 2 of 21 tables",
                                "has without need sysadmin on the server"));
}

class SqlServerTest : public TransferTest {
 protected:
  void SetUp() override {
    if (!sql::testing::SqlServer::shared().available()) GTEST_SKIP() << "no SQL Server here";
  }

  static std::unique_ptr<sql::Database> open(const Place& place) {
    return sql::open(sql::DatabaseUrl::parse(place.url), {.password = place.password});
  }

  static MoveOptions small_batches() {
    MoveOptions options;
    options.batches = {.rows = 4, .bytes = 1U << 20U, .commit_bytes = 1};
    options.lease_wait = std::chrono::seconds(90);  // that of one that was killed ends within a minute
    return options;
  }
};

TEST_F(SqlServerTest, TheStateGoesThroughEveryKindOfDatabaseAndComesBackAsItWas) {
  const Place first = filled(sqlite("first.db"));
  const Place second = sqlserver();
  const Place third = sqlserver();
  const Place fourth = postgresql();
  const Place fifth = sqlserver();
  const Place last = sqlite("last.db");
  move(first, second);
  expect_equal(first, second);
  expect_sound(second);
  EXPECT_TRUE(may_be_in_charge(second));
  EXPECT_THAT(sql::table_names(*open(second)), Not(Contains(HasSubstr("linkspan_transfer"))));
  move(second, third);
  move(third, fourth);
  move(fourth, fifth);
  move(fifth, last);
  expect_equal(first, last);
  expect_sound(last);
  EXPECT_TRUE(may_be_in_charge(last));
  for (const Place& left : {first, second, third, fourth, fifth}) EXPECT_FALSE(may_be_in_charge(left)) << left.url;
}

TEST_F(SqlServerTest, ACopyAndABackupComeOutOfItAndGoBackIntoIt) {
  const Place first = filled(sqlserver());
  const Manifest copied = copy_database(first, file("copy.db"), {.program = "0.1"});
  const Manifest kept = backup(first, file("state.backup"), {.job = {.program = "0.1"}});
  EXPECT_EQ(copied.tables, kept.tables);
  const Place attached = sqlserver();
  attach(file("copy.db"), attached);
  expect_sound(attached);
  EXPECT_EQ(setting(attached, "staging"), "on");
  EXPECT_EQ(id_thrown_by([&] { attach(file("copy.db"), attached); }), "transfer.not_empty");
  const Place restored = sqlserver();
  restore(file("state.backup"), restored);
  expect_equal(attached, restored);
  EXPECT_TRUE(may_be_in_charge(first));
}

// SQL Server takes 0x01 and 0x0100 for the same.
TEST_F(SqlServerTest, KeysThatDifferInPaddingAloneArriveAndAreMendedEach) {
  const Place source = filled(sqlite("old.db"), 20);
  const auto change = [&](std::string_view statement) {
    const auto store = store_sql::open_store(source.url, {});
    const auto lease = store->operations().acquire("service", std::chrono::seconds(60)).value();
    EXPECT_GT(open(source)->run(statement), 0) << statement;
    store->operations().release(lease);
  };
  change(
      "INSERT INTO metaverse_key (\"key\", attribute_id, metaverse_id) VALUES (x'01', 1, 1), (x'0100', 1, 2), "
      "(x'010000', 1, 3), (x'', 1, 4), (x'00', 1, 5), (x'01', 2, 6), (x'0101', 1, 7)");
  const Place target = sqlserver();
  MoveOptions options = small_batches();
  options.batches.rows = 1;
  options.job.at_step = [](std::string_view step) {
    if (step == "read back") ::_exit(k_killed);
  };
  ASSERT_EQ(in_child([&] { move(source, target, options); }), k_killed);
  change("DELETE FROM metaverse_key WHERE \"key\" = x'0100'");
  change("INSERT INTO metaverse_key (\"key\", attribute_id, metaverse_id) VALUES (x'01000000', 1, 8), (x'0000', 1, 9)");
  EXPECT_GT(move(source, target, small_batches()).kept, 0U);
  expect_equal(source, target);
  EXPECT_TRUE(may_be_in_charge(target));
}

TEST_F(SqlServerTest, KilledAtAStepExactlyOneIsInChargeAndRepeatingItEndsIt) {
  for (const std::string at : {"target prepared", "table connector", "source verified", "switched", "in charge"}) {
    SCOPED_TRACE(at);
    const Place source = filled(at == "switched" ? sqlserver() : sqlite("old " + at), 20);
    const Place target = at == "switched" ? sqlite("new.db") : sqlserver();
    MoveOptions options = small_batches();
    options.job.at_step = [at](std::string_view step) {
      if (step == at) ::_exit(k_killed);
    };
    ASSERT_EQ(in_child([&] { move(source, target, options); }), k_killed);
    (void)settle(source, target);
    EXPECT_NE(may_be_in_charge(source), may_be_in_charge(target));
    move(source, target, small_batches());
    expect_equal(source, target);
    EXPECT_TRUE(may_be_in_charge(target));
  }
}

TEST_F(SqlServerTest, AbandonedTheTargetIsAsEmptyAsItWas) {
  const Place source = filled(sqlite("old.db"), 5);
  const Place target = sqlserver();
  MoveOptions options = small_batches();
  options.job.at_step = [](std::string_view step) {
    if (step == "source prepared") ::_exit(k_killed);
  };
  ASSERT_EQ(in_child([&] { move(source, target, options); }), k_killed);
  EXPECT_EQ(id_thrown_by([&] { move(filled(sqlite("other.db"), 1), target); }), "transfer.unfinished");
  abandon_move(source, target, small_batches());
  EXPECT_THAT(sql::table_names(*open(target)), IsEmpty());
  EXPECT_THAT(sql::view_names(*open(target)), IsEmpty());
  EXPECT_TRUE(may_be_in_charge(source));
}

TEST_F(SqlServerTest, OneCommandAtATimeFillsADatabase) {
  const Place target = sqlserver();
  const Connector connector = connector_of(target);
  {
    const auto first = connect_alone(connector);
    EXPECT_FALSE(sql::try_lock_alone(*connector.connect()));
  }
  EXPECT_TRUE(sql::try_lock_alone(*connect_alone(connector))) << "as often as one likes on one connection";
}

TEST_F(SqlServerTest, ALookTellsHowItIsReachedAndWhatIsInTheWay) {
  const Place source = filled(sqlite("old.db"), 5);
  const Place target = sqlserver();
  const Preflight found = look_over(source, target);
  EXPECT_THAT(found.problems, IsEmpty());
  EXPECT_THAT(found.target_product, HasSubstr("SQL Server "));
  EXPECT_THAT(found.target_encoding, HasSubstr("UTF-16, collation "));
  EXPECT_FALSE(found.target_link.empty());
  open(target)->execute("CREATE TABLE stranger (id bigint)");
  const Preflight second = look_over(source, target);
  ASSERT_THAT(second.problems, SizeIs(1));
  EXPECT_EQ(second.problems.front().id(), "transfer.not_empty");
}

TEST_F(SqlServerTest, WhoOwnsTheDatabaseLacksNoRight) {
  for (const Right& right : rights_of(filled(sqlserver(), 1))) {
    EXPECT_NE(right.state, Right::State::missing) << right.right << " on " << right.on;
  }
}

TEST_F(SqlServerTest, WhatIsBrokenIsNamed) {
  const Place place = filled(sqlserver(), 20);
  expect_sound(place);
  const auto database = open(place);
  database->run("DELETE FROM metaverse_object WHERE id = 3");
  database->run("UPDATE sequence SET next_id = 3 WHERE name = N'connector_object'");
  database->run("UPDATE connector_object SET state = 1 WHERE id = 5");
  const auto findings = verify(place).findings;
  EXPECT_THAT(findings, Contains(Field(&Finding::table, "sequence")));
  EXPECT_THAT(findings, Contains(Field(&Finding::key, "id 5")));
  EXPECT_THAT(findings, Contains(Field(&Finding::message, HasSubstr("joined to a metaverse object"))));
}

TEST_F(SqlServerTest, ItsHistoryIsPruned) {
  const Place place = filled(sqlserver(), 5);
  EXPECT_THAT(look_at_upgrade(place).migrations, IsEmpty());
  const auto database = open(place);
  const std::int64_t before = sql::query_integer(*database, "SELECT COUNT(*) FROM run").value();
  database->run("INSERT INTO run (id, profile, host, result, started_at, ended_at) VALUES (990, '', '', 'ok', 1, 2)");
  EXPECT_GT(prune(place, {.history = std::chrono::hours(24)}).runs, 0);
  EXPECT_LE(sql::query_integer(*database, "SELECT COUNT(*) FROM run").value(), before);
}

}  // namespace
}  // namespace linkspan::transfer
