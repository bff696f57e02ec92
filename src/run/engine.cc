#include "run/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <map>
#include <set>
#include <utility>

#include "run/internal/lookup.h"
#include "run/settings.h"
#include "sync/configuration.h"
#include "sync/import.h"
#include "sync/synchronize.h"

// What a failed step stops, in a cycle:
//
// - A failed import stops no other import, nor the cycle: the connector space keeps what it knew, so synchronizing it
// is
//   no worse than a cycle half an hour ago. One unreachable directory must not keep a leaver's account alive elsewhere.
//   (Entra Connect likewise runs on with its other connectors, and never obsoletes after a broken read.)
// - Unless that connector was never imported to the end: then whom it holds is not known, and synchronizing would
// project
//   or provision twins of everybody not read yet. Nothing is synchronized and nothing exported.
// - Nothing is exported to a connector whose import failed in this cycle: what it holds is not known for sure, and it
//   most likely cannot be reached.
// - A failed synchronization leaves identities half evaluated: nothing is exported.
// - A lost lease, a stop, and a failure of the database itself end the run.

namespace linkspan::run {
namespace {

using store::RunStep;

Result result_of(const std::vector<std::pair<std::string, std::int64_t>>& counters) {
  static const std::set<std::string_view> k_bad{"errors", "failed", "not_reimported", "waiting_for_retry"};
  const bool bad = std::any_of(counters.begin(), counters.end(),
                               [](const auto& one) { return k_bad.contains(one.first) && one.second > 0; });
  return bad ? Result::completed_errors : Result::success;
}

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : "; ") + part;
  return text;
}

/// One run from its first record to its last.
class Run {
 public:
  Run(const Environment& environment, std::string profile, std::stop_token stop)
      : environment_(environment),
        lease_(environment.store, environment.logger, environment.lease),
        forward_stop_(std::move(stop), [this] { stop_.request_stop(); }),
        forward_lost_(lease_.lost(), [this] { stop_.request_stop(); }) {
    report_.profile = std::move(profile);
    report_.started_at = environment.clock.now();
    end_interrupted();
    store::Run row;
    row.profile = report_.profile;
    row.host = lease_.lease().holder;
    row.started_at = report_.started_at;
    report_.run = environment.store.operations().begin_run(row);
    environment.logger.log(Level::info, "run.started", "run started", {{"profile", report_.profile}});
  }

  /// Loads configuration; false (and a failed step) when it cannot be used.
  bool prepare() {
    try {
      configuration_ = sync::load_configuration(environment_.store, environment_.references_by_anchor);
      return true;
    } catch (const Error& error) {
      static_cast<void>(step("configuration", [&](StepReport&) { throw error; }));
      return false;
    }
  }

  bool import(std::string_view connector, bool full, std::string_view label = "import");
  bool synchronize(bool full);
  /// True when something was sent.
  bool export_to(std::string_view connector, std::optional<std::string> approved);
  void skip(std::string name, std::string why);
  [[nodiscard]] Report finish();

  [[nodiscard]] const sync::Configuration& configuration() const { return configuration_; }
  [[nodiscard]] connector::Connector& directory(const sync::ConnectorInfo& info);
  [[nodiscard]] bool was_imported(const sync::ConnectorInfo& info) const { return read_at(info).has_value(); }
  /// When the last import of it came to its end.
  [[nodiscard]] std::optional<Time> read_at(const sync::ConnectorInfo& info) const {
    const auto text = settings().setting(import_completed(info.id));
    return text ? std::optional(from_rfc3339(*text)) : std::nullopt;
  }
  [[nodiscard]] bool is_over() const { return over_ || stop_.stop_requested(); }
  [[nodiscard]] const sync::ConnectorInfo& find(std::string_view name) const { return find_info(configuration_, name); }
  [[nodiscard]] store::Configuration& settings() const { return environment_.store.configuration(); }

 private:
  template <class Body>
  bool step(std::string name, Body body);
  /// Whoever holds the lease knows that nobody else runs: what never ended was killed.
  void end_interrupted() {
    store::Operations& operations = environment_.store.operations();
    for (const store::Run& run : operations.runs(10)) {
      if (run.result.empty()) operations.end_run(run.id, "interrupted", report_.started_at);
    }
  }
  void fail(StepReport& report, const Error& error);
  void record(const StepReport& report) { environment_.store.operations().put_step(report_.run, report.step); }
  void log_step(const StepReport& report);
  [[nodiscard]] sync::Context context() const {
    return {environment_.store, *configuration_.rules, configuration_.connectors, lease_.lease(),
            environment_.clock, environment_.logger,   stop_.get_token(),         environment_.progress};
  }

  const Environment& environment_;
  HeldLease lease_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> forward_stop_;
  std::stop_callback<std::function<void()>> forward_lost_;
  sync::Configuration configuration_;
  std::map<store::ConnectorId, std::unique_ptr<connector::Connector>> directories_;
  Report report_;
  bool over_ = false;
};

template <class Body>
bool Run::step(std::string name, Body body) {
  StepReport& report = report_.steps.emplace_back();
  report.step.name = std::move(name);
  report.step.started_at = environment_.clock.now();
  record(report);
  try {
    body(report);
  } catch (const Error& error) {
    fail(report, error);
  }
  report.step.ended_at = environment_.clock.now();
  report.step.result = name_of(report.result);
  record(report);
  log_step(report);
  return report.result == Result::success || report.result == Result::completed_errors;
}

void Run::fail(StepReport& report, const Error& error) {
  // The stages only see that they were asked to stop; why is known here.
  const bool lost = lease_.lost().stop_requested() || error.id() == "store.lease_lost";
  if (lost) {
    over_ = true;
    report.error = Error(Fault::conflict, "store.lease_lost", "another process took over this database; the run ended",
                         "`linkspan status` says who is in charge. What was committed before stays.");
  } else {
    report.error = error;
  }
  const bool cancelled = !lost && error.fault() == Fault::cancelled;
  if (cancelled) over_ = true;
  report.result = cancelled ? Result::cancelled : Result::failed;
  report.step.message = report.error->what();
  if (!report.error->hint().empty()) report.step.message += " " + report.error->hint();
}

void Run::log_step(const StepReport& report) {
  const Level level = report.result >= Result::blocked ? Level::error : Level::info;
  std::string counters;
  for (const auto& [name, value] : report.step.counters)
    counters += fmt::format("{}{}={}", counters.empty() ? "" : " ", name, value);
  environment_.logger.log(level, "run.step", report.step.message.empty() ? "step ended" : report.step.message,
                          {{"step", report.step.name},
                           {"result", report.step.result},
                           {"counters", counters},
                           {"error", report.error ? std::string(report.error->id()) : std::string()}});
}

void Run::skip(std::string name, std::string why) {
  static_cast<void>(step(std::move(name), [&](StepReport& report) {
    report.result = Result::skipped;
    report.step.message = std::move(why);
  }));
}

connector::Connector& Run::directory(const sync::ConnectorInfo& info) {
  auto& made = directories_[info.id];
  if (made == nullptr) made = environment_.directories(find_row(environment_.store, info.id));
  return *made;
}

bool Run::import(std::string_view connector, bool full, std::string_view label) {
  const sync::ConnectorInfo& info = find(connector);
  return step(fmt::format("{} {}", label, info.name), [&](StepReport& report) {
    const bool due = is_on(settings(), full_import_due(info.id));
    const sync::ImportResult result = sync::import_connector(context(), info, directory(info), full || due);
    // A kind that says otherwise than its connectors would never find what they refer to.
    assert(directory(info).capabilities().references_by_anchor == info.references_by_anchor);
    report.step.counters = result.counters.all();
    report.result = result_of(report.step.counters);
    report.step.message = result.note;
    if (due && !full) report.step.message = "full, because the connector's settings have changed";
    std::vector<std::pair<std::string, std::string>> marks;
    // A delta builds on an import that came to its end.
    marks.emplace_back(import_completed(info.id), to_rfc3339(environment_.clock.now()));
    if (due) marks.emplace_back(full_import_due(info.id), "");
    settings().put_settings(marks);
  });
}

bool Run::synchronize(bool full) {
  return step("synchronize", [&](StepReport& report) {
    const bool due = is_on(settings(), k_full_synchronization);
    const sync::SyncResult result = sync::synchronize(context(), full || due);
    report.step.counters = result.counters.all();
    report.result = result_of(report.step.counters);
    if (full || due) report.step.message = full ? "full" : "full, because rules, scope or schema have changed";
    if (due) put_setting(settings(), k_full_synchronization, "");
  });
}

bool Run::export_to(std::string_view connector, std::optional<std::string> approved) {
  const sync::ConnectorInfo& info = find(connector);
  bool sent = false;
  static_cast<void>(step("export " + info.name, [&](StepReport& report) {
    connector::Connector& target = directory(info);
    if (!target.capabilities().exports) {
      throw Error(Fault::invalid, "run.no_exports", fmt::format("connector {} takes no exports", info.name),
                  "Its kind is read only.");
    }
    report.export_result = sync::export_connector(context(), info, target, {std::move(approved), read_at(info)});
    const sync::ExportResult& result = *report.export_result;
    report.step.counters = result.counters.all();
    report.result = result.blocked ? Result::blocked : result_of(report.step.counters);
    if (result.blocked) {
      report.step.message = fmt::format(
          "blocked by the guard, nothing was sent: {}. Review with `linkspan pending {}`; "
          "`linkspan export {} --approved {}` allows exactly this change set.",
          join(result.verdict.reasons), info.name, info.name, result.change_set.fingerprint);
    }
    sent = std::any_of(report.step.counters.begin(), report.step.counters.end(),
                       [](const auto& one) { return one.second > 0 && one.first != "waiting_for_retry"; });
  }));
  return sent;
}

Report Run::finish() {
  for (const StepReport& step : report_.steps) {
    // A step left out on purpose does not spoil a run.
    if (step.result != Result::skipped) report_.result = std::max(report_.result, step.result);
  }
  if (report_.result < Result::cancelled && stop_.stop_requested()) report_.result = Result::cancelled;
  report_.ended_at = environment_.clock.now();
  environment_.store.operations().end_run(report_.run, name_of(report_.result), report_.ended_at);
  const auto keep = duration_setting(settings(), k_history, std::chrono::days(7));
  environment_.store.operations().prune_runs(report_.ended_at - keep);
  environment_.logger.log(Level::info, "run.ended", "run ended",
                          {{"profile", report_.profile}, {"result", std::string(name_of(report_.result))}});
  return std::move(report_);
}

void confirm(Run& run, const std::vector<std::string>& sent_to) {
  for (const std::string& name : sent_to) {
    if (run.is_over()) return;
    static_cast<void>(run.import(name, false, "confirm"));
  }
}

void export_all(Run& run, const std::set<std::string>& failed, bool staging) {
  std::vector<std::string> sent_to;
  for (const sync::ConnectorInfo& info : run.configuration().connectors) {
    if (run.is_over()) return;
    if (!run.configuration().rules->has_outbound(info.name)) continue;
    if (failed.contains(info.name)) {
      run.skip("export " + info.name, "not exported: its import failed in this run");
    } else if (!run.directory(info).capabilities().exports) {
      continue;
    } else if (staging) {
      run.skip("export " + info.name, "staging mode: nothing is exported");
    } else if (run.export_to(info.name, std::nullopt)) {
      sent_to.push_back(info.name);
    }
  }
  confirm(run, sent_to);
}

void do_cycle(Run& run, const Environment& environment, bool full) {
  std::set<std::string> failed;
  std::string never_read;
  for (const sync::ConnectorInfo& info : run.configuration().connectors) {
    if (run.is_over()) return;
    if (run.import(info.name, full)) continue;
    failed.insert(info.name);
    if (!run.was_imported(info)) never_read += (never_read.empty() ? "" : ", ") + info.name;
  }
  if (run.is_over()) return;
  if (!never_read.empty()) {
    run.skip("synchronize", fmt::format("not synchronized: {} has never been imported to the end, so whom it holds is "
                                        "not known",
                                        never_read));
    return;
  }
  if (!run.synchronize(full) || run.is_over()) return;
  export_all(run, failed, sync::staging(environment.store));
}

}  // namespace

std::string_view name_of(Result result) noexcept {
  switch (result) {
    case Result::success:
      return "success";
    case Result::skipped:
      return "skipped";
    case Result::completed_errors:
      return "completed-errors";
    case Result::cancelled:
      return "cancelled";
    case Result::blocked:
      return "blocked";
    case Result::failed:
      break;
  }
  return "failed";
}

const Error* Report::error() const {
  for (const StepReport& step : steps) {
    if (step.error) return &*step.error;
  }
  return nullptr;
}

Engine::Engine(Environment environment) : environment_(std::move(environment)) {}

Report Engine::import(std::string_view connector, bool full, std::stop_token stop) {
  require_connector(environment_.store, connector);
  const std::scoped_lock lock(running_);
  Run run(environment_, fmt::format("{}import {}", full ? "full " : "", connector), std::move(stop));
  if (run.prepare()) static_cast<void>(run.import(connector, full));
  return run.finish();
}

Report Engine::synchronize(bool full, std::stop_token stop) {
  const std::scoped_lock lock(running_);
  Run run(environment_, full ? "full synchronize" : "synchronize", std::move(stop));
  if (run.prepare()) static_cast<void>(run.synchronize(full));
  return run.finish();
}

Report Engine::export_to(std::string_view connector, std::optional<std::string> approved, std::stop_token stop) {
  require_connector(environment_.store, connector);
  const std::scoped_lock lock(running_);
  Run run(environment_, fmt::format("export {}", connector), std::move(stop));
  if (run.prepare()) static_cast<void>(run.export_to(connector, std::move(approved)));
  return run.finish();
}

Report Engine::cycle(bool full, std::stop_token stop) {
  const std::scoped_lock lock(running_);
  Run run(environment_, full ? "full" : "delta", std::move(stop));
  if (run.prepare()) do_cycle(run, environment_, full);
  return run.finish();
}

}  // namespace linkspan::run
