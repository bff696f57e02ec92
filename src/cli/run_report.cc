#include "cli/run_report.h"

#include <fmt/format.h>

#include "base/text.h"

namespace linkspan::cli {
namespace {

Time to_seconds(Time time) { return std::chrono::floor<std::chrono::seconds>(time); }

/// The message of a blocked or failed step has a paragraph of its own.
constexpr std::size_t k_longest_message = 2000;

}  // namespace

Json time_json(Time time) { return time == Time{} ? Json() : Json(to_rfc3339(to_seconds(time))); }

std::string time_text(Time time) {
  if (time == Time{}) return "-";
  std::string text = to_rfc3339(to_seconds(time));
  if (text.size() > 10) text[10] = ' ';
  return text;
}

std::string counters_text(const std::vector<std::pair<std::string, std::int64_t>>& counters) {
  std::string text;
  for (const auto& [name, value] : counters) {
    std::string words = name;
    for (char& one : words) {
      if (one == '_') one = ' ';
    }
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", with_commas(value), words);
  }
  return text;
}

Json to_json(const store::RunStep& step) {
  Json counters = Json::object();
  for (const auto& [name, value] : step.counters) counters.set(name, value);
  return Json::object({{"name", step.name},
                       {"result", step.result.empty() ? Json() : Json(step.result)},
                       {"started_at", time_json(step.started_at)},
                       {"ended_at", time_json(step.ended_at)},
                       {"counters", std::move(counters)},
                       {"message", step.message}});
}

Json to_json(const store::Run& run) {
  Json steps = Json::list();
  for (const store::RunStep& step : run.steps) steps.push(to_json(step));
  return Json::object({{"run", run.id.value},
                       {"profile", run.profile},
                       {"host", run.host},
                       {"result", run.result.empty() ? Json() : Json(run.result)},
                       {"started_at", time_json(run.started_at)},
                       {"ended_at", time_json(run.ended_at)},
                       {"steps", std::move(steps)}});
}

Json to_json(const run::Report& report) {
  Json steps = Json::list();
  for (const run::StepReport& one : report.steps) {
    Json step = to_json(one.step);
    if (one.error) {
      step.set("error", Json::object({{"id", std::string(one.error->id())},
                                      {"message", one.error->what()},
                                      {"hint", one.error->hint()},
                                      {"fault", name_of(one.error->fault())}}));
    }
    if (one.result == run::Result::blocked && one.export_result) {
      step.set("fingerprint", one.export_result->change_set.fingerprint);
      step.set("reasons", one.export_result->verdict.reasons);
    }
    steps.push(std::move(step));
  }
  return Json::object({{"run", report.run.value},
                       {"profile", report.profile},
                       {"result", name_of(report.result)},
                       {"started_at", time_json(report.started_at)},
                       {"ended_at", time_json(report.ended_at)},
                       {"steps", std::move(steps)}});
}

void print_report(Output& out, const run::Report& report) {
  if (out.json()) {
    out.print(to_json(report));
    return;
  }
  Table table({"Step", "Result", "Time", "What"});
  for (const run::StepReport& one : report.steps) {
    table.add({one.step.name, std::string(name_of(one.result)), duration_text(one.step.ended_at - one.step.started_at),
               counters_text(one.step.counters)});
  }
  out.print(table);
  for (const run::StepReport& one : report.steps) {
    if (one.error) {
      out.line(
          fmt::format("{}: {} [{}]", one.step.name, printable(one.error->what(), k_longest_message), one.error->id()));
      if (!one.error->hint().empty()) out.line(fmt::format("  hint: {}", one.error->hint()));
    } else if (!one.step.message.empty()) {
      out.line(fmt::format("{}: {}", one.step.name, printable(one.step.message, k_longest_message)));
    }
  }
  out.line(fmt::format("Run {}: {}", report.run.value, name_of(report.result)));
}

int exit_status(const run::Report& report) {
  switch (report.result) {
    case run::Result::success:
    case run::Result::skipped:
    case run::Result::retried:
      return exit_done;
    case run::Result::completed_errors:
      return exit_object_errors;
    case run::Result::blocked:
      return exit_blocked;
    case run::Result::cancelled:
    case run::Result::failed:
      break;
  }
  const Error* error = report.error();
  return error != nullptr ? exit_status(*error) : exit_failed;
}

std::string backup_text(const setup::BackupAge& backup) {
  if (!backup.completed_at) return "none yet";
  return fmt::format("{} ago ({}){}", duration_text(backup.age), time_text(*backup.completed_at),
                     backup.overdue ? ", overdue" : "");
}

}  // namespace linkspan::cli
