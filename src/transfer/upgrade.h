#pragma once
// An older schema is brought up to date, and what nobody needs any more is thrown away.

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sql/migrate.h"
#include "transfer/place.h"

namespace linkspan::transfer {

struct Upgrade {
  std::string database;  ///< URL without secrets
  int from = 0;
  int to = 0;                             ///< what this program makes
  std::vector<std::string> migrations{};  ///< names of those that are missing, in order
  std::uint64_t bytes = 0;                ///< all the room the database takes: what a migration may have to pass over
};

/// What an upgrade would do; changes nothing. `known`: other migrations than the program's, for tests.
///
/// Throws "transfer.empty_source", "transfer.not_in_charge", "sql.newer_schema",
/// "sql.migration_changed", and what opening a database throws.
[[nodiscard]] Upgrade look_at_upgrade(const Place& place, std::span<const sql::Migration> known = {});

/// Applies the missing migrations, each in a transaction of its own: killed or failed, it goes on with the next call.
/// Nobody may be at work: throws "transfer.lease_held" (a service of an older version does not know the newer schema),
/// "sql.migration_failed", and what look_at_upgrade throws.
Upgrade upgrade(const Place& place, const Job& job = {}, std::span<const sql::Migration> known = {});

struct PruneOptions {
  Job job{};
  std::string holder{};            ///< of the lease, for people; empty: "prune"
  std::chrono::seconds history{};  ///< runs that began longer ago go
  std::chrono::seconds lease_lasts{60};
};

struct Pruned {
  std::int64_t runs = 0;
  std::int64_t stand_ins = 0;  ///< placeholders that no reference leads to any more
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after = 0;
};

/// Removes old history and orphaned stand-ins, under the lease, in batches; then lets the server take the room back and
/// count its rows anew: PostgreSQL by VACUUM (ANALYZE), which nobody waits for; an SQLite file is written anew where at
/// least a fourth of it is empty. What is still needed is never touched: a run under way, a referenced stand-in.
///
/// Throws "transfer.lease_held", "transfer.cancelled" (what was removed stays removed), and what opening throws.
Pruned prune(const Place& place, const PruneOptions& options);

}  // namespace linkspan::transfer
