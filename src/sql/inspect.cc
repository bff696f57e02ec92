#include "sql/inspect.h"

#include <fmt/format.h>

#include "base/error.h"
#include "sql/internal/statements.h"

namespace linkspan::sql {

namespace {

bool is_sqlite(const Database& database) { return database.dialect() == Dialect::sqlite; }

}  // namespace

Time database_time(Database& database) {
  if (is_sqlite(database)) return SystemClock().now();
  const auto now =
      query_integer(database, "SELECT CAST(floor(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000) AS BIGINT)");
  return Time(std::chrono::microseconds(now.value()));
}

std::string product(Database& database) {
  const auto row =
      query_row(database, is_sqlite(database) ? "SELECT sqlite_version()"
                                              : "SELECT split_part(current_setting('server_version'), ' ', 1)");
  return fmt::format("{} {}", is_sqlite(database) ? "SQLite" : "PostgreSQL",
                     std::get<std::string>(row.value().front()));
}

std::vector<std::string> table_names(Database& database) {
  std::vector<std::string> names;
  database.query(is_sqlite(database)
                     ? "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
                       "ORDER BY name"
                     : "SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = "
                       "current_schema()::regnamespace ORDER BY c.relname COLLATE \"C\"",
                 {}, [&](const Row& row) { names.emplace_back(row.text(0)); });
  return names;
}

std::vector<TableSize> table_sizes(Database& database) {
  std::vector<TableSize> sizes;
  if (is_sqlite(database)) {
    // dbstat would tell, but Debian's SQLite is the only one sure to have it, and it reads every page.
    for (std::string& name : table_names(database)) sizes.push_back({std::move(name), 0});
    return sizes;
  }
  database.query(
      "SELECT c.relname, pg_total_relation_size(c.oid) FROM pg_class c WHERE c.relkind IN ('r', 'p') AND "
      "c.relnamespace = current_schema()::regnamespace ORDER BY c.relname COLLATE \"C\"",
      {},
      [&](const Row& row) { sizes.push_back({std::string(row.text(0)), static_cast<std::uint64_t>(row.integer(1))}); });
  return sizes;
}

std::uint64_t database_bytes(Database& database) {
  const auto bytes = query_integer(
      database, is_sqlite(database) ? "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
                                    : "SELECT pg_database_size(current_database())");
  return static_cast<std::uint64_t>(bytes.value_or(0));
}

std::vector<std::string> integrity_problems(Database& database, Depth depth) {
  std::vector<std::string> problems;
  if (!is_sqlite(database)) return problems;
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

void align_identity(Database& database, std::string_view table, std::string_view column) {
  // SQLite keeps its sequence above every number that was ever inserted.
  if (is_sqlite(database)) return;
  const std::string statement = fmt::format(
      "SELECT setval(pg_get_serial_sequence($1, $2), GREATEST((SELECT COALESCE(max({}), 0) FROM {}) + 1, 1), false)",
      quoted_name(column), quoted_name(table));
  database.query(statement, {quoted_name(table), column}, [](const Row&) {});
}

}  // namespace linkspan::sql
