#pragma once
// Builds rows for the bulk primitives without an allocation a value: bytes go into one arena that is used again.

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "sql/value.h"

namespace linkspan::sql {

/// Cells are added left to right, row by row. Not safe to share between threads; moving it keeps its rows valid.
class RowBatch {
 public:
  explicit RowBatch(std::size_t columns) : columns_(columns) {}

  void null() { cells_.emplace_back(); }
  void integer(std::int64_t value) { cells_.emplace_back(value); }
  void real(double value) { cells_.emplace_back(value); }
  /// Copies the bytes.
  void text(std::string_view value) { cells_.emplace_back(keep(value)); }
  /// Copies the bytes.
  void blob(std::string_view value) { cells_.emplace_back(BlobView(keep(value))); }
  /// Copies the bytes of whatever it is.
  void copy(const ValueView& value);
  /// Copies nothing: the caller keeps the bytes alive until the batch was written.
  void borrow(const ValueView& value) { cells_.push_back(value); }

  /// What was built; only whole rows. Valid until the batch is added to, cleared or destroyed.
  [[nodiscard]] Rows rows() const {
    assert(columns_ != 0 && cells_.size() % columns_ == 0);
    return {cells_, columns_};
  }
  [[nodiscard]] std::size_t size() const noexcept { return columns_ == 0 ? 0 : cells_.size() / columns_; }
  [[nodiscard]] bool empty() const noexcept { return cells_.empty(); }
  /// Bytes of text and blob copied in: when to write a batch of large values.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  /// Forgets the rows, keeps the memory.
  void clear();

 private:
  [[nodiscard]] std::string_view keep(std::string_view value) {
    if (value.empty()) return {};
    char* place = value.size() <= room_ ? next_ : make_room(value.size());
    std::memcpy(place, value.data(), value.size());
    if (place == next_) {
      next_ += value.size();
      room_ -= value.size();
    }
    bytes_ += value.size();
    return {place, value.size()};
  }
  /// `next_` of a fresh block, or memory of its own for a large value.
  [[nodiscard]] char* make_room(std::size_t wanted);

  using Block = std::unique_ptr<char[]>;
  std::size_t columns_;
  std::vector<ValueView> cells_;
  std::vector<Block> blocks_;  ///< of one size, used again after clear()
  std::vector<Block> large_;   ///< a value each, freed by clear()
  std::size_t used_blocks_ = 0;
  char* next_ = nullptr;
  std::size_t room_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace linkspan::sql
