// database upgrade|prune: what an administrator does to a database now and then.

#include <fmt/format.h>

#include "cli/internal/nouns.h"
#include "cli/internal/transfer_shared.h"
#include "cli/run_report.h"
#include "cli/session.h"
#include "run/lease.h"
#include "run/settings.h"
#include "transfer/upgrade.h"

namespace linkspan::cli {
namespace {

// From here on an upgrade may take minutes, and is asked about.
constexpr std::uint64_t k_long = std::uint64_t{256} << 20U;

Json to_json(const transfer::Upgrade& upgrade, bool done) {
  return Json::object({{"database", upgrade.database},
                       {"from", upgrade.from},
                       {"to", upgrade.to},
                       {"migrations", Json(upgrade.migrations)},
                       {"bytes", upgrade.bytes},
                       {"upgraded", done}});
}

int upgrade(Session& session, const Arguments& arguments) {
  const transfer::Place place = configured(session);
  const transfer::Upgrade found = transfer::look_at_upgrade(place);
  if (found.migrations.empty()) {
    if (session.json()) {
      session.out().print(to_json(found, false));
    } else {
      session.out().line(
          fmt::format("{} has schema {}, which is this program's. Nothing to do.", found.database, found.to));
    }
    return exit_done;
  }
  if (!session.json()) {
    session.out().line(
        fmt::format("{}, {}: from schema {} to {}", found.database, size_text(found.bytes), found.from, found.to));
    for (const std::string& migration : found.migrations) session.out().line("  " + migration);
  }
  if (arguments.has("--dry-run")) {
    if (session.json()) session.out().print(to_json(found, false));
    return exit_done;
  }
  if (found.bytes >= k_long && !arguments.has("--yes") &&
      !confirm("This may take minutes, and earlier versions cannot use the database afterwards. Is there a backup?")) {
    session.out().note("Nothing was changed.");
    return exit_failed;
  }
  const transfer::Upgrade done = transfer::upgrade(place, job_of(session));
  session.progress().clear();
  if (session.json()) {
    session.out().print(to_json(done, true));
  } else {
    session.out().line(fmt::format("Upgraded to schema {}.", done.to));
  }
  return exit_done;
}

int prune(Session& session, const Arguments& arguments) {
  const std::optional<std::string> keep = arguments.get("--history");
  const transfer::PruneOptions options{
      .job = job_of(session),
      .holder = run::holder_name(),
      .history = keep ? run::parse_duration(*keep)
                      : run::duration_setting(session.store().configuration(), run::k_history, std::chrono::days(7))};
  (void)session.lease();  // that of a process of this host that died is not waited for; a living one's name is told
  const transfer::Pruned pruned = transfer::prune(configured(session), options);
  session.progress().clear();
  if (session.json()) {
    session.out().print(Json::object({{"runs", pruned.runs},
                                      {"stand_ins", pruned.stand_ins},
                                      {"bytes_before", pruned.bytes_before},
                                      {"bytes_after", pruned.bytes_after}}));
    return exit_done;
  }
  session.out().line(fmt::format("{} runs of the history and {} orphaned stand-ins are gone; {} before, {} now.",
                                 with_commas(pruned.runs), with_commas(pruned.stand_ins),
                                 size_text(pruned.bytes_before), size_text(pruned.bytes_after)));
  return exit_done;
}

}  // namespace

Commands maintenance_commands() {
  return {
      {"database upgrade",
       "Bring an older schema up to date; a newer one is refused",
       {{"--dry-run", "Say which migrations are missing, and change nothing"},
        {"--yes", "Do not ask, even where it may take minutes"}},
       upgrade},
      {"database prune",
       "Remove old history and stand-ins that nothing refers to, and take their room back",
       {{"--history AGE", "How old a run must be, as in 7d (standard: the setting history.keep)"}},
       prune},
  };
}

}  // namespace linkspan::cli
