#include "transfer/internal/difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <compare>
#include <exception>
#include <optional>
#include <thread>

#include "base/bounded_queue.h"
#include "base/text.h"
#include "sql/row_batch.h"

namespace linkspan::transfer {

namespace {

constexpr std::size_t k_batch_rows = 512;

std::vector<std::size_t> key_columns(const TableInfo& table) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].key) places.push_back(i);
  }
  return places;
}

std::string key_text(const TableInfo& table, std::span<const sql::ValueView> cells) {
  std::string out;
  for (const std::size_t place : key_columns(table)) {
    out += fmt::format("{}{} ", out.empty() ? "" : ", ", table.columns[place].name);
    if (const auto* integer = std::get_if<std::int64_t>(&cells[place])) {
      out += std::to_string(*integer);
    } else if (const auto* text = std::get_if<std::string_view>(&cells[place])) {
      out += printable(*text, 80);
    } else if (const auto* blob = std::get_if<sql::BlobView>(&cells[place])) {
      out += to_hex(blob->bytes.substr(0, 64));
    }
  }
  return out;
}

// The other table, row by row, read in a thread of its own.
class OtherRows {
 public:
  OtherRows(sql::Database& database, const TableInfo& table)
      : thread_([this, &database, &table] { read(database, table); }) {}
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
  void read(sql::Database& database, const TableInfo& table) noexcept {
    try {
      sql::RowBatch batch(table.columns.size());
      bool wanted = true;
      database.scan(select_all(table, database.dialect(), Order::by_key), {}, [&](const sql::Row& row) {
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

std::string first_difference(sql::Database& left, sql::Database& right, const TableInfo& table, Watch& watch) {
  const auto keys = key_columns(table);
  OtherRows other(right, table);
  std::string found;
  left.scan(select_all(table, left.dialect(), Order::by_key), {}, [&](const sql::Row& row) {
    watch.check();
    const auto theirs = other.peek();
    const bool only_here = theirs.empty() || compare_keys(keys, row.cells(), theirs) < 0;
    if (only_here || !std::ranges::equal(row.cells(), theirs)) {
      const bool only_there = !only_here && compare_keys(keys, row.cells(), theirs) > 0;
      found = key_text(table, only_there ? theirs : row.cells());
      return false;
    }
    other.pass();
    return true;
  });
  if (!found.empty()) return found;
  const auto left_over = other.peek();
  return left_over.empty() ? std::string() : key_text(table, left_over);
}

}  // namespace linkspan::transfer
