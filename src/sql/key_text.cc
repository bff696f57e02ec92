#include "sql/key_text.h"

#include <fmt/format.h>

#include "base/text.h"
#include "sql/internal/statements.h"

namespace linkspan::sql {

namespace {

std::string length_of(std::string_view column) { return quoted_name(fmt::format("{}_length", column)); }

std::string literal(Dialect dialect, const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  const std::string hex = to_hex(std::get<Blob>(value).bytes);
  switch (dialect) {
    case Dialect::sqlite:
      return fmt::format("x'{}'", hex);
    case Dialect::postgresql:
      return fmt::format("'\\x{}'::bytea", hex);
    case Dialect::sqlserver:
      break;
  }
  return fmt::format("0x{}", hex);
}

// The length of bytes that SQL Server would compare padded; nullptr where there is no such thing.
const std::string* padded(Dialect dialect, const Value& bound) {
  const auto* blob = dialect == Dialect::sqlserver ? std::get_if<Blob>(&bound) : nullptr;
  return blob == nullptr ? nullptr : &blob->bytes;
}

}  // namespace

std::string key_order(Dialect dialect, std::string_view column, KeyKind kind) {
  std::string name = quoted_name(column);
  if (dialect != Dialect::sqlserver || kind == KeyKind::integer) return name;
  return fmt::format("{}, {}", name, length_of(column));
}

std::string key_above(Dialect dialect, std::string_view column, const Value& bound) {
  const std::string name = quoted_name(column);
  const std::string limit = literal(dialect, bound);
  const std::string* bytes = padded(dialect, bound);
  if (bytes == nullptr) return fmt::format("{} > {}", name, limit);
  return fmt::format("{0} >= {1} AND ({0} > {1} OR {2} > {3})", name, limit, length_of(column), bytes->size());
}

std::string key_up_to(Dialect dialect, std::string_view column, const Value& bound) {
  const std::string name = quoted_name(column);
  const std::string limit = literal(dialect, bound);
  const std::string* bytes = padded(dialect, bound);
  if (bytes == nullptr) return fmt::format("{} <= {}", name, limit);
  return fmt::format("{0} <= {1} AND ({0} < {1} OR {2} <= {3})", name, limit, length_of(column), bytes->size());
}

}  // namespace linkspan::sql
