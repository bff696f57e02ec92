#pragma once
// Rows from one database into another, and sums of what a database holds: streamed, in constant memory.

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sql/open.h"
#include "transfer/checksum.h"
#include "transfer/internal/tables.h"
#include "transfer/internal/watch.h"

namespace linkspan::transfer {

/// Sums by table name.
using Sums = std::map<std::string, TableSum, std::less<>>;
[[nodiscard]] Sums sums_of(const std::vector<std::pair<std::string, TableSum>>& tables);

/// How to make connections of one kind of one database: as many as there are workers.
struct Connector {
  sql::DatabaseUrl url;
  sql::OpenOptions options;
  /// For long bulk work: no time limits, commits need not be durable one by one.
  [[nodiscard]] std::unique_ptr<sql::Database> connect() const;
};

/// A database that is filled, by one attempt: nothing is written there once another attempt has put its marker.
struct Filling {
  Connector connector;
  std::string transfer;  ///< of the marker
  BatchLimits batches{};
};

/// Of all tables; those with a single row count as small.
enum class Which : unsigned char { all, small, large };

/// What carry_all came to.
struct Carried {
  Sums sums;
  std::uint64_t kept = 0;  ///< rows that were there already
};

/// Makes every bulk table of the target equal to the source's: the small ones in order, then the large ones, two at a
/// time where the target is PostgreSQL. What is there already, from an interrupted attempt or from an earlier call, is
/// compared with the source as it is now and kept where it is equal: of large tables batch by batch
/// (internal/ledger.h). Without `in_parallel` all is read from one snapshot of the source; with it that is so for each
/// table. With `small` the large ones are left as they are: nobody has written to them since. The sums are of all
/// tables, those with a single row too, which are not filled here.
[[nodiscard]] Carried carry_all(const Connector& source, const Filling& target, bool in_parallel, Which which,
                                Watch& watch);

/// What one table holds now.
[[nodiscard]] TableSum sum_table(sql::Database& database, const TableInfo& table, Watch& watch);

/// What they hold; from one snapshot unless `in_parallel`.
[[nodiscard]] Sums sum_tables(const Connector& database, Which which, bool in_parallel, Watch& watch);

/// Throws Fault::corrupt "transfer.mismatch", naming every table whose sums differ, in the order of the schema. Tables
/// that only one of them has are passed over.
void check_equal(const Sums& wanted, const Sums& found, std::string_view source, std::string_view target);

/// The same, and names the first row that differs too, by looking at both again. What the ledger says of such a table
/// is forgotten, so that the next attempt carries it anew.
void check_same(const Sums& wanted, const Connector& source, const Sums& found, const Connector& target, Watch& watch);

}  // namespace linkspan::transfer
