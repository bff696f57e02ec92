#pragma once
// Every table of the schema but `server`, for whoever moves rows without knowing what they mean (transfer). A test
// holds this list to db/migrations. Which services are alive is not part of the state.

#include <span>
#include <string_view>

namespace linkspan::store_sql {

enum class ColumnType : unsigned char { integer, text, blob };

struct ColumnInfo {
  std::string_view name;
  ColumnType type = ColumnType::integer;
  bool nullable = false;
  bool key = false;  ///< part of the primary key, in this order
};

/// What becomes of a table's rows when the database is copied.
enum class Copying : unsigned char {
  rows,      ///< as they are
  identity,  ///< one row, `linkspan_database`: as it is, but the copy is not marked as moved
  lease,     ///< one row: a copy starts with nobody in charge, `fence` kept, so that no old lease fits
};

struct TableInfo {
  std::string_view name;
  std::span<const ColumnInfo> columns;  ///< in the order of the schema
  Copying copying = Copying::rows;
};

/// In the order in which they can be filled, foreign keys and all. A database whose schema was just made holds no row
/// in any of them. The migration runner's own table is not among them, nor is `server`.
[[nodiscard]] std::span<const TableInfo> all_tables();

}  // namespace linkspan::store_sql
