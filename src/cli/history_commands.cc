// history: runs and their steps.

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/internal/nouns.h"
#include "cli/run_report.h"
#include "cli/session.h"

namespace linkspan::cli {
namespace {

constexpr std::size_t k_all = 100'000;

void print_run(Session& session, const store::Run& run) {
  Output& out = session.out();
  out.line(fmt::format("Run {}: {}, {}, by {}", run.id.value, run.profile,
                       run.result.empty() ? "under way" : run.result, run.host));
  out.line(fmt::format("{} to {}\n", time_text(run.started_at), time_text(run.ended_at)));
  Table table({"Step", "Result", "Time", "What"});
  for (const store::RunStep& step : run.steps) {
    const bool ended = step.ended_at != Time{};
    table.add({printable(step.name), step.result.empty() ? "under way" : step.result,
               ended ? duration_text(step.ended_at - step.started_at) : "-", counters_text(step.counters)});
  }
  out.print(table);
  for (const store::RunStep& step : run.steps) {
    if (!step.message.empty()) out.line(fmt::format("{}: {}", printable(step.name), printable(step.message, 2000)));
  }
}

int show_run(Session& session, const std::string& text) {
  const auto wanted = to_integer(text);
  const auto runs = session.store().operations().runs(k_all);
  const auto found =
      std::find_if(runs.begin(), runs.end(), [&](const store::Run& run) { return run.id.value == wanted; });
  if (found == runs.end()) {
    throw Error(Fault::not_found, "cli.no_run", fmt::format("there is no run {}", printable(text, 40)),
                "`linkspan history` lists those that are kept.");
  }
  if (session.json()) {
    session.out().print(to_json(*found));
  } else {
    print_run(session, *found);
  }
  return exit_done;
}

int show_history(Session& session, const Arguments& arguments) {
  if (const auto wanted = arguments.get("RUN")) return show_run(session, *wanted);
  const auto limit = to_integer(arguments.has("--limit") ? arguments.text("--limit") : "20");
  if (!limit || *limit < 1) throw Error(Fault::invalid, "cli.usage", "--limit takes a number", "As in --limit 50.");
  const auto runs = session.store().operations().runs(static_cast<std::size_t>(std::min<std::int64_t>(*limit, k_all)));
  if (session.json()) {
    Json list = Json::list();
    for (const store::Run& run : runs) list.push(to_json(run));
    session.out().print(Json::object({{"runs", std::move(list)}}));
    return exit_done;
  }
  Table table({"Run", "Profile", "Result", "Started", "Took", "By"});
  for (const store::Run& run : runs) {
    table.add({std::to_string(run.id.value), printable(run.profile), run.result.empty() ? "under way" : run.result,
               time_text(run.started_at), run.ended_at == Time{} ? "-" : duration_text(run.ended_at - run.started_at),
               printable(run.host)});
  }
  if (runs.empty()) {
    session.out().line("No runs yet: `linkspan run`.");
  } else {
    session.out().print(table);
  }
  return exit_done;
}

}  // namespace

Commands history_commands() {
  return {{"history",
           "Runs that are kept, newest first, or one of them step by step",
           {{"RUN", "Its number"}, {"--limit N", "How many (20)"}},
           show_history}};
}

}  // namespace linkspan::cli
