#include "store_sql/schema.h"

#include <sys/random.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include "base/error.h"
#include "base/text.h"
#include "sql/inspect.h"
#include "store_sql/postgresql_migrations.h"
#include "store_sql/sqlite_migrations.h"
#include "store_sql/sqlserver_migrations.h"

namespace linkspan::store_sql {

namespace {

constexpr std::string_view k_marker_table = "linkspan_database";

std::string random_identity() {
  std::array<char, 16> bytes{};
  // Sixteen bytes always come in one piece (getrandom(2)), and only before the kernel's pool is up does it wait.
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw Error(Fault::unavailable, "store.no_randomness", "the kernel gave no random bytes for a database identity");
  }
  return to_hex({bytes.data(), bytes.size()});
}

}  // namespace

std::span<const sql::Migration> migrations(sql::Dialect dialect) {
  switch (dialect) {
    case sql::Dialect::sqlite:
      return sqlite_migrations();
    case sql::Dialect::postgresql:
      return postgresql_migrations();
    case sql::Dialect::sqlserver:
      break;
  }
  return sqlserver_migrations();
}

Found look_at(sql::Database& database) {
  Found found;
  const std::vector<std::string> tables = sql::table_names(database);
  if (std::find(tables.begin(), tables.end(), k_marker_table) == tables.end()) {
    // A migration that failed on an empty database leaves the runner's own table behind.
    const bool nothing =
        std::all_of(tables.begin(), tables.end(), [](auto& name) { return name == "schema_migration"; }) &&
        sql::schema_version(database) == 0;
    found.occupant = nothing ? Occupant::nothing : Occupant::other;
    return found;
  }
  found.occupant = Occupant::linkspan;
  found.upgrade_needed = !sql::pending_migrations(database, migrations(database.dialect())).empty();
  found.schema = sql::schema_version(database);
  database.query("SELECT \"identity\", created_at, created_by, moved_to FROM linkspan_database", {},
                 [&](const sql::Row& row) {
                   found.identity = row.text(0);
                   found.created_at = Time(std::chrono::microseconds(row.integer(1)));
                   found.created_by = row.text(2);
                   found.moved_to = row.text(3);
                 });
  return found;
}

void prepare(sql::Database& database, std::string_view program, Time now) {
  if (look_at(database).occupant == Occupant::other) {
    throw Error(Fault::invalid, "store.not_linkspan", fmt::format("{} is not a Linkspan database", database.name()),
                "It holds tables of something else. Name another database, or an empty one.");
  }
  sql::migrate(database, migrations(database.dialect()));
  static const sql::Table marker{.name = std::string(k_marker_table),
                                 .columns = {{"id", sql::Role::key},
                                             {"identity", sql::Role::initial},
                                             {"created_at", sql::Role::initial},
                                             {"created_by", sql::Role::initial}}};
  const std::string identity = random_identity();
  const sql::ValueView row[] = {std::int64_t{1}, std::string_view(identity),
                                std::int64_t{now.time_since_epoch().count()}, program};
  database.upsert(marker, {row, std::size(row)});
}

void mark_moved(sql::Database& database, std::string_view where, Time now) {
  database.run("UPDATE linkspan_database SET moved_to = $1, moved_at = $2 WHERE id = 1",
               {where, std::int64_t{now.time_since_epoch().count()}});
}

}  // namespace linkspan::store_sql
