#pragma once
// Carries a database's schema forward. db/migrations holds the files, CMake embeds them (cmake/EmbedSql.cmake).

#include <span>
#include <string_view>
#include <vector>

#include "sql/database.h"

namespace linkspan::sql {

struct Migration {
  int number = 0;  ///< 1, 2, 3...
  std::string_view name;
  std::string_view sql;
};

/// The newest migration applied; 0 for a database without any.
[[nodiscard]] int schema_version(Database& database);

/// Those of `known` (ascending) still to be applied. Throws "sql.newer_schema" when the database is ahead of `known`,
/// and "sql.migration_changed" when one that was applied reads differently now.
[[nodiscard]] std::vector<Migration> pending_migrations(Database& database, std::span<const Migration> known);

/// Applies what is pending, each in a transaction of its own under a lock of the whole database, so that several
/// programs may do it at once. Returns how many it applied. Throws as pending_migrations, or "sql.migration_failed"
/// with nothing of that migration left.
int migrate(Database& database, std::span<const Migration> known);

}  // namespace linkspan::sql
