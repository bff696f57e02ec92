#include "connector_graph/internal/upload_log.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "connector/batch_limit.h"
#include "net/pacing.h"
#include "net/url.h"

namespace linkspan::connector_graph {
namespace {

constexpr std::string_view k_prefix = "graph-log-1";
/// A line is written five to ten minutes after what it tells of
/// (learn.microsoft.com/entra/identity/app-provisioning/inbound-provisioning-api-issues), and clocks differ.
constexpr std::chrono::hours k_lines_are_late{1};
/// Every tenant keeps its log for so long
/// (learn.microsoft.com/entra/identity/monitoring-health/reference-reports-data-retention).
constexpr std::chrono::days k_log_is_kept{7};
constexpr std::size_t k_page = 500;
constexpr int k_most_attempts = 6;

[[noreturn]] void refuse_watermark(std::string why) {
  throw Error(Fault::invalid, "connector.watermark_refused", std::move(why), "Begin again with a full import.");
}

/// GET that must succeed; what is throttled or fails for a moment is asked again, within reason.
net::Response read_patiently(Tenant& tenant, const std::string& path, const std::stop_token& stop) {
  for (int attempt = 1;; ++attempt) {
    const net::Response response = tenant.perform({net::Method::get, path}, stop);
    if (is_success(response)) return response;
    const auto asks = response.headers.find("Retry-After");
    const auto delay = net::retry_delay(attempt, response.status, asks.value_or(""), tenant.clock().now(),
                                        tenant.options().http.first_delay, 0);
    if (!delay || attempt == k_most_attempts || stop.stop_requested()) {
      throw error_of(response, "reading the provisioning log");
    }
    tenant.pace().wait(tenant.pace().now() + *delay, stop);
  }
}

}  // namespace

std::string log_path(const Options& options, std::optional<Time> since, std::size_t page) {
  std::string filter = "jobId eq '" + options.job_id + "'";
  if (since) {
    filter += " and activityDateTime gt " + to_rfc3339(Time{std::chrono::floor<std::chrono::seconds>(*since)});
  }
  return net::with_query("/auditLogs/provisioning", {{"$filter", filter}, {"$top", std::to_string(page)}});
}

std::string log_watermark(const Options& options, Time since) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since).time_since_epoch();
  return std::string(k_prefix) + " " + options.job_id + " " + std::to_string(seconds.count());
}

Time parse_log_watermark(const Options& options, std::string_view text) {
  const auto parts = split(text, ' ');
  if (text.size() > 300 || parts.size() != 3 || parts[0] != k_prefix) {
    refuse_watermark("this is no watermark of a provisioning log: " + printable(text, 60));
  }
  if (parts[1] != options.job_id) refuse_watermark("the last import read the log of another job");
  const auto seconds = to_integer(parts[2]);
  if (!seconds || *seconds < 0 || *seconds > 100'000'000'000) refuse_watermark("this watermark holds no time");
  return Time{std::chrono::seconds{*seconds}};
}

LogImport::LogImport(Tenant& tenant, std::optional<Time> since, std::stop_token stop)
    : tenant_(tenant),
      began_(tenant.clock().now()),
      since_(std::max(since.value_or(Time{}), began_ - k_log_is_kept)),
      stop_(std::move(stop)) {}

/// Graph does not say in which order the log comes, so the newest line about a worker is known at the end.
void LogImport::read() {
  Reader reader;
  std::string path = log_path(tenant_.options(), since_, k_page);
  while (!path.empty()) {
    if (stop_.stop_requested()) {
      throw Error(Fault::cancelled, "graph.stopped", "the import from Microsoft Graph was stopped");
    }
    LogPage page = reader.log(read_patiently(tenant_, path, stop_).body);
    for (LogLine& line : page.lines) {
      LogLine& last = last_[line.worker];
      if (last.worker.empty() || last.at <= line.at) last = std::move(line);
    }
    path = page.next_link.empty() ? std::string() : tenant_.path_of_link(page.next_link);
  }
  std::size_t refused = 0;
  const LogLine* example = nullptr;
  for (const auto& [worker, line] : last_) {
    if (line.has_taken_effect) continue;
    ++refused;
    example = &line;
  }
  if (example == nullptr) return;
  // Also of workers that are known here no more: who left, and could not be disabled, is said nowhere else.
  tenant_.logger().log(Level::warning, "graph.upload_refused",
                       "by its log, the provisioning job could not do what was uploaded of " + std::to_string(refused) +
                           " workers, as " + printable(example->worker, 100) + ": " + example->reason);
}

bool LogImport::next(std::vector<model::Observation>& batch) {
  batch.clear();
  if (!std::exchange(is_read_, true)) read();
  connector::BatchLimit limit;
  while (!last_.empty() && !limit.reached()) {
    auto node = last_.extract(last_.begin());
    model::Observation made;
    made.kind =
        node.mapped().has_taken_effect ? model::Observation::Kind::confirmed : model::Observation::Kind::refused;
    made.entry.anchor = node.key();
    made.at = node.mapped().at;
    if (!node.mapped().has_taken_effect) made.reason = std::move(node.mapped().reason);
    limit.count(made.entry);
    batch.push_back(std::move(made));
  }
  return !batch.empty();
}

connector::ImportEnd LogImport::end() {
  assert(is_read_);
  connector::ImportEnd made;
  made.watermark = log_watermark(tenant_.options(), began_ - k_lines_are_late);
  return made;
}

}  // namespace linkspan::connector_graph
