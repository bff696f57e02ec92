// status: what there is, who is in charge, what is pending.

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "cli/internal/nouns.h"
#include "cli/run_report.h"
#include "cli/session.h"
#include "run/settings.h"

namespace linkspan::cli {
namespace {

struct ConnectorLine {
  store::ConnectorRow row;
  store::ConnectorCounts counts;
  std::string imported;
};

std::vector<ConnectorLine> connector_lines(store::Store& store) {
  std::vector<ConnectorLine> out;
  const auto counts = store.summary()->counts();
  for (store::ConnectorRow& row : store.configuration().connectors()) {
    ConnectorLine line{std::move(row), {}, {}};
    const auto found =
        std::find_if(counts.begin(), counts.end(), [&](const auto& c) { return c.connector == line.row.id; });
    if (found != counts.end()) line.counts = *found;
    line.imported = store.configuration().setting(run::import_completed(line.row.id)).value_or("");
    out.push_back(std::move(line));
  }
  return out;
}

Json servers_json(store::Store& store) {
  Json list = Json::list();
  for (const store::Server& one : store.servers().list()) {
    const bool back = one.stands_back_until > store.operations().now();
    list.push(Json::object({{"name", one.name},
                            {"leads", one.leads},
                            {"seen_at", time_json(one.seen_at)},
                            {"stands_back_until", back ? time_json(one.stands_back_until) : Json()}}));
  }
  return list;
}

setup::BackupAge backup_of(Session& session) {
  return setup::backup_age(session.store().configuration(), session.installation().clock().now());
}

Json backup_json(Session& session) {
  const setup::BackupAge backup = backup_of(session);
  return Json::object(
      {{"completed_at", backup.completed_at ? time_json(*backup.completed_at) : Json()}, {"overdue", backup.overdue}});
}

Json status_json(Session& session, const std::vector<ConnectorLine>& lines) {
  store::Store& store = session.store();
  const store::DatabaseInfo info = store.info();
  const auto lease = store.operations().lease_state();
  Json connectors = Json::list();
  for (const ConnectorLine& line : lines) {
    connectors.push(
        Json::object({{"name", line.row.name},
                      {"kind", line.row.kind},
                      {"objects", line.counts.objects},
                      {"joined", line.counts.joined},
                      {"pending", Json::object({{"adds", line.counts.adds},
                                                {"updates", line.counts.updates},
                                                {"renames", line.counts.renames},
                                                {"deletes", line.counts.removes}})},
                      {"errors", line.counts.errors},
                      {"imported_at", line.imported.empty() ? Json() : time_json(from_rfc3339(line.imported))}}));
  }
  const auto runs = store.operations().runs(1);
  return Json::object({{"version", session.installation().wiring().version},
                       {"database", Json::object({{"product", info.product},
                                                  {"location", info.location},
                                                  {"schema", info.schema},
                                                  {"id", info.id},
                                                  {"moved_to", info.moved_to.empty() ? Json() : Json(info.moved_to)}})},
                       {"in_charge", Json::object({{"held", lease.held},
                                                   {"holder", lease.holder.empty() ? Json() : Json(lease.holder)},
                                                   {"seen_at", time_json(lease.seen_at)}})},
                       {"servers", servers_json(store)},
                       {"staging", run::is_on(store.configuration(), run::k_staging)},
                       {"suspended", run::is_on(store.configuration(), run::k_suspended)},
                       {"full_synchronization_due", run::is_on(store.configuration(), run::k_full_synchronization)},
                       {"backup", backup_json(session)},
                       {"metaverse_objects", store.summary()->metaverse_objects()},
                       {"connectors", std::move(connectors)},
                       {"last_run", runs.empty() ? Json() : to_json(runs.front())}});
}

void print_servers(Session& session) {
  store::Store& store = session.store();
  std::string_view title = "Servers    ";
  for (const store::Server& one : store.servers().list()) {
    const bool back = one.stands_back_until > store.operations().now();
    session.out().line(fmt::format(
        "{}{} {}{}, seen {}", std::exchange(title, "           "), one.name, one.leads ? "leads" : "stands by",
        back ? fmt::format(" (stepped down until {})", time_text(one.stands_back_until)) : "", time_text(one.seen_at)));
  }
}

void print_banners(Session& session) {
  store::Store& store = session.store();
  const store::DatabaseInfo info = store.info();
  Output& out = session.out();
  out.line(fmt::format("Database   {} ({}, schema {})", info.location, info.product, info.schema));
  if (!info.moved_to.empty())
    out.line(fmt::format("MOVED      this database is no longer in charge: it went to {}", info.moved_to));
  const auto lease = store.operations().lease_state();
  out.line(fmt::format("At work    {}", lease.held ? fmt::format("{}, seen {}", lease.holder, time_text(lease.seen_at))
                                                   : std::string("nobody")));
  print_servers(session);
  out.line(fmt::format("Backup     {}", backup_text(backup_of(session))));
  if (run::is_on(store.configuration(), run::k_staging)) {
    out.line("STAGING    nothing is exported; review with `linkspan pending`, then `linkspan staging off`");
  }
  if (run::is_on(store.configuration(), run::k_suspended)) {
    out.line("PAUSED     the scheduler starts no cycles; `linkspan service resume`");
  }
  if (run::is_on(store.configuration(), run::k_full_synchronization)) {
    out.line("Due        the next synchronization is full: rules, scope or schema have changed");
  }
}

int show_status(Session& session, const Arguments&) {
  store::Store& store = session.store();
  const auto lines = connector_lines(store);
  if (session.json()) {
    session.out().print(status_json(session, lines));
    return exit_done;
  }
  print_banners(session);
  const auto runs = store.operations().runs(1);
  if (!runs.empty()) {
    session.out().line(fmt::format("Last run   {} {}, {}, {}", runs.front().id.value, runs.front().profile,
                                   runs.front().result.empty() ? "under way" : runs.front().result,
                                   time_text(runs.front().started_at)));
  }
  session.out().line(fmt::format("Metaverse  {} objects\n", with_commas(store.summary()->metaverse_objects())));
  Table table(
      {"Connector", "Kind", "Objects", "Joined", "Adds", "Updates", "Renames", "Deletes", "Errors", "Imported"});
  for (const ConnectorLine& line : lines) {
    table.add({printable(line.row.name), line.row.kind, with_commas(line.counts.objects),
               with_commas(line.counts.joined), with_commas(line.counts.adds), with_commas(line.counts.updates),
               with_commas(line.counts.renames), with_commas(line.counts.removes), with_commas(line.counts.errors),
               line.imported.empty() ? "never" : time_text(from_rfc3339(line.imported))});
  }
  if (lines.empty()) {
    session.out().line("No connectors yet: `linkspan setup`, or `linkspan connector add`.");
  } else {
    session.out().print(table);
  }
  return exit_done;
}

}  // namespace

Commands status_commands() { return {{"status", "What there is, who is at work, what is pending", {}, show_status}}; }

}  // namespace linkspan::cli
