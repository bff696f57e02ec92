#pragma once
// The database that is read.

#include "transfer/internal/target.h"

namespace linkspan::transfer {

/// Throws "sql.url" for what is no URL, and "store.memory" for SQLite without a file.
[[nodiscard]] Connector connector_of(const Place& place);

/// What keeps this database from being carried elsewhere; empty when nothing does. Changes nothing.
[[nodiscard]] std::optional<Error> source_obstacle(sql::Database& database);

/// Throws that; else its head.
[[nodiscard]] Head check_source(sql::Database& database);

}  // namespace linkspan::transfer
