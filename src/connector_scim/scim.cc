// The connector itself: the port, passed on to those who do the work.

#include "connector_scim/scim.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "connector_scim/internal/checks.h"
#include "connector_scim/internal/exporter.h"
#include "connector_scim/internal/finder.h"
#include "connector_scim/internal/make.h"
#include "connector_scim/internal/probe.h"
#include "connector_scim/internal/scim_import.h"
#include "connector_scim/internal/service.h"
#include "connector_scim/internal/settings.h"

namespace linkspan::connector_scim {
namespace {

/// How often a call of send() fills the requests in flight. At its end they run dry, which costs half a wave: with many
/// in flight, calls are longer by number, and as long as ever by the clock.
constexpr std::size_t k_waves_at_once = 25;

class ScimConnector final : public connector::Connector {
 public:
  ScimConnector(Options options, Logger& logger) : service_(std::move(options), clock_, logger) {}

  connector::Capabilities capabilities() override {
    connector::Capabilities made;
    made.delta_import = service_.offers_delta();
    made.exports = true;
    made.references_by_anchor = true;
    made.correlation_attribute = k_correlation_attribute;
    made.changes_at_once = std::max(made.changes_at_once, k_waves_at_once * service_.options().concurrency);
    return made;
  }

  model::Schema schema() override {
    model::Schema made;
    for (const ResourceType& type : service_.discover({}).types) made.classes.push_back(flatten(type));
    std::sort(made.classes.begin(), made.classes.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return made;
  }

  std::vector<connector::Check> test() override { return run_checks(service_); }

  std::unique_ptr<connector::Import> import(const connector::ImportRequest& request, std::stop_token stop) override {
    std::optional<Time> since;
    if (!request.watermark.empty()) {
      since = parse_watermark(request.watermark);
      (void)service_.discovery(stop);
      if (!service_.offers_delta()) {
        throw Error(Fault::invalid, "connector.watermark_refused",
                    "the service cannot list what changed: it has no filters", "Begin again with a full import.");
      }
    }
    return std::make_unique<ScimImport>(service_, since, std::move(stop));
  }

  void send(std::span<const model::Export> exports,
            const std::function<void(std::size_t index, connector::Outcome outcome)>& done,
            std::stop_token stop) override {
    send_all(service_, exports, done, std::move(stop));
  }

  std::vector<model::Entry> find(std::string_view object_type, std::string_view attribute,
                                 const model::Value& value) override {
    return find_objects(service_, object_type, attribute, value);
  }

 private:
  SystemClock clock_;
  Service service_;
};

}  // namespace

std::unique_ptr<connector::Connector> make_connector(Options options, Logger& logger) {
  return std::make_unique<ScimConnector>(std::move(options), logger);
}

connector::Kind scim_kind(const std::filesystem::path& profiles) {
  connector::Kind kind;
  kind.name = "scim";
  kind.description = "SCIM 2.0 service";
  kind.naming = {.references_by_anchor = true, .objects_by_dn = false};
  kind.settings = setting_specs();
  kind.secrets = {{"token", "Bearer token; with token_url the client's secret", true, false, ""}};
  kind.make = [profiles](const connector::Settings& settings, connector::Secrets secrets, Logger& logger) {
    return make_connector(parse_settings(settings, std::move(secrets), profiles), logger);
  };
  kind.probe = [profiles](const connector::Settings& settings, connector::Secrets secrets, bool may_write,
                          Logger& logger, std::stop_token stop) {
    const SystemClock clock;
    Service service(parse_settings(settings, std::move(secrets), profiles), clock, logger);
    return probe(service, may_write, clock, std::move(stop));
  };
  return kind;
}

}  // namespace linkspan::connector_scim
