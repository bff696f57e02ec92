#pragma once
// Rows that one thread reads and adds up while another writes them, in constant memory.

#include <functional>
#include <optional>
#include <string_view>

#include "sql/database.h"
#include "sql/row_batch.h"
#include "transfer/checksum.h"
#include "transfer/internal/ledger.h"
#include "transfer/internal/watch.h"

namespace linkspan::transfer {

/// Gives every row of one table to the function it is called with.
using RowFeed = std::function<void(const std::function<void(const sql::Row&)>& visit)>;

/// Fills `table` of `target` with what `feed` gives, in a transaction of its own, and returns the sum of it. `feed`
/// runs in a thread of its own beside the writing. Rows that are there already are removed first. Indexes and keys of
/// the target are dropped for the load and built after it, as they were. `transfer` is the attempt whose marker must
/// stand in the target: otherwise throws "transfer.superseded" with nothing written.
TableSum fill_table(const RowFeed& feed, sql::Database& target, const TableInfo& table, std::string_view transfer,
                    Watch& watch);

/// Adds what `feed` gives, in order of key, to `table` of `target`, batch by batch in transactions of some MiB each
/// that write the ledger too (step "batch TABLE"); `first` batches are there already. Otherwise as fill_table. Returns
/// the sum of what was added.
TableSum append_rows(const RowFeed& feed, sql::Database& target, const TableInfo& table, std::string_view transfer,
                     std::size_t first, const BatchLimits& limits, Watch& watch);

}  // namespace linkspan::transfer
