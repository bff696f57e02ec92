#pragma once
// Whether a file that was sealed as a copy is made like one. The seal finds accidents; whoever can write the file can
// seal it again, and may have put a view that never ends where a table should be, or pages that are their own children.

#include <string>

#include "sql/database.h"

namespace linkspan::transfer {

/// The tables of the manifest, empty.
void make_manifest_tables(sql::Database& copy);

/// Whether these are there, and just so.
[[nodiscard]] bool has_manifest_tables(sql::Database& copy);

/// Throws "transfer.copy_damaged" unless every table, index and the like is word for word what this program makes for
/// its own schema, and every page is sound and in one place only: then reading it ends, and yields no more than the
/// file holds. Reads the whole file.
void check_shape(sql::Database& copy, const std::string& file);

}  // namespace linkspan::transfer
