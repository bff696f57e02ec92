#pragma once
// What a database administrator reads and runs, so that Linkspan never needs that account.

#include <string>
#include <string_view>

#include "sql/database.h"

namespace linkspan::transfer {

struct DelegationNames {
  std::string database = "linkspan";
  std::string role = "linkspan";
};

/// A script for the server's own client (psql): an empty database in the right encoding, and a role that owns it and
/// has no right elsewhere. It holds no password: the DBA sets one. Throws Fault::invalid "transfer.name" for names no
/// server takes.
[[nodiscard]] std::string database_schema_sql(sql::Dialect dialect, const DelegationNames& names = {});

}  // namespace linkspan::transfer
