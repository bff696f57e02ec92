#pragma once
// What a database administrator reads and runs, so that Linkspan never needs that account.

#include <string>
#include <string_view>

namespace linkspan::transfer {

struct DelegationNames {
  std::string database = "linkspan";
  std::string role = "linkspan";
};

/// A script for the server's own client (psql, sqlcmd): an empty database in the right encoding, and a role (SQL
/// Server: a login; `DOMAIN\account` signs in with Kerberos) that owns it and has no right elsewhere. It holds no
/// password: the DBA sets one. `dialect`: "postgresql", "sqlserver", or "sqlite", where there is nothing to do. Throws
/// Fault::invalid "transfer.dialect", and "transfer.name" for names no server takes.
[[nodiscard]] std::string database_schema_sql(std::string_view dialect, const DelegationNames& names = {});

}  // namespace linkspan::transfer
