#include "transfer/internal/difference.h"

#include <algorithm>
#include <compare>
#include <exception>
#include <optional>
#include <thread>

#include "base/bounded_queue.h"
#include "sql/row_batch.h"

namespace linkspan::transfer {

namespace {

constexpr std::size_t k_batch_rows = 512;

// The other table, row by row, read in a thread of its own.
class OtherRows {
 public:
  OtherRows(sql::Database& database, const TableInfo& table, const Range& range)
      : thread_([this, &database, &table, &range] { read(database, table, range); }) {}
  ~OtherRows() { queue_.cancel(); }
  OtherRows(const OtherRows&) = delete;
  OtherRows& operator=(const OtherRows&) = delete;

  /// The row that is next; empty at the end.
  [[nodiscard]] std::span<const sql::ValueView> peek() {
    if (!batch_ || place_ == batch_->size()) {
      batch_ = queue_.pop();
      place_ = 0;
    }
    return batch_ ? batch_->rows()[place_] : std::span<const sql::ValueView>();
  }
  void pass() { ++place_; }

 private:
  void read(sql::Database& database, const TableInfo& table, const Range& range) noexcept {
    try {
      sql::RowBatch batch(table.columns.size());
      bool wanted = true;
      database.scan(select_all(table, database.dialect(), Order::by_key, range), {}, [&](const sql::Row& row) {
        for (const sql::ValueView& cell : row.cells()) batch.copy(cell);
        if (batch.size() < k_batch_rows) return true;
        wanted = queue_.push(std::exchange(batch, sql::RowBatch(table.columns.size())));
        return wanted;
      });
      if (wanted && !batch.empty()) (void)queue_.push(std::move(batch));
      queue_.close();
    } catch (...) {
      queue_.fail(std::current_exception());
    }
  }

  BoundedQueue<sql::RowBatch> queue_{4};
  std::optional<sql::RowBatch> batch_;
  std::size_t place_ = 0;
  std::jthread thread_;  // last: it uses all of the above
};

std::strong_ordering compare_keys(const std::vector<std::size_t>& keys, std::span<const sql::ValueView> left,
                                  std::span<const sql::ValueView> right) {
  for (const std::size_t place : keys) {
    if (left[place] < right[place]) return std::strong_ordering::less;
    if (right[place] < left[place]) return std::strong_ordering::greater;
  }
  return std::strong_ordering::equal;
}

}  // namespace

void match_rows(sql::Database& left, sql::Database& right, const TableInfo& table, const Range& range, Watch& watch,
                const MatchVisitor& visit) {
  const auto keys = key_columns(table);
  OtherRows other(right, table, range);
  bool wanted = true;
  // Those of the right one whose keys come before this one: it has them alone.
  const auto pass_earlier = [&](std::span<const sql::ValueView> cells) {
    for (auto theirs = other.peek(); wanted && !theirs.empty() && compare_keys(keys, theirs, cells) < 0;
         theirs = other.peek()) {
      wanted = visit(Match::only_right, theirs);
      other.pass();
    }
  };
  left.scan(select_all(table, left.dialect(), Order::by_key, range), {}, [&](const sql::Row& row) {
    watch.check();
    pass_earlier(row.cells());
    if (!wanted) return false;
    const auto theirs = other.peek();
    if (theirs.empty() || compare_keys(keys, theirs, row.cells()) != 0) {
      wanted = visit(Match::only_left, row.cells());
    } else {
      wanted = visit(std::ranges::equal(row.cells(), theirs) ? Match::same : Match::different, row.cells());
      other.pass();
    }
    return wanted;
  });
  for (auto theirs = other.peek(); wanted && !theirs.empty(); theirs = other.peek()) {
    wanted = visit(Match::only_right, theirs);
    other.pass();
  }
}

std::string first_difference(sql::Database& left, sql::Database& right, const TableInfo& table, Watch& watch) {
  std::string found;
  match_rows(left, right, table, {}, watch, [&](Match match, std::span<const sql::ValueView> cells) {
    if (match == Match::same) return true;
    found = key_text(table, cells);
    return false;
  });
  return found;
}

}  // namespace linkspan::transfer
