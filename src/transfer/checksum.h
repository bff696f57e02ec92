#pragma once
// A checksum of a table's content: the same in any order of rows and on every kind of server.

#include <cstdint>
#include <string>

#include "sql/value.h"

namespace linkspan::transfer {

/// What a table holds, in four numbers. Equal content has equal sums; different content has, but for one chance in
/// 2^128, different ones.
struct TableSum {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;  ///< of the values: 8 an integer, the length of anything else
  std::uint64_t low = 0;    ///< the 128-bit hashes of the rows, added up in two halves, each modulo 2^64
  std::uint64_t high = 0;
  friend bool operator==(const TableSum&, const TableSum&) = default;
  /// The sum of both together.
  TableSum& operator+=(const TableSum& other) noexcept {
    rows += other.rows;
    bytes += other.bytes;
    low += other.low;
    high += other.high;
    return *this;
  }
};

/// Adds up rows. Sums, not exclusive-or: a row that is there twice must not vanish.
class Summing {
 public:
  void add(const sql::Row& row);
  [[nodiscard]] const TableSum& sum() const noexcept { return sum_; }
  void reset() noexcept { sum_ = {}; }

 private:
  TableSum sum_;
  std::string encoded_;
};

/// 32 hex digits.
[[nodiscard]] std::string checksum_text(const TableSum& sum);

}  // namespace linkspan::transfer
