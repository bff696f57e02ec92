#pragma once
// Opens databases. app/ and transfer decide which; nothing else needs to know.

#include <chrono>
#include <memory>
#include <string>

#include "base/wiped_text.h"
#include "sql/database.h"
#include "sql/url.h"

namespace linkspan::sql {

struct OpenOptions {
  bool read_only = false;
  bool create = false;  ///< SQLite: make the file (mode 0600) where there is none. PostgreSQL: no meaning.
  /// How long to wait for another writer's lock before "sql.locked".
  std::chrono::milliseconds lock_wait = std::chrono::seconds(30);
  /// SQLite: whatever the connection does later than this after it was opened ends with "sql.cancelled"; 0: never.
  std::chrono::milliseconds time_limit{0};
  /// How long to wait for each PostgreSQL host, unless the URL says connect_timeout.
  std::chrono::seconds connect_wait = std::chrono::seconds(10);
  /// The PostgreSQL password, where it is not in the URL (which is no place for it) nor in PGPASSFILE.
  WipedText password{};
};

/// Throws what docs/messages/sql.md says: "sql.no_database", "sql.unreachable", "sql.denied"...
[[nodiscard]] std::unique_ptr<Database> open(const DatabaseUrl& url, const OpenOptions& options = {});

/// `path` is a file or ":memory:". Commits are durable at once (write-ahead log, synchronous=FULL). Files on network
/// file systems are refused: their locks cannot be trusted.
[[nodiscard]] std::unique_ptr<Database> open_sqlite(const std::string& path, const OpenOptions& options = {});

[[nodiscard]] std::unique_ptr<Database> open_postgresql(const DatabaseUrl& url, const OpenOptions& options = {});

/// Throws what connect_sqlserver throws, too. Reads are of one moment (SNAPSHOT) where the DBA allowed it for the
/// database, else read committed: see docs/design/0006-sql-server.md.
[[nodiscard]] std::unique_ptr<Database> open_sqlserver(const DatabaseUrl& url, const OpenOptions& options = {});

}  // namespace linkspan::sql
