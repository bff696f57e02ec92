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

}  // namespace

std::string database_schema_sql(std::string_view dialect, const DelegationNames& names) {
  check_name("database", names.database);
  check_name("role", names.role);
  if (dialect == "sqlite") {
    return "-- The embedded database is a file that Linkspan makes by itself (mode 0600). There is nothing to run.\n";
  }
  if (dialect != "postgresql") {
    throw Error(Fault::invalid, "transfer.dialect", fmt::format("'{}' is no kind of server", printable(dialect, 40)),
                "There are: postgresql, sqlite.");
  }
  return fmt::format(k_postgresql, quoted(names.role), quoted(names.database));
}

}  // namespace linkspan::transfer
