#include "sql/inspect.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "sql/internal/statements.h"

namespace linkspan::sql {

namespace {

// What differs between the servers: the text for `database`'s.
std::string_view one_of(const Database& database, std::string_view sqlite, std::string_view postgresql,
                        std::string_view sqlserver) {
  const std::string_view texts[] = {sqlite, postgresql, sqlserver};
  return texts[static_cast<std::size_t>(database.dialect())];
}

// `"id" BIGINT NOT NULL PRIMARY KEY, "name" TEXT NOT NULL`
std::string definitions(const Database& database,
                        std::initializer_list<std::pair<std::string_view, ColumnKind>> columns) {
  const std::string_view integer = one_of(database, "INTEGER", "BIGINT", "bigint");
  const std::string_view text = one_of(database, "TEXT", "TEXT", "nvarchar(max) COLLATE Latin1_General_100_BIN2");
  std::string out;
  for (const auto& [name, kind] : columns) {
    out += fmt::format("{}{} {} NOT NULL{}", out.empty() ? "" : ", ", quoted_name(name),
                       kind == ColumnKind::integer ? integer : text, out.empty() ? " PRIMARY KEY" : "");
  }
  return out;
}

}  // namespace

Time database_time(Database& database) {
  if (database.dialect() == Dialect::sqlite) return SystemClock().now();
  const auto now = query_integer(
      database, one_of(database, "", "SELECT CAST(floor(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000) AS BIGINT)",
                       "SELECT DATEDIFF_BIG(microsecond, '19700101', SYSUTCDATETIME())"));
  return Time(std::chrono::microseconds(now.value()));
}

std::string product(Database& database) {
  const auto row = query_row(database, one_of(database, "SELECT sqlite_version()",
                                              "SELECT split_part(current_setting('server_version'), ' ', 1)",
                                              "SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128))"));
  return fmt::format("{} {}", one_of(database, "SQLite", "PostgreSQL", "SQL Server"),
                     std::get<std::string>(row.value().front()));
}

std::vector<std::string> table_names(Database& database) {
  std::vector<std::string> names;
  database.query(
      one_of(database, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
             "SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = "
             "current_schema()::regnamespace",
             "SELECT name FROM sys.tables WHERE schema_id = SCHEMA_ID() AND is_ms_shipped = 0"),
      {}, [&](const Row& row) { names.emplace_back(row.text(0)); });
  std::sort(names.begin(), names.end());  // here, so that no collation has a say
  return names;
}

std::uint64_t database_bytes(Database& database) {
  const auto bytes = query_integer(
      database, one_of(database, "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
                       "SELECT pg_database_size(current_database())",
                       "SELECT SUM(CAST(size AS bigint)) * 8192 FROM sys.database_files"));
  return static_cast<std::uint64_t>(bytes.value_or(0));
}

std::vector<std::string> integrity_problems(Database& database, Depth depth) {
  std::vector<std::string> problems;
  if (database.dialect() != Dialect::sqlite) return problems;
  try {
    const bool full = depth == Depth::full;
    database.query(full ? "PRAGMA integrity_check(100)" : "PRAGMA quick_check(100)", {}, [&](const Row& row) {
      if (row.text(0) != "ok") problems.emplace_back(row.text(0));
    });
    if (!full) return problems;
    database.query("SELECT \"table\", count(*) FROM pragma_foreign_key_check() GROUP BY 1", {}, [&](const Row& row) {
      problems.push_back(fmt::format("{}: {} rows refer to rows that are not there", row.text(0), row.integer(1)));
    });
  } catch (const Error& error) {
    // Damage may be such that not even the check gets through: that, too, is an answer.
    if (error.fault() != Fault::corrupt) throw;
    problems.push_back(error.message());
  }
  return problems;
}

void ensure_table(Database& database, std::string_view table,
                  std::initializer_list<std::pair<std::string_view, ColumnKind>> columns) {
  // Two that make it at once: PostgreSQL looks, and then one of them fails with a key of its own catalogue.
  if (database.dialect() == Dialect::postgresql) {
    database.query("SELECT pg_advisory_xact_lock(hashtext($1))", {table}, [](const Row&) {});
  }
  const std::string shape = fmt::format("{} ({})", quoted_name(table), definitions(database, columns));
  database.execute(one_of(database, fmt::format("CREATE TABLE IF NOT EXISTS {} STRICT", shape),
                          fmt::format("CREATE TABLE IF NOT EXISTS {}", shape),
                          fmt::format("IF OBJECT_ID(N'{}', N'U') IS NULL CREATE TABLE {}", table, shape)));
}

}  // namespace linkspan::sql
