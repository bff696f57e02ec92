#pragma once
// Questions about a database as a whole.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "sql/database.h"
#include "sql/url.h"

namespace linkspan::sql {

/// The clock all servers of one database share: the database server's own; with SQLite, this host's. Not the
/// transaction's start.
[[nodiscard]] Time database_time(Database& database);

/// "SQLite 3.40.1", "PostgreSQL 15.18", "SQL Server 16.0.1000.6".
[[nodiscard]] std::string product(Database& database);

/// The tables of the database, by name.
[[nodiscard]] std::vector<std::string> table_names(Database& database);

/// The views of the database, by name.
[[nodiscard]] std::vector<std::string> view_names(Database& database);

/// All the room the database takes.
[[nodiscard]] std::uint64_t database_bytes(Database& database);

/// How much it may take at the most, by its edition (SQL Server Express) or its DBA's word; nullopt where there is no
/// such bound, or none this role can see.
[[nodiscard]] std::optional<std::uint64_t> most_bytes(Database& database);

/// Whether a read transaction sees one moment. Everywhere but on a SQL Server whose DBA did not allow snapshots.
[[nodiscard]] bool has_snapshots(Database& database);

/// How a server is reached, how it keeps text, and who else is there.
struct ServerFacts {
  std::string link;         ///< "TLSv1.3", "TLS", "in clear, on this machine", "in clear"; empty for a file
  bool in_clear = false;    ///< over a network
  std::string encoding;     ///< "UTF8, collation C"; empty for a file
  std::int64_t others = 0;  ///< sessions of others in this database, as far as this role sees them
};
/// `url`: the one that `database` was opened with.
[[nodiscard]] ServerFacts server_facts(Database& database, const DatabaseUrl& url);

enum class Depth : unsigned char {
  quick,  ///< every page and every row is well-formed
  full,   ///< also every index holds what its table holds, and every foreign key leads somewhere
};

/// Reads everything and names what is damaged; empty when sound. The servers check their own pages, so there it
/// is empty.
[[nodiscard]] std::vector<std::string> integrity_problems(Database& database, Depth depth = Depth::full);

enum class ColumnKind : unsigned char {
  integer,
  name,  ///< text of 400 characters at most, fit for a key
  text,
};

/// Makes a small table of our own beside the schema, unless it is there: columns by name, none NULL; the first `keys`
/// of them (integers and names) are its primary key.
void ensure_table(Database& database, std::string_view table,
                  std::initializer_list<std::pair<std::string_view, ColumnKind>> columns, std::size_t keys = 1);

}  // namespace linkspan::sql
