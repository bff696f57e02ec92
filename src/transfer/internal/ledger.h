#pragma once
// What of each large table has arrived in the database that is filled, batch by batch. Two tables beside the marker,
// written in the very transactions that write the rows, so that they are never ahead of them nor behind.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sql/database.h"
#include "transfer/checksum.h"
#include "transfer/internal/tables.h"

namespace linkspan::transfer {

/// Rows of a large table, in order of its first key column: those above the batch before, up to and with `upto`.
struct CarriedBatch {
  sql::Value upto;
  TableSum sum;
};

/// Makes both tables where they are missing.
void make_ledger(sql::Database& database);
/// In the caller's transaction if there is one.
void drop_ledger(sql::Database& database);

/// In order; empty where nothing of the table has arrived.
[[nodiscard]] std::vector<CarriedBatch> load_batches(sql::Database& database, const TableInfo& table);
/// `first`: how many there are already.
void add_batches(sql::Database& database, const TableInfo& table, std::size_t first,
                 std::span<const CarriedBatch> batches);
/// The batch of that number holds something else now.
void correct_batch(sql::Database& database, const TableInfo& table, std::size_t number, const TableSum& sum);
void forget_batches(sql::Database& database, const TableInfo& table);

/// What strip_table dropped and clothe_table has not built yet; nullopt for a table that lacks nothing.
[[nodiscard]] std::optional<std::vector<std::string>> load_dropped(sql::Database& database, const TableInfo& table);
void put_dropped(sql::Database& database, const TableInfo& table, const std::vector<std::string>& definitions);
void forget_dropped(sql::Database& database, const TableInfo& table);

}  // namespace linkspan::transfer
