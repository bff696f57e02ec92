#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "sql/inspect.h"
#include "store_sql/store_sql.h"
#include "transfer/internal/room.h"
#include "transfer/internal/source.h"
#include "transfer/move.h"
#include "transfer/rights.h"

namespace linkspan::transfer {

namespace {

constexpr auto k_skew_worth_telling = std::chrono::seconds(5);
// A full cycle asks so many questions whatever its size, and so many more for each batch of objects: counted in the
// statements of a cycle against PostgreSQL.
constexpr std::int64_t k_questions_a_cycle = 300;
constexpr std::int64_t k_questions_a_batch = 60;
constexpr std::int64_t k_objects_a_batch = 2000;
constexpr int k_worth_waiting = 4;  // a cycle may wait a fourth of the interval for the link

template <class Work>
void noting(Preflight& found, const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    found.problems.push_back(error);
  }
}

std::chrono::microseconds round_trip(sql::Database& database) {
  constexpr int k_tries = 5;
  auto best = std::chrono::microseconds::max();
  for (int i = 0; i < k_tries; ++i) {
    const auto start = std::chrono::steady_clock::now();
    (void)sql::query_integer(database, "SELECT 1");
    best =
        std::min(best, std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start));
  }
  return best;
}

void look_at_clock(Preflight& found, sql::Database& database) {
  const auto skew = sql::database_time(database) - SystemClock().now();
  if (std::chrono::abs(skew) < k_skew_worth_telling) return;
  found.warnings.push_back(fmt::format("the clock of {} is {} s {} this host's", database.name(),
                                       std::chrono::duration_cast<std::chrono::seconds>(std::chrono::abs(skew)).count(),
                                       skew.count() > 0 ? "ahead of" : "behind"));
}

// A service is copied beside. Who is past that is another mover at its end.
void look_at_lease(Preflight& found, sql::Database& source, const std::optional<Marker>& marker,
                   const MoveOptions& options) {
  const auto row = sql::query_row(source, "SELECT holder, expires_at FROM lease WHERE id = 1");
  if (!row) return;
  const auto& holder = std::get<std::string>((*row)[0]);
  const Time ends(std::chrono::microseconds(std::get<std::int64_t>((*row)[1])));
  const Time now = options.clock != nullptr ? options.clock->now() : sql::database_time(source);
  if (holder.empty() || holder == (options.holder.empty() ? "move" : options.holder) || ends <= now) return;
  found.at_work = holder;
  if (marker && marker->stage >= Stage::copied) {
    found.problems.emplace_back(
        Fault::conflict, "transfer.busy",
        fmt::format("{} moves {} at this moment, and is about to hand over", holder, source.name()),
        "Wait until that has ended.");
  } else if (options.lease_wait.count() == 0) {
    found.problems.emplace_back(
        Fault::conflict, "transfer.lease_held", fmt::format("{} is in charge of {}", holder, source.name()),
        "Stop that service or wait for that command; its lease ends within a minute after it is gone.");
  } else {
    found.warnings.push_back(fmt::format("{} is at work on {}: it is copied meanwhile, and waited for before the end",
                                         holder, source.name()));
  }
}

// What a full cycle would wait for the link alone.
void look_at_latency(Preflight& found, const sql::Database& target, std::chrono::seconds interval) {
  const std::int64_t questions = k_questions_a_cycle + found.source_objects / k_objects_a_batch * k_questions_a_batch;
  const auto waiting = found.round_trip * questions;
  if (waiting * k_worth_waiting <= interval) return;
  found.warnings.push_back(fmt::format(
      "{} answers in {:.1f} ms: a full cycle of {} objects asks it about {} times and would wait {} s for the link "
      "alone, and one is due every {} s",
      target.name(), static_cast<double>(found.round_trip.count()) / 1000, found.source_objects, questions,
      std::chrono::duration_cast<std::chrono::seconds>(waiting).count(), interval.count()));
}

// How the server is reached, how it writes text, and who else is there. Keys are bytes or text that is compared by its
// code units, so that the database's own collation changes no result.
void look_at_server(Preflight& found, sql::Database& target, const sql::DatabaseUrl& url) {
  const sql::ServerFacts facts = sql::server_facts(target, url);
  found.target_link = facts.link;
  found.target_encoding = facts.encoding;
  if (facts.in_clear) {
    const bool postgresql = target.dialect() == sql::Dialect::postgresql;
    found.warnings.push_back(
        fmt::format("the connection to {} is not encrypted: {}", target.name(),
                    postgresql ? "put sslmode=verify-full into its URL" : "take encrypt=no out of its URL"));
  }
  if (facts.others > 0) {
    found.warnings.push_back(fmt::format("{} other sessions are connected to {}", facts.others, target.name()));
  }
}

// After the switch there is nothing to prepare; after the end nothing to do, but that the caller may have died before
// it pointed this server at the target.
bool is_handed_over(const std::optional<Marker>& marker, std::string_view target) {
  if (!marker || marker->part != Part::source) return false;
  return marker->stage == Stage::switched || (marker->stage == Stage::done && marker->other == target);
}

void count_rows(Preflight& found, sql::Database& source) {
  for (const TableInfo& table : store_sql::all_tables()) {
    const std::string statement = fmt::format("SELECT count(*) FROM {}", quoted(table.name));
    found.source_rows += static_cast<std::uint64_t>(sql::query_integer(source, statement).value_or(0));
  }
}

void look_at_source(Preflight& found, const Connector& connector, const MoveOptions& options) {
  const auto database = connector.connect();
  found.source_product = sql::product(*database);
  found.source_bytes = sql::database_bytes(*database);
  look_at_clock(found, *database);
  const auto marker = load_marker(*database);
  if (is_handed_over(marker, found.target)) {
    found.handed_over = true;
    found.identity = marker->identity;
    return;
  }
  if (auto obstacle = source_obstacle(*database)) {
    found.problems.push_back(std::move(*obstacle));
    return;
  }
  found.identity = load_head(*database).identity;
  look_at_lease(found, *database, marker, options);
  found.source_objects =
      sql::query_integer(*database, "SELECT CAST(sum(value) AS bigint) FROM counter WHERE kind = 'objects'")
          .value_or(0);
  if (options.count_rows) count_rows(found, *database);
}

void look_at_rights(Preflight& found, const Place& target, const sql::Database& database) {
  std::string lacking;
  for (const Right& right : rights_of(target)) {
    if (right.state != Right::State::missing) continue;
    lacking += fmt::format("{}{} on {}", lacking.empty() ? "" : ", ", right.right, right.on);
  }
  if (lacking.empty()) return;
  found.problems.emplace_back(
      Fault::denied, "transfer.rights", fmt::format("{}: this role lacks {}", database.name(), lacking),
      fmt::format("Let the DBA run what `linkspan database schema --dialect {}` prints: the role owns its database.",
                  sql::name_of(database.dialect())));
}

// A file that is not there is as empty as can be, and a look must not make it.
void look_at_new_file(Preflight& found, const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  if (!std::filesystem::is_directory(folder)) {
    found.problems.emplace_back(Fault::not_found, "transfer.no_copy",
                                fmt::format("{}: there is no such folder", folder), "Make it first.");
  } else if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    found.problems.emplace_back(Fault::denied, "transfer.rights", fmt::format("{}: no file can be made there", folder),
                                "Check owner and mode of the folder, and run this as the service's user.");
  }
}

void look_at_target(Preflight& found, const Place& place, const MoveOptions& options) {
  const Connector connector = connector_of(place);
  if (connector.url.dialect == sql::Dialect::sqlite && !std::filesystem::exists(connector.url.path)) {
    if (auto obstacle = room_obstacle(connector, found.source_bytes)) found.problems.push_back(std::move(*obstacle));
    return look_at_new_file(found, connector.url.path);
  }
  const auto database = connector.connect();
  found.target_product = sql::product(*database);
  found.round_trip = round_trip(*database);
  look_at_server(found, *database, connector.url);
  look_at_latency(found, *database, options.interval);
  look_at_clock(found, *database);
  if (found.handed_over) return;
  const auto marker = load_marker(*database);
  found.interrupted = marker && marker->part == Part::target && marker->identity == found.identity;
  // What an earlier attempt has put there takes its room already.
  const std::uint64_t there = found.interrupted ? sql::database_bytes(*database) : 0;
  const std::uint64_t wanted = found.source_bytes - std::min(found.source_bytes, there);
  if (auto obstacle = room_obstacle(connector, wanted, database.get())) found.problems.push_back(std::move(*obstacle));
  if (auto obstacle = target_obstacle(*database, Part::target, found.identity, false)) {
    found.problems.push_back(std::move(*obstacle));
  }
  look_at_rights(found, place, *database);
}

}  // namespace

Preflight look_over(const Place& source, const Place& target, const MoveOptions& options) {
  Preflight found;
  noting(found, [&] { found.target = connector_of(target).url.redacted(); });
  noting(found, [&] {
    const Connector connector = connector_of(source);
    found.source = connector.url.redacted();
    look_at_source(found, connector, options);
  });
  if (!found.target.empty()) noting(found, [&] { look_at_target(found, target, options); });
  return found;
}

}  // namespace linkspan::transfer
