#include "transfer/upgrade.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "sql/heavy_work.h"
#include "sql/inspect.h"
#include "store_sql/schema.h"
#include "transfer/internal/source.h"

namespace linkspan::transfer {

namespace {

std::span<const sql::Migration> known_or_own(std::span<const sql::Migration> known, const sql::Database& database) {
  return known.empty() ? store_sql::migrations(database.dialect()) : known;
}

// As source_obstacle, but whatever the schema: that is what is asked here.
void check_in_charge(sql::Database& database) {
  const auto tables = sql::table_names(database);
  const bool ours = std::find(tables.begin(), tables.end(), "linkspan_database") != tables.end();
  const auto row =
      ours ? sql::query_row(database, "SELECT moved_to FROM linkspan_database WHERE id = 1") : std::nullopt;
  if (!row) {
    throw Error(Fault::not_found, "transfer.empty_source", fmt::format("{} holds no state", database.name()),
                "Name the database Linkspan lives in.");
  }
  const auto& moved_to = std::get<std::string>(row->front());
  if (moved_to.empty()) return;
  throw Error(Fault::conflict, "transfer.not_in_charge",
              fmt::format("{} is not in charge: {}", database.name(), moved_to),
              "What it holds is not the state. Name the database that is in charge.");
}

Upgrade look(sql::Database& database, std::span<const sql::Migration> known) {
  Upgrade found{.database = database.name()};
  check_in_charge(database);
  const auto pending = sql::pending_migrations(database, known);
  found.from = sql::schema_version(database);
  found.to = known.back().number;
  for (const sql::Migration& migration : pending) {
    found.migrations.push_back(fmt::format("{:04} {}", migration.number, migration.name));
  }
  found.bytes = sql::database_bytes(database);
  return found;
}

void check_nobody_at_work(sql::Database& database) {
  const auto row = sql::query_row(database, "SELECT holder, expires_at FROM lease WHERE id = 1");
  if (!row) return;
  const auto& holder = std::get<std::string>((*row)[0]);
  const Time ends(std::chrono::microseconds(std::get<std::int64_t>((*row)[1])));
  if (holder.empty() || ends <= sql::database_time(database)) return;
  throw Error(Fault::conflict, "transfer.lease_held", fmt::format("{} is in charge of {}", holder, database.name()),
              "Stop that service or wait for that command; its lease ends within a minute after it is gone.");
}

}  // namespace

Upgrade look_at_upgrade(const Place& place, std::span<const sql::Migration> known) {
  const auto database = connector_of(place).connect();
  return look(*database, known_or_own(known, *database));
}

Upgrade upgrade(const Place& place, const Job& job, std::span<const sql::Migration> known) {
  const auto database = connector_of(place).connect();
  sql::make_commits_durable(*database);
  const auto all = known_or_own(known, *database);
  Upgrade done = look(*database, all);
  if (done.migrations.empty()) return done;
  check_nobody_at_work(*database);
  Watch watch(job);
  // One after the other, so that a stop is heard in between.
  for (std::size_t i = 1; i <= all.size(); ++i) {
    if (all[i - 1].number <= done.from) continue;
    watch.check();
    watch.report("upgrade", all[i - 1].name, static_cast<std::uint64_t>(all[i - 1].number));
    (void)sql::migrate(*database, all.first(i));
    watch.step(fmt::format("migration {}", all[i - 1].number));
  }
  return done;
}

}  // namespace linkspan::transfer
