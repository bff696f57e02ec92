// The connector of the second mode: workers go out, and the log comes in.

#include <memory>
#include <utility>

#include "base/error.h"
#include "connector_graph/graph.h"
#include "connector_graph/internal/checks.h"
#include "connector_graph/internal/make.h"
#include "connector_graph/internal/upload.h"
#include "connector_graph/internal/upload_log.h"
#include "connector_graph/internal/worker.h"

namespace linkspan::connector_graph {
namespace {

class UploadConnector final : public connector::Connector {
 public:
  UploadConnector(Options options, const Clock& clock, Pace pace, Logger& logger)
      : tenant_(std::move(options), clock, std::move(pace), logger),
        pace_(tenant_.options().daily_requests, tenant_.pace().now()) {}

  connector::Capabilities capabilities() override {
    connector::Capabilities made;
    made.delta_import = true;
    made.delta_reports_removals = true;  // a full import would say no more
    made.exports = true;
    made.references_by_anchor = true;
    made.chooses_anchor = false;
    // "include the complete source user record in every bulk request"
    // (learn.microsoft.com/entra/identity/app-provisioning/clear-attribute-values)
    made.whole_updates = true;
    made.confirms_later = true;
    made.correlation_attribute = k_worker_key;
    return made;
  }

  model::Schema schema() override {
    model::Schema made;
    made.classes.push_back(worker_schema(tenant_.options()));
    return made;
  }

  std::vector<connector::Check> test() override { return run_checks(tenant_); }

  std::unique_ptr<connector::Import> import(const connector::ImportRequest& request, std::stop_token stop) override {
    std::optional<Time> since;
    if (!request.watermark.empty()) since = parse_log_watermark(tenant_.options(), request.watermark);
    warn_of_certificate(tenant_);
    return std::make_unique<LogImport>(tenant_, since, std::move(stop));
  }

  void send(std::span<const model::Export> exports,
            const std::function<void(std::size_t index, connector::Outcome outcome)>& done,
            std::stop_token stop) override {
    upload_all(tenant_, pace_, exports, done, std::move(stop));
  }

  /// Nobody can be asked for, and nobody need be: to upload a worker a second time makes no second account.
  std::vector<model::Entry> find(std::string_view, std::string_view, const model::Value&) override { return {}; }

 private:
  Tenant tenant_;
  UploadPace pace_;
};

}  // namespace

std::unique_ptr<connector::Connector> make_upload_connector(Options options, const Clock& clock, Pace pace,
                                                            Logger& logger) {
  return std::make_unique<UploadConnector>(std::move(options), clock, std::move(pace), logger);
}

connector::Kind upload_kind() {
  connector::Kind kind;
  kind.name = "graph-upload";
  kind.description = "Workers to Microsoft Entra ID or on-premises AD by API-driven inbound provisioning";
  kind.naming = {.references_by_anchor = true, .objects_by_dn = false};
  kind.settings = upload_setting_specs();
  kind.secrets = secret_specs();
  kind.make = [](const connector::Settings& settings, connector::Secrets secrets, Logger& logger) {
    return make_upload_connector(parse_upload_settings(settings, std::move(secrets)), real_clock(), real_pace(),
                                 logger);
  };
  kind.registrar = registrar_of(parse_upload_settings);
  return kind;
}

}  // namespace linkspan::connector_graph
