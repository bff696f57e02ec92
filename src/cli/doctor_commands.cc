// doctor: checks everything it can reach, says what is wrong and what to do.

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/text.h"
#include "cli/internal/nouns.h"
#include "cli/internal/transfer_shared.h"
#include "cli/run_report.h"
#include "cli/session.h"
#include "run/settings.h"
#include "setup/keys.h"
#include "setup/rule_base.h"
#include "transfer/verify.h"

namespace linkspan::cli {
namespace {

enum class Verdict : unsigned char { good, warning, bad };

struct Finding {
  std::string name;
  Verdict verdict = Verdict::good;
  std::string detail;
  std::string hint;
};

class Doctor {
 public:
  Doctor(Session& session, bool deep) : session_(session), deep_(deep) {}

  std::vector<Finding> examine() {
    check("configuration file", [&] { look_at_file(); });
    bool reachable = false;
    check("database", [&] {
      const store::DatabaseInfo info = session_.store().info();
      reachable = true;
      if (!info.moved_to.empty()) {
        say("database", Verdict::bad, "this database was moved to " + info.moved_to,
            "Point the configuration file there.");
      } else {
        say("database", Verdict::good,
            fmt::format("{}, {}, schema {}; `linkspan database verify` reads every table", info.location, info.product,
                        info.schema));
      }
    });
    if (!reachable) return std::move(findings_);
    check("database pages", [&] { look_at_pages(); });
    check("clock", [&] { look_at_clock(); });
    check("key set", [&] { look_at_keys(); });
    check("rules", [&] { look_at_rules(); });
    check("connectors", [&] { look_at_connectors(); });
    check("objects", [&] { look_at_objects(); });
    check("switches", [&] { look_at_switches(); });
    check("last cycle", [&] { look_at_runs(); });
    check("backup", [&] { look_at_backup(); });
    return std::move(findings_);
  }

 private:
  template <class Body>
  void check(std::string_view name, Body body) {
    try {
      body();
    } catch (const Error& error) {
      say(name, Verdict::bad, error.what(), error.hint());
    }
  }

  void say(std::string_view name, Verdict verdict, std::string detail, std::string hint = {}) {
    findings_.push_back({std::string(name), verdict, std::move(detail), std::move(hint)});
  }

  void look_at_file() {
    const setup::ServerFile& file = session_.installation().file();
    struct stat info{};
    if (!file.present) {
      say("configuration file", Verdict::warning,
          fmt::format("{} is not there; standards are used", file.path.string()), "`linkspan setup` writes it.");
    } else if (::stat(file.path.c_str(), &info) == 0 && (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
      say("configuration file", Verdict::bad, fmt::format("{} may be written by others", file.path.string()),
          fmt::format("chmod go-w {}", file.path.string()));
    } else {
      say("configuration file", Verdict::good, file.path.string());
    }
    if (::stat(file.state_dir.c_str(), &info) == 0 && (info.st_mode & S_IWOTH) != 0) {
      say("state directory", Verdict::bad, fmt::format("{} may be written by everybody", file.state_dir.string()),
          fmt::format("chmod 700 {}", file.state_dir.string()));
    }
  }

  void look_at_pages() {
    constexpr std::chrono::seconds k_patience{10};
    const transfer::PageCheck pages = transfer::check_pages(configured(session_), deep_, k_patience);
    if (!pages.problems.empty()) {
      say("database pages", Verdict::bad,
          fmt::format("{} ({} in all)", printable(pages.problems.front()), pages.problems.size()),
          "Stop the service, keep a copy of the file, and restore a backup (`linkspan database restore`).");
    } else if (!pages.finished) {
      say("database pages", Verdict::good,
          fmt::format("nothing wrong in {} s of reading, which was not all; `linkspan doctor --deep` reads everything",
                      k_patience.count()));
    } else {
      say("database pages", Verdict::good,
          deep_ ? "all are in order, and so is every index"
                : "all are in order; `linkspan doctor --deep` also holds indexes against tables");
    }
  }

  /// Taking the lease tells the database's time.
  void look_at_clock() {
    store::Operations& operations = session_.store().operations();
    const Time before = session_.installation().clock().now();
    try {
      const run::HeldLease lease(session_.store(), session_.installation().logger());
      const auto skew = operations.lease_state().seen_at - before;
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(skew).count();
      constexpr std::int64_t k_most = 5;
      if (seconds > k_most || seconds < -k_most) {
        say("clock", Verdict::warning, fmt::format("this machine's clock and the database's differ by {} s", seconds),
            "Let both follow the same time service (NTP).");
      } else {
        say("clock", Verdict::good, "as the database's");
      }
      say("lease", Verdict::good, "free");
    } catch (const Error& error) {
      if (error.id() != "run.lease_held") throw;
      say("lease", Verdict::good, error.message());
    }
  }

  void look_at_keys() {
    const setup::KeyState state = setup::key_state(session_.installation());
    if (!state.present && state.secrets == 0) {
      say("key set", Verdict::good, "none yet, and no credentials to seal");
    } else if (!state.present) {
      say("key set", Verdict::bad, state.problem, "`linkspan key import FILE`, or enter the credentials again.");
    } else if (state.unopened > 0) {
      say("key set", Verdict::bad, fmt::format("{} of {} credentials cannot be opened", state.unopened, state.secrets),
          "`linkspan connector credentials CONNECTOR`, or `linkspan key import FILE`.");
    } else {
      say("key set", Verdict::good, fmt::format("{} opens all {} credentials", state.id.substr(0, 8), state.secrets));
    }
  }

  void look_at_rules() {
    setup::RuleFiles files = setup::stored_rules(session_.installation());
    setup::check_rules(session_.installation(), files);
    if (!files.usable()) {
      say("rules", Verdict::bad, setup::to_text(files.problems), "Correct them, then `linkspan rule import`.");
    } else if (files.rules.empty()) {
      say("rules", Verdict::warning, "there are none: nothing is synchronized", "`linkspan rule import FOLDER`");
    } else {
      say("rules", Verdict::good, fmt::format("{} rules", files.rules.size()));
    }
  }

  void look_at_connectors() {
    const auto rows = session_.store().configuration().connectors();
    if (rows.empty()) say("connectors", Verdict::warning, "there are none", "`linkspan connector add`");
    for (const store::ConnectorRow& row : rows) {
      const std::string name = "connector " + row.name;
      check(name, [&] {
        const auto checks = session_.installation().open(row)->test();
        const auto failed = std::find_if(checks.begin(), checks.end(), [](const auto& one) { return !one.passed; });
        if (failed == checks.end()) {
          say(name, Verdict::good, fmt::format("{} checks passed", checks.size()));
        } else {
          say(name, Verdict::bad, fmt::format("{}: {}", failed->name, failed->detail), failed->hint);
        }
      });
    }
  }

  void look_at_objects() {
    std::int64_t errors = 0;
    for (const store::ConnectorCounts& one : session_.store().summary()->counts()) errors += one.errors;
    if (errors == 0) {
      say("objects", Verdict::good, "no object has an error");
    } else {
      say("objects", Verdict::warning, fmt::format("{} objects have errors", with_commas(errors)),
          "`linkspan status` counts them by connector; `linkspan object show` tells one's.");
    }
  }

  void look_at_switches() {
    store::Configuration& configuration = session_.store().configuration();
    if (run::is_on(configuration, run::k_staging)) {
      say("staging", Verdict::warning, "staging mode is on: nothing is exported",
          "`linkspan pending`, then `linkspan staging off`");
    }
    if (run::is_on(configuration, run::k_suspended)) {
      say("scheduler", Verdict::warning, "it is paused", "`linkspan service resume`");
    }
  }

  void look_at_runs() {
    const auto runs = session_.store().operations().runs(50);
    const auto last = std::find_if(runs.begin(), runs.end(), [](const store::Run& one) {
      return (one.profile == "delta" || one.profile == "full") && !one.result.empty();
    });
    if (last == runs.end()) {
      say("last cycle", Verdict::warning, "there was none yet", "`linkspan run`, or start the service.");
      return;
    }
    const auto age = session_.installation().clock().now() - last->started_at;
    const auto interval =
        run::duration_setting(session_.store().configuration(), run::k_interval, std::chrono::minutes(30));
    const std::string words = fmt::format("run {}: {}, {} ago", last->id.value, last->result, duration_text(age));
    if (age > 3 * interval) {
      say("last cycle", Verdict::warning, words, "Is the service running? `systemctl status linkspan`");
    } else if (last->result == "failed" || last->result == "blocked") {
      say("last cycle", Verdict::bad, words, fmt::format("`linkspan history {}`", last->id.value));
    } else {
      say("last cycle", Verdict::good, words);
    }
  }

  void look_at_backup() {
    const setup::BackupAge backup =
        setup::backup_age(session_.store().configuration(), session_.installation().clock().now());
    if (backup.overdue) {
      say("backup", Verdict::warning, backup_text(backup),
          "`linkspan database backup FILE`; another age, or off: `linkspan config set backup.age 30d`");
    } else {
      say("backup", Verdict::good, backup_text(backup));
    }
  }

  Session& session_;
  bool deep_;
  std::vector<Finding> findings_;
};

std::string_view word(Verdict verdict) {
  switch (verdict) {
    case Verdict::good:
      return "good";
    case Verdict::warning:
      return "warning";
    case Verdict::bad:
      break;
  }
  return "bad";
}

int run_doctor(Session& session, const Arguments& arguments) {
  const std::vector<Finding> findings = Doctor(session, arguments.has("--deep")).examine();
  bool healthy = true;
  Json list = Json::list();
  for (const Finding& one : findings) {
    healthy = healthy && one.verdict != Verdict::bad;
    list.push(Json::object(
        {{"check", one.name}, {"verdict", word(one.verdict)}, {"detail", one.detail}, {"hint", one.hint}}));
    if (session.json()) continue;
    const std::string_view mark = one.verdict == Verdict::good      ? "ok     "
                                  : one.verdict == Verdict::warning ? "warning"
                                                                    : "BAD    ";
    session.out().line(fmt::format("{}  {}: {}", mark, one.name, one.detail));
    if (one.verdict != Verdict::good && !one.hint.empty()) session.out().line("         hint: " + one.hint);
  }
  if (session.json()) {
    session.out().print(Json::object({{"healthy", healthy}, {"checks", std::move(list)}}));
  } else {
    session.out().line(healthy ? "Nothing is broken." : "Something is broken: see BAD above.");
  }
  return healthy ? exit_done : exit_failed;
}

}  // namespace

Commands doctor_commands() {
  return {{"doctor",
           "Check everything that can be reached, and say what is wrong and what to do",
           {{"--deep", "Read all of the database, however long it takes"}},
           run_doctor}};
}

}  // namespace linkspan::cli
