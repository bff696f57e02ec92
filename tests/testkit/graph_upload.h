#pragma once
// API-driven inbound provisioning of the Graph fake: a provisioning job that takes bulk requests on, works them off
// when told to, and writes its log.

#include <cstddef>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/clock.h"

namespace linkspan::testkit {

struct GraphAsked;
struct GraphReply;

/// Used under the fake's lock. The clock outlives it.
class GraphUpload {
 public:
  explicit GraphUpload(const Clock& clock) : clock_(clock) {}

  [[nodiscard]] static const std::string& principal();
  [[nodiscard]] static const std::string& job();

  /// …/bulkUpload and /auditLogs/provisioning. `root` is where links lead.
  [[nodiscard]] static bool is_about(const std::string& path);
  [[nodiscard]] GraphReply serve(const GraphAsked& asked, const std::set<std::string>& rights, const std::string& root);

  /// The job works off what it has taken on: mapped by externalId, as its default mapping does; each leaves a line in
  /// the log. Those whose externalId is in `refused` fail with that reason, or are skipped where it begins with
  /// "skip:".
  void work_off(const std::map<std::string, std::string>& refused);

  /// The job's mapping lets null flow: what an upload leaves out is cleared.
  void let_null_flow() { null_flows_ = true; }
  void set_limits(std::size_t daily, std::size_t log_page) {
    daily_ = daily;
    log_page_ = log_page;
  }
  void fill_up() { is_full_ = true; }

  /// The account of a worker, as its data were merged; null when there is none.
  [[nodiscard]] nlohmann::json account(const std::string& external_id) const;

  struct Calls {
    std::size_t uploads = 0;  ///< taken on
    std::size_t largest = 0;  ///< operations in one
    std::size_t operations = 0;
    std::size_t throttled = 0;
    std::size_t most_in_five_seconds = 0;
  };
  [[nodiscard]] const Calls& calls() const { return calls_; }

 private:
  [[nodiscard]] GraphReply take_on(const GraphAsked& asked);
  [[nodiscard]] GraphReply log(const GraphAsked& asked, const std::string& root) const;
  void write_line(const std::string& worker, const std::string& action, const std::string& status,
                  const std::string& reason);

  const Clock& clock_;
  bool null_flows_ = false;
  bool is_full_ = false;
  std::size_t daily_ = 2000;
  std::size_t log_page_ = 500;
  std::vector<nlohmann::json> queue_;
  std::map<std::string, nlohmann::json> accounts_;
  struct Line {
    Time at{};
    nlohmann::json shown;
  };
  std::vector<Line> lines_;
  std::deque<Time> recent_;  ///< requests of the last day
  Calls calls_;
};

}  // namespace linkspan::testkit
