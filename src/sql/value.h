#pragma once
// What a database holds in one cell, owning (Value) and borrowed (ValueView), and rows of them.

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace linkspan::sql {

/// Bytes that are no text: compared byte by byte, may hold anything.
struct Blob {
  std::string bytes;
  friend auto operator<=>(const Blob&, const Blob&) = default;
};

/// Borrowed bytes.
struct BlobView {
  std::string_view bytes;
  BlobView() = default;
  explicit BlobView(std::string_view borrowed) : bytes(borrowed) {}
  BlobView(const Blob& blob) : bytes(blob.bytes) {}  // NOLINT: a view of it, as string_view of string
  friend auto operator<=>(const BlobView&, const BlobView&) = default;
};

/// NULL, integer, real, text (UTF-8 without NUL, checked on writing), or bytes.
using Value = std::variant<std::monostate, std::int64_t, double, std::string, Blob>;
/// The same, borrowed: whoever made it keeps the bytes alive.
using ValueView = std::variant<std::monostate, std::int64_t, double, std::string_view, BlobView>;

inline constexpr std::monostate null{};

[[nodiscard]] ValueView view(const Value& value);
[[nodiscard]] Value own(const ValueView& value);

/// The value, or NULL where there is none: `nullable(std::optional<std::string_view>)`.
template <class T>
[[nodiscard]] ValueView nullable(const std::optional<T>& value) {
  return value ? ValueView(*value) : ValueView();
}

/// Parameters of one statement, borrowed for the call: a list in braces, a span or a vector of ValueView.
class Params {
 public:
  Params() = default;
  Params(std::initializer_list<ValueView> list) : cells_(std::span(std::data(list), list.size())) {}
  Params(std::span<const ValueView> cells) : cells_(cells) {}     // NOLINT
  Params(const std::vector<ValueView>& cells) : cells_(cells) {}  // NOLINT
  [[nodiscard]] std::span<const ValueView> cells() const noexcept { return cells_; }

 private:
  std::span<const ValueView> cells_;
};

/// One row that was read; valid until the callback it was given to returns.
/// A getter whose cell is of another kind throws Fault::corrupt "sql.unexpected_type".
class Row {
 public:
  explicit Row(std::span<const ValueView> cells) : cells_(cells) {}

  [[nodiscard]] std::size_t size() const noexcept { return cells_.size(); }
  [[nodiscard]] std::span<const ValueView> cells() const noexcept { return cells_; }
  [[nodiscard]] const ValueView& operator[](std::size_t column) const {
    assert(column < cells_.size());
    return cells_[column];
  }
  [[nodiscard]] bool is_null(std::size_t column) const { return (*this)[column].index() == 0; }
  [[nodiscard]] std::int64_t integer(std::size_t column) const { return get<std::int64_t>(column); }
  [[nodiscard]] double real(std::size_t column) const { return get<double>(column); }
  [[nodiscard]] std::string_view text(std::size_t column) const { return get<std::string_view>(column); }
  [[nodiscard]] std::string_view blob(std::size_t column) const { return get<BlobView>(column).bytes; }
  /// nullopt where the cell is NULL.
  [[nodiscard]] std::optional<std::int64_t> maybe_integer(std::size_t column) const {
    return is_null(column) ? std::nullopt : std::optional(integer(column));
  }
  [[nodiscard]] std::optional<std::string_view> maybe_text(std::size_t column) const {
    return is_null(column) ? std::nullopt : std::optional(text(column));
  }
  [[nodiscard]] std::optional<std::string_view> maybe_blob(std::size_t column) const {
    return is_null(column) ? std::nullopt : std::optional(blob(column));
  }

 private:
  template <class T>
  [[nodiscard]] const T& get(std::size_t column) const {
    if (const T* cell = std::get_if<T>(&(*this)[column])) return *cell;
    refuse(column);
  }
  [[noreturn]] void refuse(std::size_t column) const;

  std::span<const ValueView> cells_;
};

/// Borrowed rows, cell after cell, `columns` to a row.
struct Rows {
  std::span<const ValueView> cells;
  std::size_t columns = 0;

  [[nodiscard]] std::size_t size() const noexcept { return columns == 0 ? 0 : cells.size() / columns; }
  [[nodiscard]] std::span<const ValueView> operator[](std::size_t row) const {
    return cells.subspan(row * columns, columns);
  }
  /// `count` rows from `first` on.
  [[nodiscard]] Rows slice(std::size_t first, std::size_t count) const {
    return {cells.subspan(first * columns, count * columns), columns};
  }
};

}  // namespace linkspan::sql
