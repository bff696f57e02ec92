#include "sql/internal/odbc_parameters.h"

#include <algorithm>

#include "sql/internal/utf16.h"

namespace linkspan::sql {

namespace {

// Sizes are rounded up to these, so that a statement has few shapes of parameters and its plan is found again; what is
// longer goes as nvarchar(max) or varbinary(max).
constexpr std::size_t k_short_units = 4000;
constexpr std::size_t k_short_bytes = 8000;

OdbcKind kind_of(const ValueView& value) {
  if (std::holds_alternative<double>(value)) return OdbcKind::real;
  if (std::holds_alternative<std::string_view>(value)) return OdbcKind::text;
  if (std::holds_alternative<BlobView>(value)) return OdbcKind::blob;
  return OdbcKind::integer;
}

}  // namespace

void OdbcParameters::add(const ValueView& value) { add(value, kind_of(value)); }

void OdbcParameters::add(const ValueView& value, OdbcKind kind) {
  Parameter one;
  one.kind = kind;
  if (value.index() == 0) {
    one.indicator = SQL_NULL_DATA;
    parameters_.push_back(one);
    return;
  }
  if (kind_of(value) != kind) {
    throw Error(Fault::invalid, "sql.type_mismatch", "a value is not of the kind its column takes");
  }
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    one.integer = *integer;
    one.indicator = sizeof(std::int64_t);
  } else if (const auto* real = std::get_if<double>(&value)) {
    one.real = *real;
    one.indicator = sizeof(double);
  } else if (const auto* text = std::get_if<std::string_view>(&value)) {
    one.start = wide_.size();
    append_utf16(wide_, *text);
    one.indicator = static_cast<SQLLEN>((wide_.size() - one.start) * sizeof(char16_t));
  } else {
    const std::string_view bytes = std::get<BlobView>(value).bytes;
    one.bytes = bytes.empty() ? "" : bytes.data();
    one.indicator = static_cast<SQLLEN>(bytes.size());
  }
  parameters_.push_back(one);
}

void OdbcParameters::clear() noexcept {
  parameters_.clear();
  wide_.clear();
}

void OdbcParameters::bind(SQLHSTMT statement, std::string_view name) {
  SQLUSMALLINT number = 0;
  for (Parameter& one : parameters_) {
    const auto bytes = static_cast<std::size_t>(std::max<SQLLEN>(one.indicator, 0));
    SQLSMALLINT c_type = SQL_C_SBIGINT;
    SQLSMALLINT sql_type = SQL_BIGINT;
    SQLULEN size = 19;
    const void* place = &one.integer;
    if (one.kind == OdbcKind::real) {
      c_type = SQL_C_DOUBLE;
      sql_type = SQL_DOUBLE;
      size = 53;
      place = &one.real;
    } else if (one.kind == OdbcKind::text) {
      const std::size_t units = bytes / sizeof(char16_t);
      c_type = SQL_C_WCHAR;
      sql_type = units <= k_short_units ? SQL_WVARCHAR : SQL_WLONGVARCHAR;
      size = std::max(units, k_short_units);
      place = wide_.data() + one.start;
    } else if (one.kind == OdbcKind::blob) {
      c_type = SQL_C_BINARY;
      sql_type = bytes <= k_short_bytes ? SQL_VARBINARY : SQL_LONGVARBINARY;
      size = std::max(bytes, k_short_bytes);
      place = one.bytes == nullptr ? "" : one.bytes;
    }
    check_odbc(SQLBindParameter(statement, ++number, SQL_PARAM_INPUT, c_type, sql_type, size, 0,
                                const_cast<void*>(place), static_cast<SQLLEN>(bytes), &one.indicator),
               SQL_HANDLE_STMT, statement, name);
  }
}

}  // namespace linkspan::sql
