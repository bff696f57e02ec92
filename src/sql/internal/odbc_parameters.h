#pragma once
// Values as parameters of one ODBC statement.

#include <cstdint>
#include <string>
#include <vector>

#include "sql/internal/odbc_handle.h"
#include "sql/value.h"

namespace linkspan::sql {

/// What a column of an ODBC answer holds, as far as this program tells kinds apart.
enum class OdbcKind : unsigned char { integer, real, text, blob };

/// Parameters in their order. They borrow the bytes of blobs; all else is copied. Used again after `clear`.
class OdbcParameters {
 public:
  /// By the value's own kind; NULL goes as an integer, which every server turns into anything's NULL.
  void add(const ValueView& value);
  /// For a column of that kind. Throws "sql.type_mismatch" for a value of another.
  void add(const ValueView& value, OdbcKind kind);
  void clear() noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return parameters_.size(); }

  /// Binds all to the statement, which has to be executed before this is added to, cleared or destroyed.
  /// Throws what the driver says against it.
  void bind(SQLHSTMT statement, std::string_view name);

 private:
  struct Parameter {
    OdbcKind kind = OdbcKind::integer;
    SQLLEN indicator = 0;  ///< bytes, or SQL_NULL_DATA
    std::int64_t integer = 0;
    double real = 0;
    std::size_t start = 0;  ///< of text, in `wide_`
    const char* bytes = nullptr;
  };

  std::vector<Parameter> parameters_;
  std::u16string wide_;
};

}  // namespace linkspan::sql
