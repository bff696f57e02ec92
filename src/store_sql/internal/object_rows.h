#pragma once
// Connector objects and their images as rows: the one place that knows the order of their columns.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "sql/database.h"
#include "sql/row_batch.h"
#include "store/store.h"

namespace linkspan::store_sql {

/// Columns that a lookup need not read, since they are what it looks for.
enum Known : unsigned char {
  known_nothing = 0,
  known_id = 1,
  known_connector = 2,
  known_anchor = 4,
  known_dn_key = 8,
  known_metaverse = 16
};

inline constexpr std::size_t k_object_columns = 14;

/// The columns of connector_object in the order of the schema.
[[nodiscard]] const std::array<std::string_view, k_object_columns>& object_columns();

/// A lookup of whole objects by the known columns, with the images in `images`. One of each kind is made, once.
[[nodiscard]] const sql::Table& object_lookup(Known known, store::ImageMask images);

/// "SELECT o.id, ... FROM `from` o [LEFT JOIN connector_image i ...]"; the caller adds WHERE.
[[nodiscard]] std::string object_select(std::string_view from, store::ImageMask images);

/// What such a lookup or SELECT read. Known columns are left as they are in `into`.
void read_object(const sql::Row& row, Known known, store::Object& into);
void read_object(const sql::Row& row, Known known, store::ImageMask images, store::ObjectWithImages& into);

/// All columns of connector_object; the object must outlive the batch's use.
void add_object(sql::RowBatch& rows, const store::Object& object);

/// The id, and the columns from k_state_from on: all but the identity. Likewise.
inline constexpr std::size_t k_state_from = 5;
void add_object_state(sql::RowBatch& rows, const store::Object& object);

/// Empty bytes are NULL: there is none.
[[nodiscard]] inline sql::ValueView blob_or_null(std::string_view bytes) {
  return bytes.empty() ? sql::ValueView() : sql::ValueView(sql::BlobView(bytes));
}

}  // namespace linkspan::store_sql
