#include "sql/internal/sqlite_error.h"

#include <fmt/format.h>

#include <cerrno>
#include <string>

#include "base/text.h"

namespace linkspan::sql {

Error sqlite_error(int code, std::string_view text, std::string_view name) {
  const std::string message = fmt::format("{}: {}", name, printable(text, 500));
  switch (code) {
    case SQLITE_CONSTRAINT_DATATYPE:
      return {Fault::invalid, "sql.type_mismatch", message};
    case SQLITE_BUSY_SNAPSHOT:
      return {Fault::conflict, "sql.retry", message, "Something else changed the database meanwhile: do it again."};
    default:
      break;
  }
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {Fault::conflict, "sql.locked", message,
              "Another program holds the database's write lock; try again when it has finished."};
    case SQLITE_CONSTRAINT:
      return {Fault::conflict, "sql.constraint", message};
    case SQLITE_FULL:
      return {Fault::unavailable, "sql.disk_full", message, "Make room on the file system of the database."};
    case SQLITE_READONLY:
      return {Fault::denied, "sql.read_only", message,
              "The file, its folder or the connection may only be read; check owner and mode."};
    case SQLITE_NOTADB:
      return {Fault::corrupt, "sql.not_a_database", message, "Name the database file itself."};
    case SQLITE_CORRUPT:
      return {Fault::corrupt, "sql.corrupt", message,
              "Stop the service and restore a backup; `linkspan doctor` shows what is damaged."};
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {Fault::denied, "sql.permission", message, "Check owner and mode of the file and its folder."};
    case SQLITE_CANTOPEN:
      return {Fault::unavailable, "sql.io", message,
              "Check owner and mode of the file, of FILE-wal and FILE-shm beside it, and of their folder."};
    case SQLITE_IOERR:
      return {Fault::unavailable, "sql.io", message, "The disk reported an error; look at the system's log."};
    case SQLITE_TOOBIG:
      return {Fault::invalid, "sql.too_large", message};
    case SQLITE_MISMATCH:
      return {Fault::invalid, "sql.type_mismatch", message};
    case SQLITE_INTERRUPT:
      return {Fault::cancelled, "sql.cancelled", message};
    default:
      if (text.starts_with("no such table") || text.starts_with("no such column")) {
        return {Fault::corrupt, "sql.no_table", message,
                "Somebody changed the database: put it back as it was, or restore a backup."};
      }
      return {Fault::invalid, "sql.failed", message};
  }
}

Error sqlite_error(sqlite3* connection, std::string_view name) {
  // SQLite has no name for a full disk where it makes the files beside the database, and calls a quota or a limit on
  // the size of files a fault of the disk.
  const int system = sqlite3_system_errno(connection);
  const int code = sqlite3_extended_errcode(connection) & 0xFF;
  const bool full = system == ENOSPC || system == EDQUOT || system == EFBIG;
  if ((code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && full) {
    return sqlite_error(SQLITE_FULL, sqlite3_errmsg(connection), name);
  }
  return sqlite_error(sqlite3_extended_errcode(connection), sqlite3_errmsg(connection), name);
}

}  // namespace linkspan::sql
