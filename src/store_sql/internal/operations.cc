#include "store_sql/internal/operations.h"

#include <unordered_map>

#include "base/error.h"
#include "sql/row_batch.h"

namespace linkspan::store_sql {

namespace {

using sql::Role;
using store::Lease;
using store::Run;
using store::RunId;
using store::RunStep;

void add_steps(sql::Database& database, RunId run, std::int64_t position, const RunStep& step) {
  static const sql::Table steps{.name = "run_step",
                                .columns = {{"run_id", Role::key},
                                            {"position", Role::key},
                                            {"name"},
                                            {"result"},
                                            {"started_at"},
                                            {"ended_at"},
                                            {"message"}}};
  static const sql::Table counters{
      .name = "run_counter",
      .columns = {{"run_id", Role::key}, {"step_position", Role::key}, {"position", Role::key}, {"name"}, {"value"}}};
  const sql::ValueView row[] = {run.value,
                                position,
                                std::string_view(step.name),
                                std::string_view(step.result),
                                to_number(step.started_at),
                                to_number(step.ended_at),
                                std::string_view(step.message)};
  database.upsert(steps, {row, std::size(row)});
  database.run("DELETE FROM run_counter WHERE run_id = $1 AND step_position = $2", {run.value, position});
  sql::RowBatch rows(counters.columns.size());
  std::int64_t place = 0;
  for (const auto& [name, value] : step.counters) {
    rows.integer(run.value);
    rows.integer(position);
    rows.integer(++place);
    rows.borrow(std::string_view(name));
    rows.integer(value);
  }
  database.insert(counters, rows.rows());
}

// A row that nobody holds, where there is none yet.
void ensure_lease_row(sql::Database& database) {
  static const sql::Table table{.name = "lease",
                                .columns = {{"id", Role::key},
                                            {"holder", Role::initial},
                                            {"fence", Role::initial},
                                            {"expires_at", Role::initial},
                                            {"seen_at", Role::initial}}};
  constexpr std::int64_t k_never = 0;
  const sql::ValueView row[] = {std::int64_t{1}, std::string_view(), std::int64_t{0}, k_never, k_never};
  database.upsert(table, {row, std::size(row)});
}

}  // namespace

Time SqlOperations::now() { return core_.now(core_.pool.begin(sql::Mode::read)->database()); }

std::optional<Lease> SqlOperations::acquire(std::string_view holder, std::chrono::seconds lasts) {
  if (holder.empty()) throw Error(Fault::invalid, "store.no_holder", "a lease needs a holder's name");
  const auto session = core_.pool.begin(sql::Mode::write);
  sql::Database& database = session->database();
  core_.check_not_moved(database);
  ensure_lease_row(database);
  const Time now = core_.now(database);
  std::optional<Lease> lease;
  // Who asks again under the same name gets it anew: its own earlier life is over, and a greater fence proves it.
  const bool taken = database.run(
                         "UPDATE lease SET holder = $1, fence = fence + 1, expires_at = $2, seen_at = $3 WHERE id = 1 "
                         "AND (holder = '' OR holder = $1 OR expires_at <= $3)",
                         {holder, to_number(now + lasts), to_number(now)}) == 1;
  // The row is this transaction's now, so what is read is what was written.
  if (taken) {
    lease = Lease{std::string(holder), sql::query_integer(database, "SELECT fence FROM lease WHERE id = 1").value()};
  }
  session->commit();
  return lease;
}

bool SqlOperations::renew(const Lease& lease, std::chrono::seconds lasts) {
  const auto session = core_.pool.begin(sql::Mode::write);
  sql::Database& database = session->database();
  const Time now = core_.now(database);
  // One that has lapsed may be renewed as long as nobody took over: the fence says so.
  const bool held = database.run(
                        "UPDATE lease SET expires_at = $1, seen_at = $2 WHERE id = 1 AND holder = $3 AND "
                        "fence = $4 AND NOT EXISTS (SELECT 1 FROM linkspan_database WHERE moved_to <> '')",
                        {to_number(now + lasts), to_number(now), std::string_view(lease.holder), lease.fence}) == 1;
  session->commit();
  return held;
}

void SqlOperations::release(const Lease& lease) {
  const auto session = core_.pool.begin(sql::Mode::write);
  session->database().run("UPDATE lease SET holder = '', expires_at = 0 WHERE id = 1 AND holder = $1 AND fence = $2",
                          {std::string_view(lease.holder), lease.fence});
  session->commit();
}

store::Operations::LeaseState SqlOperations::lease_state() {
  const auto session = core_.pool.begin(sql::Mode::read);
  LeaseState state;
  const Time now = core_.now(session->database());
  session->database().query("SELECT holder, fence, expires_at, seen_at FROM lease WHERE id = 1", {},
                            [&](const sql::Row& row) {
                              state.holder = row.text(0);
                              state.fence = row.integer(1);
                              state.held = !state.holder.empty() && to_time(row.integer(2)) > now;
                              state.seen_at = to_time(row.integer(3));
                            });
  return state;
}

RunId SqlOperations::begin_run(const Run& run) {
  static constexpr std::string_view k_sequence = "run";
  RunId id;
  core_.write_in_charge([&](sql::Database& database) {
    id.value = core_.reserve(database, k_sequence, 1);
    core_.store_sequence(database, k_sequence);
    database.run("INSERT INTO run (id, profile, host, result, started_at, ended_at) VALUES ($1, $2, $3, $4, $5, $6)",
                 {id.value, std::string_view(run.profile), std::string_view(run.host), std::string_view(run.result),
                  to_number(run.started_at), to_number(run.ended_at)});
    std::int64_t position = 0;
    for (const RunStep& step : run.steps) add_steps(database, id, ++position, step);
  });
  return id;
}

void SqlOperations::put_step(RunId run, const RunStep& step) {
  core_.write_in_charge([&](sql::Database& database) {
    const auto known = sql::query_integer(
        database, "SELECT position FROM run_step WHERE run_id = $1 AND name = $2 AND started_at = $3",
        {run.value, std::string_view(step.name), to_number(step.started_at)});
    const auto last =
        sql::query_integer(database, "SELECT max(position) FROM run_step WHERE run_id = $1", {run.value}).value_or(0);
    add_steps(database, run, known.value_or(last + 1), step);
  });
}

void SqlOperations::end_run(RunId run, std::string_view result, Time at) {
  core_.write_in_charge([&](sql::Database& database) {
    database.run("UPDATE run SET result = $1, ended_at = $2 WHERE id = $3", {result, to_number(at), run.value});
  });
}

std::vector<Run> SqlOperations::runs(std::size_t limit) {
  const auto session = core_.pool.begin(sql::Mode::read);
  sql::Database& database = session->database();
  std::vector<Run> found;
  std::unordered_map<std::int64_t, std::size_t> places;
  database.query("SELECT id, profile, host, result, started_at, ended_at FROM run ORDER BY id DESC LIMIT $1",
                 {static_cast<std::int64_t>(limit)}, [&](const sql::Row& row) {
                   places.emplace(row.integer(0), found.size());
                   found.push_back({.id = RunId{row.integer(0)},
                                    .profile = std::string(row.text(1)),
                                    .host = std::string(row.text(2)),
                                    .result = std::string(row.text(3)),
                                    .started_at = to_time(row.integer(4)),
                                    .ended_at = to_time(row.integer(5)),
                                    .steps = {}});
                 });
  if (found.empty()) return found;
  // Ids grow, so those from the oldest one on are exactly these runs.
  const std::int64_t oldest = found.back().id.value;
  std::unordered_map<std::int64_t, std::vector<std::int64_t>> positions;
  database.query(
      "SELECT run_id, position, name, result, started_at, ended_at, message FROM run_step WHERE run_id >= $1 "
      "ORDER BY run_id, position",
      {oldest}, [&](const sql::Row& row) {
        const auto place = places.find(row.integer(0));
        if (place == places.end()) return;
        positions[row.integer(0)].push_back(row.integer(1));
        found[place->second].steps.push_back({.name = std::string(row.text(2)),
                                              .result = std::string(row.text(3)),
                                              .started_at = to_time(row.integer(4)),
                                              .ended_at = to_time(row.integer(5)),
                                              .counters = {},
                                              .message = std::string(row.text(6))});
      });
  database.query(
      "SELECT run_id, step_position, name, value FROM run_counter WHERE run_id >= $1 "
      "ORDER BY run_id, step_position, position",
      {oldest}, [&](const sql::Row& row) {
        const auto place = places.find(row.integer(0));
        if (place == places.end()) return;
        const auto& of_run = positions[row.integer(0)];
        for (std::size_t i = 0; i < of_run.size(); ++i) {
          if (of_run[i] != row.integer(1)) continue;
          found[place->second].steps[i].counters.emplace_back(row.text(2), row.integer(3));
        }
      });
  return found;
}

void SqlOperations::prune_runs(Time before) {
  core_.write_in_charge([&](sql::Database& database) {
    database.run("DELETE FROM run WHERE started_at < $1 AND result <> ''", {to_number(before)});
  });
}

}  // namespace linkspan::store_sql
