#pragma once
// PostgreSQL's binary format for the types the schemas use: the one place that encodes and decodes a cell.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sql/value.h"

namespace linkspan::sql {

/// PostgreSQL's number of a type; the fixed ones of pg_type.
using Oid = unsigned int;
inline constexpr Oid k_int8 = 20;
inline constexpr Oid k_text = 25;
inline constexpr Oid k_bytea = 17;

/// Appends big-endian integers.
void append_int16(std::string& out, std::int16_t value);
void append_int32(std::string& out, std::int32_t value);
void append_int64(std::string& out, std::int64_t value);

/// Appends `value` as a field of type `type`: its length in four bytes (-1 for NULL), then the bytes.
/// Throws "sql.type_mismatch" where the kind does not fit the type, "sql.bad_text" for text no database keeps.
void append_field(std::string& out, Oid type, const ValueView& value);

/// The bytes of a field that is not NULL, as a value; throws "sql.unsupported_type" for a type the schemas do not use.
/// The view borrows `bytes`.
[[nodiscard]] ValueView field_value(Oid type, std::string_view bytes);

/// The array type whose elements are `type`, and its name in SQL ("bigint"); throws "sql.unsupported_type".
[[nodiscard]] Oid array_type_of(Oid type);
[[nodiscard]] std::string_view type_name(Oid type);

/// Appends the head of a one-dimensional array of `count` elements; the elements follow by append_field.
void append_array_head(std::string& out, Oid element, std::size_t count);

/// COPY BINARY: what comes before the first row, and what after the last.
[[nodiscard]] std::string_view copy_head();
[[nodiscard]] std::string_view copy_tail();

/// Reads the rows of a COPY BINARY stream. Give it each message as it comes; a row never spans two.
class CopyReader {
 public:
  explicit CopyReader(std::vector<Oid> types) : types_(std::move(types)) {}
  /// The next row of `message`, which is cut by what was read; false when there is none left in it.
  bool next(std::string_view& message);
  [[nodiscard]] Row row() const { return Row(cells_); }

 private:
  std::vector<Oid> types_;
  std::vector<ValueView> cells_;
  bool head_read_ = false;
};

}  // namespace linkspan::sql
