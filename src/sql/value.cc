#include "sql/value.h"

#include <fmt/format.h>

#include "base/error.h"
#include "sql/row_batch.h"

namespace linkspan::sql {

namespace {

constexpr std::size_t k_block = std::size_t{256} * 1024;
constexpr std::size_t k_large = k_block / 4;

std::string_view kind_of(const ValueView& cell) {
  constexpr std::string_view names[] = {"NULL", "an integer", "a real", "text", "bytes"};
  return names[cell.index()];
}

}  // namespace

ValueView view(const Value& value) {
  return std::visit([](const auto& held) { return ValueView(held); }, value);
}

Value own(const ValueView& value) {
  if (const auto* text = std::get_if<std::string_view>(&value)) return std::string(*text);
  if (const auto* blob = std::get_if<BlobView>(&value)) return Blob{std::string(blob->bytes)};
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  if (const auto* real = std::get_if<double>(&value)) return *real;
  return {};
}

void Row::refuse(std::size_t column) const {
  throw Error(Fault::corrupt, "sql.unexpected_type",
              fmt::format("column {} of a row that was read holds {}", column + 1, kind_of(cells_[column])),
              "The database was changed by something else, or its schema is not the one this program knows. "
              "Run `linkspan database verify`.");
}

void RowBatch::copy(const ValueView& value) {
  if (const auto* kept = std::get_if<std::string_view>(&value)) return text(*kept);
  if (const auto* bytes = std::get_if<BlobView>(&value)) return blob(bytes->bytes);
  borrow(value);
}

void RowBatch::clear() {
  cells_.clear();
  large_.clear();
  used_blocks_ = 0;
  next_ = nullptr;
  room_ = 0;
  bytes_ = 0;
}

char* RowBatch::make_room(std::size_t wanted) {
  if (wanted > k_large) {
    large_.push_back(std::make_unique_for_overwrite<char[]>(wanted));
    return large_.back().get();
  }
  if (used_blocks_ == blocks_.size()) blocks_.push_back(std::make_unique_for_overwrite<char[]>(k_block));
  next_ = blocks_[used_blocks_++].get();
  room_ = k_block;
  return next_;
}

}  // namespace linkspan::sql
