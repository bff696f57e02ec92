#include "sql/inspect.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
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
                        std::initializer_list<std::pair<std::string_view, ColumnKind>> columns, std::size_t keys) {
  const std::string_view kinds[] = {one_of(database, "INTEGER", "BIGINT", "bigint"),
                                    one_of(database, "TEXT", "TEXT", "nvarchar(400) COLLATE Latin1_General_100_BIN2"),
                                    one_of(database, "TEXT", "TEXT", "nvarchar(max) COLLATE Latin1_General_100_BIN2")};
  std::string out;
  std::string key;
  std::size_t place = 0;
  for (const auto& [name, kind] : columns) {
    const std::string column = quoted_name(name);
    const std::string_view comma = place == 0 ? "" : ", ";
    out += fmt::format("{}{} {} NOT NULL", comma, column, kinds[static_cast<std::size_t>(kind)]);
    if (keys == 1 && place == 0) out += " PRIMARY KEY";
    if (keys > 1 && place < keys) key += fmt::format("{}{}", comma, column);
    ++place;
  }
  return key.empty() ? out : fmt::format("{}, PRIMARY KEY ({})", out, key);
}

// PostgreSQL tells how it is reached; SQL Server only whom it lets see all sessions, so there the URL says it: without
// encryption there is no connection unless it says so.
std::string_view postgresql_link() {
  return "SELECT s.ssl::int::bigint, coalesce(s.version, ''), (coalesce(inet_client_addr() <<= '127.0.0.0/8' OR "
         "inet_client_addr() = '::1', true))::int::bigint FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()";
}

bool is_this_machine(std::string_view host) {
  return host.starts_with("127.") || host == "::1" || equal_ascii_case(host, "localhost");
}

void set_link(ServerFacts& facts, bool encrypted, std::string_view version, bool here) {
  facts.link = encrypted ? version : here ? "in clear, on this machine" : "in clear";
  facts.in_clear = !encrypted && !here;
}

std::vector<std::string> names_by(Database& database, std::string_view statement) {
  std::vector<std::string> names;
  database.query(statement, {}, [&](const Row& row) { names.emplace_back(row.text(0)); });
  std::sort(names.begin(), names.end());  // here, so that no collation has a say
  return names;
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
  return names_by(
      database,
      one_of(database, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
             "SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = "
             "current_schema()::regnamespace",
             "SELECT name FROM sys.tables WHERE schema_id = SCHEMA_ID() AND is_ms_shipped = 0"));
}

std::vector<std::string> view_names(Database& database) {
  return names_by(database, one_of(database, "SELECT name FROM sqlite_schema WHERE type = 'view'",
                                   "SELECT c.relname FROM pg_class c WHERE c.relkind = 'v' AND c.relnamespace = "
                                   "current_schema()::regnamespace",
                                   "SELECT name FROM sys.views WHERE schema_id = SCHEMA_ID() AND is_ms_shipped = 0"));
}

std::uint64_t database_bytes(Database& database) {
  const auto bytes = query_integer(
      database, one_of(database, "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
                       "SELECT pg_database_size(current_database())",
                       "SELECT SUM(CAST(size AS bigint)) * 8192 FROM sys.database_files"));
  return static_cast<std::uint64_t>(bytes.value_or(0));
}

std::optional<std::uint64_t> most_bytes(Database& database) {
  if (database.dialect() != Dialect::sqlserver) return std::nullopt;
  // Files that grow without a bound have -1 or, of a log, 2 TiB. Express (edition 4) holds 10 GiB, from 2025 on 50.
  const auto most = query_integer(
      database,
      "SELECT MIN(m.bytes) FROM (SELECT CASE WHEN MIN(CASE WHEN growth = 0 THEN size ELSE max_size END) < 0 THEN NULL "
      "ELSE SUM(CAST(CASE WHEN growth = 0 THEN size ELSE max_size END AS bigint)) * 8192 END AS bytes FROM "
      "sys.database_files WHERE type = 0 UNION ALL SELECT CASE WHEN CAST(SERVERPROPERTY('EngineEdition') AS int) <> 4 "
      "THEN NULL WHEN CAST(SERVERPROPERTY('ProductMajorVersion') AS int) >= 17 THEN 53687091200 ELSE 10737418240 END) "
      "AS m");
  return most ? std::optional(static_cast<std::uint64_t>(*most)) : std::nullopt;
}

bool has_snapshots(Database& database) {
  if (database.dialect() != Dialect::sqlserver) return true;
  return query_integer(database,
                       "SELECT CAST(snapshot_isolation_state AS int) FROM sys.databases WHERE database_id = DB_ID()") ==
         1;
}

ServerFacts server_facts(Database& database, const DatabaseUrl& url) {
  ServerFacts facts;
  if (database.dialect() == Dialect::sqlite) return facts;
  if (database.dialect() == Dialect::postgresql) {
    database.query(postgresql_link(), {},
                   [&](const Row& row) { set_link(facts, row.integer(0) == 1, row.text(1), row.integer(2) == 1); });
  } else {
    set_link(facts, url.parameter("encrypt") != "no", "TLS", is_this_machine(url.parameter("host")));
  }
  database.query(
      one_of(database, "",
             "SELECT pg_encoding_to_char(encoding)::text || ', collation ' || datcollate::text FROM pg_database WHERE "
             "datname = current_database()",
             "SELECT N'UTF-16, collation ' + CAST(DATABASEPROPERTYEX(DB_NAME(), 'Collation') AS nvarchar(128))"),
      {}, [&](const Row& row) { facts.encoding = row.text(0); });
  // Of SQL Server's sessions a role that owns one database sees its own alone.
  if (database.dialect() == Dialect::postgresql) {
    facts.others = query_integer(database,
                                 "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
                                 "pg_backend_pid() AND backend_type = 'client backend'")
                       .value_or(0);
  }
  return facts;
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
                  std::initializer_list<std::pair<std::string_view, ColumnKind>> columns, std::size_t keys) {
  // Two that make it at once: PostgreSQL looks, and then one of them fails with a key of its own catalogue.
  if (database.dialect() == Dialect::postgresql) {
    database.query("SELECT pg_advisory_xact_lock(hashtext($1))", {table}, [](const Row&) {});
  }
  const std::string shape = fmt::format("{} ({})", quoted_name(table), definitions(database, columns, keys));
  database.execute(one_of(database, fmt::format("CREATE TABLE IF NOT EXISTS {} STRICT", shape),
                          fmt::format("CREATE TABLE IF NOT EXISTS {}", shape),
                          fmt::format("IF OBJECT_ID(N'{}', N'U') IS NULL CREATE TABLE {}", table, shape)));
}

}  // namespace linkspan::sql
