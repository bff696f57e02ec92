#include <fmt/format.h>

#include <vector>

#include "sql/inspect.h"
#include "transfer/internal/held_lease.h"
#include "transfer/internal/source.h"
#include "transfer/upgrade.h"

namespace linkspan::transfer {

namespace {

constexpr std::int64_t k_at_once = 2000;

std::int64_t count_of_runs(sql::Database& database) {
  return sql::query_integer(database, "SELECT count(*) FROM run").value_or(0);
}

// Those after `after` that no reference leads to, in order of id.
std::vector<store::ObjectId> orphans(sql::Database& database, std::int64_t after) {
  std::vector<store::ObjectId> found;
  const sql::Transaction snapshot(database, sql::Mode::read);
  database.scan(
      "SELECT o.id FROM connector_object o WHERE o.id > $1 AND o.state = 0 AND o.pending = 0 AND NOT EXISTS (SELECT 1 "
      "FROM connector_reference r WHERE r.target_id = o.id) AND NOT EXISTS (SELECT 1 FROM connector_reference r WHERE "
      "r.object_id = o.id) ORDER BY o.id",
      {after}, [&](const sql::Row& row) {
        found.push_back(store::ObjectId{row.integer(0)});
        return found.size() < static_cast<std::size_t>(k_at_once);
      });
  return found;
}

std::int64_t remove_orphans(sql::Database& database, const HeldLease& lease, Watch& watch) {
  std::int64_t removed = 0;
  std::int64_t after = 0;
  while (true) {
    watch.check();
    const auto ids = orphans(database, after);
    if (ids.empty()) return removed;
    const auto batch = lease.store().batch(lease.lease());
    batch->remove_objects(ids);
    batch->commit();
    after = ids.back().value;
    removed += static_cast<std::int64_t>(ids.size());
    watch.report("prune", "connector_object", static_cast<std::uint64_t>(removed));
  }
}

// Nobody waits for PostgreSQL's; SQLite's writes the whole file anew, and takes its lock for that.
void take_room_back(sql::Database& database) {
  constexpr std::int64_t k_worth_it = 4;
  switch (database.dialect()) {
    case sql::Dialect::postgresql:
      for (const std::string& table : sql::table_names(database)) {
        database.execute(fmt::format("VACUUM (ANALYZE) {}", quoted(std::string_view(table))));
      }
      return;
    case sql::Dialect::sqlite: {
      const auto empty = sql::query_integer(database, "SELECT freelist_count FROM pragma_freelist_count()").value_or(0);
      const auto pages = sql::query_integer(database, "SELECT page_count FROM pragma_page_count()").value_or(0);
      if (empty * k_worth_it >= pages) database.execute("VACUUM");
      database.execute("PRAGMA wal_checkpoint(TRUNCATE)");
      return;
    }
    case sql::Dialect::sqlserver:  // what rows leave behind it gives back by itself
      return;
  }
}

}  // namespace

Pruned prune(const Place& place, const PruneOptions& options) {
  Watch watch(options.job);
  const Connector connector = connector_of(place);
  const auto database = connector.connect();
  (void)check_source(*database);
  Pruned pruned{.bytes_before = sql::database_bytes(*database)};
  {
    const MoveOptions as{.job = options.job,
                         .holder = options.holder.empty() ? "prune" : options.holder,
                         .lease_lasts = options.lease_lasts};
    const HeldLease lease(place, as, watch);
    const std::int64_t runs = count_of_runs(*database);
    lease.store().operations().prune_runs(sql::database_time(*database) - options.history);
    pruned.runs = runs - count_of_runs(*database);
    pruned.stand_ins = remove_orphans(*database, lease, watch);
    take_room_back(*database);
  }
  pruned.bytes_after = sql::database_bytes(*database);
  return pruned;
}

}  // namespace linkspan::transfer
