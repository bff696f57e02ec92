#include "store_sql/internal/servers.h"

#include <algorithm>

#include "base/error.h"
#include "sql/row_batch.h"

namespace linkspan::store_sql {

namespace {

using sql::Role;
using store::Server;

struct Row {
  Server server;
  Time expires_at{};
};

std::vector<Row> load(sql::Database& database) {
  std::vector<Row> rows;
  database.query("SELECT name, leads, seen_at, expires_at, stands_back_until FROM server", {},
                 [&](const sql::Row& row) {
                   rows.push_back({.server = {.name = std::string(row.text(0)),
                                              .leads = row.integer(1) != 0,
                                              .seen_at = to_time(row.integer(2)),
                                              .stands_back_until = to_time(row.integer(4))},
                                   .expires_at = to_time(row.integer(3))});
                 });
  return rows;
}

void put(sql::Database& database, const Row& row) {
  static const sql::Table table{
      .name = "server",
      .columns = {{"name", Role::key}, {"leads"}, {"seen_at"}, {"expires_at"}, {"stands_back_until"}}};
  const sql::ValueView cells[] = {std::string_view(row.server.name), std::int64_t{row.server.leads ? 1 : 0},
                                  to_number(row.server.seen_at), to_number(row.expires_at),
                                  to_number(row.server.stands_back_until)};
  database.upsert(table, {cells, std::size(cells)});
}

void remove(sql::Database& database, std::string_view name) {
  static const sql::Table table{.name = "server", .columns = {{"name", Role::key}}};
  const sql::ValueView cell[] = {name};
  database.erase(table, {cell, std::size(cell)});
}

/// Until the end of the transaction no other server is elected.
void lock(sql::Database& database) {
  static const sql::Table table{.name = "lease",
                                .columns = {{"id", Role::key},
                                            {"holder", Role::initial},
                                            {"fence", Role::initial},
                                            {"expires_at", Role::initial},
                                            {"seen_at", Role::initial}}};
  const sql::ValueView cells[] = {std::int64_t{1}, std::string_view(""), std::int64_t{0}, std::int64_t{0},
                                  std::int64_t{0}};
  database.upsert(table, {cells, std::size(cells)});
  database.run("UPDATE lease SET fence = fence WHERE id = 1");
}

}  // namespace

Server SqlServers::report(std::string_view name, std::chrono::seconds lasts) {
  if (name.empty()) throw Error(Fault::invalid, "store.no_holder", "a server needs a name");
  const auto session = core_.pool.begin(sql::Mode::write);
  sql::Database& database = session->database();
  core_.check_not_moved(database);
  lock(database);
  const Time now = core_.now(database);
  Row own;
  own.server.name = name;
  bool led = false;
  for (Row& row : load(database)) {
    if (row.server.name == name) {
      own = std::move(row);
    } else if (row.expires_at <= now) {
      remove(database, row.server.name);
    } else {
      led = led || row.server.leads;
    }
  }
  own.server.leads = !led && own.server.stands_back_until <= now;
  own.server.seen_at = now;
  own.expires_at = now + lasts;
  put(database, own);
  session->commit();
  return std::move(own.server);
}

void SqlServers::leave(std::string_view name) {
  const auto session = core_.pool.begin(sql::Mode::write);
  remove(session->database(), name);
  session->commit();
}

std::string SqlServers::step_down(std::chrono::seconds time) {
  const auto session = core_.pool.begin(sql::Mode::write);
  sql::Database& database = session->database();
  core_.check_not_moved(database);
  lock(database);
  const Time now = core_.now(database);
  std::string leader;
  for (Row& row : load(database)) {
    if (!row.server.leads || row.expires_at <= now) continue;
    row.server.leads = false;
    row.server.stands_back_until = now + time;
    put(database, row);
    leader = row.server.name;
  }
  session->commit();
  return leader;
}

std::vector<Server> SqlServers::list() {
  std::vector<Server> alive;
  const auto session = core_.pool.begin(sql::Mode::read);
  const Time now = core_.now(session->database());
  for (Row& row : load(session->database())) {
    if (row.expires_at > now) alive.push_back(std::move(row.server));
  }
  std::sort(alive.begin(), alive.end(),
            [](const Server& a, const Server& b) { return a.leads != b.leads ? a.leads : a.name < b.name; });
  return alive;
}

}  // namespace linkspan::store_sql
