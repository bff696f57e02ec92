#pragma once
// The file of an SQLite database, looked at before SQLite opens it.

#include <string>

#include "sql/open.h"

namespace linkspan::sql {

/// Makes the file (mode 0600, which its -wal and -shm take over) where there is none and `options` ask for it, and says
/// of one that cannot be opened why, more exactly than SQLite does.
///
/// Throws "sql.no_database", "sql.no_folder", "sql.not_a_file", "sql.link_loop", "sql.dangling_link", "sql.url_path"
/// (too long), "sql.permission", "sql.read_only", "sql.disk_full", "sql.network_file_system" or "sql.io".
void prepare_sqlite_file(const std::string& path, const OpenOptions& options);

}  // namespace linkspan::sql
