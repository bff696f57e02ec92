// run, import, sync, export: one run in the foreground.

#include "cli/internal/nouns.h"
#include "cli/run_report.h"
#include "cli/session.h"

namespace linkspan::cli {
namespace {

int tell(Session& session, const run::Report& report) {
  session.progress().clear();
  print_report(session.out(), report);
  // For programs the failure stands in the report as well; on standard error it has the form of every other error.
  if (session.json() && report.error() != nullptr) session.out().error(*report.error());
  return exit_status(report);
}

int run_cycle(Session& session, const Arguments& arguments) {
  run::Engine engine(session.environment());
  return tell(session, engine.cycle(arguments.text("WHAT") == "full", session.stop()));
}

int run_import(Session& session, const Arguments& arguments) {
  run::Engine engine(session.environment());
  return tell(session, engine.import(arguments.text("CONNECTOR"), arguments.has("--full"), session.stop()));
}

int run_sync(Session& session, const Arguments& arguments) {
  run::Engine engine(session.environment());
  return tell(session, engine.synchronize(arguments.has("--full"), session.stop()));
}

int run_export(Session& session, const Arguments& arguments) {
  run::Engine engine(session.environment());
  return tell(session, engine.export_to(arguments.text("CONNECTOR"), arguments.get("--approved"), session.stop()));
}

}  // namespace

Commands run_commands() {
  return {
      {"run",
       "One cycle in the foreground: imports, synchronization, exports, confirmation",
       {{"WHAT", "delta (standard) or full", false, false, {"delta", "full"}}},
       run_cycle},
      {"import",
       "Import one connector",
       {{"CONNECTOR", "Its name", true, false, {}}, {"--full", "Everything, not only what changed"}},
       run_import},
      {"sync", "Synchronize what was imported", {{"--full", "Every identity, not only what was touched"}}, run_sync},
      {"export",
       "Export what is pending to one connector",
       {{"CONNECTOR", "Its name", true, false, {}},
        {"--approved FINGERPRINT", "Send exactly the reviewed change set, whatever the guard says"}},
       run_export},
  };
}

}  // namespace linkspan::cli
