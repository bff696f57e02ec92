#pragma once
// What each kind of server wants to be told around work that fills, empties or hands over a whole database.

#include <span>
#include <string_view>

#include "sql/database.h"

namespace linkspan::sql {

/// For a connection that loads much: no limit of time, long patience with locks, and, where the server can, commits
/// that do not wait for the disk. A commit after `make_commits_durable` makes those before it durable, too. (With SQL
/// Server only loads and copy_out are without a limit of time.)
void prepare_for_heavy_work(Database& database);

/// Commits of this connection are durable from here on, whatever it was made for.
void make_commits_durable(Database& database);

/// Takes the lock that one command at a time holds on a database, for as long as the connection lives; false where
/// another has it. SQLite: always true, its write lock does the same.
[[nodiscard]] bool try_lock_alone(Database& database);

/// In a write transaction: until it ends nobody else writes to these tables. Everybody may read them.
void lock_against_writers(Database& database, std::span<const std::string_view> tables);

}  // namespace linkspan::sql
