// What this room promises beyond the store's contract: opening, refusing, moving, and that its list of tables is true.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <testkit/postgresql.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <thread>

#include "base/error.h"
#include "sql/inspect.h"
#include "sql/open.h"
#include "store_sql/schema.h"
#include "store_sql/store_sql.h"
#include "store_sql/tables.h"
#include "store_sql/testing/temporary_store.h"

namespace linkspan::store_sql {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

enum class Kind : unsigned char { sqlite, postgresql };

template <class Act>
std::string id_thrown_by(const Act& act) {
  try {
    act();
  } catch (const Error& error) {
    return std::string(error.id());
  }
  return "nothing";
}

class OpenTest : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (GetParam() == Kind::sqlite) {
      std::string name = (std::filesystem::temp_directory_path() / "linkspan-open-XXXXXX").string();
      ASSERT_NE(::mkdtemp(name.data()), nullptr);
      folder_ = name;
      url_ = "sqlite://" + (folder_ / "state.db").string();
    } else if (testkit::Postgresql::available()) {
      url_ = testkit::Postgresql::shared().fresh_database();
    } else {
      GTEST_SKIP() << "no PostgreSQL here";
    }
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] std::unique_ptr<sql::Database> connect() const {
    sql::OpenOptions options;
    options.create = true;
    return sql::open(sql::DatabaseUrl::parse(url_), options);
  }
  [[nodiscard]] std::string id_of_opening(const OpenOptions& options = {}) const {
    return id_thrown_by([&] { (void)open_store(url_, options); });
  }

  std::filesystem::path folder_;
  std::string url_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, OpenTest, ::testing::Values(Kind::sqlite));
INSTANTIATE_TEST_SUITE_P(Postgresql, OpenTest, ::testing::Values(Kind::postgresql));

TEST_P(OpenTest, EmptyDatabaseOpensOnlyWhereItMayBeMade) {
  (void)connect();
  EXPECT_EQ(id_of_opening(), "store.empty");
  EXPECT_EQ(id_of_opening({.upgrade = true}), "store.empty");
  const std::string id = open_store(url_, {.create = true, .program = "1.2.3"})->info().id;
  EXPECT_EQ(open_store(url_)->info().id, id);
  EXPECT_EQ(open_store(url_, {.create = true})->info().id, id) << "made once";
  const auto database = connect();
  EXPECT_EQ(look_at(*database).created_by, "1.2.3");
  EXPECT_EQ(look_at(*database).occupant, Occupant::linkspan);
}

TEST_P(OpenTest, SchemaThatAnAdministratorMadeIsGivenAnIdentity) {
  sql::migrate(*connect(), migrations(connect()->dialect()));
  EXPECT_EQ(id_of_opening(), "store.empty") << "nobody set it up yet";
  EXPECT_EQ(id_of_opening({.create = true}), "nothing");
}

TEST_P(OpenTest, DatabaseOfSomethingElseIsLeftAsItIs) {
  const auto database = connect();
  database->execute("CREATE TABLE invoice (id INTEGER PRIMARY KEY)");
  EXPECT_EQ(id_of_opening(), "store.not_linkspan");
  EXPECT_EQ(id_of_opening({.create = true}), "store.not_linkspan");
  EXPECT_EQ(id_of_opening({.upgrade = true}), "store.not_linkspan");
  EXPECT_EQ(id_thrown_by([&] { prepare(*database, "1", Time{}); }), "store.not_linkspan");
  EXPECT_THAT(sql::table_names(*database), ::testing::ElementsAre("invoice"));
}

TEST_P(OpenTest, NewerSchemaIsRefused) {
  (void)open_store(url_, {.create = true});
  connect()->run("INSERT INTO schema_migration (number, name, checksum, applied_at) VALUES (9999, 'future', '', 0)");
  EXPECT_EQ(id_of_opening(), "sql.newer_schema");
  EXPECT_EQ(id_of_opening({.create = true}), "sql.newer_schema");
}

TEST_P(OpenTest, OlderSchemaIsUpgradedOnlyWhenAskedTo) {
  (void)open_store(url_, {.create = true});
  // There is but one version yet: one whose last migration is forgotten is as good as older, until it is applied again.
  connect()->run("DELETE FROM schema_migration");
  EXPECT_EQ(id_of_opening(), "store.upgrade_needed");
  EXPECT_EQ(id_of_opening({.upgrade = true}), "sql.migration_failed") << "its tables are there already";
}

TEST_P(OpenTest, MovedDatabaseOpensForReadingAndSaysWhereItWent) {
  ManualClock clock;
  const auto store = open_store(url_, {.create = true, .clock = &clock});
  const auto lease = store->operations().acquire("host", std::chrono::seconds(60)).value();
  store->use_lease(lease);
  auto batch = store->batch(lease);
  mark_moved(*connect(), "postgresql://db.example/linkspan", clock.now());
  batch->put_watermark(store::ConnectorId{1}, "w");
  try {
    batch->commit();
    FAIL() << "it was committed";
  } catch (const Error& error) {
    EXPECT_EQ(error.id(), "store.moved");
    EXPECT_EQ(error.fault(), Fault::conflict);
    EXPECT_THAT(error.what(), HasSubstr("postgresql://db.example/linkspan"));
  }
  batch.reset();
  const auto again = open_store(url_, {.create = true, .clock = &clock});
  EXPECT_EQ(again->info().moved_to, "postgresql://db.example/linkspan");
  EXPECT_EQ(again->summary()->watermark(store::ConnectorId{1}), "");
  EXPECT_FALSE(again->operations().renew(lease, std::chrono::seconds(60)));
  EXPECT_EQ(id_thrown_by([&] { (void)again->operations().acquire("host", std::chrono::seconds(60)); }), "store.moved");
  EXPECT_EQ(id_thrown_by([&] { (void)again->operations().begin_run({}); }), "store.moved");
  again->use_lease(lease);
  const std::vector<std::pair<std::string, std::string>> setting{{"a", "b"}};
  EXPECT_EQ(id_thrown_by([&] { again->configuration().put_settings(setting); }), "store.moved");
  mark_moved(*connect(), "", clock.now());
  EXPECT_EQ(id_thrown_by([&] { again->configuration().put_settings(setting); }), "nothing") << "moved back";
}

TEST_P(OpenTest, EveryStatementFindsTheSchemaAsTheListOfTablesSays) {
  (void)open_store(url_, {.create = true});
  const auto database = connect();
  std::set<std::string> expected{"schema_migration", "server"};
  for (const TableInfo& table : all_tables()) {
    expected.emplace(table.name);
    std::vector<std::string> columns;
    std::vector<std::string> wanted;
    const bool sqlite = GetParam() == Kind::sqlite;
    database->query(sqlite
                        ? "SELECT name, lower(type), \"notnull\", pk FROM pragma_table_info($1) ORDER BY cid"
                        : "SELECT a.attname, format_type(a.atttypid, NULL), a.attnotnull::int, "
                          "COALESCE(array_position(i.indkey::int2[], a.attnum), -1) + 1 FROM pg_attribute a LEFT JOIN "
                          "pg_index i ON i.indrelid = a.attrelid AND i.indisprimary WHERE a.attrelid = "
                          "to_regclass($1) AND a.attnum > 0 ORDER BY a.attnum",
                    {table.name}, [&](const sql::Row& row) {
                      const std::string_view type = row.text(1);
                      const bool blob = type == "blob" || type == "bytea";
                      columns.push_back(std::string(row.text(0)) +
                                        (blob             ? " blob"
                                         : type == "text" ? " text"
                                                          : " integer") +
                                        (row.integer(3) > 0    ? " key"
                                         : row.integer(2) != 0 ? ""
                                                               : " nullable"));
                    });
    for (const ColumnInfo& column : table.columns) {
      constexpr std::string_view k_types[] = {" integer", " text", " blob"};
      wanted.push_back(std::string(column.name) + std::string(k_types[static_cast<std::size_t>(column.type)]) +
                       (column.key        ? " key"
                        : column.nullable ? " nullable"
                                          : ""));
    }
    EXPECT_EQ(columns, wanted) << table.name;
  }
  const auto names = sql::table_names(*database);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()), expected) << "no table is missing from the list";
}

TEST_P(OpenTest, FreshSchemaHoldsNoRowsButItsIdentity) {
  (void)open_store(url_, {.create = true});
  const auto database = connect();
  for (const TableInfo& table : all_tables()) {
    const auto rows = sql::query_integer(*database, "SELECT count(*) FROM " + std::string(table.name));
    EXPECT_EQ(rows, table.copying == Copying::identity ? 1 : 0) << table.name;
  }
}

TEST_P(OpenTest, ViewsInManyThreadsStandBesideOneWriter) {
  ManualClock clock;
  const auto store = open_store(url_, {.create = true, .clock = &clock});
  const auto lease = store->operations().acquire("host", std::chrono::seconds(60)).value();
  constexpr int k_batches = 30;
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0;
  std::vector<std::jthread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const auto view = store->view();
        const auto first = view->scan_objects({}, 0, store::no_images, {.after = 0, .limit = 100'000}).size();
        if (first % 10 != 0 ||
            view->scan_objects({}, 0, store::no_images, {.after = 0, .limit = 100'000}).size() != first) {
          ++torn;
        }
      }
    });
  }
  for (int i = 0; i < k_batches; ++i) {
    const auto batch = store->batch(lease);
    store::ObjectId next = batch->new_objects(10);
    for (int j = 0; j < 10; ++j, ++next.value) {
      store::Object object;
      object.id = next;
      object.connector = store::ConnectorId{1};
      batch->put_objects(std::vector{store::ObjectWrite{
          .object = object, .images = {}, .mask = store::no_images, .keys_given = false, .keys = {}}});
    }
    batch->commit();
  }
  done = true;
  readers.clear();
  EXPECT_EQ(torn, 0) << "a view saw half a batch, or changed";
}

TEST(MemoryUrlTest, IsRefused) {
  EXPECT_EQ(id_thrown_by([] { (void)open_store("sqlite::memory:", {.create = true}); }), "store.memory");
}

// A statement that reads more than its page would be found out only at a million objects.
TEST(QueryPlanTest, SqliteUsesTheIndexMeantForEachScan) {
  testing::TemporaryStore temporary;
  const auto database = sql::open(sql::DatabaseUrl::parse(temporary.url()));
  const auto plan = [&](const std::string& statement) {
    std::string text;
    database->query("EXPLAIN QUERY PLAN " + statement, {},
                    [&](const sql::Row& row) { text.append(row.text(3)).append("; "); });
    return text;
  };
  EXPECT_THAT(plan("SELECT o.dn, i.sent FROM touched_object o LEFT JOIN connector_image i ON i.object_id = o.id "
                   "WHERE o.id > 1 AND (o.touched & 1) <> 0 AND o.connector_id = 1 ORDER BY o.id LIMIT 9"),
              ::testing::AllOf(HasSubstr("connector_object_touched (id>?)"), ::testing::Not(HasSubstr("TEMP B-TREE"))));
  EXPECT_THAT(plan("SELECT dn FROM pending_object WHERE connector_id = 1 AND id > 1 ORDER BY id LIMIT 9"),
              ::testing::AllOf(HasSubstr("connector_object_pending (connector_id=? AND id>?)"),
                               ::testing::Not(HasSubstr("TEMP B-TREE"))));
  EXPECT_THAT(plan("SELECT dn FROM connector_object WHERE connector_id = 1 AND id > 1 ORDER BY id LIMIT 9"),
              ::testing::AllOf(HasSubstr("connector_object_connector"), ::testing::Not(HasSubstr("TEMP B-TREE"))));
  EXPECT_THAT(plan("SELECT attribute_id FROM pending_reference WHERE object_id = 1"),
              HasSubstr("connector_reference_pending (object_id=?)"));
  EXPECT_THAT(plan("SELECT object_id FROM connector_reference WHERE target_id = 1"),
              HasSubstr("connector_reference_target (target_id=?)"));
  EXPECT_THAT(plan("SELECT type FROM touched_metaverse WHERE id > 1 ORDER BY id LIMIT 9"),
              HasSubstr("metaverse_object_touched (id>?)"));
}

}  // namespace
}  // namespace linkspan::store_sql
