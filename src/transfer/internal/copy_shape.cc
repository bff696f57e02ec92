#include "transfer/internal/copy_shape.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "base/text.h"
#include "sql/inspect.h"
#include "sql/migrate.h"
#include "sql/open.h"
#include "store_sql/schema.h"
#include "transfer/manifest.h"

namespace linkspan::transfer {

namespace {

// Kind and name of what there is, and the statement that made it. SQLite's own notes for its planner are left out.
using Shape = std::map<std::pair<std::string, std::string>, std::string>;

Shape shape_of(sql::Database& database) {
  Shape shape;
  database.query(
      "SELECT type, name, COALESCE(sql, '') FROM sqlite_schema WHERE name NOT GLOB 'sqlite_stat*' LIMIT 1000", {},
      [&](const sql::Row& row) {
        shape.emplace(std::pair(std::string(row.text(0)), std::string(row.text(1))), row.text(2));
      });
  return shape;
}

}  // namespace

void make_manifest_tables(sql::Database& copy) {
  copy.execute(
      "CREATE TABLE linkspan_copy (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"
      "CREATE TABLE linkspan_copy_table (position INTEGER PRIMARY KEY, name TEXT NOT NULL, rows INTEGER NOT NULL, "
      "bytes INTEGER NOT NULL, high INTEGER NOT NULL, low INTEGER NOT NULL) STRICT;");
}

bool has_manifest_tables(sql::Database& copy) {
  const auto fresh = sql::open_sqlite(":memory:");
  make_manifest_tables(*fresh);
  const Shape found = shape_of(copy);
  for (const auto& [what, statement] : shape_of(*fresh)) {
    const auto same = found.find(what);
    if (same == found.end() || same->second != statement) return false;
  }
  return true;
}

void check_shape(sql::Database& copy, const std::string& file) {
  const auto fresh = sql::open_sqlite(":memory:");
  sql::migrate(*fresh, store_sql::migrations(sql::Dialect::sqlite));
  make_manifest_tables(*fresh);
  const Shape wanted = shape_of(*fresh);
  const Shape found = shape_of(copy);
  for (const auto& [what, statement] : found) {
    const auto same = wanted.find(what);
    if (same != wanted.end() && same->second == statement) continue;
    damaged_copy(
        file, fmt::format("its {} {} is none that a copy has", printable(what.first, 40), printable(what.second, 80)));
  }
  for (const auto& [what, statement] : wanted) {
    if (!found.contains(what)) damaged_copy(file, fmt::format("its {} {} is missing", what.first, what.second));
  }
  const auto said = sql::query_row(copy, "PRAGMA quick_check(1)");
  const auto* verdict = said ? std::get_if<std::string>(&said->front()) : nullptr;
  if (verdict == nullptr || *verdict != "ok") {
    damaged_copy(file, printable(verdict == nullptr ? "its pages cannot be checked" : *verdict, 200));
  }
}

}  // namespace linkspan::transfer
