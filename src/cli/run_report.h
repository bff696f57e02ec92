#pragma once
// How a run is told: for people, for programs, and as an exit status.

#include "cli/output.h"
#include "run/engine.h"
#include "setup/backup_age.h"

namespace linkspan::cli {

[[nodiscard]] Json to_json(const run::Report& report);
void print_report(Output& out, const run::Report& report);
[[nodiscard]] int exit_status(const run::Report& report);

/// A recorded run.
[[nodiscard]] Json to_json(const store::Run& run);
[[nodiscard]] Json to_json(const store::RunStep& step);
[[nodiscard]] std::string counters_text(const std::vector<std::pair<std::string, std::int64_t>>& counters);

/// RFC 3339 to the second, or null.
[[nodiscard]] Json time_json(Time time);
/// "2026-11-22 17:23:57Z", or "-".
[[nodiscard]] std::string time_text(Time time);

/// "none yet", "9 days ago (2026-11-22 17:23:57Z)", and that it is overdue.
[[nodiscard]] std::string backup_text(const setup::BackupAge& backup);

}  // namespace linkspan::cli
