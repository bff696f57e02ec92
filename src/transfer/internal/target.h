#pragma once
// The database that is being filled: kept from running until it is whole, and kept to one filler.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "store_sql/schema.h"
#include "transfer/internal/carry.h"
#include "transfer/manifest.h"
#include "transfer/marker.h"

namespace linkspan::transfer {

/// What the single rows of a database say.
struct Head {
  std::string identity;
  std::int64_t created_at = 0;
  std::string created_by;
};
[[nodiscard]] Head load_head(sql::Database& database);

/// A connection that nobody else can have in this room at the same time: a second filler is told "transfer.busy".
/// SQLite: one writer at a time is all there is anyway.
[[nodiscard]] std::unique_ptr<sql::Database> connect_alone(const Connector& connector);

/// What is in the way of filling this database for `identity`; empty when nothing is. Changes nothing.
///   `part` target: one that an earlier attempt of the same move left may be filled again.
///   `part` attachment: an unfinished one of either kind may be filled again where `restart` says so, unless
///   it may be the target of a move that has handed over.
[[nodiscard]] std::optional<Error> target_obstacle(sql::Database& database, Part part, std::string_view identity,
                                                   bool restart);

/// Throws "transfer.snapshots" for a SQL Server whose DBA did not allow snapshots: a copy of it would be of no moment,
/// and who reads a table there while it is filled would wait for himself.
void check_snapshots(sql::Database& database);

/// Puts the marker, makes the schema, and writes the head with `guard` as moved_to, so that from the first moment to
/// the last nobody can take a lease of it.
void prepare_target(sql::Database& database, const Marker& marker, const Head& head, std::string_view guard);

/// Who was in charge of a database last.
struct LastLease {
  bool known = false;  ///< false: nobody ever was
  std::string holder;
  std::int64_t fence = 0;
  std::int64_t seen_at = 0;
};
[[nodiscard]] LastLease load_lease(sql::Database& database);

/// The copy of the lease row: the last holder and when it was seen are kept for people, lapsed, with a greater fence,
/// so that no lease of the old database fits.
void put_lease(sql::Database& target, const LastLease& last);

/// Throws "transfer.other_schema" unless what `what` holds has the schema this program makes.
void check_schema(const Manifest& manifest, const std::string& what, sql::Dialect target);

/// The one transaction that makes what was attached or restored a database in its own right: staging mode is on, the
/// guard and the marker are gone.
void release(sql::Database& target, const std::string& transfer);

/// 16 random bytes in hex.
[[nodiscard]] std::string random_name();

}  // namespace linkspan::transfer
