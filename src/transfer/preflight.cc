#include <fmt/format.h>

#include <filesystem>

#include "sql/inspect.h"
#include "store_sql/store_sql.h"
#include "transfer/internal/room.h"
#include "transfer/internal/source.h"
#include "transfer/move.h"

namespace linkspan::transfer {

namespace {

constexpr auto k_skew_worth_telling = std::chrono::seconds(5);
constexpr auto k_slow_link = std::chrono::milliseconds(20);

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

void look_at_lease(Preflight& found, sql::Database& source, const MoveOptions& options) {
  const auto row = sql::query_row(source, "SELECT holder, expires_at FROM lease WHERE id = 1");
  if (!row) return;
  const auto& holder = std::get<std::string>((*row)[0]);
  const Time ends(std::chrono::microseconds(std::get<std::int64_t>((*row)[1])));
  const Time now = options.clock != nullptr ? options.clock->now() : sql::database_time(source);
  if (holder.empty() || holder == (options.holder.empty() ? "move" : options.holder) || ends <= now) return;
  found.problems.emplace_back(
      Fault::conflict, "transfer.lease_held", fmt::format("{} is in charge of {}", holder, source.name()),
      "Stop that service or wait for that command; its lease ends within a minute after it is gone.");
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
  look_at_lease(found, *database, options);
  if (options.count_rows) count_rows(found, *database);
}

void look_at_rights(Preflight& found, sql::Database& target) {
  if (target.dialect() != sql::Dialect::postgresql) return;
  const auto may = sql::query_integer(
      target, "SELECT (current_schema() IS NOT NULL AND has_schema_privilege(current_schema(), 'CREATE'))");
  if (may == 1) return;
  found.problems.emplace_back(
      Fault::denied, "transfer.rights", fmt::format("{}: this role may not create tables there", target.name()),
      "Let the DBA run what `linkspan database schema --dialect postgresql` prints: the role owns its database.");
}

void look_at_target(Preflight& found, const Connector& connector) {
  if (auto obstacle = room_obstacle(connector, found.source_bytes)) found.problems.push_back(std::move(*obstacle));
  // A file that is not there is as empty as can be, and a look must not make it.
  if (connector.url.dialect == sql::Dialect::sqlite && !std::filesystem::exists(connector.url.path)) {
    if (!std::filesystem::is_directory(std::filesystem::path(connector.url.path).parent_path())) {
      found.problems.emplace_back(Fault::not_found, "transfer.no_copy",
                                  fmt::format("{}: there is no such folder", connector.url.path), "Make it first.");
    }
    return;
  }
  const auto database = connector.connect();
  found.target_product = sql::product(*database);
  found.round_trip = round_trip(*database);
  if (found.round_trip > k_slow_link) {
    found.warnings.push_back(fmt::format("{} answers in {:.0f} ms: every step of the service will feel it",
                                         database->name(), static_cast<double>(found.round_trip.count()) / 1000));
  }
  look_at_clock(found, *database);
  if (found.handed_over) return;
  const auto marker = load_marker(*database);
  found.interrupted = marker && marker->part == Part::target && marker->identity == found.identity;
  if (auto obstacle = target_obstacle(*database, Part::target, found.identity, false)) {
    found.problems.push_back(std::move(*obstacle));
  }
  look_at_rights(found, *database);
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
  if (!found.target.empty()) noting(found, [&] { look_at_target(found, connector_of(target)); });
  return found;
}

}  // namespace linkspan::transfer
