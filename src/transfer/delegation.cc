#include "transfer/delegation.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "transfer/internal/tables.h"

namespace linkspan::transfer {

namespace {

constexpr std::size_t k_longest = 63;  // PostgreSQL cuts the rest off without a word

void check_name(std::string_view what, std::string_view name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) >= ' '; });
  if (!name.empty() && name.size() <= k_longest && plain && is_utf8(name)) return;
  throw Error(Fault::invalid, "transfer.name", fmt::format("'{}' is no name for a {}", printable(name, 80), what),
              "Give 1 to 63 bytes of text without control characters.");
}

// sqlcmd replaces $(...) anywhere, in names too.
void check_sqlserver_name(std::string_view what, std::string_view name) {
  if (name.find("$(") == std::string_view::npos) return;
  throw Error(Fault::invalid, "transfer.name", fmt::format("'{}' is no name for a {}", printable(name, 80), what),
              "Give a name without $(, which sqlcmd would replace.");
}

std::string bracketed(std::string_view name) {
  std::string out = "[";
  for (const char c : name) out += c == ']' ? std::string("]]") : std::string(1, c);
  return out + "]";
}

constexpr std::string_view k_postgresql =
    R"(-- An empty database for Linkspan, and a role that owns it and nothing else.
-- Read it, then run it once as an administrator of the server:  psql -v ON_ERROR_STOP=1 -f THIS_FILE postgres
-- Linkspan makes its tables by itself, with the rights of the role alone.

CREATE ROLE {0} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;

-- Give it a password of its own, typed so that it reaches no log and no history:
--   \password {0}

CREATE DATABASE {1} OWNER {0} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C';

-- Nobody else comes in.
REVOKE ALL ON DATABASE {1} FROM PUBLIC;

\connect {1}
-- Before PostgreSQL 15 everybody may make tables in the schema public.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO {0};

-- Then tell the Linkspan administrator the URL, and hand over the password in a file:
--   postgresql://ROLE@SERVER:5432/DATABASE?sslmode=verify-full
)";

constexpr std::string_view k_sqlserver =
    R"(-- An empty database for Linkspan on SQL Server 2016 or later, and a login that owns it and nothing else.
-- Read it, then run it once as an administrator of the server. {2}
--   sqlcmd -S SERVER -E -b -i THIS_FILE        (with -U sa instead of -E; in Management Studio: Query, SQLCMD Mode)
-- Linkspan makes its tables by itself, with the rights of the login alone.
--
-- Beside it, and outside of SQL:
--   * TCP/IP is enabled for the instance (SQL Server Configuration Manager; Express has it off), which is then restarted.
--   * The firewall lets the instance's TCP port through. Whoever names the instance instead of the port (SERVER\INSTANCE)
--     also needs the service SQL Server Browser, and UDP 1434.
--   * The server has a certificate of an authority that Linkspan's host knows. The one it makes for itself nobody
--     can check, so Linkspan refuses it.
USE [master];
GO

{3}
GO

CREATE DATABASE {1};
GO

-- Reads are of one moment and wait for nobody. Without these two Linkspan works, but its reads wait for writes.
ALTER DATABASE {1} SET ALLOW_SNAPSHOT_ISOLATION ON;
ALTER DATABASE {1} SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE;
GO

-- The login owns the database: it comes in as dbo, makes tables there, and has no right elsewhere.
ALTER AUTHORIZATION ON DATABASE::{1} TO {0};
GO

-- Or, where your rules want databases owned by sa, instead of the statement above:
--   USE {1};
--   CREATE USER {0} FOR LOGIN {0};
--   ALTER ROLE db_owner ADD MEMBER {0};

-- Then tell the Linkspan administrator the URL, {4}:
--   {5}
)";

constexpr std::string_view k_sql_login = R"(-- Passwords are taken in mixed mode only.
IF CAST(SERVERPROPERTY('IsIntegratedSecurityOnly') AS int) = 1
    PRINT 'This server takes no passwords: enable SQL Server and Windows Authentication mode, and restart it.';
CREATE LOGIN {0} WITH PASSWORD = N'$(LINKSPAN_PASSWORD)', DEFAULT_DATABASE = [master];)";

std::string sqlserver_script(const DelegationNames& names) {
  check_sqlserver_name("database", names.database);
  check_sqlserver_name("login", names.role);
  const std::string login = bracketed(names.role);
  const std::string database = bracketed(names.database);
  // DOMAIN\account: its password is the directory's business.
  if (names.role.find('\\') != std::string::npos) {
    return fmt::format(k_sqlserver, login, database, "It holds no password.",
                       fmt::format("CREATE LOGIN {} FROM WINDOWS WITH DEFAULT_DATABASE = [master];", login),
                       "and hand over the account's keytab",
                       "sqlserver://SERVER:1433/DATABASE?authentication=kerberos");
  }
  return fmt::format(k_sqlserver, login, database,
                     "It holds no password:\n-- sqlcmd takes it from its environment, so that it reaches no history:\n"
                     "--   read -rs LINKSPAN_PASSWORD; export LINKSPAN_PASSWORD      (a ' in it is written twice)",
                     fmt::format(k_sql_login, login), "and hand over the password in a file",
                     "sqlserver://LOGIN@SERVER:1433/DATABASE");
}

}  // namespace

std::string database_schema_sql(std::string_view dialect, const DelegationNames& names) {
  check_name("database", names.database);
  check_name("role", names.role);
  if (dialect == "sqlite") {
    return "-- The embedded database is a file that Linkspan makes by itself (mode 0600). There is nothing to run.\n";
  }
  if (dialect == "postgresql") return fmt::format(k_postgresql, quoted(names.role), quoted(names.database));
  if (dialect == "sqlserver") return sqlserver_script(names);
  throw Error(Fault::invalid, "transfer.dialect", fmt::format("'{}' is no kind of server", printable(dialect, 40)),
              "There are: postgresql, sqlserver, sqlite.");
}

}  // namespace linkspan::transfer
