// The connector itself: the port, passed on to those who do the work.

#include "connector_scim/scim.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "connector_scim/internal/checks.h"
#include "connector_scim/internal/exporter.h"
#include "connector_scim/internal/make.h"
#include "connector_scim/internal/page_walk.h"
#include "connector_scim/internal/scim_import.h"
#include "connector_scim/internal/service.h"
#include "connector_scim/internal/settings.h"

namespace linkspan::connector_scim {
namespace {

/// The value as a filter compares it: a JSON literal of the attribute's kind.
std::string literal_of(const model::Value& value, const Attribute* leaf) {
  const bool boolean = leaf != nullptr && leaf->type == Attribute::Type::boolean;
  if (boolean || std::holds_alternative<bool>(value))
    return equal_ascii_case(model::to_text(value), "true") ? "true" : "false";
  if (const auto* number = std::get_if<std::int64_t>(&value);
      number != nullptr && leaf != nullptr && leaf->type == Attribute::Type::integer) {
    return std::to_string(*number);
  }
  return json_string(model::to_text(value));
}

enum class Match { no, but_for_case, exact };

Match match(const model::Entry& entry, const std::string& name, const model::Value& value) {
  const std::string wanted = model::to_text(value);
  Match best = Match::no;
  for (const auto& [each, values] : entry.attributes) {
    if (each != name) continue;
    for (const model::Value& found : values) {
      const std::string text = model::to_text(found);
      if (text == wanted) return Match::exact;
      if (fold_key(text) == fold_key(wanted)) best = Match::but_for_case;
    }
  }
  return best;
}

class ScimConnector final : public connector::Connector {
 public:
  ScimConnector(Options options, Logger& logger) : service_(std::move(options), clock_, logger) {}

  connector::Capabilities capabilities() override {
    connector::Capabilities made;
    made.delta_import = service_.offers_delta();
    made.exports = true;
    made.references_by_anchor = true;
    made.correlation_attribute = "externalId";
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
    const Discovery& discovery = service_.discovery();
    const ResourceType* type = discovery.find(object_type);
    if (type == nullptr) {
      throw Error(Fault::invalid, "scim.object_type",
                  "the service has no objects of type " + printable(object_type, 60),
                  "Look at the connector's object_types.");
    }
    const Path path = parse_path(attribute);
    const Attribute* leaf = type->find_leaf(path);
    const std::string filter = equality_filter(path, literal_of(value, leaf));
    const net::Response response =
        service_.get({type->endpoint}, {{"filter", filter}, {"startIndex", "1"}, {"count", "2"}}, {});
    std::vector<model::Entry> found;
    for (Resource& resource : Reader().page(response.body, *type).resources) {
      // A service that ignores the filter would have us adopt a stranger, or miss the one we look for.
      const Match how = match(resource.entry, to_name(path), value);
      if (how == Match::no) {
        throw Error(
            Fault::invalid, "scim.filter_ignored",
            "asked for " + printable(filter, 120) + ", the service answers with others: it does not apply the filter",
            "Nothing was adopted. A full import shows which objects are there.");
      }
      if (how == Match::but_for_case && leaf != nullptr && leaf->case_exact) continue;
      if (found.size() < 2) found.push_back(std::move(resource.entry));
    }
    return found;
  }

 private:
  SystemClock clock_;
  Service service_;
};

}  // namespace

std::unique_ptr<connector::Connector> make_connector(Options options, Logger& logger) {
  return std::make_unique<ScimConnector>(std::move(options), logger);
}

connector::Kind scim_kind() {
  connector::Kind kind;
  kind.name = "scim";
  kind.description = "SCIM 2.0 service";
  kind.settings = setting_specs();
  kind.secrets = {{"token", "Bearer token", true, false, ""}};
  kind.make = [](const connector::Settings& settings, connector::Secrets secrets, Logger& logger) {
    return make_connector(parse_settings(settings, std::move(secrets)), logger);
  };
  return kind;
}

}  // namespace linkspan::connector_scim
