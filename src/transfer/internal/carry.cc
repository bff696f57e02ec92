#include "transfer/internal/carry.h"

#include <fmt/format.h>

#include <array>
#include <exception>
#include <optional>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "base/error.h"
#include "sql/row_batch.h"
#include "transfer/internal/bare_table.h"

namespace linkspan::transfer {

namespace {

constexpr std::size_t k_batch_bytes = std::size_t{192} * 1024;
constexpr std::size_t k_batch_rows = 4096;
constexpr std::size_t k_queue = 4;
constexpr std::size_t k_workers = 2;

// Batches that were written, to be filled again: their memory is warm.
class Spares {
 public:
  sql::RowBatch take(std::size_t columns) {
    const std::lock_guard lock(mutex_);
    if (spares_.empty()) return sql::RowBatch(columns);
    sql::RowBatch batch = std::move(spares_.back());
    spares_.pop_back();
    return batch;
  }
  void give_back(sql::RowBatch batch) {
    batch.clear();
    const std::lock_guard lock(mutex_);
    spares_.push_back(std::move(batch));
  }

 private:
  std::mutex mutex_;
  std::vector<sql::RowBatch> spares_;
};

struct WriterGone {};

// Reads and sums in a thread of its own, while the caller writes.
class Reader {
 public:
  Reader(const RowFeed& feed, std::size_t columns, BoundedQueue<sql::RowBatch>& out, Spares& spares)
      : thread_([this, &feed, columns, &out, &spares] { run(feed, columns, out, spares); }) {}

  /// After the queue has ended.
  [[nodiscard]] TableSum finish() {
    thread_.join();
    return summing_.sum();
  }

 private:
  void run(const RowFeed& feed, std::size_t columns, BoundedQueue<sql::RowBatch>& out, Spares& spares) noexcept {
    try {
      sql::RowBatch batch = spares.take(columns);
      const auto pass_on = [&] {
        if (!out.push(std::move(batch))) throw WriterGone();
        batch = spares.take(columns);
      };
      feed([&](const sql::Row& row) {
        summing_.add(row);
        for (const sql::ValueView& cell : row.cells()) batch.copy(cell);
        if (batch.bytes() >= k_batch_bytes || batch.size() >= k_batch_rows) pass_on();
      });
      if (!batch.empty()) pass_on();
      out.close();
    } catch (const WriterGone&) {
      return;  // the writer failed and says why itself
    } catch (...) {
      out.fail(std::current_exception());
    }
  }

  Summing summing_;
  std::jthread thread_;
};

// However the writer ends, the reader must not wait for it for ever.
class CancelAtEnd {
 public:
  explicit CancelAtEnd(BoundedQueue<sql::RowBatch>& queue) : queue_(queue) {}
  ~CancelAtEnd() { queue_.cancel(); }
  CancelAtEnd(const CancelAtEnd&) = delete;
  CancelAtEnd& operator=(const CancelAtEnd&) = delete;

 private:
  BoundedQueue<sql::RowBatch>& queue_;
};

TableSum pump(const RowFeed& feed, sql::Database& target, const TableInfo& table, Watch& watch) {
  Spares spares;
  BoundedQueue<sql::RowBatch> queue(k_queue);
  const auto copy = target.open_copy(bulk_table(table));
  Reader reader(feed, table.columns.size(), queue, spares);
  const CancelAtEnd cancel(queue);  // before the reader is joined
  std::uint64_t rows = 0;
  while (auto batch = queue.pop()) {
    watch.check();
    copy->write(batch->rows());
    rows += batch->size();
    spares.give_back(std::move(*batch));
    watch.report("copy", table.name, rows);
  }
  const std::uint64_t written = copy->finish();
  const TableSum sum = reader.finish();
  if (written != sum.rows) {
    throw Error(Fault::corrupt, "transfer.mismatch",
                fmt::format("{}: {} of {} rows arrived in {}", table.name, written, sum.rows, target.name()),
                "Nothing was switched. Repeat the command; if it recurs, report this.");
  }
  return sum;
}

// Runs `work(table, worker)` for each table, each worker taking the next when it is done. Rethrows the first failure.
template <class Work>
void side_by_side(std::span<const TableInfo* const> tables, std::size_t workers, const Work& work) {
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto run = [&](std::size_t worker) noexcept {
    try {
      for (std::size_t i = next++; i < tables.size() && !failed; i = next++) work(*tables[i], worker);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      failed = true;
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t worker = 1; worker < workers; ++worker) threads.emplace_back(run, worker);
    run(0);
  }
  if (failure) std::rethrow_exception(failure);
}

// A snapshot on a connection of its own.
class Snapshot {
 public:
  explicit Snapshot(const Connector& connector)
      : database_(connector.connect()), transaction_(*database_, sql::Mode::read) {}
  [[nodiscard]] sql::Database& database() { return *database_; }

 private:
  std::unique_ptr<sql::Database> database_;
  sql::Transaction transaction_;
};

std::vector<std::unique_ptr<Snapshot>> snapshots(const Connector& connector, std::size_t count) {
  std::vector<std::unique_ptr<Snapshot>> made;
  made.reserve(count);
  for (std::size_t i = 0; i < count; ++i) made.push_back(std::make_unique<Snapshot>(connector));
  return made;
}

// Of a table that is there from an earlier attempt and still holds what the source holds. An empty one is filled: that
// costs nothing to look at, and nothing to lose.
std::optional<TableSum> equal_sum(sql::Database& source, sql::Database& target, const TableInfo& table, Watch& watch) {
  TableSum there;
  {
    const sql::Transaction snapshot(target, sql::Mode::read);
    there = sum_table(target, table, watch);
  }
  if (there.rows == 0 || there != sum_table(source, table, watch)) return std::nullopt;
  return there;
}

}  // namespace

void Watch::check() const {
  if (lease_lost_) {
    throw Error(Fault::conflict, "transfer.lease_lost", "the lease of the old database was lost while it was copied",
                "Another server or command took over. Nothing was switched; repeat the command when it is done.");
  }
  if (job_.stop.stop_requested()) throw Error(Fault::cancelled, "transfer.cancelled", "a stop was requested");
}

void Watch::report(std::string_view verb, std::string_view table, std::uint64_t rows) {
  if (!job_.progress) return;
  const std::lock_guard lock(mutex_);
  job_.progress({.phase = fmt::format("{} {}", verb, table), .done = rows, .total = std::nullopt});
}

void Watch::step(std::string_view name) {
  if (!job_.at_step) return;
  const std::lock_guard lock(mutex_);
  job_.at_step(name);
}

std::unique_ptr<sql::Database> Connector::connect() const {
  if (url.dialect == sql::Dialect::sqlserver) {
    throw Error(
        Fault::invalid, "transfer.dialect",
        fmt::format("{}: this version cannot move, copy, back up or look over a SQL Server database", url.redacted()),
        "Use SQL Server's own tools for backups. Moves go between SQLite and PostgreSQL.");
  }
  auto database = sql::open(url, options);
  if (database->dialect() == sql::Dialect::postgresql) {
    // One durable commit follows when all is done, and it makes durable what came before it.
    database->execute(
        "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET synchronous_commit = off; "
        "SET lock_timeout = '5min'; SET maintenance_work_mem = '128MB'");
  }
  return database;
}

TableSum fill_table(const RowFeed& feed, sql::Database& target, const TableInfo& table, Watch& watch) {
  watch.check();
  sql::Transaction transaction(target);
  BareTable bare(target, table.name);
  const TableSum sum = pump(feed, target, table, watch);
  bare.restore();
  transaction.commit();
  return sum;
}

TableSum carry_table(sql::Database& source, sql::Database& target, const TableInfo& table, Watch& watch) {
  // A target that keeps its rows in key order wants them in that order.
  const Order order =
      target.dialect() == sql::Dialect::sqlite && source.dialect() != sql::Dialect::sqlite ? Order::by_key : Order::any;
  const std::string statement = select_all(table, source.dialect(), order);
  return fill_table([&](const auto& visit) { source.copy_out(statement, visit); }, target, table, watch);
}

Carried carry_all(const Connector& source, const Connector& target, bool in_parallel, bool keep, Watch& watch) {
  const std::size_t workers =
      in_parallel && target.url.dialect == sql::Dialect::postgresql ? k_workers : std::size_t{1};
  const auto sources = snapshots(source, workers);
  std::vector<std::unique_ptr<sql::Database>> targets;
  targets.reserve(workers);
  for (std::size_t i = 0; i < workers; ++i) targets.push_back(target.connect());
  Carried carried;
  std::mutex mutex;
  const auto carry = [&](const TableInfo& table, std::size_t worker) {
    sql::Database& from = sources[worker]->database();
    const auto whole = keep ? equal_sum(from, *targets[worker], table, watch) : std::nullopt;
    const TableSum sum = whole ? *whole : carry_table(from, *targets[worker], table, watch);
    const std::lock_guard lock(mutex);
    carried.sums.emplace(table.name, sum);
    if (whole) carried.kept += sum.rows;
    watch.step(fmt::format("{} {}", whole ? "kept" : "table", table.name));
  };
  side_by_side(small_tables(), 1, carry);
  side_by_side(large_tables(), workers, carry);
  for (const TableInfo& table : store_sql::all_tables()) {
    if (!is_bulk(table)) carried.sums.emplace(table.name, sum_table(sources.front()->database(), table, watch));
  }
  return carried;
}

TableSum sum_table(sql::Database& database, const TableInfo& table, Watch& watch) {
  Summing summing;
  constexpr std::uint64_t k_often = 4096;
  database.copy_out(select_all(table, database.dialect(), Order::any), [&](const sql::Row& row) {
    summing.add(row);
    if (summing.sum().rows % k_often != 0) return;
    watch.check();
    watch.report("verify", table.name, summing.sum().rows);
  });
  watch.report("verify", table.name, summing.sum().rows);
  return summing.sum();
}

Sums sums_of(const std::vector<std::pair<std::string, TableSum>>& tables) {
  Sums sums;
  for (const auto& [name, sum] : tables) sums.emplace(name, sum);
  return sums;
}

Sums sum_all(const Connector& connector, bool in_parallel, Watch& watch) {
  const std::size_t workers = in_parallel ? k_workers : 1;
  const auto sources = snapshots(connector, workers);
  Sums sums;
  std::mutex mutex;
  const auto add = [&](const TableInfo& table, std::size_t worker) {
    const TableSum sum = sum_table(sources[worker]->database(), table, watch);
    const std::lock_guard lock(mutex);
    sums.emplace(table.name, sum);
  };
  std::vector<const TableInfo*> all;
  all.assign(large_tables().begin(), large_tables().end());
  for (const TableInfo& table : store_sql::all_tables()) {
    if (!is_bulk(table)) all.push_back(&table);
  }
  all.insert(all.end(), small_tables().begin(), small_tables().end());
  side_by_side(all, workers, add);
  return sums;
}

void check_equal(const Sums& wanted, const Sums& found, std::string_view source, std::string_view target) {
  std::string different;
  for (const TableInfo& table : store_sql::all_tables()) {
    const auto left = wanted.find(table.name);
    const auto right = found.find(table.name);
    if (left == wanted.end() || right == found.end() || left->second == right->second) continue;
    different +=
        fmt::format("{}{} ({} rows, checksum {}; {} rows, checksum {})", different.empty() ? "" : "; ", table.name,
                    left->second.rows, checksum_text(left->second), right->second.rows, checksum_text(right->second));
  }
  if (different.empty()) return;
  throw Error(Fault::corrupt, "transfer.mismatch", fmt::format("{} and {} differ: {}", source, target, different),
              "`linkspan database verify --against URL` names the first row that differs.");
}

}  // namespace linkspan::transfer
