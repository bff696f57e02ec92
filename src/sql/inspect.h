#pragma once
// Questions about a database as a whole.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "sql/database.h"

namespace linkspan::sql {

/// The clock all servers of one database share: the database server's own; with SQLite, this host's. Not the
/// transaction's start.
[[nodiscard]] Time database_time(Database& database);

/// "SQLite 3.40.1", "PostgreSQL 15.18", "SQL Server 16.0.1000.6".
[[nodiscard]] std::string product(Database& database);

/// The tables of the database, by name.
[[nodiscard]] std::vector<std::string> table_names(Database& database);

/// All the room the database takes.
[[nodiscard]] std::uint64_t database_bytes(Database& database);

enum class Depth : unsigned char {
  quick,  ///< every page and every row is well-formed
  full,   ///< also every index holds what its table holds, and every foreign key leads somewhere
};

/// Reads everything and names what is damaged; empty when sound. The servers check their own pages, so there it
/// is empty.
[[nodiscard]] std::vector<std::string> integrity_problems(Database& database, Depth depth = Depth::full);

enum class ColumnKind : unsigned char { integer, text };

/// Makes a small table of our own beside the schema, unless it is there: columns by name, none NULL, the first its key
/// (an integer).
void ensure_table(Database& database, std::string_view table,
                  std::initializer_list<std::pair<std::string_view, ColumnKind>> columns);

}  // namespace linkspan::sql
