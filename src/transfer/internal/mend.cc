#include "transfer/internal/mend.h"

#include <fmt/format.h>

#include "base/error.h"
#include "sql/row_batch.h"
#include "transfer/internal/difference.h"
#include "transfer/marker.h"

namespace linkspan::transfer {

namespace {

constexpr std::size_t k_rows_at_once = 1000;
constexpr std::size_t k_bytes_at_once = std::size_t{1} << 20U;

class Mender {
 public:
  Mender(sql::Database& source, const Filling& filling, sql::Database& writer, const TableInfo& table,
         std::span<CarriedBatch> batches, Watch& watch)
      : source_(source),
        filling_(filling),
        writer_(writer),
        reader_(filling.connector.connect()),
        table_(table),
        batches_(batches),
        watch_(watch),
        shape_(bulk_table(table)) {
    keys_of_rows_.name = table.name;
    for (const std::size_t place : key_columns(table)) {
      keys_of_rows_.columns.push_back({std::string(table.columns[place].name), sql::Role::key});
    }
  }

  // What the target holds and the source does not hold like this. The ledger then has the sum of what stays.
  void remove(std::size_t number) {
    sql::RowBatch gone(keys_of_rows_.columns.size());
    Summing stays;
    change(number, [&] {
      const auto flush = [&] {
        writer_.erase(keys_of_rows_, gone.rows());
        gone.clear();
      };
      match(number, [&](Match match, std::span<const sql::ValueView> cells) {
        if (match == Match::same) stays.add(sql::Row(cells));
        if (match != Match::only_right && match != Match::different) return;
        for (const std::size_t place : key_columns(table_)) gone.copy(cells[place]);
        if (gone.size() >= k_rows_at_once) flush();
      });
      flush();
      return stays.sum();
    });
  }

  // What only the source holds.
  void add(std::size_t number) {
    sql::RowBatch fresh(shape_.columns.size());
    Summing all;
    change(number, [&] {
      const auto flush = [&] {
        writer_.insert(shape_, fresh.rows());
        fresh.clear();
      };
      match(number, [&](Match match, std::span<const sql::ValueView> cells) {
        all.add(sql::Row(cells));
        if (match != Match::only_left) return;
        for (const sql::ValueView& cell : cells) fresh.copy(cell);
        if (fresh.size() >= k_rows_at_once || fresh.bytes() >= k_bytes_at_once) flush();
      });
      flush();
      return all.sum();
    });
  }

  void read_back(std::size_t number) {
    std::string key;
    match(number, [&](Match match, std::span<const sql::ValueView> cells) {
      if (match != Match::same && key.empty()) key = key_text(table_, cells);
    });
    if (key.empty()) return;
    throw Error(Fault::corrupt, "transfer.mismatch",
                fmt::format("{} and {} differ: {}, first at {}", source_.name(), writer_.name(), table_.name, key),
                "Nothing was switched. Repeat the command; if it recurs, report this.");
  }

 private:
  template <class Work>
  void change(std::size_t number, const Work& work) {
    watch_.check();
    sql::Transaction transaction(writer_, sql::Mode::write_deferred);
    check_marker(writer_, filling_.transfer);
    batches_[number].sum = work();
    correct_batch(writer_, table_, number, batches_[number].sum);
    transaction.commit();
    watch_.step("mending");
  }

  template <class Visit>
  void match(std::size_t number, const Visit& visit) {
    const sql::Transaction snapshot(*reader_, sql::Mode::read);
    const Range range{.after = number == 0 ? sql::Value() : batches_[number - 1].upto, .upto = batches_[number].upto};
    match_rows(source_, *reader_, table_, range, watch_, [&](Match match, std::span<const sql::ValueView> cells) {
      visit(match, cells);
      return true;
    });
  }

  sql::Database& source_;
  const Filling& filling_;
  sql::Database& writer_;
  std::unique_ptr<sql::Database> reader_;
  const TableInfo& table_;
  std::span<CarriedBatch> batches_;
  Watch& watch_;
  sql::Table shape_;
  sql::Table keys_of_rows_;
};

}  // namespace

std::vector<std::size_t> differing_batches(sql::Database& source, const TableInfo& table,
                                           std::span<const CarriedBatch> batches, Watch& watch) {
  std::vector<std::size_t> differing;
  if (batches.empty()) return differing;
  constexpr std::uint64_t k_often = 4096;
  const std::size_t lead = key_columns(table).front();
  std::size_t number = 0;
  std::uint64_t rows = 0;
  Summing summing;
  const auto end_batch = [&] {
    if (summing.sum() != batches[number].sum) differing.push_back(number);
    summing.reset();
    ++number;
  };
  const Range range{.after = {}, .upto = batches.back().upto};
  source.copy_out(select_all(table, source.dialect(), Order::by_key, range), [&](const sql::Row& row) {
    while (sql::view(batches[number].upto) < row[lead]) end_batch();
    summing.add(row);
    if (++rows % k_often != 0) return;
    watch.check();
    watch.report("compare", table.name, rows);
  });
  while (number < batches.size()) end_batch();
  watch.report("compare", table.name, rows);
  return differing;
}

void mend_batches(sql::Database& source, const Filling& filling, sql::Database& writer, const TableInfo& table,
                  std::span<CarriedBatch> batches, std::span<const std::size_t> differing, Watch& watch) {
  if (differing.empty()) return;
  Mender mender(source, filling, writer, table, batches, watch);
  for (const std::size_t number : differing) mender.remove(number);
  for (const std::size_t number : differing) mender.add(number);
  for (const std::size_t number : differing) mender.read_back(number);
}

}  // namespace linkspan::transfer
