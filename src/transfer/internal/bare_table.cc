#include "transfer/internal/bare_table.h"

#include <fmt/format.h>

#include "transfer/internal/tables.h"

namespace linkspan::transfer {

namespace {

constexpr std::string_view k_sqlite_indexes =
    "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = $1 AND sql IS NOT NULL ORDER BY name";

constexpr std::string_view k_postgresql_indexes =
    "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
    "WHERE i.indrelid = to_regclass($1) AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid) "
    "ORDER BY c.relname";

// A key that a foreign key leads to stays.
constexpr std::string_view k_postgresql_keys =
    "SELECT k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k WHERE k.conrelid = to_regclass($1) AND "
    "k.contype IN ('p', 'u') AND NOT EXISTS (SELECT 1 FROM pg_constraint f WHERE f.confrelid = k.conrelid AND "
    "f.contype = 'f') ORDER BY k.conname";

}  // namespace

BareTable::BareTable(sql::Database& database, std::string_view table) : database_(database), table_(quoted(table)) {
  std::string drops;
  const bool sqlite = database.dialect() == sql::Dialect::sqlite;
  if (!sqlite) {
    database.query(k_postgresql_keys, {std::string_view(table_)}, [&](const sql::Row& row) {
      drops += fmt::format("ALTER TABLE {} DROP CONSTRAINT {};", table_, quoted(row.text(0)));
      definitions_.push_back(
          fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {}", table_, quoted(row.text(0)), row.text(1)));
    });
  }
  // Where a key was dropped nothing refers to the table, and it may be truncated.
  drops = fmt::format("{} {};", definitions_.empty() ? "DELETE FROM" : "TRUNCATE", table_) + drops;
  database.query(sqlite ? k_sqlite_indexes : k_postgresql_indexes, {sqlite ? table : std::string_view(table_)},
                 [&](const sql::Row& row) {
                   drops += fmt::format("DROP INDEX {};", quoted(row.text(0)));
                   definitions_.emplace_back(row.text(1));
                 });
  database.execute(drops);
}

void BareTable::restore() {
  std::string script;
  for (const std::string& definition : definitions_) script += definition + ';';
  // The first reads must not be planned for an empty table.
  if (database_.dialect() == sql::Dialect::postgresql) script += fmt::format("ANALYZE {};", table_);
  if (!script.empty()) database_.execute(script);
}

}  // namespace linkspan::transfer
