#pragma once
// Metaverse objects as rows.

#include <span>
#include <vector>

#include "sql/database.h"
#include "sql/row_batch.h"
#include "store/store.h"

namespace linkspan::store_sql {

/// id, type, touched, image, lineage.
void read_metaverse(const sql::Row& row, store::Metaverse& into);

/// The same columns; the object must outlive the batch's use.
void add_metaverse(sql::RowBatch& rows, const store::Metaverse& object);

[[nodiscard]] std::vector<store::Metaverse> lookup_metaverse(sql::Database& database,
                                                             std::span<const store::MetaverseId> ids);

}  // namespace linkspan::store_sql
