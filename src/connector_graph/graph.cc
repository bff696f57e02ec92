// The connector itself: the port, passed on to those who do the work.

#include "connector_graph/graph.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "connector_graph/internal/checks.h"
#include "connector_graph/internal/exporter.h"
#include "connector_graph/internal/finder.h"
#include "connector_graph/internal/graph_import.h"
#include "connector_graph/internal/make.h"
#include "connector_graph/internal/registration.h"

namespace linkspan::connector_graph {
namespace {

class GraphConnector final : public connector::Connector {
 public:
  GraphConnector(Options options, const Clock& clock, Pace pace, Logger& logger)
      : tenant_(std::move(options), clock, std::move(pace), logger) {}

  connector::Capabilities capabilities() override {
    connector::Capabilities made;
    made.delta_import = true;
    made.delta_reports_removals = true;
    made.exports = true;
    made.references_by_anchor = true;
    made.correlation_attribute = k_immutable_id;
    return made;
  }

  model::Schema schema() override {
    const std::vector<Extension> extensions = tenant_.extensions({}).value_or(std::vector<Extension>{});
    model::Schema made;
    for (const std::string& name : tenant_.options().object_types) {
      // What the settings name, and what they could name.
      std::vector<Extension> all = extensions;
      for (const Property& property : tenant_.type(name).properties) {
        const bool known =
            std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.name == property.name; });
        if (property.name.starts_with("extension_") && !known) {
          all.push_back({property.name, property.kind, property.multi_valued, {name}});
        }
      }
      made.classes.push_back(schema_of(object_type(name, all)));
    }
    std::sort(made.classes.begin(), made.classes.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return made;
  }

  std::vector<connector::Check> test() override { return run_checks(tenant_); }

  std::unique_ptr<connector::Import> import(const connector::ImportRequest& request, std::stop_token stop) override {
    std::optional<Watermark> since;
    if (!request.watermark.empty()) {
      since = parse_watermark(request.watermark, fingerprint_of(tenant_.types(stop)), tenant_.clock().now());
    }
    warn_of_certificate(tenant_);
    return std::make_unique<GraphImport>(tenant_, std::move(since), request.held, std::move(stop));
  }

  void send(std::span<const model::Export> exports,
            const std::function<void(std::size_t index, connector::Outcome outcome)>& done,
            std::stop_token stop) override {
    send_all(tenant_, exports, done, std::move(stop));
  }

  std::vector<model::Entry> find(std::string_view object_type, std::string_view attribute,
                                 const model::Value& value) override {
    return find_objects(tenant_, object_type, attribute, value);
  }

 private:
  Tenant tenant_;
};

}  // namespace

void warn_of_certificate(Tenant& tenant) {
  const std::optional<Time> end = tenant.sign_in().certificate_end();
  if (!end || *end - tenant.clock().now() >= k_certificate_ends_soon) return;
  tenant.logger().log(Level::warning, "graph.certificate_ends",
                      "the certificate of application " + tenant.options().client_id + " ends at " + to_rfc3339(*end) +
                          ": replace it with `linkspan connector register --rotate`");
}

const Clock& real_clock() {
  static const SystemClock clock;
  return clock;
}

std::vector<connector::SettingSpec> secret_specs() {
  return {{"certificate", "Certificate and private key (PEM); `connector register` makes it", false, false, ""}};
}

connector::Registrar registrar_of(Options (*parse)(const connector::Settings&, connector::Secrets)) {
  connector::Registrar registrar;
  registrar.enroll = [parse](const connector::Settings& settings, connector::Secrets secrets, const std::string& name,
                             const std::function<void(const connector::SignInPrompt&)>& show, Logger& logger,
                             std::stop_token stop) {
    Tenant tenant(parse(settings, std::move(secrets)), real_clock(), real_pace(), logger);
    return register_application(tenant, name, show, std::move(stop));
  };
  registrar.rotate = [parse](const connector::Settings& settings, connector::Secrets secrets, const std::string& name,
                             Logger& logger, std::stop_token stop) {
    Tenant tenant(parse(settings, std::move(secrets)), real_clock(), real_pace(), logger);
    return rotate_certificate(tenant, name, std::move(stop));
  };
  return registrar;
}

std::unique_ptr<connector::Connector> make_connector(Options options, const Clock& clock, Pace pace, Logger& logger) {
  return std::make_unique<GraphConnector>(std::move(options), clock, std::move(pace), logger);
}

connector::Kind graph_kind() {
  connector::Kind kind;
  kind.name = "graph";
  kind.description = "Microsoft Entra ID through Microsoft Graph";
  kind.naming = {.references_by_anchor = true, .objects_by_dn = false};
  kind.settings = setting_specs();
  kind.secrets = secret_specs();
  kind.make = [](const connector::Settings& settings, connector::Secrets secrets, Logger& logger) {
    return make_connector(parse_settings(settings, std::move(secrets)), real_clock(), real_pace(), logger);
  };
  kind.registrar = registrar_of(parse_settings);
  return kind;
}

}  // namespace linkspan::connector_graph
