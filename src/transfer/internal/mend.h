#pragma once
// A large table that was carried and whose source has been written to since: only what differs is carried again.

#include <cstddef>
#include <span>
#include <vector>

#include "transfer/internal/carry.h"
#include "transfer/internal/ledger.h"

namespace linkspan::transfer {

/// The numbers of those of `batches` whose sums the source no longer has. Reads the source once, up to the last batch.
[[nodiscard]] std::vector<std::size_t> differing_batches(sql::Database& source, const TableInfo& table,
                                                         std::span<const CarriedBatch> batches, Watch& watch);

/// Makes the rows within `differing` of `batches` equal to the source's and reads them back. `source` is in a
/// transaction, `writer` is not. First goes all that must go, then comes what must come: unique keys wander between
/// rows. Each batch has a transaction of its own, with its line of the ledger: killed anywhere, the next attempt goes
/// on. `batches` has the new sums afterwards. Throws "transfer.mismatch", naming the row.
void mend_batches(sql::Database& source, const Filling& filling, sql::Database& writer, const TableInfo& table,
                  std::span<CarriedBatch> batches, std::span<const std::size_t> differing, Watch& watch);

}  // namespace linkspan::transfer
