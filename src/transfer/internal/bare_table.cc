#include "transfer/internal/bare_table.h"

#include <fmt/format.h>

#include <utility>

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

std::vector<std::string> strip_table(sql::Database& database, std::string_view table,
                                     std::vector<std::string> dropped) {
  std::vector<std::string> definitions = std::move(dropped);
  std::string drops;
  const std::string name = quoted(table);
  if (database.dialect() == sql::Dialect::sqlserver) {  // its loads go through a stage, in the order of the key
    database.run(fmt::format("DELETE FROM {}", name));
    return definitions;
  }
  const bool sqlite = database.dialect() == sql::Dialect::sqlite;
  if (!sqlite) {
    database.query(k_postgresql_keys, {std::string_view(name)}, [&](const sql::Row& row) {
      drops += fmt::format("ALTER TABLE {} DROP CONSTRAINT {};", name, quoted(row.text(0)));
      definitions.push_back(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {}", name, quoted(row.text(0)), row.text(1)));
    });
  }
  // Where a key was dropped nothing refers to the table, and it may be truncated.
  drops = fmt::format("{} {};", sqlite || definitions.empty() ? "DELETE FROM" : "TRUNCATE", name) + drops;
  database.query(sqlite ? k_sqlite_indexes : k_postgresql_indexes, {sqlite ? table : std::string_view(name)},
                 [&](const sql::Row& row) {
                   drops += fmt::format("DROP INDEX {};", quoted(row.text(0)));
                   definitions.emplace_back(row.text(1));
                 });
  database.execute(drops);
  return definitions;
}

void clothe_table(sql::Database& database, std::string_view table, const std::vector<std::string>& definitions) {
  std::string script;
  for (const std::string& definition : definitions) script += definition + ';';
  // The first reads must not be planned for an empty table.
  if (database.dialect() == sql::Dialect::postgresql) script += fmt::format("ANALYZE {};", quoted(table));
  if (!script.empty()) database.execute(script);
}

}  // namespace linkspan::transfer
