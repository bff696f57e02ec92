#pragma once
// Bulk copy into a table of this session (a stage), with what the ODBC driver has for it: FreeTDS inside the driver,
// Microsoft's as functions that its library exports.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "sql/internal/odbc_session.h"

namespace linkspan::sql {

/// To be set to 1 on a connection before it connects, or there is no bulk copy on it. Both drivers know it.
inline constexpr SQLINTEGER k_bulk_copy_attribute = 1219;  // SQL_COPT_SS_BCP

/// What a driver calls its parts of bulk copy. All take the driver manager's connection handle; 1 is success.
struct BulkFunctions {
  int (*init)(SQLHDBC, const char* table) = nullptr;
  int (*bind)(SQLHDBC, const unsigned char* place, int prefix, int type, int column) = nullptr;
  int (*send)(SQLHDBC) = nullptr;
  int (*done)(SQLHDBC) = nullptr;                 ///< rows, or -1
  bool wide = false;                              ///< text goes in UTF-16; else in UTF-8
  int integer = 0, real = 0, text = 0, blob = 0;  ///< its numbers of the types
};

class BulkCopy {
 public:
  /// Null where the driver has none, or it is none that is known.
  [[nodiscard]] static std::unique_ptr<BulkCopy> of(SQLHDBC connection, std::string name);

  BulkCopy(SQLHDBC connection, std::string name, const BulkFunctions& functions)
      : connection_(connection), name_(std::move(name)), functions_(functions) {}

  /// Whether a row can go this way. FreeTDS writes past its buffers with values of more than 4096 bytes on the wire
  /// (text there is UTF-16), so such rows go as parameters, with either driver.
  [[nodiscard]] static bool takes(std::span<const ValueView> row) noexcept;

  /// Rows `chosen` of `rows`, whose columns are of `columns`, into the stage; all of them `takes`. With `number`, the
  /// row's place in `rows` plus *number goes before its cells. Throws what the driver says, and "sql.too_large" for
  /// what does not fit its column; the transaction is then spoiled.
  void load(const std::string& stage, const std::vector<OdbcColumn>& columns, Rows rows,
            const std::vector<std::size_t>& chosen, const std::size_t* number);

 private:
  void put(std::size_t place_number, const ValueView& value, const OdbcColumn& column);
  void check(bool succeeded) const;

  SQLHDBC connection_;
  std::string name_;
  BulkFunctions functions_;
  std::vector<std::unique_ptr<unsigned char[]>> places_;  ///< a column's prefix of four bytes, then its value
  std::u16string wide_;
};

}  // namespace linkspan::sql
