#include "sql/heavy_work.h"

#include <fmt/format.h>

#include "sql/internal/statements.h"

namespace linkspan::sql {

namespace {

// "lnkmove" in ASCII: any number, as long as every version of the program uses the same.
constexpr std::int64_t k_advisory_lock = 0x6C6E6B6D6F7665;

// Of the session. Each negative number is a no. Not 0 milliseconds: not every server that speaks T-SQL answers those.
constexpr std::string_view k_application_lock =
    "DECLARE @got int; EXEC @got = sp_getapplock @Resource = N'linkspan transfer', @LockMode = 'Exclusive', "
    "@LockOwner = 'Session', @LockTimeout = 1; SELECT @got";

}  // namespace

void prepare_for_heavy_work(Database& database) {
  switch (database.dialect()) {
    case Dialect::sqlite:
      return;
    case Dialect::postgresql:
      database.execute(
          "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET synchronous_commit = off; "
          "SET lock_timeout = '5min'; SET maintenance_work_mem = '128MB'");
      return;
    case Dialect::sqlserver:
      database.execute("SET LOCK_TIMEOUT 300000");
      return;
  }
}

void make_commits_durable(Database& database) {
  if (database.dialect() == Dialect::postgresql) database.execute("SET synchronous_commit = on");
}

bool try_lock_alone(Database& database) {
  switch (database.dialect()) {
    case Dialect::sqlite:
      return true;
    case Dialect::postgresql:
      return query_integer(database, "SELECT pg_try_advisory_lock($1)", {k_advisory_lock}) == 1;
    case Dialect::sqlserver:
      break;
  }
  return query_integer(database, k_application_lock).value_or(-1) >= 0;
}

void lock_against_writers(Database& database, std::span<const std::string_view> tables) {
  if (database.dialect() == Dialect::sqlite) return;  // its write transaction keeps everybody out by itself
  for (const std::string_view table : tables) {
    const std::string name = quoted_name(table);
    // HOLDLOCK keeps the shared lock of the table until the end of the transaction; it is taken by reading.
    database.execute(database.dialect() == Dialect::postgresql
                         ? fmt::format("LOCK TABLE {} IN SHARE MODE", name)
                         : fmt::format("SELECT COUNT(*) FROM {} WITH (TABLOCK, HOLDLOCK)", name));
  }
}

}  // namespace linkspan::sql
