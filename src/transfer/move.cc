#include "transfer/move.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "base/away.h"
#include "sql/heavy_work.h"
#include "sql/inspect.h"
#include "transfer/internal/held_lease.h"
#include "transfer/internal/source.h"

namespace linkspan::transfer {

namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

std::chrono::milliseconds since(SteadyTime start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
}

void throw_problems(const Preflight& found) {
  if (found.problems.empty()) return;
  if (found.problems.size() == 1) throw Error(found.problems.front());
  std::string all;
  for (const Error& problem : found.problems) all += fmt::format("\n  - {} ({})", problem.what(), problem.hint());
  throw Error(found.problems.front().fault(), "transfer.preflight",
              fmt::format("the move cannot begin, {} things are in the way:{}", found.problems.size(), all),
              "Nothing was changed. Put all of them right, then repeat the command.");
}

void set_stage(sql::Database& database, const Marker& marker, Stage from, Stage to) {
  advance_marker(database, marker.transfer, from, to);
}

// The switch: with this commit the target is in charge, and nothing else decides it. Such commits must outlive a loss
// of power, whatever the connection was made for.
void hand_over(sql::Database& source, const Marker& marker, const HeldLease& lease, const Sums& sums,
               const std::string& where, Watch& watch) {
  sql::make_commits_durable(source);
  sql::Transaction transaction(source);
  lease.check(source);
  advance_marker(source, marker.transfer, Stage::verified, Stage::switched);
  std::vector<std::string_view> names;
  for (const TableInfo* table : unguarded_tables()) names.push_back(table->name);
  sql::lock_against_writers(source, names);
  for (const TableInfo* table : unguarded_tables()) {
    if (sum_table(source, *table, watch) == sums.find(table->name)->second) continue;
    throw Error(Fault::conflict, "transfer.source_changed",
                fmt::format("{}: {} was written to while it was copied", source.name(), table->name),
                "Nothing was switched. Repeat the command while no run goes on.");
  }
  store_sql::mark_moved(source, where, sql::database_time(source));
  transaction.commit();
}

// The target learns what the source has decided. False where it has learned it before.
bool take_over(sql::Database& target, const std::string& transfer) {
  sql::make_commits_durable(target);
  sql::Transaction transaction(target);
  const auto marker = load_marker(target);
  if (!marker || marker->transfer != transfer) return false;
  advance_marker(target, transfer, Stage::verified, Stage::done);
  store_sql::mark_moved(target, "", Time{});
  drop_marker(target);
  transaction.commit();
  return true;
}

// For people, and to spare the next one the question. Somebody else may have noted it meanwhile.
void note_end(sql::Database& source, const Marker& marker) {
  (void)try_advance_marker(source, marker.transfer, Stage::switched, Stage::done);
}

// The finish of a move whose switch was made. Each half may have been done before, or by somebody else at this moment;
// `target` is a connection made by connect_alone.
void finish(sql::Database& source, sql::Database& target, Watch& watch) {
  const auto marker = load_marker(source);
  if (!marker || marker->part != Part::source) return;
  if (take_over(target, marker->transfer)) {
    watch.step("in charge");
  } else if (store_sql::look_at(target).identity != marker->identity) {
    throw Error(
        Fault::invalid, "transfer.other_target",
        fmt::format("{} was handed over to {}, and that is not {}", source.name(), marker->other, target.name()),
        "Name the database it was handed over to.");
  }
  note_end(source, *marker);
  watch.step("done");
}

class Mover {
 public:
  Mover(const Place& source, const Place& target, const MoveOptions& options)
      : options_(options), watch_(options.job), from_(connector_of(source)), to_(connector_of(target)) {
    to_.options.create = true;
  }

  Moved finish_earlier() {
    finish(*from_.connect(), *connect_alone(to_), watch_);
    return {.target = to_.url.redacted()};
  }

  Moved run(const Place& source_place) {
    const auto source = from_.connect();
    const auto target = connect_alone(to_);
    prepare(*source, *target);
    Moved moved{.target = to_.url.redacted()};
    const Mark mark = copy_beside(*source, moved);

    HeldLease lease(source_place, options_, watch_);
    const SteadyTime pause = std::chrono::steady_clock::now();
    const bool untouched = mark.free && lease.lease().fence == mark.fence + 1;
    const Sums sums = carry_all(from_, filling(), true, untouched ? Which::small : Which::all, watch_).sums;
    put_lease(*target, load_lease(*source));
    both(*source, *target, Stage::prepared, Stage::copied);
    check_same(sums, from_, sum_tables(to_, Which::small, false, watch_), to_, watch_);
    // What the source is about to rely on must survive a loss of power of the target: this commit flushes all before
    // it.
    sql::make_commits_durable(*target);
    both(*source, *target, Stage::copied, Stage::verified);
    lease.stop_renewing();
    hand_over(*source, source_marker_, lease, sums, to_.url.redacted(), watch_);
    watch_.step("switched");
    finish(*source, *target, watch_);
    moved.paused = since(pause);
    for (const auto& [name, sum] : sums) {
      moved.rows += sum.rows;
      moved.bytes += sum.bytes;
    }
    return moved;
  }

 private:
  // Who may have written to the source since: nobody, where the lease was free and ours is the next one. Free is one
  // that was given back, or came with the state from another database; one that has lapsed can still be renewed.
  struct Mark {
    std::int64_t fence = 0;
    bool free = true;
    friend bool operator==(const Mark&, const Mark&) = default;
  };
  static Mark load_mark(sql::Database& source) {
    Mark mark;
    source.query("SELECT expires_at, fence FROM lease WHERE id = 1", {},
                 [&](const sql::Row& row) { mark = {.fence = row.integer(1), .free = row.integer(0) == 0}; });
    return mark;
  }

  [[nodiscard]] Filling filling() const { return {to_, source_marker_.transfer, options_.batches}; }

  // All the work that grows with the state, while the old server goes on. Where it has written meanwhile, once more, so
  // that little is left for the pause. Whoever writes to the source after the mark that comes back has changed it.
  Mark copy_beside(sql::Database& source, Moved& moved) {
    const SteadyTime copying = std::chrono::steady_clock::now();
    Mark mark = load_mark(source);
    const Carried carried = carry_all(from_, filling(), true, Which::all, watch_);
    moved.kept = carried.kept;
    watch_.step("carried");
    const SteadyTime verifying = std::chrono::steady_clock::now();
    moved.copying = std::chrono::duration_cast<std::chrono::milliseconds>(verifying - copying);
    check_same(carried.sums, from_, sum_tables(to_, Which::large, true, watch_), to_, watch_);
    moved.verifying = since(verifying);
    watch_.step("read back");
    if (const Mark now = load_mark(source); !mark.free || now != mark) {
      mark = now;
      (void)carry_all(from_, filling(), true, Which::all, watch_);
      watch_.step("caught up");
    }
    return mark;
  }

  // The target first: as long as the source knows nothing of it, nothing has happened.
  void prepare(sql::Database& source, sql::Database& target) {
    const Head head = check_source(source);
    if (auto obstacle = target_obstacle(target, Part::target, head.identity, false)) throw std::move(*obstacle);
    source_marker_ = {.transfer = random_name(),
                      .part = Part::source,
                      .other = to_.url.redacted(),
                      .identity = head.identity,
                      .stage = Stage::prepared,
                      .started_at = sql::database_time(source)};
    Marker target_marker = source_marker_;
    target_marker.part = Part::target;
    target_marker.other = from_.url.redacted();
    prepare_target(target, target_marker, head,
                   fmt::format("half of a move from {} that has not finished", target_marker.other));
    watch_.step("target prepared");
    sql::Transaction transaction(source);
    put_marker(source, source_marker_);
    transaction.commit();
    watch_.step("source prepared");
  }

  void both(sql::Database& source, sql::Database& target, Stage from, Stage to) {
    watch_.check();
    set_stage(target, source_marker_, from, to);
    watch_.step(fmt::format("target {}", name_of(to)));
    set_stage(source, source_marker_, from, to);
    watch_.step(fmt::format("source {}", name_of(to)));
  }

  const MoveOptions& options_;
  Watch watch_;
  Connector from_;
  Connector to_;
  Marker source_marker_;
};

// Empties what moves from the database of this identity left in the target; anything else is left alone.
bool wipe(sql::Database& target, const std::string& identity) {
  const auto marker = load_marker(target);
  if (!marker || marker->identity != identity || marker->part != Part::target) return false;
  std::string drops;
  for (const std::string& view : sql::view_names(target)) drops += fmt::format("DROP VIEW {};", quoted(view));
  const auto tables = store_sql::all_tables();
  for (auto table = tables.rbegin(); table != tables.rend(); ++table) {
    drops += fmt::format("DROP TABLE IF EXISTS {};", quoted(table->name));
  }
  sql::Transaction transaction(target);
  target.execute(drops + "DROP TABLE IF EXISTS server; DROP TABLE IF EXISTS schema_migration");
  drop_marker(target);
  transaction.commit();
  return true;
}

// One that is gone holds nothing.
bool wipe(const Place& target, const std::string& identity) {
  try {
    return wipe(*connect_alone(connector_of(target)), identity);
  } catch (const Error& error) {
    if (error.fault() != Fault::not_found) throw;
    return false;
  }
}

// Whether what ended an attempt may be over when the servers are there again.
bool is_interruption(const Error& error) {
  return is_database_away(error) || error.id() == "sql.retry" || error.id() == "transfer.lease_lost";
}

// Looks until both are there, or something else is in the way; nothing when options.patience has come to its end.
std::optional<Preflight> await_both(const Place& source, const Place& target, const MoveOptions& options) {
  using std::chrono::milliseconds;
  constexpr milliseconds k_longest{5000};
  const Watch watch(options.job);
  const SteadyTime deadline = std::chrono::steady_clock::now() + options.patience;
  std::mutex mutex;
  std::condition_variable_any wake;
  for (milliseconds delay{100}; std::chrono::steady_clock::now() < deadline; delay = std::min(2 * delay, k_longest)) {
    {
      std::unique_lock lock(mutex);
      wake.wait_for(lock, options.job.stop, delay, [] { return false; });
    }
    watch.check();
    Preflight found = look_over(source, target, options);
    if (std::none_of(found.problems.begin(), found.problems.end(), is_database_away)) return found;
  }
  return std::nullopt;
}

Error handed_over(const sql::Database& source, const Marker& marker) {
  return {Fault::conflict, "transfer.handed_over",
          fmt::format("{} has handed over to {} already", source.name(), marker.other),
          "Repeat `linkspan database move` to finish it. To come back, move in the other direction."};
}

}  // namespace

Moved move(const Place& source, const Place& target, const MoveOptions& options) {
  Preflight found = look_over(source, target, options);
  throw_problems(found);
  if (options.resume && !found.interrupted && !found.handed_over) {
    throw Error(Fault::not_found, "transfer.no_move",
                fmt::format("{}: there is no move to {} that was interrupted", found.source, found.target),
                "Without --resume one is begun.");
  }
  const auto attempt = [&] {
    Mover mover(source, target, options);
    return found.handed_over ? mover.finish_earlier() : mover.run(source);
  };
  std::string interruption;
  try {
    return attempt();
  } catch (const Error& error) {
    if (!is_interruption(error)) throw;
    const auto back = await_both(source, target, options);
    if (!back) throw;
    found = *back;
    interruption = error.what();
  }
  throw_problems(found);
  Moved moved = attempt();
  moved.interrupted = interruption;
  return moved;
}

void abandon_move(const Place& source, const Place& target, const MoveOptions& options) {
  Watch watch(options.job);
  const auto database = connector_of(source).connect();
  const auto refuse_if_handed_over = [&] {
    const auto marker = load_marker(*database);
    if (marker && marker->part == Part::source && marker->stage >= Stage::switched) {
      throw handed_over(*database, *marker);
    }
    return marker.has_value();
  };
  (void)refuse_if_handed_over();
  const Head head = check_source(*database);
  bool known = false;
  {
    HeldLease lease(source, options, watch);
    sql::make_commits_durable(*database);
    sql::Transaction transaction(*database);
    lease.check(*database);
    known = refuse_if_handed_over();  // again, now that nobody else can change it
    drop_marker(*database);
    transaction.commit();
  }
  watch.step("abandoned");
  // Without its marker the source can never hand over to what is in the target.
  if (wipe(target, head.identity) || known) return;
  throw Error(Fault::not_found, "transfer.no_move", fmt::format("{}: there is no move to abandon", database->name()));
}

bool settle(const Place& here, const Place& other) {
  const Connector ours = connector_of(here);
  const auto marker = load_marker(*ours.connect());
  if (!marker || marker->part == Part::attachment) return false;
  const bool from_source = marker->part == Part::source;
  if (marker->stage != (from_source ? Stage::switched : Stage::verified)) return false;
  Place asked = other;
  if (asked.url.empty()) asked.url = marker->other;
  const Connector theirs = connector_of(asked);
  const auto source = (from_source ? ours : theirs).connect();
  const auto decided = load_marker(*source);
  const bool handed_over = decided && decided->part == Part::source && decided->transfer == marker->transfer &&
                           decided->stage >= Stage::switched;
  if (!handed_over) return false;
  const Job quiet;
  Watch watch(quiet);
  finish(*source, *connect_alone(from_source ? theirs : ours), watch);
  return true;
}

}  // namespace linkspan::transfer
