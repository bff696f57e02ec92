// database copy|attach|move|verify: the state on its way between databases.

#include <fmt/format.h>

#include <filesystem>

#include "base/text.h"
#include "cli/internal/nouns.h"
#include "cli/internal/transfer_shared.h"
#include "cli/run_report.h"
#include "cli/session.h"
#include "run/lease.h"
#include "run/settings.h"
#include "setup/moving.h"
#include "transfer/copy.h"
#include "transfer/move.h"
#include "transfer/verify.h"

namespace linkspan::cli {
namespace {

using transfer::Place;

int copy(Session& session, const Arguments& arguments) {
  const std::string& file = arguments.text("FILE");
  const transfer::Manifest manifest = transfer::copy_database(configured(session), file, job_of(session));
  session.progress().clear();
  if (session.json()) {
    session.out().print(to_json(manifest).set("file", file));
    return exit_done;
  }
  session.out().line(fmt::format("{}: {} rows in {} tables, {}, schema {}, made {}.", printable(file),
                                 count_text(manifest.rows()), manifest.tables.size(), size_text(manifest.bytes()),
                                 manifest.schema, time_text(manifest.made_at)));
  session.out().line("It holds sealed credentials; the keys are not in it. Attach it: `linkspan database attach`.");
  return exit_done;
}

int attach(Session& session, const Arguments& arguments) {
  const std::string& file = arguments.text("FILE");
  const Place target = named(arguments, "--to");
  const transfer::Manifest manifest =
      transfer::attach(file, target, {.job = job_of(session), .restart = arguments.has("--restart")});
  session.progress().clear();
  if (session.json()) {
    session.out().print(to_json(manifest).set("file", file));
    return exit_done;
  }
  session.out().line(fmt::format("{} rows, {}, are in place and read back equal.", count_text(manifest.rows()),
                                 size_text(manifest.bytes())));
  session.out().line("Staging mode is on there. A server adopts it with `linkspan setup --use-existing-database URL`.");
  return exit_done;
}

// Rows are what takes time; each table costs some questions more.
std::chrono::milliseconds estimated(const transfer::Preflight& found) {
  constexpr std::uint64_t k_rows_a_millisecond =
      150;  // copied, indexed and read back, on a server as small as two cores
  constexpr int k_questions = 400;
  return std::chrono::milliseconds(found.source_rows / k_rows_a_millisecond) +
         std::chrono::duration_cast<std::chrono::milliseconds>(found.round_trip * k_questions);
}

Json to_json(const transfer::Preflight& found) {
  Json problems = Json::list();
  for (const Error& one : found.problems) {
    problems.push(Json::object({{"error", one.id()}, {"message", one.what()}, {"hint", one.hint()}}));
  }
  return Json::object({{"source", found.source},
                       {"source_product", found.source_product},
                       {"target", found.target},
                       {"target_product", found.target_product},
                       {"target_link", found.target_link},
                       {"target_encoding", found.target_encoding},
                       {"at_work", found.at_work.empty() ? Json() : Json(found.at_work)},
                       {"bytes", found.source_bytes},
                       {"round_trip_us", found.round_trip.count()},
                       {"rows", found.source_rows},
                       {"estimated_ms", estimated(found).count()},
                       {"interrupted", found.interrupted},
                       {"handed_over", found.handed_over},
                       {"problems", std::move(problems)},
                       {"warnings", Json(found.warnings)}});
}

void print_look(Output& out, const transfer::Preflight& found) {
  const auto product = [](const std::string& name) { return name.empty() ? name : fmt::format(" ({})", name); };
  out.line(fmt::format("From   {}{}, {}", found.source, product(found.source_product), size_text(found.source_bytes)));
  out.line(fmt::format("To     {}{}", found.target, product(found.target_product)));
  if (!found.target_link.empty()) {
    out.line(fmt::format("Link   {}, {:.1f} ms; {}", found.target_link,
                         static_cast<double>(found.round_trip.count()) / 1000, found.target_encoding));
  }
  for (const std::string& warning : found.warnings) out.line("Note   " + warning);
  for (const Error& problem : found.problems) {
    out.line(fmt::format("In the way: {} [{}]\n            {}", problem.what(), problem.id(), problem.hint()));
  }
}

// Before anything is looked at: the lease of a process of this host that died is not waited for.
void clear_dead_lease(Session& session) {
  try {
    (void)session.lease();
  } catch (const Error&) {  // the look that follows says what is wrong, with all the rest
  }
}

setup::Destination destination_of(const std::string& target, const Arguments& arguments) {
  setup::Destination destination{.url = target};
  if (arguments.has("--password-file")) {
    destination.password_file = std::filesystem::absolute(arguments.text("--password-file"));
  }
  return destination;
}

// This server uses the target from now on. Atomic: the file is the old one or the new one.
void switch_configuration(setup::Installation& installation, const setup::Destination& destination) {
  const setup::ServerFile file = setup::pointed_at(installation.file(), destination);
  setup::switch_to(file);
  installation.use(file);
}

int print_moved(Session& session, const transfer::Moved& moved) {
  const std::string configuration = session.installation().file().path.string();
  if (session.json()) {
    session.out().print(Json::object({{"target", moved.target},
                                      {"rows", moved.rows},
                                      {"bytes", moved.bytes},
                                      {"kept", moved.kept},
                                      {"interrupted", moved.interrupted.empty() ? Json() : Json(moved.interrupted)},
                                      {"copying_ms", moved.copying.count()},
                                      {"verifying_ms", moved.verifying.count()},
                                      {"paused_ms", moved.paused.count()},
                                      {"configuration", configuration}}));
    return exit_done;
  }
  if (moved.rows == 0) {
    session.out().line("The state had been handed over already; the move is finished.");
  } else {
    session.out().line(fmt::format("{} rows, {}: copied in {}, verified in {}; nobody could write for {}.",
                                   count_text(moved.rows), size_text(moved.bytes), duration_text(moved.copying),
                                   duration_text(moved.verifying), duration_text(moved.paused)));
    if (moved.kept > 0) {
      session.out().line(fmt::format("{} of them were there, from the attempt before.", count_text(moved.kept)));
    }
  }
  session.out().line(fmt::format("{} is in charge now, and {} says so. The old database refuses to run.", moved.target,
                                 configuration));
  return exit_done;
}

void print_plan(Output& out, const transfer::Preflight& found) {
  if (found.handed_over) {
    out.line("Would  finish: the state was handed over already, only the new database has to be told");
    return;
  }
  out.line(fmt::format("Would  {} {} rows, read them back, hand over, and point this server there: about {}",
                       found.interrupted ? "go on with an interrupted move of" : "copy", count_text(found.source_rows),
                       duration_text(estimated(found))));
}

int dry_run(Session& session, const transfer::Preflight& found) {
  if (session.json()) {
    session.out().print(to_json(found));
  } else {
    print_look(session.out(), found);
    if (found.problems.empty()) print_plan(session.out(), found);
    session.out().line(found.problems.empty() ? "Nothing is in the way. Nothing was changed." : "Nothing was changed.");
  }
  return found.problems.empty() ? exit_done : exit_failed;
}

// A cycle of a large state may last; a command by hand as well.
std::chrono::seconds wait_of(const Arguments& arguments) {
  const std::optional<std::string> given = arguments.get("--wait");
  return given ? run::parse_duration(*given) : std::chrono::minutes(10);
}

int move(Session& session, const Arguments& arguments) {
  const Place source = configured(session);
  const Place target = named(arguments, "--to");
  transfer::MoveOptions options{.job = job_of(session), .holder = run::holder_name(), .lease_wait = wait_of(arguments)};
  if (arguments.has("--abandon")) {
    transfer::abandon_move(source, target, options);
    setup::forget_destination(session.installation().file());
    if (session.json()) {
      session.out().print(Json::object({{"abandoned", true}}));
    } else {
      session.out().line("The old database stays in charge; what was in the new one is gone.");
    }
    return exit_done;
  }
  options.interval = run::duration_setting(session.store().configuration(), run::k_interval, std::chrono::minutes(30));
  // For the estimate, and for the time left while somebody watches.
  options.count_rows = arguments.has("--dry-run") || session.progress().sink() != nullptr;
  options.resume = arguments.has("--resume");
  options.patience = run::parse_duration(arguments.get("--patience").value_or("5m"));
  clear_dead_lease(session);
  const transfer::Preflight found = transfer::look_over(source, target, options);
  // Repeated after another command has finished the move, or after the move itself.
  if (found.source == found.target && session.store().info().moved_to.empty()) {
    return print_moved(session, {.target = found.target});
  }
  if (arguments.has("--dry-run")) return dry_run(session, found);
  if (found.problems.empty() && !session.json()) print_look(session.out(), found);
  if (found.problems.empty() && !arguments.has("--yes") &&
      !confirm("Move, and let this server use the new database from then on?")) {
    session.out().note("Nothing was changed.");
    return exit_failed;
  }
  const setup::Destination destination = destination_of(found.target, arguments);
  // Whoever comes after a kill has to know where this server goes.
  if (found.problems.empty()) setup::note_destination(session.installation().file(), destination);
  if (options.count_rows) options.job = job_of(session, found.source_rows);
  options.count_rows = false;
  const transfer::Moved moved = transfer::move(source, target, options);
  session.progress().clear();
  if (!moved.interrupted.empty() && !session.json()) {
    session.out().line(fmt::format("It was interrupted, and went on from there: {}", moved.interrupted));
  }
  switch_configuration(session.installation(), destination);
  return print_moved(session, moved);
}

Json to_json(const transfer::Verification& result) {
  Json tables = Json::list();
  for (const auto& [name, sum] : result.tables) {
    tables.push(Json::object({{"name", name}, {"rows", sum.rows}, {"checksum", transfer::checksum_text(sum)}}));
  }
  Json findings = Json::list();
  for (const transfer::Finding& one : result.findings) {
    findings.push(Json::object({{"table", one.table}, {"key", one.key}, {"message", one.message}}));
  }
  return Json::object(
      {{"database", result.database}, {"tables", std::move(tables)}, {"findings", std::move(findings)}});
}

int verify(Session& session, const Arguments& arguments) {
  const bool compare = arguments.has("--against");
  const transfer::Verification result =
      compare ? transfer::verify_against(configured(session), named(arguments, "--against"), job_of(session))
              : transfer::verify(configured(session), job_of(session));
  session.progress().clear();
  if (session.json()) {
    session.out().print(to_json(result));
    return result.findings.empty() ? exit_done : exit_failed;
  }
  Table table({"Table", "Rows", "Checksum"});
  for (const auto& [name, sum] : result.tables) table.add({name, count_text(sum.rows), transfer::checksum_text(sum)});
  session.out().print(table);
  for (const transfer::Finding& one : result.findings) {
    session.out().line(printable(fmt::format("{} {}: {}", one.table, one.key, one.message), 500));
  }
  if (result.findings.empty()) session.out().line(compare ? "Both hold the same." : "All is well.");
  return result.findings.empty() ? exit_done : exit_failed;
}

}  // namespace

Commands transfer_commands() {
  const Argument password_file{"--password-file FILE", "Holds the password of that database's role"};
  const Argument password_env{"--password-env VARIABLE", "The same from the environment"};
  return {
      {"database copy",
       "Write a consistent copy of the state to a new file, also while the service runs",
       {{"FILE", "To make; nothing is overwritten", true}},
       copy},
      {"database attach",
       "Fill an empty database with a copy; needs no keys and no configuration",
       {{"FILE", "That `database copy` made", true},
        {"--to URL", "The empty database", true},
        password_file,
        password_env,
        {"--restart", "Begin again where an earlier attempt did not finish"}},
       attach,
       false},
      {"database move",
       "Move the state to another database, and this server with it; repeating it goes on after an interruption",
       {{"--to URL", "The empty database", true},
        password_file,
        password_env,
        {"--dry-run", "Say everything that is in the way, and change nothing"},
        {"--resume", "Go on with an interrupted move, and begin none (repeating the command goes on as well)"},
        {"--wait TIME", "How long to wait for a cycle that is under way, once all has been copied beside it (10m)"},
        {"--patience TIME", "How long to wait for a server that goes away in the middle, to go on then (5m)"},
        {"--abandon", "Give an interrupted move up: the old database stays in charge"},
        {"--yes", "Do not ask"}},
       move},
      {"database verify",
       "Check every table, or compare with another database",
       {{"--against URL", "The other database"}, password_file, password_env},
       verify},
  };
}

}  // namespace linkspan::cli
