#include "run/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <condition_variable>
#include <map>
#include <random>
#include <set>
#include <utility>

#include "base/away.h"
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
// - A lost lease, a stop, and a failure of the database itself end the run; but see the next essay.
//
// When the database goes away in the middle (a failover, a restart, a network that is mended):
//
// - The run waits, and asks again with growing delays, until the lease is confirmed: then nobody else was at work.
// Where
//   somebody was, the run is over. Whether a commit that was under way arrived does not matter: every stage begins from
//   what is there, so the step is simply done again. Imports and synchronizations find what they wrote; an export finds
//   by its intents which adds may have arrived, and looks for each add first, as a failover may have lost even intents.
// - Once for each step; it stands in the history, as the step's result "retried" with the reason.
// - A process that was paused for longer than its lease lasts sends nothing (Context::in_charge), and then does the
// same.

namespace linkspan::run {
namespace {

using store::RunStep;

/// Whether the step may be done again when the database is there again, and the lease confirmed.
bool is_interruption(const Error& error) {
  return is_database_away(error) || error.id() == "sql.retry" || error.id() == "store.lease_lost" ||
         error.id() == "sync.lease_unconfirmed";
}

/// The host's clock, set right by the database's, which is the same for every server.
class DatabaseClock final : public Clock {
 public:
  DatabaseClock(const Clock& clock, store::Store& store)
      : clock_(clock), offset_(store.operations().now() - clock.now()) {}
  [[nodiscard]] Time now() const override { return clock_.now() + offset_; }

 private:
  const Clock& clock_;
  std::chrono::microseconds offset_;
};

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
        clock_(environment.clock, environment.store),
        forward_stop_(std::move(stop), [this] { stop_.request_stop(); }),
        forward_lost_(lease_.lost(), [this] { stop_.request_stop(); }) {
    report_.profile = std::move(profile);
    report_.started_at = clock_.now();
    end_interrupted();
    store::Run row;
    row.profile = report_.profile;
    row.host = lease_.lease().holder;
    row.started_at = report_.started_at;
    report_.run = environment.store.operations().begin_run(row);
    environment.logger.log(Level::info, "run.started", "run started", {{"profile", report_.profile}});
  }

  /// A small thing to ask or write beside the steps; done again when the database is back.
  template <class Ask>
  auto persist(const Ask& ask) {
    try {
      return ask();
    } catch (const Error& error) {
      if (!is_interruption(error) || !recover()) throw;
    }
    return ask();
  }

  /// Loads configuration; false (and a failed step) when it cannot be used.
  bool prepare() {
    try {
      configuration_ = persist([&] { return sync::load_configuration(environment_.store, environment_.naming); });
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
  void skip(const std::string& name, const std::string& why);
  [[nodiscard]] Report finish();

  [[nodiscard]] const sync::Configuration& configuration() const { return configuration_; }
  [[nodiscard]] connector::Connector& directory(const sync::ConnectorInfo& info);
  [[nodiscard]] bool was_imported(const sync::ConnectorInfo& info) { return read_at(info).has_value(); }
  /// When the last import of it came to its end.
  [[nodiscard]] std::optional<Time> read_at(const sync::ConnectorInfo& info) {
    const auto text = persist([&] { return settings().setting(import_completed(info.id)); });
    return text ? std::optional(from_rfc3339(*text)) : std::nullopt;
  }
  /// Whether a delta would leave it unknown for too long who has left. The directory is asked about its deltas only
  /// when the last full import is long enough ago.
  [[nodiscard]] bool is_overdue(const sync::ConnectorInfo& info) {
    const auto longest = full_after(settings(), info.name);
    if (!longest) return false;
    const auto text = settings().setting(full_import_completed(info.id));
    if (text && clock_.now() - from_rfc3339(*text) < *longest) return false;
    const connector::Capabilities can = directory(info).capabilities();
    return can.delta_import && !can.delta_reports_removals;
  }
  [[nodiscard]] bool is_staging() {
    return persist([&] { return sync::staging(environment_.store); });
  }
  [[nodiscard]] bool is_over() const { return over_ || stop_.stop_requested(); }
  [[nodiscard]] const sync::ConnectorInfo& find(std::string_view name) const { return find_info(configuration_, name); }
  [[nodiscard]] store::Configuration& settings() const { return environment_.store.configuration(); }

 private:
  template <class Body>
  bool step(const std::string& name, const Body& body);
  template <class Body>
  bool attempt(const std::string& name, bool last, const Body& body);
  /// Waits until the database is there again. Whether the lease is still ours; throws when patience is at an end, or a
  /// stop was requested.
  [[nodiscard]] bool recover();
  /// Whoever holds the lease knows that nobody else runs: what never ended was killed.
  void end_interrupted() {
    store::Operations& operations = environment_.store.operations();
    for (store::Run& run : operations.runs(10)) {
      if (!run.result.empty()) continue;
      for (RunStep& step : run.steps) {
        if (!step.result.empty()) continue;
        step.result = "interrupted";
        operations.put_step(run.id, step);
      }
      operations.end_run(run.id, "interrupted", report_.started_at);
    }
  }
  void fail(StepReport& report);
  [[nodiscard]] bool await(StepReport& report);
  void end();
  void record(const StepReport& report) {
    persist([&] { environment_.store.operations().put_step(report_.run, report.step); });
  }
  void log_step(const StepReport& report);
  [[nodiscard]] sync::Context context() const {
    return {environment_.store,
            *configuration_.rules,
            configuration_.connectors,
            lease_.lease(),
            clock_,
            environment_.logger,
            stop_.get_token(),
            environment_.progress,
            [this] { return lease_.is_confirmed(); }};
  }

  const Environment& environment_;
  HeldLease lease_;
  DatabaseClock clock_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> forward_stop_;
  std::stop_callback<std::function<void()>> forward_lost_;
  sync::Configuration configuration_;
  std::map<store::ConnectorId, std::unique_ptr<connector::Connector>> directories_;
  Report report_;
  bool over_ = false;
  bool is_lost_ = false;  ///< another has the lease: nothing more is written, not even history
};

template <class Body>
bool Run::step(const std::string& name, const Body& body) {
  if (attempt(name, false, body)) return true;
  // Only a retried step has not come to a verdict.
  return report_.steps.back().result == Result::retried && attempt(name, true, body);
}

template <class Body>
bool Run::attempt(const std::string& name, bool last, const Body& body) {
  StepReport& report = report_.steps.emplace_back();
  report.step.name = name;
  report.step.started_at = clock_.now();
  try {
    record(report);
    body(report);
  } catch (const Error& error) {
    report.error = error;
  }
  if (report.error && !last && is_interruption(*report.error) && await(report)) {
    report.result = Result::retried;
    report.step.counters.clear();
    report.step.message = fmt::format("interrupted, and done again from its last commit: {}", report.error->what());
    report.error.reset();
  } else if (report.error) {
    fail(report);
  }
  report.step.ended_at = clock_.now();
  report.step.result = name_of(report.result);
  try {
    if (!is_lost_) record(report);
  } catch (const Error& error) {
    report.error = error;
    fail(report);
    report.step.result = name_of(report.result);
  }
  log_step(report);
  return report.result == Result::success || report.result == Result::completed_errors;
}

/// Whether the run goes on after what `report` failed with; when not, its error says why.
bool Run::await(StepReport& report) {
  try {
    return recover();
  } catch (const Error& error) {
    report.error = error;
    return false;
  }
}

bool Run::recover() {
  using std::chrono::milliseconds;
  constexpr milliseconds k_longest{5000};
  const auto deadline = std::chrono::steady_clock::now() + environment_.lease.patience;
  std::minstd_rand random(std::random_device{}());
  std::mutex mutex;
  std::condition_variable_any wake;
  for (milliseconds delay{100};; delay = std::min(2 * delay, k_longest)) {
    try {
      if (!lease_.confirm()) {
        is_lost_ = true;
        return false;
      }
      environment_.store.check_names();
      return true;
    } catch (const Error& error) {
      if (!is_interruption(error) || std::chrono::steady_clock::now() >= deadline) throw;
    }
    // Not all servers at the same moment: each waits for half of the time up to the whole of it.
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop_.get_token(), delay / 2 + milliseconds(random() % (delay.count() / 2 + 1)),
                  [] { return false; });
    if (stop_.stop_requested()) {
      throw Error(Fault::cancelled, "sync.cancelled", "the run was asked to stop while the database was away");
    }
  }
}

void Run::fail(StepReport& report) {
  // The stages only see that they were asked to stop; why is known here.
  is_lost_ = is_lost_ || lease_.lost().stop_requested() || report.error->id() == "store.lease_lost";
  if (is_lost_) {
    report.error = Error(Fault::conflict, "store.lease_lost", "another process took over this database; the run ended",
                         "`linkspan status` says who is in charge. What was committed before stays.");
  }
  const bool cancelled = !is_lost_ && report.error->fault() == Fault::cancelled;
  over_ = over_ || is_lost_ || cancelled || is_interruption(*report.error);
  report.result = cancelled ? Result::cancelled : Result::failed;
  report.step.message = report.error->what();
  if (!report.error->hint().empty()) report.step.message += " " + report.error->hint();
}

void Run::log_step(const StepReport& report) {
  const Level level = report.result >= Result::blocked   ? Level::error
                      : report.result == Result::retried ? Level::warning
                                                         : Level::info;
  std::string counters;
  for (const auto& [name, value] : report.step.counters)
    counters += fmt::format("{}{}={}", counters.empty() ? "" : " ", name, value);
  environment_.logger.log(level, "run.step", report.step.message.empty() ? "step ended" : report.step.message,
                          {{"step", report.step.name},
                           {"result", report.step.result},
                           {"counters", counters},
                           {"error", report.error ? std::string(report.error->id()) : std::string()}});
}

void Run::skip(const std::string& name, const std::string& why) {
  static_cast<void>(step(name, [&](StepReport& report) {
    report.result = Result::skipped;
    report.step.message = why;
  }));
}

connector::Connector& Run::directory(const sync::ConnectorInfo& info) {
  auto& made = directories_[info.id];
  if (made == nullptr) {
    made = environment_.directories(persist([&] { return find_row(environment_.store, info.id); }));
  }
  return *made;
}

bool Run::import(std::string_view connector, bool full, std::string_view label) {
  const sync::ConnectorInfo& info = find(connector);
  return step(fmt::format("{} {}", label, info.name), [&](StepReport& report) {
    const bool due = is_on(settings(), full_import_due(info.id));
    const bool overdue = !full && !due && is_overdue(info);
    const sync::ImportResult result = sync::import_connector(context(), info, directory(info), full || due || overdue);
    // A kind that says otherwise than its connectors would never find what they refer to.
    assert(directory(info).capabilities().references_by_anchor == info.references_by_anchor);
    report.step.counters = result.counters.all();
    report.result = result_of(report.step.counters);
    report.step.message = result.note;
    if (due && !full) report.step.message = "full, because the connector's settings have changed";
    if (overdue) report.step.message = "full, because deltas of this directory do not tell what is gone";
    std::vector<std::pair<std::string, std::string>> marks;
    // A delta builds on an import that came to its end.
    marks.emplace_back(import_completed(info.id), to_rfc3339(clock_.now()));
    if (result.full) marks.emplace_back(full_import_completed(info.id), to_rfc3339(clock_.now()));
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
  bool again = false;
  const std::int64_t fence = lease_.lease().fence;
  static_cast<void>(step("export " + info.name, [&](StepReport& report) {
    connector::Connector& target = directory(info);
    if (!target.capabilities().exports) {
      throw Error(Fault::invalid, "run.no_exports", fmt::format("connector {} takes no exports", info.name),
                  "Its kind is read only.");
    }
    // A failover may have lost what was recorded of an add: those of an interrupted export are looked for first.
    const sync::ExportRequest request{.approved = approved,
                                      .read_at = again ? std::nullopt : read_at(info),
                                      .resumed = again && lease_.lease().fence == fence};
    again = true;
    report.export_result = sync::export_connector(context(), info, target, request);
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

void Run::end() {
  environment_.store.operations().end_run(report_.run, name_of(report_.result), report_.ended_at);
  const auto keep = duration_setting(settings(), k_history, std::chrono::days(7));
  environment_.store.operations().prune_runs(report_.ended_at - keep);
}

Report Run::finish() {
  for (const StepReport& step : report_.steps) {
    // A step left out on purpose does not spoil a run, nor does one that was done again.
    if (step.result != Result::skipped && step.result != Result::retried)
      report_.result = std::max(report_.result, step.result);
  }
  if (report_.result < Result::cancelled && stop_.stop_requested()) report_.result = Result::cancelled;
  report_.ended_at = clock_.now();
  // Whoever has the lease now closes what this run left open.
  if (!is_lost_) persist([&] { end(); });
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

void do_cycle(Run& run, bool full) {
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
  export_all(run, failed, run.is_staging());
}

}  // namespace

std::string_view name_of(Result result) noexcept {
  switch (result) {
    case Result::success:
      return "success";
    case Result::skipped:
      return "skipped";
    case Result::retried:
      return "retried";
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
  if (run.prepare()) do_cycle(run, full);
  return run.finish();
}

}  // namespace linkspan::run
