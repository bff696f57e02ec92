#include "transfer/internal/carry.h"

#include <fmt/format.h>

#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/error.h"
#include "sql/heavy_work.h"
#include "transfer/internal/bare_table.h"
#include "transfer/internal/difference.h"
#include "transfer/internal/mend.h"
#include "transfer/internal/pump.h"
#include "transfer/marker.h"

namespace linkspan::transfer {

namespace {

constexpr std::size_t k_workers = 2;

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

// One worker's connections, and what it does with each table.
class Carrier {
 public:
  Carrier(const Connector& source, const Filling& filling, Watch& watch)
      : source_(source), filling_(filling), target_(filling.connector.connect()), watch_(watch) {}

  [[nodiscard]] sql::Database& source() { return source_.database(); }

  TableSum small(const TableInfo& table, std::uint64_t& kept) {
    const TableSum there = [&] {
      const sql::Transaction snapshot(*target_, sql::Mode::read);
      return sum_table(*target_, table, watch_);
    }();
    if (there == sum_table(source(), table, watch_)) {
      kept += there.rows;
      watch_.step(fmt::format("kept {}", table.name));
      return there;
    }
    const TableSum sum = fill_table(feed(table, Order::any, {}), *target_, table, filling_.transfer, watch_);
    watch_.step(fmt::format("table {}", table.name));
    return sum;
  }

  [[nodiscard]] TableSum known(const TableInfo& table) { return sum_of(load_batches(*target_, table)); }

  TableSum large(const TableInfo& table, std::uint64_t& kept) {
    auto batches = load_batches(*target_, table);
    const bool bare = load_dropped(*target_, table).has_value();
    return batches.empty() || bare ? load(table, std::move(batches), kept) : mend(table, std::move(batches), kept);
  }

 private:
  [[nodiscard]] RowFeed feed(const TableInfo& table, Order order, const Range& range) {
    return [this, statement = select_all(table, source().dialect(), order, range)](const auto& visit) {
      source().copy_out(statement, visit);
    };
  }

  // Without indexes, which are built at the end. Goes on after the last batch where the source still has the same up to
  // there, and begins anew otherwise.
  TableSum load(const TableInfo& table, std::vector<CarriedBatch> batches, std::uint64_t& kept) {
    if (!differing_batches(source(), table, batches, watch_).empty()) batches.clear();
    if (batches.empty()) begin(table);
    TableSum sum = sum_of(batches);
    kept += sum.rows;
    if (!batches.empty()) watch_.step(fmt::format("resumed {}", table.name));
    sum += append(table, batches);
    finish(table);
    watch_.step(fmt::format("table {}", table.name));
    return sum;
  }

  void begin(const TableInfo& table) {
    sql::Transaction transaction(*target_);
    check_marker(*target_, filling_.transfer);
    forget_batches(*target_, table);
    auto dropped = load_dropped(*target_, table).value_or(std::vector<std::string>());
    dropped = strip_table(*target_, table.name, std::move(dropped));
    forget_dropped(*target_, table);
    put_dropped(*target_, table, dropped);
    transaction.commit();
  }

  TableSum append(const TableInfo& table, const std::vector<CarriedBatch>& batches) {
    const Range rest{.after = batches.empty() ? sql::Value() : batches.back().upto, .upto = {}};
    return append_rows(feed(table, Order::by_key, rest), *target_, table, filling_.transfer, batches.size(),
                       filling_.batches, watch_);
  }

  void finish(const TableInfo& table) {
    watch_.check();
    sql::Transaction transaction(*target_, sql::Mode::write_deferred);
    check_marker(*target_, filling_.transfer);
    clothe_table(*target_, table.name, load_dropped(*target_, table).value_or(std::vector<std::string>()));
    forget_dropped(*target_, table);
    transaction.commit();
  }

  // A table that was whole once.
  TableSum mend(const TableInfo& table, std::vector<CarriedBatch> batches, std::uint64_t& kept) {
    const auto differing = differing_batches(source(), table, batches, watch_);
    kept += sum_of(batches).rows;
    for (const std::size_t number : differing) kept -= batches[number].sum.rows;
    mend_batches(source(), filling_, *target_, table, batches, differing, watch_);
    TableSum sum = sum_of(batches);
    const TableSum added = append(table, batches);
    sum += added;
    const bool equal = differing.empty() && added.rows == 0;
    watch_.step(fmt::format("{} {}", equal ? "kept" : "mended", table.name));
    return sum;
  }

  static TableSum sum_of(const std::vector<CarriedBatch>& batches) {
    TableSum sum;
    for (const CarriedBatch& batch : batches) sum += batch.sum;
    return sum;
  }

  Snapshot source_;
  const Filling& filling_;
  std::unique_ptr<sql::Database> target_;
  Watch& watch_;
};

}  // namespace

std::unique_ptr<sql::Database> Connector::connect() const {
  auto database = sql::open(url, options);
  // One durable commit follows when all is done, and it makes durable what came before it.
  sql::prepare_for_heavy_work(*database);
  return database;
}

Carried carry_all(const Connector& source, const Filling& target, bool in_parallel, Which which, Watch& watch) {
  const std::size_t workers =
      in_parallel && target.connector.url.dialect == sql::Dialect::postgresql ? k_workers : std::size_t{1};
  std::vector<std::unique_ptr<Carrier>> carriers;
  carriers.reserve(workers);
  for (std::size_t i = 0; i < workers; ++i) carriers.push_back(std::make_unique<Carrier>(source, target, watch));
  Carried carried;
  std::mutex mutex;
  const auto note = [&](const TableInfo& table, const TableSum& sum, std::uint64_t kept) {
    const std::lock_guard lock(mutex);
    carried.sums.emplace(table.name, sum);
    carried.kept += kept;
  };
  side_by_side(small_tables(), 1, [&](const TableInfo& table, std::size_t worker) {
    std::uint64_t kept = 0;
    const TableSum sum = carriers[worker]->small(table, kept);
    note(table, sum, kept);
  });
  side_by_side(large_tables(), workers, [&](const TableInfo& table, std::size_t worker) {
    std::uint64_t kept = 0;
    const TableSum sum = which == Which::all ? carriers[worker]->large(table, kept) : carriers[worker]->known(table);
    note(table, sum, kept);
  });
  for (const TableInfo& table : store_sql::all_tables()) {
    if (!is_bulk(table)) carried.sums.emplace(table.name, sum_table(carriers.front()->source(), table, watch));
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

Sums sum_tables(const Connector& connector, Which which, bool in_parallel, Watch& watch) {
  const std::size_t workers = in_parallel && which != Which::small ? k_workers : 1;
  std::vector<std::unique_ptr<Snapshot>> readers;
  readers.reserve(workers);
  for (std::size_t i = 0; i < workers; ++i) readers.push_back(std::make_unique<Snapshot>(connector));
  Sums sums;
  std::mutex mutex;
  const auto add = [&](const TableInfo& table, std::size_t worker) {
    const TableSum sum = sum_table(readers[worker]->database(), table, watch);
    const std::lock_guard lock(mutex);
    sums.emplace(table.name, sum);
  };
  std::vector<const TableInfo*> tables;
  if (which != Which::small) tables.assign(large_tables().begin(), large_tables().end());
  if (which != Which::large) {
    for (const TableInfo& table : store_sql::all_tables()) {
      if (!is_bulk(table)) tables.push_back(&table);
    }
    tables.insert(tables.end(), small_tables().begin(), small_tables().end());
  }
  side_by_side(tables, workers, add);
  return sums;
}

namespace {

// Tables that are in both and differ there.
std::vector<const TableInfo*> different_tables(const Sums& wanted, const Sums& found) {
  std::vector<const TableInfo*> tables;
  for (const TableInfo& table : store_sql::all_tables()) {
    const auto left = wanted.find(table.name);
    const auto right = found.find(table.name);
    if (left != wanted.end() && right != found.end() && left->second != right->second) tables.push_back(&table);
  }
  return tables;
}

using KeyOf = std::function<std::string(const TableInfo&)>;

void check_equal(const Sums& wanted, const Sums& found, std::string_view source, std::string_view target,
                 const KeyOf& key_of) {
  std::string different;
  for (const TableInfo* table : different_tables(wanted, found)) {
    const TableSum& left = wanted.find(table->name)->second;
    const TableSum& right = found.find(table->name)->second;
    const std::string key = key_of(*table);
    different += fmt::format("{}{}{} ({} rows, checksum {}; {} rows, checksum {})", different.empty() ? "" : "; ",
                             table->name, key.empty() ? "" : ", first at " + key, left.rows, checksum_text(left),
                             right.rows, checksum_text(right));
  }
  if (different.empty()) return;
  throw Error(Fault::corrupt, "transfer.mismatch", fmt::format("{} and {} differ: {}", source, target, different),
              "Nothing was switched. Repeat the command: what differs is carried again. If it recurs, something else "
              "writes to the new database, or its disk is not sound.");
}

}  // namespace

void check_equal(const Sums& wanted, const Sums& found, std::string_view source, std::string_view target) {
  check_equal(wanted, found, source, target, [](const TableInfo&) { return std::string(); });
}

void check_same(const Sums& wanted, const Connector& source, const Sums& found, const Connector& target, Watch& watch) {
  check_equal(wanted, found, source.url.redacted(), target.url.redacted(), [&](const TableInfo& table) {
    forget_batches(*target.connect(), table);
    Snapshot left(source);
    Snapshot right(target);
    return first_difference(left.database(), right.database(), table, watch);
  });
}

}  // namespace linkspan::transfer
