#include "sql/migrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "sql/inspect.h"

namespace linkspan::sql {

namespace {

// Any number will do, as long as every version of the program uses the same: "linkspan" in ASCII.
constexpr std::int64_t k_advisory_lock = 0x6C696E6B7370616E;

struct Applied {
  int number = 0;
  std::string name;
  std::string checksum;
};

std::string checksum_of(const Migration& migration) {
  Sha256 hash;
  hash.update(migration.sql);
  return to_hex(hash.finish());
}

bool has_table(Database& database) {
  const auto statement = [&]() -> std::string_view {
    switch (database.dialect()) {
      case Dialect::sqlite:
        return "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migration'";
      case Dialect::postgresql:
        return "SELECT count(*) FROM pg_class WHERE oid = to_regclass('schema_migration')";
      case Dialect::sqlserver:
        break;
    }
    return "SELECT count(*) FROM sys.tables WHERE object_id = OBJECT_ID(N'schema_migration')";
  }();
  return query_integer(database, statement).value_or(0) != 0;
}

std::vector<Applied> load_applied(Database& database) {
  std::vector<Applied> applied;
  if (!has_table(database)) return applied;
  database.query("SELECT number, name, checksum FROM schema_migration ORDER BY number", {}, [&](const Row& row) {
    applied.push_back({static_cast<int>(row.integer(0)), std::string(row.text(1)), std::string(row.text(2))});
  });
  return applied;
}

void check_known(const Database& database, std::span<const Applied> applied, std::span<const Migration> known) {
  assert(std::is_sorted(known.begin(), known.end(), [](auto& a, auto& b) { return a.number < b.number; }));
  const int newest = known.empty() ? 0 : known.back().number;
  if (!applied.empty() && applied.back().number > newest) {
    throw Error(Fault::invalid, "sql.newer_schema",
                fmt::format("{} has schema {}, and this program knows no more than {}", database.name(),
                            applied.back().number, newest),
                "Use the version of the program that made the schema, or a later one.");
  }
  for (const Applied& one : applied) {
    const auto same = std::find_if(known.begin(), known.end(), [&](auto& m) { return m.number == one.number; });
    if (same != known.end() && checksum_of(*same) == one.checksum) continue;
    throw Error(Fault::invalid, "sql.migration_changed",
                fmt::format("{}: migration {} ({}) was applied with another text than this program has",
                            database.name(), one.number, one.name),
                "The database was made by a build that was never released, or by another program. Use that build, or "
                "start with an empty database.");
  }
}

std::vector<Migration> pending_of(const Database& database, std::span<const Applied> applied,
                                  std::span<const Migration> known) {
  check_known(database, applied, known);
  std::vector<Migration> pending;
  for (const Migration& migration : known) {
    const bool done =
        std::any_of(applied.begin(), applied.end(), [&](auto& a) { return a.number == migration.number; });
    if (!done) pending.push_back(migration);
  }
  return pending;
}

// SQLite rebuilds a table by dropping it, and with foreign keys on that would empty the tables that refer to it.
// The setting cannot change inside a transaction; the keys are checked before the commit instead.
class ForeignKeysOff {
 public:
  explicit ForeignKeysOff(Database& database) : database_(database) { set("OFF"); }
  ~ForeignKeysOff() {
    try {
      set("ON");
    } catch (const Error&) {  // A pragma without input or output; were it to fail, the next statement would say so.
    }
  }
  ForeignKeysOff(const ForeignKeysOff&) = delete;
  ForeignKeysOff& operator=(const ForeignKeysOff&) = delete;

 private:
  void set(std::string_view to) {
    if (database_.dialect() == Dialect::sqlite) database_.execute(fmt::format("PRAGMA foreign_keys = {}", to));
  }
  Database& database_;
};

// SQL Server's lock of a name, until the transaction ends. Waits as long as it takes.
void lock_name(Database& database) {
  const auto got = query_integer(database,
                                 "DECLARE @got int; EXEC @got = sp_getapplock @Resource = N'linkspan migrate', "
                                 "@LockMode = 'Exclusive', @LockOwner = 'Transaction', @LockTimeout = -1; SELECT @got");
  if (got.value_or(-1) >= 0) return;
  throw Error(Fault::conflict, "sql.locked",
              fmt::format("{}: the lock of a change of the schema was not given", database.name()),
              "Another program changes the schema; try again later.");
}

void lock_whole(Database& database) {
  switch (database.dialect()) {
    case Dialect::sqlite:  // its write transaction is such a lock by itself
      return;
    case Dialect::postgresql:
      database.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0");
      database.query("SELECT pg_advisory_xact_lock($1)", {k_advisory_lock}, [](const Row&) {});
      return;
    case Dialect::sqlserver:
      lock_name(database);
      return;
  }
}

void check_references(Database& database) {
  if (database.dialect() != Dialect::sqlite) return;
  const auto broken = query_row(database, "SELECT \"table\" FROM pragma_foreign_key_check() LIMIT 1");
  if (!broken) return;
  throw Error(Fault::corrupt, "sql.migration_failed",
              fmt::format("rows of {} refer to rows that are not there", std::get<std::string>(broken->front())));
}

void apply(Database& database, const Migration& migration) {
  try {
    database.execute(migration.sql);
    check_references(database);
  } catch (const Error& error) {
    if (error.fault() == Fault::unavailable || error.fault() == Fault::denied) throw;
    throw Error(error.fault(), "sql.migration_failed",
                fmt::format("{}: migration {} ({}) failed: {}", database.name(), migration.number, migration.name,
                            error.what()),
                "Nothing of it was kept. Restore a backup if the database is damaged; otherwise report this.");
  }
  database.run("INSERT INTO schema_migration (number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
               {std::int64_t{migration.number}, migration.name, checksum_of(migration),
                std::int64_t{database_time(database).time_since_epoch().count()}});
}

// Whether there was one to apply. What is pending is asked again under the lock: another program may have been first.
bool apply_next(Database& database, std::span<const Migration> known) {
  const ForeignKeysOff off(database);
  Transaction transaction(database);
  lock_whole(database);
  using enum ColumnKind;
  ensure_table(database, "schema_migration",
               {{"number", integer}, {"name", text}, {"checksum", text}, {"applied_at", integer}});
  const auto pending = pending_of(database, load_applied(database), known);
  if (pending.empty()) return false;
  apply(database, pending.front());
  transaction.commit();
  return true;
}

}  // namespace

int schema_version(Database& database) {
  const auto applied = load_applied(database);
  return applied.empty() ? 0 : applied.back().number;
}

std::vector<Migration> pending_migrations(Database& database, std::span<const Migration> known) {
  return pending_of(database, load_applied(database), known);
}

int migrate(Database& database, std::span<const Migration> known) {
  int count = 0;
  // Asked first without the lock, so that a current database is left alone, even one that may only be read.
  while (!pending_migrations(database, known).empty() && apply_next(database, known)) ++count;
  return count;
}

}  // namespace linkspan::sql
