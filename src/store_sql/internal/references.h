#pragma once
// Where references lead, and who holds them: lookups of many in a fixed number of round trips for each step that is
// followed. No server can be misled by what it does not know yet of tables that were just filled.

#include <cstdint>
#include <span>
#include <unordered_set>
#include <vector>

#include "sql/database.h"
#include "sql/row_batch.h"
#include "store/store.h"

namespace linkspan::store_sql {

/// A column of ids.
[[nodiscard]] sql::RowBatch number_rows(const auto& ids) {
  sql::RowBatch rows(1);
  for (const std::int64_t id : ids) rows.integer(id);
  return rows;
}

/// As View::resolve_references.
[[nodiscard]] std::vector<store::View::Resolved> resolve_references(sql::Database& database,
                                                                    store::ConnectorId connector,
                                                                    std::span<const model::ReferenceSource> sources);

/// The objects whose references lead to `objects`, as Batch::touch_holders has it. Circles end.
[[nodiscard]] std::unordered_set<std::int64_t> holders_of(sql::Database& database,
                                                          const std::unordered_set<std::int64_t>& objects,
                                                          const store::DerivedReferences& derived);

}  // namespace linkspan::store_sql
