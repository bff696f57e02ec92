#pragma once
// What a database is, and making it ours: for open_store, and for transfer, which works on bare connections.

#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "sql/database.h"
#include "sql/migrate.h"

namespace linkspan::store_sql {

/// The numbered files of db/migrations for one kind of server.
[[nodiscard]] std::span<const sql::Migration> migrations(sql::Dialect dialect);

enum class Occupant : unsigned char {
  nothing,   ///< not a table
  linkspan,  ///< a Linkspan database, of whatever version
  other,     ///< something else
};

/// What was found in a database.
struct Found {
  Occupant occupant = Occupant::nothing;
  int schema = 0;               ///< newest migration applied
  bool upgrade_needed = false;  ///< this program has more
  std::string identity;         ///< random, in hex; empty where the schema was made (by a DBA) but never opened
  Time created_at{};
  std::string created_by;
  std::string moved_to;  ///< not empty: no longer in charge
};

/// Changes nothing. Throws "sql.newer_schema" or "sql.migration_changed" for a Linkspan database this program cannot
/// use.
[[nodiscard]] Found look_at(sql::Database& database);

/// Applies the migrations that are missing; gives a database that has none an identity. `program` is our version.
/// Throws "store.not_linkspan" when something else lives there.
void prepare(sql::Database& database, std::string_view program, Time now);

/// From its commit on, this database refuses leases and writes and says `where` (a URL without secrets) to go; an empty
/// `where` puts it in charge again. Inside the caller's transaction if there is one.
void mark_moved(sql::Database& database, std::string_view where, Time now);

}  // namespace linkspan::store_sql
