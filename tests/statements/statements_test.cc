// The store's contract and a move on SQLite, listened to: each statement it runs, in T-SQL, against those that are
// kept. So a statement that SQL Server cannot read, or one that changed, is seen where there is no SQL Server.

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <chrono>
#include <map>
#include <mutex>
#include <regex>
#include <set>
#include <stop_token>
#include <string>

#include <fmt/format.h>
#include <testkit/sample_state.h>
#include "base/error.h"
#include "sql/internal/sqlserver_text.h"
#include "sql/testing/backends.h"
#include "sql/testing/golden.h"
#include "store/testing/store_contract.h"
#include "store_sql/store_sql.h"
#include "store_sql/tables.h"
#include "store_sql/testing/temporary_store.h"
#include "transfer/backup.h"
#include "transfer/copy.h"
#include "transfer/move.h"
#include "transfer/upgrade.h"
#include "transfer/verify.h"

namespace linkspan {
namespace {

using sql::Column;
using sql::OdbcColumn;
using sql::OdbcKind;
using sql::Role;
using sql::Table;

std::mutex g_mutex;
std::set<std::string> g_heard;

int hear(unsigned /*what*/, void* /*context*/, void* statement, void* /*text*/) {
  const char* text = sqlite3_sql(static_cast<sqlite3_stmt*>(statement));
  const std::lock_guard lock(g_mutex);
  if (text != nullptr) g_heard.emplace(text);
  return 0;
}

int listen(sqlite3* connection, const char** /*error*/, const struct sqlite3_api_routines* /*api*/) {
  return sqlite3_trace_v2(connection, SQLITE_TRACE_STMT, &hear, nullptr);
}

// What a column is: in its table; of a view, in whichever table has one of that name.
OdbcColumn column_of(const std::string& table, const std::string& name) {
  OdbcColumn found;
  for (const store_sql::TableInfo& info : store_sql::all_tables()) {
    for (const store_sql::ColumnInfo& column : info.columns) {
      if (column.name != name) continue;
      constexpr OdbcKind kinds[] = {OdbcKind::integer, OdbcKind::text, OdbcKind::blob};
      found.kind = kinds[static_cast<std::size_t>(column.type)];
      if (info.name == table) return found;
    }
  }
  return found;
}

std::vector<std::string> quoted_in(const std::string& text) {
  static const std::regex name("\"(\\w+)\"");
  std::vector<std::string> names;
  for (std::sregex_iterator at(text.begin(), text.end(), name), end; at != end; ++at) names.push_back((*at)[1]);
  return names;
}

// `keys` and `values`, in the order of `all`; what is in neither is written only when a row is made.
Table table_of(const std::string& name, const std::vector<std::string>& all, const std::set<std::string>& keys,
               const std::set<std::string>& values) {
  Table table{.name = name, .columns = {}};
  for (const std::string& column : all) {
    table.columns.push_back({.name = column,
                             .role = keys.contains(column)     ? Role::key
                                     : values.contains(column) ? Role::value
                                                               : Role::initial});
  }
  return table;
}

std::set<std::string> set_of(const std::vector<std::string>& names) { return {names.begin(), names.end()}; }

std::vector<OdbcColumn> columns_of(const Table& table, bool keys_only) {
  std::vector<OdbcColumn> columns;
  for (const Column& column : table.columns) {
    if (!keys_only || column.role == Role::key) columns.push_back(column_of(table.name, column.name));
  }
  return columns;
}

std::string joined(std::initializer_list<std::string> statements) {
  std::string out;
  for (const std::string& statement : statements) out += (out.empty() ? "" : ";\n") + statement;
  return out;
}

// The T-SQL of one statement of the SQLite driver; its bulk primitives are told by their quotes. "" for what a SQL
// Server is never told.
std::string in_tsql(const std::string& text) {
  static const std::regex insert(
      R"re(INSERT INTO "(\w+)" \(([^)]*)\) VALUES \([^)]*\)( ON CONFLICT \(([^)]*)\) DO (NOTHING|UPDATE SET (.*)))?)re");
  static const std::regex update(R"re(UPDATE "(\w+)" SET (.*) WHERE ("[^']*))re");
  static const std::regex erase(R"re(DELETE FROM "(\w+)" WHERE ("[^']*))re");
  static const std::regex lookup(R"re(SELECT (NULL|[^()]*) FROM "(\w+)" WHERE ("[^']*))re");
  // Whole tables and ranges of them are read with a text of each dialect's own, which transfer_sqlserver_test keeps.
  static const std::regex whole(R"re(SELECT [^?$(]* FROM "\w+"[^?$]*)re");
  if (std::regex_match(text, whole) || text.find("linkspan_copy") != std::string::npos) return {};
  const sql::Source rows = sql::Source::stage("#rows");
  std::smatch part;
  if (std::regex_match(text, part, insert)) {
    const Table table = table_of(part[1], quoted_in(part[2]), set_of(quoted_in(part[4])), set_of(quoted_in(part[6])));
    if (!part[3].matched) return sql::insert_text(table, rows);
    const auto columns = columns_of(table, false);
    const std::string missing = sql::insert_missing_text(table, columns, rows);
    return part[5] == "NOTHING" ? missing : joined({sql::update_text(table, columns, rows, true), missing});
  }
  if (std::regex_match(text, part, update)) {
    const auto values = quoted_in(part[2]);
    auto all = quoted_in(part[3]);
    const auto keys = set_of(all);
    all.insert(all.end(), values.begin(), values.end());
    const Table table = table_of(part[1], all, keys, set_of(values));
    return sql::update_text(table, columns_of(table, false), rows, false);
  }
  if (std::regex_match(text, part, erase)) {
    const auto keys = quoted_in(part[2]);
    const Table table = table_of(part[1], keys, set_of(keys), {});
    return sql::erase_text(table, columns_of(table, false), rows);
  }
  if (std::regex_match(text, part, lookup)) {
    auto all = quoted_in(part[3]);
    const auto keys = set_of(all);
    const auto values = quoted_in(part[1]);
    all.insert(all.end(), values.begin(), values.end());
    const Table table = table_of(part[2], all, keys, set_of(values));
    return sql::lookup_text(table, columns_of(table, true), rows);
  }
  const std::string word = sql::first_word(text);
  const bool spoken = word == "SELECT" || word == "INSERT" || word == "UPDATE" || word == "DELETE";
  // Questions about the server itself have a text for each kind of it (inspect.cc, migrate.cc).
  if (!spoken || text.find("sqlite_") != std::string::npos || text.find("pragma_") != std::string::npos) return {};
  return sql::translated(text.substr(0, text.find(';'))).text;
}

class StatementsAreKept : public ::testing::Environment {
 public:
  void SetUp() override { sqlite3_auto_extension(reinterpret_cast<void (*)()>(&listen)); }

  void TearDown() override {
    sqlite3_reset_auto_extension();
    if (GTEST_FLAG_GET(filter) != "*") return;
    std::set<std::string> statements;
    for (const std::string& text : g_heard) {
      try {
        if (std::string made = in_tsql(text); !made.empty()) statements.insert(std::move(made));
      } catch (const Error& error) {
        ADD_FAILURE() << error.what();
      }
    }
    EXPECT_GT(statements.size(), 50U);
    std::string kept;
    for (const std::string& statement : statements) kept += statement + ";\n\n";
    sql::testing::expect_golden("sqlserver/store.sql", kept);
  }
};

[[maybe_unused]] const auto* const k_environment = ::testing::AddGlobalTestEnvironment(new StatementsAreKept);

}  // namespace
}  // namespace linkspan

namespace linkspan::store::testing {
namespace {

class SqlitePlace final : public Place {
 public:
  std::unique_ptr<Store> open(const Clock* clock) override {
    return store_sql::open_store(temporary_.url(), {.create = true, .program = "test", .clock = clock});
  }

 private:
  store_sql::testing::TemporaryStore temporary_;
};

std::unique_ptr<Place> make_sqlite() { return std::make_unique<SqlitePlace>(); }

INSTANTIATE_TEST_SUITE_P(Heard, StoreContract, ::testing::Values(Backend{"sqlite", &make_sqlite}));

}  // namespace
}  // namespace linkspan::store::testing

namespace linkspan::transfer {
namespace {

TEST(Heard, MovesChecksAndPruning) {
  const sql::testing::TemporaryFolder folder;
  const Place old{.url = "sqlite://" + folder.file("old.db")};
  const Place fresh{.url = "sqlite://" + folder.file("fresh.db")};
  testkit::fill(*store_sql::open_store(old.url, {.create = true, .program = "test"}), {.people = 5, .seed = 7});
  EXPECT_TRUE(look_over(old, fresh, {.count_rows = true}).problems.empty());
  // Stopped on the way, so that what was carried is taken up and mended.
  std::stop_source stop;
  MoveOptions options;
  options.job.stop = stop.get_token();
  options.job.at_step = [&](std::string_view step) {
    if (step == "read back") stop.request_stop();
  };
  EXPECT_THROW(move(old, fresh, options), Error);
  sql::open(sql::DatabaseUrl::parse(old.url))->run("DELETE FROM metaverse_key WHERE metaverse_id = 3");
  move(old, fresh);
  EXPECT_EQ(verify(fresh).tables.size(), store_sql::all_tables().size());
  EXPECT_TRUE(look_at_upgrade(fresh).migrations.empty());
  (void)prune(fresh, {.history = std::chrono::hours(1)});
  note_backup(fresh, Time{});
  copy_database(fresh, folder.file("copy"));
  attach(folder.file("copy"), {.url = "sqlite://" + folder.file("attached.db")});
}

}  // namespace
}  // namespace linkspan::transfer
