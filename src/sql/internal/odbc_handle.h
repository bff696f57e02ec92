#pragma once
// ODBC handles that free themselves, and what a driver says when it fails. Nothing here knows a kind of server; the
// functions are those of the driver manager (unixODBC), always in their Unicode form, so that no locale and no
// ClientCharset has a say.

#include <sql.h>
#include <sqlext.h>
#include <sqltypes.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace linkspan::sql {

/// One record of what a driver or a server said.
struct OdbcDiagnostic {
  std::string state;        ///< SQLSTATE, five letters
  std::int64_t native = 0;  ///< the server's own number of the error: 1205, 18456...
  std::string message;      ///< in UTF-8, printable, without the "[vendor][driver]" before it
};
using OdbcDiagnostics = std::vector<OdbcDiagnostic>;

/// What is on record for the last call with `handle`, the first record first; 20 records at most.
[[nodiscard]] OdbcDiagnostics odbc_diagnostics(SQLSMALLINT kind, SQLHANDLE handle);

/// Whether the call may be gone on from: success, with remarks or without, or no (more) data.
[[nodiscard]] inline bool odbc_succeeded(SQLRETURN code) noexcept { return SQL_SUCCEEDED(code) || code == SQL_NO_DATA; }

/// Owns one handle.
class OdbcHandle {
 public:
  OdbcHandle() = default;
  /// Throws "sql.exhausted" where `parent` can have no more of them.
  OdbcHandle(SQLSMALLINT kind, SQLHANDLE parent);
  ~OdbcHandle() { reset(); }
  OdbcHandle(OdbcHandle&& other) noexcept
      : kind_(other.kind_), handle_(std::exchange(other.handle_, SQLHANDLE{SQL_NULL_HANDLE})) {}
  OdbcHandle& operator=(OdbcHandle&& other) noexcept {
    std::swap(kind_, other.kind_);
    std::swap(handle_, other.handle_);
    return *this;
  }
  OdbcHandle(const OdbcHandle&) = delete;
  OdbcHandle& operator=(const OdbcHandle&) = delete;

  [[nodiscard]] SQLHANDLE get() const noexcept { return handle_; }
  void reset() noexcept;

 private:
  SQLSMALLINT kind_ = 0;
  SQLHANDLE handle_ = SQL_NULL_HANDLE;
};

/// A connection with an environment of its own. One thread at a time. Its statements go before it.
class OdbcConnection {
 public:
  /// Not connected yet.
  OdbcConnection();
  /// What is open is rolled back.
  ~OdbcConnection();
  OdbcConnection(OdbcConnection&&) = default;
  OdbcConnection& operator=(OdbcConnection&&) = delete;

  /// SQLSetConnectAttr of a number; whether the driver took it.
  bool set(SQLINTEGER attribute, std::uintptr_t value) noexcept;

  /// Connects by a connection string ("Driver=...;Server=..."). Empty when it did; else what the driver said, of which
  /// the first record counts. The string may hold a password: it is kept nowhere, and in no record.
  [[nodiscard]] OdbcDiagnostics connect(std::string_view connection_string);

  [[nodiscard]] bool connected() const noexcept { return connected_; }
  [[nodiscard]] SQLHDBC get() const noexcept { return connection_.get(); }

 private:
  OdbcHandle environment_;
  OdbcHandle connection_;
  bool connected_ = false;
};

/// What a statement failed with, by the server's own number where it is SQL Server's, else by SQLSTATE: one of the ids
/// of docs/messages/sql.md. Numbers that say why nobody gets in (18456, 4060...) are those of a connection that is
/// being made; who makes it says more about them. `name` is the redacted URL.
[[nodiscard]] Error odbc_error(const OdbcDiagnostics& diagnostics, std::string_view name);

/// Throws what is on record for `handle` unless `code` is a success or no data.
void check_odbc(SQLRETURN code, SQLSMALLINT kind, SQLHANDLE handle, std::string_view name);

}  // namespace linkspan::sql
