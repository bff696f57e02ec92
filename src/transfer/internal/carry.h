#pragma once
// Rows from one database into another, and sums of what a database holds: streamed, in constant memory.

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sql/open.h"
#include "transfer/checksum.h"
#include "transfer/internal/tables.h"
#include "transfer/place.h"

namespace linkspan::transfer {

/// Sums by table name.
using Sums = std::map<std::string, TableSum, std::less<>>;
[[nodiscard]] Sums sums_of(const std::vector<std::pair<std::string, TableSum>>& tables);

/// The caller's functions and stop token, shared by the threads of one operation: it hears from one of them at a time.
class Watch {
 public:
  explicit Watch(const Job& job) : job_(job) {}

  /// Throws "transfer.cancelled" or, after lose_lease(), "transfer.lease_lost".
  void check() const;
  void lose_lease() noexcept { lease_lost_ = true; }
  void report(std::string_view verb, std::string_view table, std::uint64_t rows);
  void step(std::string_view name);

 private:
  const Job& job_;
  std::mutex mutex_;
  std::atomic<bool> lease_lost_ = false;
};

/// How to make connections of one kind of one database: as many as there are workers.
struct Connector {
  sql::DatabaseUrl url;
  sql::OpenOptions options;
  /// For long bulk work: no time limits, commits need not be durable one by one.
  [[nodiscard]] std::unique_ptr<sql::Database> connect() const;
};

/// Gives every row of one table to the function it is called with.
using RowFeed = std::function<void(const std::function<void(const sql::Row&)>& visit)>;

/// Fills `table` of `target` with what `feed` gives, in a transaction of its own, and returns the sum of it. `feed`
/// runs in a thread of its own beside the writing. Rows that are there already are removed first. Indexes and keys of
/// the target are dropped for the load and built after it, as they were.
TableSum fill_table(const RowFeed& feed, sql::Database& target, const TableInfo& table, Watch& watch);

/// Fills `table` of `target` with all rows of `source`'s as fill_table does. `source` is in a transaction, or nobody
/// writes to it.
TableSum carry_table(sql::Database& source, sql::Database& target, const TableInfo& table, Watch& watch);

/// What carry_all came to.
struct Carried {
  Sums sums;
  std::uint64_t kept = 0;  ///< rows that were there already
};

/// Fills every bulk table: the small ones in order, then the large ones, two at a time where the target is PostgreSQL.
/// Without `in_parallel` all is read from one snapshot of the source; with it that is so for each table. The sums are
/// of all tables, those with a single row too, which are not filled here. With `keep` a table that holds something is
/// compared first, and left alone where it is equal: tables are filled in one transaction each, so it is whole.
[[nodiscard]] Carried carry_all(const Connector& source, const Connector& target, bool in_parallel, bool keep,
                                Watch& watch);

/// What one table holds now.
[[nodiscard]] TableSum sum_table(sql::Database& database, const TableInfo& table, Watch& watch);

/// What every table holds, the ones with a single row too; from one snapshot unless `in_parallel`.
[[nodiscard]] Sums sum_all(const Connector& database, bool in_parallel, Watch& watch);

/// Throws Fault::corrupt "transfer.mismatch", naming every table whose sums differ, in the order of the schema.
void check_equal(const Sums& wanted, const Sums& found, std::string_view source, std::string_view target);

}  // namespace linkspan::transfer
