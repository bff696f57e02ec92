#pragma once
// A session over ODBC: sends one statement, reads its answer. Without MARS a connection carries one answer at a time:
// an answer that is being streamed is read to its end into memory ("parked") when something else is asked meanwhile.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sql/internal/odbc_handle.h"
#include "sql/internal/odbc_parameters.h"
#include "sql/row_batch.h"

namespace linkspan::sql {

struct OdbcColumn {
  OdbcKind kind = OdbcKind::integer;
  std::size_t size = 0;  ///< most UTF-16 units, or bytes; 0: no bound that counts
};

/// Reads the rows of the statement that was executed last on a handle.
class OdbcReader {
 public:
  /// Throws "sql.unsupported_type" for a column of a type the schemas do not use. `name` has to outlive it.
  OdbcReader(SQLHSTMT statement, std::string_view name);
  OdbcReader(const OdbcReader&) = delete;
  OdbcReader& operator=(const OdbcReader&) = delete;

  [[nodiscard]] const std::vector<OdbcColumn>& columns() const noexcept { return columns_; }
  /// The next row's cells, valid until the next call; false at the end. Throws what the driver says.
  bool next();
  [[nodiscard]] std::span<const ValueView> cells() const noexcept { return cells_; }

 private:
  struct Place {
    SQLLEN indicator = 0;
    std::int64_t integer = 0;
    double real = 0;
    std::vector<char16_t> units;  ///< text, bound
    std::string bytes;            ///< blob, bound
  };
  void bind();
  void read_bound(std::size_t column);
  void read_unbound(std::size_t column);
  /// The cell's bytes into `raw_`; false where it is NULL.
  bool get(std::size_t column, SQLSMALLINT c_type);
  void keep_text(std::size_t column, std::u16string_view text);
  void keep_bytes(std::size_t column, std::string_view bytes);

  SQLHSTMT statement_;
  std::string_view name_;
  std::vector<OdbcColumn> columns_;
  std::vector<Place> places_;
  std::size_t bound_ = 0;                                   ///< so many columns from the left
  std::string raw_;                                         ///< one cell as the driver gives it
  std::string row_;                                         ///< text and bytes of the row
  std::vector<std::pair<std::size_t, std::size_t>> parts_;  ///< where in `row_` a column's are
  std::vector<ValueView> cells_;
};

class OdbcSession {
 public:
  OdbcSession(OdbcConnection connection, std::string name);

  /// A text of one or more statements without parameters; what they answer is passed over.
  void script(std::string_view text);
  /// One statement with `?` for each parameter; how many rows it changed.
  std::int64_t run(std::string_view text, OdbcParameters& parameters);
  /// One text whose first answer with columns fits in memory. `visit` may use the session.
  void query(std::string_view text, OdbcParameters& parameters, const std::function<void(const Row&)>& visit);
  /// One answer of any size, until `visit` returns false. `visit` may use the session: then the rest is parked.
  void stream(std::string_view text, OdbcParameters& parameters, const std::function<bool(const Row&)>& visit);
  /// The columns of a SELECT, which is executed: let it find no row.
  [[nodiscard]] std::vector<OdbcColumn> describe(std::string_view text);

  /// How long one statement may take before "sql.timeout"; 0: as long as it takes.
  void limit(std::chrono::seconds most) { limit_ = most; }
  [[nodiscard]] std::chrono::seconds limit() const noexcept { return limit_; }

  [[nodiscard]] OdbcConnection& connection() noexcept { return connection_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  class Streamed;

  /// A statement that was executed. What it fails with names the statement.
  [[nodiscard]] OdbcHandle executed(std::string_view text, OdbcParameters* parameters);
  /// Goes on to the first answer that has columns; false where there is none.
  bool find_rows(SQLHSTMT statement);
  /// Reads and drops the answers that are left, and adds up what they say was changed.
  std::int64_t drain(SQLHSTMT statement);

  OdbcConnection connection_;
  std::string name_;
  std::chrono::seconds limit_{0};
  Streamed* streamed_ = nullptr;  ///< the answer that is under way on the connection
};

}  // namespace linkspan::sql
