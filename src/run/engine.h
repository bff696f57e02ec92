#pragma once
// Runs: single steps and whole cycles, each under the lease and recorded step by step.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "connector/connector.h"
#include "run/lease.h"
#include "store/store.h"
#include "sync/export.h"

namespace linkspan::run {

/// Opens a connected directory, credentials and all. Given by whoever has the key set.
using Directories = std::function<std::unique_ptr<connector::Connector>(const store::ConnectorRow&)>;

/// What runs stand on. Everything is borrowed and outlives them.
struct Environment {
  store::Store& store;
  Directories directories;
  std::function<connector::Naming(std::string_view kind)> naming;
  const Clock& clock;
  Logger& logger;
  ProgressSink progress{};  ///< may be empty
  LeaseOptions lease{};
};

/// Later ones are worse; a run is as bad as its worst step. What was skipped or retried does not count.
enum class Result : unsigned char { success, skipped, retried, completed_errors, cancelled, blocked, failed };

/// "success", "skipped", "retried", "completed-errors", "cancelled", "blocked", "failed".
[[nodiscard]] std::string_view name_of(Result result) noexcept;

struct StepReport {
  store::RunStep step;  ///< as recorded
  Result result = Result::success;
  std::optional<Error> error;                       ///< of a failed step
  std::optional<sync::ExportResult> export_result;  ///< of an export step that came to a verdict
};

struct Report {
  store::RunId run;
  std::string profile;
  Result result = Result::success;
  Time started_at{};
  Time ended_at{};
  std::vector<StepReport> steps;

  /// The first failed step's error, if any.
  [[nodiscard]] const Error* error() const;
};

/// One run at a time per engine, and per database. A step that the database failed in the middle of (a failover, a
/// restart) ends as "retried", and is done again from its last commit when the database is there again and the lease
/// confirmed; once, then it fails. Every operation throws Fault::conflict "run.lease_held" when another
/// holds the lease, "run.no_connector", and what the database throws; what goes wrong inside a step is in the report.
class Engine {
 public:
  explicit Engine(Environment environment);

  [[nodiscard]] Report import(std::string_view connector, bool full, std::stop_token stop = {});
  [[nodiscard]] Report synchronize(bool full, std::stop_token stop = {});
  /// `approved`: the fingerprint a person has reviewed; sends exactly that or fails.
  [[nodiscard]] Report export_to(std::string_view connector, std::optional<std::string> approved,
                                 std::stop_token stop = {});
  /// Imports, synchronization, exports, confirming imports; see the essay in engine.cc on what a failure stops.
  [[nodiscard]] Report cycle(bool full, std::stop_token stop = {});

 private:
  Environment environment_;
  std::mutex running_;
};

}  // namespace linkspan::run
