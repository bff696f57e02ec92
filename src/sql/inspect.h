#pragma once
// Questions about a database as a whole.

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "sql/database.h"

namespace linkspan::sql {

/// The clock all servers of one database share: PostgreSQL's own; with SQLite, this host's. Not the transaction's
/// start.
[[nodiscard]] Time database_time(Database& database);

/// "SQLite 3.40.1", "PostgreSQL 15.18".
[[nodiscard]] std::string product(Database& database);

struct TableSize {
  std::string table;
  std::uint64_t bytes = 0;  ///< With indexes; 0 where the server cannot tell.
};

/// The tables of the database, by name.
[[nodiscard]] std::vector<std::string> table_names(Database& database);

/// As table_names, with the room each takes.
[[nodiscard]] std::vector<TableSize> table_sizes(Database& database);

/// All the room the database takes.
[[nodiscard]] std::uint64_t database_bytes(Database& database);

enum class Depth : unsigned char {
  quick,  ///< every page and every row is well-formed
  full,   ///< also every index holds what its table holds, and every foreign key leads somewhere
};

/// Reads everything and names what is damaged; empty when sound. PostgreSQL checks its own pages, so there it is empty.
[[nodiscard]] std::vector<std::string> integrity_problems(Database& database, Depth depth = Depth::full);

/// After rows were copied in with their own numbers: the next number `table.column` gives out is above all of them.
void align_identity(Database& database, std::string_view table, std::string_view column);

}  // namespace linkspan::sql
