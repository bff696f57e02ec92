#pragma once
// Import of the second mode: the provisioning log says what became of each worker that was uploaded
// (learn.microsoft.com/graph/api/provisioningobjectsummary-list).

#include <cstddef>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "connector/connector.h"
#include "connector_graph/internal/reader.h"
#include "connector_graph/internal/tenant.h"

namespace linkspan::connector_graph {

/// The log of the settings' job, from `since` on.
[[nodiscard]] std::string log_path(const Options& options, std::optional<Time> since, std::size_t page);

/// From when on the next import reads. Opaque to everybody else.
[[nodiscard]] std::string log_watermark(const Options& options, Time since);
/// Throws Fault::invalid "connector.watermark_refused" for what is none, or is another job's.
[[nodiscard]] Time parse_log_watermark(const Options& options, std::string_view text);

/// Confirms and refuses, each worker once, by the newest line about it. It shows nobody, so nothing is concluded from
/// who is not mentioned. Memory: the workers of the lines read. Not thread-safe.
class LogImport final : public connector::Import {
 public:
  /// `since` nullopt = as long as the log is kept.
  LogImport(Tenant& tenant, std::optional<Time> since, std::stop_token stop);

  bool next(std::vector<model::Observation>& batch) override;
  connector::ImportEnd end() override;

 private:
  void read();

  Tenant& tenant_;
  const Time began_;
  const Time since_;
  const std::stop_token stop_;
  bool is_read_ = false;
  std::map<std::string, LogLine> last_;  ///< by worker
};

}  // namespace linkspan::connector_graph
