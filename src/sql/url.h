#pragma once
// Database URLs, as they stand in configuration and on the command line.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sql/database.h"

namespace linkspan::sql {

/// `sqlite:///absolute/path`, `sqlite::memory:`;
/// `postgresql://[user[:password]@][host[:port],...][/db][?name=value&...]` with libpq's own parameters, kept as they
/// are; or `sqlserver://[user[:password]@]host[\INSTANCE][:port]/db[?name=value&...]` (docs/reference/sqlserver.md).
struct DatabaseUrl {
  Dialect dialect = Dialect::sqlite;
  std::string path;  ///< SQLite: the file, or ":memory:".
  /// Decoded; may hold a secret. PostgreSQL: libpq's keywords. SQL Server: user, password, host, instance, port,
  /// dbname, and those of the reference.
  std::vector<std::pair<std::string, std::string>> parameters{};

  /// Throws Fault::invalid "sql.url", "sql.url_scheme", "sql.url_path", "sql.url_port", "sql.url_encoding" or
  /// "sql.url_parameter", never naming a password.
  [[nodiscard]] static DatabaseUrl parse(std::string_view text);

  /// Empty where it was not given.
  [[nodiscard]] std::string_view parameter(std::string_view keyword) const noexcept;

  /// The URL again, without any secret: what may be printed and logged.
  [[nodiscard]] std::string redacted() const;
};

}  // namespace linkspan::sql
