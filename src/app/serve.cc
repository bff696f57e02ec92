#include "app/serve.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "base/text.h"
#include "cli/run_report.h"
#include "cli/session.h"
#include "httpd/server.h"
#include "run/scheduler.h"
#include "run/settings.h"
#include "setup/backup_age.h"

namespace linkspan::app {
namespace {

/// Tells systemd; does nothing elsewhere.
class Watchdog {
 public:
  Watchdog() {
    std::uint64_t microseconds = 0;
    if (::sd_watchdog_enabled(0, &microseconds) <= 0) return;
    const std::chrono::microseconds every(microseconds / 2);
    beat_ = std::jthread([every](const std::stop_token& stop) {
      std::mutex mutex;
      std::condition_variable_any wake;
      while (!stop.stop_requested()) {
        ::sd_notify(0, "WATCHDOG=1");
        std::unique_lock lock(mutex);
        wake.wait_for(lock, stop, every, [] { return false; });
      }
    });
  }

 private:
  std::jthread beat_;
};

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

httpd::Response text_response(int status, std::string_view type, std::string body) {
  return {status, {{"Content-Type", std::string(type)}, {"Cache-Control", "no-store"}}, std::move(body)};
}

class Health {
 public:
  Health(store::Store& store, const run::Scheduler& scheduler, const Clock& clock, std::string version)
      : store_(store), scheduler_(scheduler), clock_(clock), version_(std::move(version)) {}

  [[nodiscard]] httpd::Response answer(const httpd::Request& request) {
    if (request.method != "GET" && request.method != "HEAD") return text_response(405, "text/plain", "GET only\n");
    const std::string_view path = path_of(request.target);
    if (path == "/healthz") return alive();
    if (path == "/readyz") return ready();
    if (path == "/metrics") return metrics();
    return text_response(404, "text/plain", "there are /healthz, /readyz and /metrics\n");
  }

 private:
  /// The process lives; the database may be away.
  [[nodiscard]] httpd::Response alive() const {
    const run::SchedulerState state = scheduler_.state();
    cli::Json body = cli::Json::object(
        {{"status", "alive"},
         {"version", version_},
         {"leads", state.leads},
         {"standing_by", state.standing_by.empty() ? cli::Json() : cli::Json(state.standing_by)},
         {"running", state.running},
         {"suspended", state.suspended},
         {"next_start", cli::time_json(state.next_start)},
         {"last_result", state.last_result ? cli::Json(run::name_of(*state.last_result)) : cli::Json()}});
    return text_response(200, "application/json", body.dump() + "\n");
  }

  /// 200 when the database answers and the scheduler has nothing to complain of.
  [[nodiscard]] httpd::Response ready() const {
    std::string problem = scheduler_.state().problem;
    try {
      static_cast<void>(store_.operations().lease_state());
    } catch (const Error& error) {
      problem = error.message();
    }
    cli::Json body = cli::Json::object({{"status", problem.empty() ? "ready" : "not ready"},
                                        {"problem", problem.empty() ? cli::Json() : cli::Json(problem)}});
    return text_response(problem.empty() ? 200 : 503, "application/json", body.dump() + "\n");
  }

  [[nodiscard]] httpd::Response metrics() const {
    std::string out;
    const auto gauge = [&](std::string_view name, std::string_view help) {
      out += fmt::format("# HELP {} {}\n# TYPE {} gauge\n", name, help, name);
    };
    const run::SchedulerState state = scheduler_.state();
    gauge("linkspan_leads", "This server starts the cycles; 0: it stands by.");
    out += fmt::format("linkspan_leads {}\n", state.leads ? 1 : 0);
    gauge("linkspan_cycle_running", "A cycle is under way.");
    out += fmt::format("linkspan_cycle_running {}\n", state.running ? 1 : 0);
    std::map<std::int64_t, std::string> names;
    for (const auto& row : store_.configuration().connectors()) names[row.id.value] = label(row.name);
    const auto counts = store_.summary()->counts();
    const auto each = [&](std::string_view name, std::string_view help, std::int64_t store::ConnectorCounts::* member) {
      gauge(name, help);
      for (const auto& one : counts) {
        if (names.contains(one.connector.value)) {
          out += fmt::format("{}{{connector=\"{}\"}} {}\n", name, names[one.connector.value], one.*member);
        }
      }
    };
    each("linkspan_objects", "Objects of a connector space.", &store::ConnectorCounts::objects);
    each("linkspan_objects_joined", "Of these, joined to an identity.", &store::ConnectorCounts::joined);
    each("linkspan_objects_with_errors", "Of these, with an error.", &store::ConnectorCounts::errors);
    each("linkspan_pending_adds", "Pending exports: adds.", &store::ConnectorCounts::adds);
    each("linkspan_pending_updates", "Pending exports: updates.", &store::ConnectorCounts::updates);
    each("linkspan_pending_renames", "Pending exports: renames.", &store::ConnectorCounts::renames);
    each("linkspan_pending_deletes", "Pending exports: deletes.", &store::ConnectorCounts::removes);
    const setup::BackupAge backup = setup::backup_age(store_.configuration(), clock_.now());
    gauge("linkspan_backup_age_seconds", "How old the last backup is; +Inf: there was none.");
    out += fmt::format("linkspan_backup_age_seconds {}\n",
                       backup.completed_at ? std::to_string(backup.age.count()) : std::string("+Inf"));
    gauge("linkspan_last_run_end_seconds", "When the last run ended, by its result.");
    for (const store::Run& one : store_.operations().runs(1)) {
      if (one.ended_at == Time{}) continue;
      out += fmt::format("linkspan_last_run_end_seconds{{result=\"{}\"}} {}\n", label(one.result),
                         one.ended_at.time_since_epoch().count() / 1'000'000);
    }
    return text_response(200, "text/plain; version=0.0.4", std::move(out));
  }

  static std::string label(std::string_view text) {
    std::string out;
    for (const char one : text) {
      if (one == '\\' || one == '"') out += '\\';
      out += one == '\n' ? ' ' : one;
    }
    return out;
  }

  store::Store& store_;
  const run::Scheduler& scheduler_;
  const Clock& clock_;
  std::string version_;
};

// After a move that another process made: whether this server's file, as it is now, names another database. One that
// was named on the command line is nobody's to change.
bool leads_elsewhere(const setup::ServerFile& open, store::Store& store) {
  if (open.database_named || store.info().moved_to.empty()) return false;
  return setup::load_server_file(open.path, {open.state_dir, {}}).database_url != open.database_url;
}

/// Ends the service's round when the state has moved and this server's file goes along.
class Follower {
 public:
  Follower(const setup::ServerFile& open, store::Store& store) : open_(open), store_(store) {}

  void run(const std::stop_token& stop, std::stop_source& round) {
    std::mutex mutex;
    std::condition_variable_any wake;
    while (!stop.stop_requested() && !look()) {
      std::unique_lock lock(mutex);
      wake.wait_for(lock, stop, k_look, [] { return false; });
    }
    if (follows_) round.request_stop();
  }

  [[nodiscard]] bool follows() const { return follows_; }

 private:
  static constexpr std::chrono::seconds k_look{2};

  bool look() {
    try {
      follows_ = leads_elsewhere(open_, store_);
    } catch (const Error&) {  // away, or a file half edited: the scheduler says so, and there is another look
    }
    return follows_;
  }

  const setup::ServerFile& open_;
  store::Store& store_;
  std::atomic<bool> follows_ = false;
};

int serve(cli::Session& session, const cli::Arguments& arguments) {
  setup::Installation& installation = session.installation();
  store::Store& store = installation.store();
  Logger& logger = installation.logger();
  if (const std::string gone = store.info().moved_to; !gone.empty()) {
    throw Error(Fault::conflict, "store.moved",
                fmt::format("this database is no longer in charge: it went to {}", gone),
                fmt::format("Point {} there.", installation.file().path.string()));
  }
  run::Engine engine(installation.environment());
  run::Standing standing(store, logger);
  run::Scheduler scheduler(engine, store, installation.clock(), logger, &standing);
  Health health(store, scheduler, installation.clock(), installation.wiring().version);

  httpd::ServerOptions options;
  const std::string listen = arguments.get("--listen").value_or(installation.file().listen);
  std::tie(options.address, options.port) = setup::parse_listen(listen);
  httpd::Server server(options, [&](const httpd::Request& request) { return health.answer(request); }, logger);
  logger.log(Level::info, "app.serving", "the service runs",
             {{"address", fmt::format("{}:{}", options.address, server.port())}, {"database", store.info().location}});
  ::sd_notify(0, "READY=1\nSTATUS=Running");
  const Watchdog watchdog;

  Follower follower(installation.file(), store);
  {
    std::stop_source round;
    const std::stop_callback stopped(session.stop(), [&round] { round.request_stop(); });
    standing.look();  // so that the first cycle of the only server waits for nothing
    const std::jthread watcher([&](const std::stop_token& stop) { standing.run(stop); });
    const std::jthread follow([&](const std::stop_token& stop) { follower.run(stop, round); });
    scheduler.run(round.get_token());
  }

  if (follower.follows() && !session.stop().stop_requested()) {
    logger.log(Level::info, "app.goes_along", "the state was moved, and the service goes along", {});
    server.stop();
    return k_serve_again;
  }
  ::sd_notify(0, "STOPPING=1\nSTATUS=Stopping");
  logger.log(Level::info, "app.stopping", "the service stops", {});
  server.stop();
  return cli::exit_done;
}

}  // namespace

cli::Commands serve_commands() {
  return {
      {"serve",
       "The service: cycles at an interval, health at /healthz, /readyz and /metrics",
       {{"--listen ADDRESS:PORT", "Instead of the configuration file's (127.0.0.1:8470); port 0 takes any free one"}},
       serve}};
}

}  // namespace linkspan::app
