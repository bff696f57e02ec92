// staging, service: switches in the database.

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "cli/internal/nouns.h"
#include "cli/pending_text.h"
#include "cli/session.h"
#include "run/review.h"
#include "run/settings.h"

namespace linkspan::cli {
namespace {

int say(Session& session, std::string_view name, bool on, std::string_view words) {
  if (session.json()) {
    session.out().print(Json::object({{std::string(name), on}}));
  } else {
    session.out().line(words);
  }
  return exit_done;
}

void put(Session& session, std::string_view name, std::string_view value) {
  const auto lease = session.lease();
  run::put_setting(session.store().configuration(), name, value);
}

int staging_status(Session& session, const Arguments&) {
  const bool on = run::is_on(session.store().configuration(), run::k_staging);
  return say(session, "staging", on,
             on ? "Staging mode is on: nothing is exported." : "Staging mode is off: changes are exported.");
}

int staging_on(Session& session, const Arguments&) {
  put(session, run::k_staging, "on");
  return say(session, "staging", true, "Staging mode is on: nothing is exported from now on.");
}

int staging_off(Session& session, const Arguments& arguments) {
  if (!run::is_on(session.store().configuration(), run::k_staging)) {
    return say(session, "staging", false, "Staging mode is off already.");
  }
  const run::Environment environment = session.environment();
  for (const std::string& target : run::targets(environment)) {
    const run::Review review = run::review(environment, target);
    session.progress().clear();
    if (!session.json()) print_summary(session.out(), review);
  }
  if (!arguments.has("--yes") && !confirm("Leave staging mode? The next cycle exports this.")) {
    session.out().note("Staging mode stays on.");
    return exit_failed;
  }
  put(session, run::k_staging, "off");
  return say(session, "staging", false, "Staging mode is off: the next cycle exports.");
}

int pause(Session& session, const Arguments&) {
  put(session, run::k_suspended, "on");
  return say(session, "suspended", true, "The scheduler starts no cycles until `linkspan service resume`.");
}

int resume(Session& session, const Arguments&) {
  put(session, run::k_suspended, "off");
  return say(session, "suspended", false, "The scheduler starts cycles again.");
}

/// It ends the leader's cycle at its next batch, without its lease: so it works while that cycle does.
int step_down(Session& session, const Arguments& arguments) {
  store::Servers& servers = session.store().servers();
  const std::chrono::seconds time = run::parse_duration(arguments.get("--for").value_or("10m"));
  const auto alive = servers.list();
  const bool has_standby =
      std::any_of(alive.begin(), alive.end(), [&](const store::Server& one) { return !one.leads; });
  if (!has_standby && !arguments.has("--yes")) {
    throw Error(Fault::conflict, "run.no_standby",
                alive.empty() ? std::string("no service runs on this database")
                              : fmt::format("nobody stands by for {}", alive.front().name),
                "Start `linkspan serve` on another server first; or say --yes, and no cycle starts meanwhile.");
  }
  const std::string leader = servers.step_down(time);
  if (session.json()) {
    session.out().print(Json::object({{"stepped_down", leader.empty() ? Json() : Json(leader)},
                                      {"seconds", static_cast<std::int64_t>(time.count())}}));
  } else if (leader.empty()) {
    session.out().line("No server leads; there is nothing to step down from.");
  } else {
    session.out().line(
        fmt::format("{} steps down: its cycle ends at its next batch, and it leads again in {} at the earliest.",
                    leader, arguments.get("--for").value_or("10m")));
  }
  return exit_done;
}

}  // namespace

Commands service_commands() {
  return {
      {"staging status", "Whether staging mode is on", {}, staging_status},
      {"staging on", "Import and synchronize, but export nothing", {}, staging_on},
      {"staging off",
       "Show what is pending, ask, and export again from the next cycle on",
       {{"--yes", "Do not ask"}},
       staging_off},
      {"service pause", "Start no cycles until resumed; one under way goes on to its end", {}, pause},
      {"service resume", "Start cycles again", {}, resume},
      {"service step-down",
       "The server that leads hands over to one that stands by",
       {{"--for DURATION", "How long it does not lead again (10m)"}, {"--yes", "Also where nobody stands by"}},
       step_down},
  };
}

}  // namespace linkspan::cli
