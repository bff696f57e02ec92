#pragma once
// Why a session with SQL Server could not be made, from what the driver said.

#include <string_view>

#include "sql/internal/odbc_handle.h"
#include "sql/internal/sqlserver_profiles.h"

namespace linkspan::sql {

/// Nullopt where the records do not tell: FreeTDS says the same (20002) of a refused certificate, a server without
/// TLS, a lacking ticket, and a connection that was ended. Pure. `name` is the redacted URL.
[[nodiscard]] std::optional<Error> sqlserver_connect_error(const OdbcDiagnostics& said, const SqlServerTarget& target,
                                                           std::string_view name);

/// Then the server is asked once more, without signing in (sqlserver_probe.h).
[[nodiscard]] Error explain_sqlserver_refusal(const OdbcDiagnostics& said, const SqlServerTarget& target,
                                              std::chrono::milliseconds wait, std::string_view name);

}  // namespace linkspan::sql
