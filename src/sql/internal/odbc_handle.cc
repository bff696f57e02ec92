#include "sql/internal/odbc_handle.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <new>

#include "base/text.h"
#include "sql/internal/utf16.h"

namespace linkspan::sql {

namespace {

constexpr std::size_t k_most_records = 20;

// Servers end some messages with the data concerned, which is nothing for a log.
std::string_view without_data(std::string_view message) {
  return message.substr(0, message.find(" The duplicate key value is"));
}

// "[FreeTDS][SQL Server]Login failed" -> "Login failed"
std::string_view without_origin(std::string_view message) {
  while (message.starts_with('[')) {
    const std::size_t end = message.find(']');
    if (end == std::string_view::npos) break;
    message.remove_prefix(end + 1);
  }
  return trim(message);
}

struct Number {
  std::int64_t native;
  Fault fault;
  std::string_view id;
  std::string_view hint;
};

constexpr std::string_view k_again = "Something else changed the same rows: do it again.";
constexpr std::string_view k_grant =
    "Grant the account its rights; `linkspan database schema --dialect sqlserver` prints the SQL for it.";
constexpr std::string_view k_failover = "The server is failing over, starting or stopping; try again.";
constexpr std::string_view k_ended = "The server was stopped, or ended the session.";
constexpr std::string_view k_log = "Look at the server's log; run DBCC CHECKDB, restore a backup if data are damaged.";

// SQL Server's own numbers. What is not here goes by its SQLSTATE.
constexpr std::array k_numbers{
    Number{1205, Fault::conflict, "sql.retry", k_again},   // chosen as deadlock victim
    Number{3960, Fault::conflict, "sql.retry", k_again},   // snapshot: the row was changed meanwhile
    Number{3961, Fault::conflict, "sql.retry", k_again},   // snapshot: the schema was changed meanwhile
    Number{41302, Fault::conflict, "sql.retry", k_again},  // the same of memory-optimised tables
    Number{41305, Fault::conflict, "sql.retry", k_again},
    Number{41325, Fault::conflict, "sql.retry", k_again},
    Number{1222, Fault::conflict, "sql.locked", "Another program holds a lock on it; try again later."},
    Number{3952, Fault::denied, "sql.permission", "Run ALTER DATABASE ... SET ALLOW_SNAPSHOT_ISOLATION ON."},
    Number{2601, Fault::conflict, "sql.constraint", ""},
    Number{2627, Fault::conflict, "sql.constraint", ""},
    Number{547, Fault::conflict, "sql.constraint", ""},
    Number{515, Fault::conflict, "sql.constraint", ""},
    Number{2628, Fault::invalid, "sql.too_large", ""},  // would be truncated
    Number{8152, Fault::invalid, "sql.too_large", ""},
    Number{1946, Fault::invalid, "sql.too_large", ""},  // an index key of more than 1700 bytes
    Number{511, Fault::invalid, "sql.too_large", ""},
    Number{206, Fault::invalid, "sql.type_mismatch", ""},
    Number{241, Fault::invalid, "sql.type_mismatch", ""},
    Number{245, Fault::invalid, "sql.type_mismatch", ""},
    Number{257, Fault::invalid, "sql.type_mismatch", ""},
    Number{260, Fault::invalid, "sql.type_mismatch", ""},
    Number{529, Fault::invalid, "sql.type_mismatch", ""},
    Number{8114, Fault::invalid, "sql.type_mismatch", ""},
    Number{8115, Fault::invalid, "sql.type_mismatch", ""},
    Number{229, Fault::denied, "sql.permission", k_grant},
    Number{230, Fault::denied, "sql.permission", k_grant},
    Number{262, Fault::denied, "sql.permission", k_grant},
    Number{297, Fault::denied, "sql.permission", k_grant},
    Number{300, Fault::denied, "sql.permission", k_grant},
    Number{916, Fault::denied, "sql.permission", k_grant},
    Number{1088, Fault::denied, "sql.permission", k_grant},
    Number{2760, Fault::denied, "sql.permission", k_grant},
    Number{3906, Fault::denied, "sql.read_only", "Run ALTER DATABASE ... SET READ_WRITE, or name the primary server."},
    Number{978, Fault::denied, "sql.read_only", "Name the primary replica, or the availability group's listener."},
    Number{1101, Fault::unavailable, "sql.disk_full", "Make room on the database server."},
    Number{1105, Fault::unavailable, "sql.disk_full", "Make room on the database server, or let the file grow."},
    Number{9002, Fault::unavailable, "sql.disk_full", "The transaction log is full: back it up, or let it grow."},
    Number{
        1827, Fault::unavailable, "sql.disk_full",
        "This edition's limit of a database is reached (Express: 10 GB, 50 GB from 2025 on). Move to another edition "
        "with `linkspan database move`."},
    Number{40544, Fault::unavailable, "sql.disk_full", "The database has reached its quota: raise it."},
    Number{701, Fault::unavailable, "sql.exhausted", "The database server lacks memory."},
    Number{802, Fault::unavailable, "sql.exhausted", "The database server lacks memory."},
    Number{8645, Fault::unavailable, "sql.exhausted", "The database server lacks memory."},
    Number{1204, Fault::unavailable, "sql.exhausted", "The database server has no room for more locks."},
    Number{17809, Fault::unavailable, "sql.too_many_connections", "Raise the server's 'user connections', or wait."},
    Number{10928, Fault::unavailable, "sql.too_many_connections", "The database's limit of sessions is reached."},
    Number{10929, Fault::unavailable, "sql.exhausted", "The database server is too busy; try again."},
    Number{40501, Fault::unavailable, "sql.exhausted", "The database server is too busy; try again."},
    Number{40197, Fault::unavailable, "sql.connection_lost", k_failover},
    Number{40613, Fault::unavailable, "sql.connection_lost", k_failover},
    Number{40143, Fault::unavailable, "sql.connection_lost", k_failover},
    Number{49918, Fault::unavailable, "sql.connection_lost", k_failover},
    Number{976, Fault::unavailable, "sql.connection_lost", k_failover},  // this replica is not the primary one (now)
    Number{982, Fault::unavailable, "sql.connection_lost", k_failover},
    Number{983, Fault::unavailable, "sql.connection_lost", k_failover},
    Number{922, Fault::unavailable, "sql.connection_lost", k_failover},  // the database is being recovered
    Number{945, Fault::unavailable, "sql.connection_lost", k_failover},
    Number{3980, Fault::unavailable, "sql.connection_lost", k_ended},
    Number{596, Fault::unavailable, "sql.connection_lost", k_ended},  // somebody ran KILL
    Number{6005, Fault::unavailable, "sql.connection_lost", k_ended},
    Number{6006, Fault::unavailable, "sql.connection_lost", k_ended},
    Number{10053, Fault::unavailable, "sql.connection_lost", k_ended},
    Number{10054, Fault::unavailable, "sql.connection_lost", k_ended},
    Number{10060, Fault::unavailable, "sql.connection_lost", k_ended},
    Number{20006, Fault::unavailable, "sql.connection_lost", k_ended},  // FreeTDS: the write failed
    Number{20004, Fault::unavailable, "sql.connection_lost", k_ended},  // the read failed
    Number{20017, Fault::unavailable, "sql.connection_lost", k_ended},  // unexpected end
    Number{20047, Fault::unavailable, "sql.connection_lost", k_ended},  // dead since earlier
    Number{20003, Fault::unavailable, "sql.timeout", "The server did not answer in time."},
    Number{823, Fault::unavailable, "sql.io", k_log},
    Number{824, Fault::corrupt, "sql.corrupt", k_log},
    Number{605, Fault::corrupt, "sql.corrupt", k_log},
    Number{3624, Fault::corrupt, "sql.corrupt", k_log},
};

struct State {
  std::string_view state;  ///< or its first two letters: a class
  Fault fault;
  std::string_view id;
  std::string_view hint;
};

// The first that fits counts: single states before their class.
constexpr std::array k_states{
    State{"08", Fault::unavailable, "sql.connection_lost", "The connection to the server broke."},
    State{"HYT", Fault::unavailable, "sql.timeout", "The server did not answer in time."},
    State{"HY008", Fault::cancelled, "sql.cancelled", ""},
    State{"HY001", Fault::unavailable, "sql.exhausted", "The program or its ODBC driver lacks memory."},
    State{"HY014", Fault::unavailable, "sql.exhausted", ""},
    State{"28", Fault::denied, "sql.denied", "Check the user name and the password."},
    State{"40", Fault::conflict, "sql.retry", k_again},
    State{"25006", Fault::denied, "sql.read_only", ""},
    State{"57P", Fault::unavailable, "sql.connection_lost", k_ended},
    State{"23", Fault::conflict, "sql.constraint", ""},
    State{"22001", Fault::invalid, "sql.too_large", ""},
    State{"22", Fault::invalid, "sql.type_mismatch", ""},
    State{"07006", Fault::invalid, "sql.type_mismatch", ""},
};

}  // namespace

OdbcDiagnostics odbc_diagnostics(SQLSMALLINT kind, SQLHANDLE handle) {
  OdbcDiagnostics found;
  std::array<char16_t, 6> state{};
  std::vector<char16_t> text(2048);
  for (SQLSMALLINT record = 1; found.size() < k_most_records; ++record) {
    SQLINTEGER native = 0;
    SQLSMALLINT length = 0;
    const SQLRETURN code =
        SQLGetDiagRecW(kind, handle, record, reinterpret_cast<SQLWCHAR*>(state.data()), &native,
                       reinterpret_cast<SQLWCHAR*>(text.data()), static_cast<SQLSMALLINT>(text.size()), &length);
    if (!SQL_SUCCEEDED(code)) break;
    OdbcDiagnostic& one = found.emplace_back();
    append_utf8(one.state, std::u16string_view(state.data(), 5));
    one.native = native;
    std::string message;
    const auto units = static_cast<std::size_t>(std::max<SQLSMALLINT>(length, 0));
    append_utf8(message, std::u16string_view(text.data(), std::min(units, text.size() - 1)));
    one.message = printable(without_origin(message), 500);
  }
  return found;
}

OdbcHandle::OdbcHandle(SQLSMALLINT kind, SQLHANDLE parent) : kind_(kind) {
  if (SQL_SUCCEEDED(SQLAllocHandle(kind, parent, &handle_))) return;
  handle_ = SQL_NULL_HANDLE;
  std::string why = "no memory";
  if (parent != SQL_NULL_HANDLE) {
    const auto said = odbc_diagnostics(kind == SQL_HANDLE_STMT ? SQL_HANDLE_DBC : SQL_HANDLE_ENV, parent);
    if (!said.empty()) why = said.front().message;
  }
  throw Error(Fault::unavailable, "sql.exhausted", fmt::format("the ODBC driver manager gives no handle: {}", why));
}

void OdbcHandle::reset() noexcept {
  if (handle_ != SQL_NULL_HANDLE) SQLFreeHandle(kind_, std::exchange(handle_, SQLHANDLE{SQL_NULL_HANDLE}));
}

OdbcConnection::OdbcConnection() : environment_(SQL_HANDLE_ENV, SQL_NULL_HANDLE) {
  // Behaviour of ODBC 3, and its SQLSTATEs.
  SQLSetEnvAttr(environment_.get(), SQL_ATTR_ODBC_VERSION, reinterpret_cast<SQLPOINTER>(SQL_OV_ODBC3), 0);
  connection_ = OdbcHandle(SQL_HANDLE_DBC, environment_.get());
}

OdbcConnection::~OdbcConnection() {
  if (!connected_ || get() == SQL_NULL_HANDLE) return;
  // A driver does not let go of a connection whose transaction is open.
  SQLEndTran(SQL_HANDLE_DBC, get(), SQL_ROLLBACK);
  SQLDisconnect(get());
}

bool OdbcConnection::set(SQLINTEGER attribute, std::uintptr_t value) noexcept {
  return SQL_SUCCEEDED(SQLSetConnectAttrW(get(), attribute, reinterpret_cast<SQLPOINTER>(value), SQL_IS_UINTEGER));
}

OdbcDiagnostics OdbcConnection::connect(std::string_view connection_string) {
  std::u16string text = to_utf16(connection_string);
  const SQLRETURN code =
      SQLDriverConnectW(get(), nullptr, reinterpret_cast<SQLWCHAR*>(text.data()), static_cast<SQLSMALLINT>(text.size()),
                        nullptr, 0, nullptr, SQL_DRIVER_NOPROMPT);
  std::fill(text.begin(), text.end(), u'\0');
  connected_ = SQL_SUCCEEDED(code);
  if (connected_) return {};
  OdbcDiagnostics said = odbc_diagnostics(SQL_HANDLE_DBC, get());
  if (said.empty()) said.push_back({"HY000", 0, "the ODBC driver says nothing"});
  return said;
}

Error odbc_error(const OdbcDiagnostics& diagnostics, std::string_view name) {
  if (diagnostics.empty()) {
    return {Fault::invalid, "sql.failed", fmt::format("{}: the ODBC driver failed and says nothing", name)};
  }
  const auto message = [&](const OdbcDiagnostic& one) {
    return fmt::format("{}: {}", name, without_data(one.message));
  };
  // A batch that fails may bring several errors (3621 "the statement has been terminated" comes with most): the first
  // that means something to us counts.
  for (const OdbcDiagnostic& one : diagnostics) {
    const auto known =
        std::find_if(k_numbers.begin(), k_numbers.end(), [&](auto& n) { return n.native == one.native; });
    if (known != k_numbers.end()) return {known->fault, known->id, message(one), std::string(known->hint)};
  }
  for (const OdbcDiagnostic& one : diagnostics) {
    const auto known =
        std::find_if(k_states.begin(), k_states.end(), [&](auto& s) { return one.state.starts_with(s.state); });
    if (known != k_states.end()) return {known->fault, known->id, message(one), std::string(known->hint)};
  }
  const OdbcDiagnostic& first = diagnostics.front();
  return {Fault::invalid, "sql.failed", fmt::format("{} ({}, {})", message(first), first.state, first.native)};
}

void check_odbc(SQLRETURN code, SQLSMALLINT kind, SQLHANDLE handle, std::string_view name) {
  if (odbc_succeeded(code)) return;
  throw odbc_error(odbc_diagnostics(kind, handle), name);
}

}  // namespace linkspan::sql
