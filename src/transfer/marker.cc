#include "transfer/marker.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/error.h"
#include "sql/inspect.h"
#include "transfer/internal/ledger.h"

namespace linkspan::transfer {

namespace {

constexpr std::array<std::string_view, 3> k_parts{"source", "target", "attachment"};
constexpr std::array<std::string_view, 5> k_stages{"prepared", "copied", "verified", "switched", "done"};

template <class Enum, std::size_t N>
Enum parse(const std::array<std::string_view, N>& names, std::string_view text, const sql::Database& database) {
  const auto found = std::find(names.begin(), names.end(), text);
  if (found != names.end()) return static_cast<Enum>(found - names.begin());
  throw Error(Fault::corrupt, "transfer.marker",
              fmt::format("{}: the marker of a move is in a state this program does not know", database.name()),
              "A later version of the program began the move. Finish it with that version.");
}

Error superseded(const sql::Database& database) {
  return {Fault::conflict, "transfer.superseded",
          fmt::format("{}: this move was abandoned, or begun again by somebody else", database.name()),
          "Nothing was switched by this attempt. See which database is in charge: `linkspan database info`."};
}

}  // namespace

std::string_view name_of(Part part) noexcept { return k_parts[static_cast<std::size_t>(part)]; }
std::string_view name_of(Stage stage) noexcept { return k_stages[static_cast<std::size_t>(stage)]; }

std::optional<Marker> load_marker(sql::Database& database) {
  const std::vector<std::string> tables = sql::table_names(database);
  if (std::find(tables.begin(), tables.end(), "linkspan_transfer") == tables.end()) return std::nullopt;
  std::optional<Marker> marker;
  database.query("SELECT transfer, part, other, \"identity\", stage, started_at FROM linkspan_transfer WHERE id = 1",
                 {}, [&](const sql::Row& row) {
                   marker = Marker{.transfer = std::string(row.text(0)),
                                   .part = parse<Part>(k_parts, row.text(1), database),
                                   .other = std::string(row.text(2)),
                                   .identity = std::string(row.text(3)),
                                   .stage = parse<Stage>(k_stages, row.text(4), database),
                                   .started_at = Time(std::chrono::microseconds(row.integer(5)))};
                 });
  return marker;
}

void put_marker(sql::Database& database, const Marker& marker) {
  using enum sql::ColumnKind;
  sql::ensure_table(database, "linkspan_transfer",
                    {{"id", integer},
                     {"transfer", text},
                     {"part", text},
                     {"other", text},
                     {"identity", text},
                     {"stage", text},
                     {"started_at", integer}});
  database.run("DELETE FROM linkspan_transfer");
  database.run(
      "INSERT INTO linkspan_transfer (id, transfer, part, other, \"identity\", stage, started_at) VALUES (1, $1, $2, "
      "$3, "
      "$4, $5, $6)",
      {std::string_view(marker.transfer), name_of(marker.part), std::string_view(marker.other),
       std::string_view(marker.identity), name_of(marker.stage),
       std::int64_t{marker.started_at.time_since_epoch().count()}});
}

bool try_advance_marker(sql::Database& database, std::string_view transfer, Stage from, Stage to) {
  if (!load_marker(database)) return false;
  return database.run("UPDATE linkspan_transfer SET stage = $1 WHERE transfer = $2 AND stage = $3",
                      {name_of(to), transfer, name_of(from)}) == 1;
}

void advance_marker(sql::Database& database, std::string_view transfer, Stage from, Stage to) {
  if (!try_advance_marker(database, transfer, from, to)) throw superseded(database);
}

void check_marker(sql::Database& database, std::string_view transfer) {
  const auto marker = load_marker(database);
  if (!marker || marker->transfer != transfer) throw superseded(database);
}

void drop_marker(sql::Database& database) {
  database.execute("DROP TABLE IF EXISTS linkspan_transfer");
  drop_ledger(database);
}

}  // namespace linkspan::transfer
