#pragma once
// Makes sessions with SQL Server: finds the driver and the port, signs in, and makes sure that what was asked for was
// got: encryption, the database, a server that is new enough.

#include "sql/internal/odbc_handle.h"
#include "sql/internal/sqlserver_browser.h"
#include "sql/open.h"

namespace linkspan::sql {

/// A session in autocommit mode, in the database the URL names. `browser` is for tests.
///
/// Drivers: the one the URL names; else Microsoft's, where odbcinst.ini lists it; else FreeTDS.
/// Connections by FreeTDS are made one at a time in a process: its settings are a file that an environment variable
/// names (FREETDSCONF; set at the first of them, the folder goes with the process).
///
/// Throws: "sql.driver_missing", "sql.driver_unable", "sql.no_instance", "sql.browser_silent", "sql.unreachable",
/// "sql.tls" (no encryption to be had, or not got), "sql.certificate", "sql.denied", "sql.kerberos", "sql.no_database",
/// "sql.permission", "sql.old_server".
[[nodiscard]] OdbcConnection connect_sqlserver(const DatabaseUrl& url, const OpenOptions& options,
                                               const BrowserOptions& browser = {});

}  // namespace linkspan::sql
