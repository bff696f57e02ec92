#pragma once
// References by their keys, as rows of the bulk primitives.

#include <span>

#include "sql/row_batch.h"
#include "store/rows.h"

namespace linkspan::store_sql {

/// Rows of object, attribute and target.
[[nodiscard]] inline sql::RowBatch reference_rows(std::span<const store::ReferenceKey> keys) {
  sql::RowBatch rows(3);
  for (const store::ReferenceKey& key : keys) {
    rows.integer(key.object.value);
    rows.integer(key.attribute);
    rows.integer(key.target.value);
  }
  return rows;
}

}  // namespace linkspan::store_sql
