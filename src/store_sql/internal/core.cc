#include "store_sql/internal/core.h"

#include <utility>

#include <fmt/format.h>
#include "base/error.h"
#include "sql/inspect.h"

namespace linkspan::store_sql {

namespace {
constexpr std::size_t k_idle_connections = 8;
}

Session::Session(Pool& pool, std::unique_ptr<sql::Database> database, sql::Mode mode)
    : pool_(pool), database_(std::move(database)) {
  transaction_.emplace(*database_, mode);
}

Session::~Session() {
  transaction_.reset();
  if (std::uncaught_exceptions() == exceptions_) pool_.give_back(std::move(database_));
}

Pool::Pool(sql::DatabaseUrl url, sql::OpenOptions options) : url_(std::move(url)), options_(std::move(options)) {}

std::unique_ptr<Session> Pool::begin(sql::Mode mode) {
  while (true) {
    std::unique_ptr<sql::Database> database;
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        database = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    if (!database) return std::make_unique<Session>(*this, sql::open(url_, options_), mode);
    try {
      return std::make_unique<Session>(*this, std::move(database), mode);
    } catch (const Error& error) {
      // Not given back, so each turn of the loop uses up one idle connection.
      if (error.id() != "sql.connection_lost" && error.id() != "sql.read_only") throw;
    }
  }
}

void Pool::give_back(std::unique_ptr<sql::Database> database) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < k_idle_connections) idle_.push_back(std::move(database));
}

Time Core::now(sql::Database& database) const { return clock != nullptr ? clock->now() : sql::database_time(database); }

std::int64_t Core::reserve(sql::Database& database, std::string_view sequence, std::int64_t count) {
  const std::int64_t stored =
      sql::query_integer(database, "SELECT next_id FROM sequence WHERE name = $1", {sequence}).value_or(1);
  const std::lock_guard lock(mutex);
  std::int64_t& next = next_ids.try_emplace(std::string(sequence), 1).first->second;
  next = std::max(next, stored);
  return std::exchange(next, next + count);
}

void Core::store_sequence(sql::Database& database, std::string_view sequence) {
  std::int64_t next = 0;
  {
    const std::lock_guard lock(mutex);
    next = next_ids.find(sequence)->second;
  }
  static const sql::Table table{.name = "sequence", .columns = {{"name", sql::Role::key}, {"next_id"}}};
  const sql::ValueView row[] = {sequence, next};
  database.upsert(table, {row, std::size(row)});
}

void Core::check_in_charge(sql::Database& database, const store::Lease& held) {
  check_not_moved(database);
  if (held.fence == 0) {
    throw Error(Fault::conflict, "store.no_lease", fmt::format("{}: written to without a lease", database.name()),
                "Take the lease first.");
  }
  // An update that changes nothing: every server locks the row for it, and a plain SELECT would not.
  if (database.run("UPDATE lease SET fence = fence WHERE id = 1 AND holder = $1 AND fence = $2",
                   {std::string_view(held.holder), held.fence}) == 1) {
    return;
  }
  std::string holder;
  database.query("SELECT holder FROM lease WHERE id = 1", {}, [&](const sql::Row& row) { holder = row.text(0); });
  throw Error(Fault::conflict, "store.lease_lost",
              fmt::format("{}: {} is no longer in charge{}", database.name(), held.holder,
                          holder.empty() || holder == held.holder ? "" : fmt::format(", {} is", holder)),
              "Nothing was written. Another server or command took over; this one stands by.");
}

void Core::check_not_moved(sql::Database& database) {
  std::string moved_to;
  database.query("SELECT moved_to FROM linkspan_database", {}, [&](const sql::Row& row) { moved_to = row.text(0); });
  if (moved_to.empty()) return;
  // A URL has no blanks. What has some says what transfer has made of this database and not finished.
  if (moved_to.find(' ') != std::string::npos) {
    throw Error(Fault::conflict, "store.moved", fmt::format("{} is not in charge: it is {}", database.name(), moved_to),
                "Attach the copy, or repeat the command that did not finish.");
  }
  throw Error(Fault::conflict, "store.moved",
              fmt::format("{} is no longer in charge: it was moved to {}", database.name(), moved_to),
              "Point this server at that database: `linkspan setup --use-existing-database URL`.");
}

}  // namespace linkspan::store_sql
