#pragma once
// SQLite's result codes as linkspan::Error.

#include <sqlite3.h>

#include <string_view>

#include "base/error.h"

namespace linkspan::sql {

/// `code` is an extended result code, `text` what SQLite says about it, `name` the database's name.
[[nodiscard]] Error sqlite_error(int code, std::string_view text, std::string_view name);

/// The error the connection is in.
[[nodiscard]] Error sqlite_error(sqlite3* connection, std::string_view name);

}  // namespace linkspan::sql
