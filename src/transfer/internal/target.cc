#include "transfer/internal/target.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <array>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "base/text.h"
#include "sql/heavy_work.h"
#include "sql/inspect.h"
#include "transfer/internal/ledger.h"

namespace linkspan::transfer {

namespace {

std::string how_to_go_on(const Marker& marker) {
  if (marker.part == Part::attachment) {
    return fmt::format(
        "Repeat `linkspan database attach {0} --to URL --restart` (`database restore {0} ...` where that is a backup), "
        "or drop the database and make it anew.",
        marker.other);
  }
  return "Repeat the `linkspan database move` that filled it, or drop the database and make it anew.";
}

Error unfinished(const sql::Database& database, const Marker& marker) {
  return {Fault::conflict, "transfer.unfinished",
          fmt::format("{} is half filled: {} {} did not finish (it had {})", database.name(),
                      marker.part == Part::attachment ? "an attach of" : "a move from", marker.other,
                      name_of(marker.stage)),
          how_to_go_on(marker)};
}

Error not_empty(const sql::Database& database, std::string_view what) {
  return {Fault::conflict, "transfer.not_empty", fmt::format("{} is not empty: it holds {}", database.name(), what),
          "Nothing was changed there. Name an empty database: `linkspan database schema` prints how a DBA makes one."};
}

}  // namespace

Head load_head(sql::Database& database) {
  Head head;
  database.query(
      "SELECT \"identity\", created_at, created_by FROM linkspan_database WHERE id = 1", {},
      [&](const sql::Row& row) { head = {std::string(row.text(0)), row.integer(1), std::string(row.text(2))}; });
  return head;
}

std::unique_ptr<sql::Database> connect_alone(const Connector& connector) {
  auto database = connector.connect();
  // A server needs a moment to notice that a client was killed.
  constexpr auto k_between = std::chrono::milliseconds(100);
  for (int tries = 0; tries < 50; ++tries) {
    if (tries > 0) std::this_thread::sleep_for(k_between);
    if (sql::try_lock_alone(*database)) return database;
  }
  throw Error(Fault::conflict, "transfer.busy", fmt::format("{} is being filled by another command", database->name()),
              "Wait until that has ended.");
}

std::optional<Error> target_obstacle(sql::Database& database, Part part, std::string_view identity, bool restart) {
  if (const auto marker = load_marker(database)) {
    if (marker->part == Part::source) return not_empty(database, "a database that is itself being moved");
    const bool same = part == Part::target && marker->part == Part::target && marker->identity == identity;
    const bool maybe_handed_to = marker->part == Part::target && marker->stage >= Stage::verified;
    if (same || (restart && !maybe_handed_to)) return std::nullopt;
    return unfinished(database, *marker);
  }
  const store_sql::Found found = store_sql::look_at(database);
  switch (found.occupant) {
    case store_sql::Occupant::nothing:
      return std::nullopt;
    case store_sql::Occupant::other:
      return not_empty(database, "tables of something else");
    case store_sql::Occupant::linkspan:
      break;
  }
  if (found.identity.empty()) return std::nullopt;  // a DBA made the schema
  return not_empty(database, found.identity == identity ? "this very Linkspan database or a copy of it"
                                                        : "another Linkspan database");
}

void check_snapshots(sql::Database& database) {
  if (sql::has_snapshots(database)) return;
  throw Error(Fault::denied, "transfer.snapshots",
              fmt::format("{}: the server gives no reader a view of one moment", database.name()),
              "Let the DBA allow it: ALTER DATABASE ... SET ALLOW_SNAPSHOT_ISOLATION ON.");
}

void prepare_target(sql::Database& database, const Marker& marker, const Head& head, std::string_view guard) {
  check_snapshots(database);
  {
    sql::Transaction transaction(database);
    put_marker(database, marker);
    make_ledger(database);
    transaction.commit();
  }
  sql::migrate(database, store_sql::migrations(database.dialect()));
  sql::Transaction transaction(database);
  static const sql::Table row_of{.name = "linkspan_database",
                                 .columns = {{"id", sql::Role::key},
                                             {"identity", sql::Role::initial},
                                             {"created_at", sql::Role::initial},
                                             {"created_by", sql::Role::initial},
                                             {"moved_to", sql::Role::initial}}};
  const sql::ValueView row[] = {std::int64_t{1}, std::string_view(head.identity), head.created_at,
                                std::string_view(head.created_by), guard};
  database.upsert(row_of, {row, std::size(row)});
  // Somebody may have set up Linkspan in it between the schema and this row.
  if (load_head(database).identity != head.identity) throw not_empty(database, "another Linkspan database");
  store_sql::mark_moved(database, guard, sql::database_time(database));
  transaction.commit();
}

LastLease load_lease(sql::Database& database) {
  const auto row = sql::query_row(database, "SELECT holder, fence, seen_at FROM lease WHERE id = 1");
  if (!row) return {};
  return {true, std::get<std::string>((*row)[0]), std::get<std::int64_t>((*row)[1]), std::get<std::int64_t>((*row)[2])};
}

void put_lease(sql::Database& target, const LastLease& last) {
  sql::Transaction transaction(target);
  target.run("DELETE FROM lease");
  if (last.known) {
    target.run("INSERT INTO lease (id, holder, fence, expires_at, seen_at) VALUES (1, $1, $2, 0, $3)",
               {std::string_view(last.holder), last.fence + 1, last.seen_at});
  }
  transaction.commit();
}

void check_schema(const Manifest& manifest, const std::string& what, sql::Dialect target) {
  const int known = store_sql::migrations(target).back().number;
  if (manifest.schema == known) return;
  const bool newer = manifest.schema > known;
  throw Error(Fault::invalid, "transfer.other_schema",
              fmt::format("{} has schema {}, and this program makes schema {}", what, manifest.schema, known),
              newer ? "Use the version of the program that made it, or a later one."
                    : fmt::format("Use version {} of the program, then upgrade.", manifest.program));
}

void release(sql::Database& target, const std::string& transfer) {
  sql::make_commits_durable(target);
  sql::Transaction transaction(target);
  advance_marker(target, transfer, Stage::verified, Stage::done);
  // Whoever adopts it must see what would be exported before anything is.
  target.run("DELETE FROM setting WHERE name = 'staging'");
  target.run("INSERT INTO setting (name, value) VALUES ('staging', 'on')");
  store_sql::mark_moved(target, "", Time{});
  drop_marker(target);
  transaction.commit();
}

std::string random_name() {
  std::array<char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw Error(Fault::unavailable, "transfer.no_randomness", "the kernel gave no random bytes");
  }
  return to_hex({bytes.data(), bytes.size()});
}

}  // namespace linkspan::transfer
