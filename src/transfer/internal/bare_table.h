#pragma once
// A table without its indexes, for the time of a bulk load.

#include <string>
#include <string_view>
#include <vector>

#include "sql/database.h"

namespace linkspan::transfer {

/// Empties the table and drops what makes loading slow: indexes, and keys that no foreign key relies on. In the
/// caller's write transaction. What was dropped comes back, in the server's own words, after `dropped`: what an earlier
/// call had taken from it.
[[nodiscard]] std::vector<std::string> strip_table(sql::Database& database, std::string_view table,
                                                   std::vector<std::string> dropped = {});

/// Builds what was dropped, and lets the server look at the new rows. In the caller's write transaction.
void clothe_table(sql::Database& database, std::string_view table, const std::vector<std::string>& definitions);

}  // namespace linkspan::transfer
