#pragma once
// The tables of store_sql, as this room reads and writes them.

#include <span>
#include <string>
#include <vector>

#include "sql/database.h"
#include "sql/value.h"
#include "store_sql/tables.h"

namespace linkspan::transfer {

using store_sql::TableInfo;

/// Shape for bulk loads: every column, in the schema's order.
[[nodiscard]] sql::Table bulk_table(const TableInfo& table);

enum class Order : unsigned char {
  any,     ///< as the server finds them, always read from the table itself, never from an index
  by_key,  ///< by primary key, byte for byte the same on every kind of server
};

/// A stretch of a large table by its first key column: above `after`, up to and with `upto`; NULL: no bound.
struct Range {
  sql::Value after;
  sql::Value upto;
};

/// Every row (of `range`), as checksums see them: what only says who is in charge of this database (moved_to, the
/// lease) is blanked, so that source and copy are equal.
[[nodiscard]] std::string select_all(const TableInfo& table, sql::Dialect dialect, Order order,
                                     const Range& range = {});

/// Where the columns of the primary key stand among all, in its order; never empty.
[[nodiscard]] std::vector<std::size_t> key_columns(const TableInfo& table);

/// "id 17", "connector_id 1, name secret"; keys of bytes in hex. `cells` is a whole row.
[[nodiscard]] std::string key_text(const TableInfo& table, std::span<const sql::ValueView> cells);

/// Whether the table's rows are carried by bulk load. The others have one row, written by hand (internal/target.h).
[[nodiscard]] bool is_bulk(const TableInfo& table);

/// Those that grow with the directory, largest first; they are written under the lease alone and have no foreign keys,
/// so they can be carried side by side.
[[nodiscard]] std::span<const TableInfo* const> large_tables();
/// All other bulk tables, in the order in which they can be filled.
[[nodiscard]] std::span<const TableInfo* const> small_tables();
/// Those that are written to without the lease.
[[nodiscard]] std::span<const TableInfo* const> unguarded_tables();

/// `"name"`, for names that come out of a server's catalogue.
[[nodiscard]] std::string quoted(std::string_view name);

}  // namespace linkspan::transfer
