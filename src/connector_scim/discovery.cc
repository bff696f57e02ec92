// What a service says of itself: ServiceProviderConfig, ResourceTypes, Schemas (RFC 7644 section 4).

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "connector_scim/internal/service.h"
#include "net/json.h"

namespace linkspan::connector_scim {
namespace {

using nlohmann::json;

constexpr std::size_t k_most_schemas = 100;
constexpr std::size_t k_unsaid_operations = 100;

const json& at(const json& object, const char* key) {
  static const json none;
  if (!object.is_object()) return none;
  const auto found = object.find(key);
  return found == object.end() ? none : *found;
}

std::string text_at(const json& object, const char* key) {
  const json& found = at(object, key);
  return found.is_string() ? found.get<std::string>() : std::string();
}

bool supported(const json& config, const char* feature, bool unsaid) {
  const json& found = at(at(config, feature), "supported");
  return found.is_boolean() ? found.get<bool>() : unsaid;
}

std::optional<std::size_t> number_at(const json& object, const char* key) {
  const json& found = at(object, key);
  return found.is_number_unsigned() ? std::optional(found.get<std::size_t>()) : std::nullopt;
}

/// The resources of a ListResponse; some services send the bare array.
std::vector<json> listed(const std::string& body) {
  const json root = net::parse_json(body);
  const json& list = root.is_array() ? root : at(root, "Resources");
  std::vector<json> found;
  if (!list.is_array()) return found;
  for (const json& each : list) {
    if (found.size() < k_most_schemas) found.push_back(each);
  }
  return found;
}

/// "/Users" -> "Users"; empty for what we would rather not ask.
std::string endpoint_of(const std::string& said) {
  std::string_view text = trim(said);
  while (text.starts_with('/')) text.remove_prefix(1);
  while (text.ends_with('/')) text.remove_suffix(1);
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  if (text.empty() || text.size() > 100 || !std::all_of(text.begin(), text.end(), plain)) return {};
  return std::string(text);
}

/// A listed schema in place of the standard one; what every resource has, and what we know to be links, stays.
void adopt(Shape& standard, Shape listed_shape) {
  for (const Attribute& known : standard.attributes) {
    const auto same = std::find_if(listed_shape.attributes.begin(), listed_shape.attributes.end(),
                                   [&](const Attribute& each) { return equal_ascii_case(each.name, known.name); });
    if (same == listed_shape.attributes.end()) {
      if (known.name == "externalId") listed_shape.attributes.push_back(known);
    } else if (known.link && !same->link) {
      *same = known;
    } else if (const Attribute* type = find_attribute(known.sub, "type"); type != nullptr) {
      const auto said =
          std::find_if(same->sub.begin(), same->sub.end(), [](const Attribute& sub) { return sub.name == "type"; });
      if (said != same->sub.end() && said->canonical.empty()) said->canonical = type->canonical;
    }
  }
  standard = std::move(listed_shape);
}

void take_schemas(const std::string& body, Discovery& found,
                  const std::vector<std::pair<std::string, std::string>>& extensions) {
  for (const json& each : listed(body)) {
    std::optional<Shape> shape = parse_shape(each.dump(-1, ' ', false, json::error_handler_t::replace));
    if (!shape) continue;
    for (ResourceType& type : found.types) {
      if (equal_ascii_case(shape->urn, type.core.urn)) {
        adopt(type.core, *shape);
      } else if (type.extension(shape->urn) != nullptr) {
        const auto same = std::find_if(type.extensions.begin(), type.extensions.end(),
                                       [&](const Shape& known) { return equal_ascii_case(known.urn, shape->urn); });
        const std::string urn = same->urn;
        adopt(*same, *shape);
        same->urn = urn;
      } else if (std::find(extensions.begin(), extensions.end(), std::pair(type.name, shape->urn)) !=
                 extensions.end()) {
        type.extensions.push_back(*shape);
      }
    }
  }
}

/// Fills endpoints, and says which extension goes with which type.
std::vector<std::pair<std::string, std::string>> take_types(const std::string& body, Discovery& found) {
  std::vector<std::pair<std::string, std::string>> extensions;
  std::vector<std::string> names;
  for (const json& each : listed(body)) {
    const std::string name = text_at(each, "name");
    names.push_back(name);
    const auto type =
        std::find_if(found.types.begin(), found.types.end(), [&](const auto& known) { return known.name == name; });
    if (type == found.types.end()) {
      found.others.push_back(printable(name, 60));
      continue;
    }
    if (type->core.urn.empty()) type->core.urn = text_at(each, "schema");
    if (std::string endpoint = endpoint_of(text_at(each, "endpoint")); !endpoint.empty())
      type->endpoint = std::move(endpoint);
    const json& listed_extensions = at(each, "schemaExtensions");
    if (!listed_extensions.is_array()) continue;
    for (const json& extension : listed_extensions) extensions.emplace_back(name, text_at(extension, "schema"));
  }
  // A service that lists users and no groups has none; one that lists neither has not understood the question.
  const auto is_listed = [&](std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  const auto is_standard = [](const ResourceType& type) { return type.name == "User" || type.name == "Group"; };
  if (is_listed("User")) {
    std::erase_if(found.types, [&](const ResourceType& type) { return is_standard(type) && !is_listed(type.name); });
  }
  return extensions;
}

/// What only the service can say of a type of its own, it must have said.
void require_all(const Discovery& found, const std::string& url) {
  for (const ResourceType& type : found.types) {
    if (!type.endpoint.empty() && !type.core.urn.empty()) continue;
    std::string listed;
    for (const std::string& each : found.others) listed += (listed.empty() ? "" : ", ") + each;
    throw Error(Fault::invalid, "scim.object_type",
                url + " lists no resource type " + printable(type.name, 60) + " with an endpoint and a schema",
                "Correct object_types; " +
                    (listed.empty() ? std::string("the service lists no others.") : "it also has " + listed + "."));
  }
}

void take_config(const std::string& body, Discovery& found) {
  const json config = net::parse_json(body);
  if (!config.is_object()) return;
  found.said = true;
  found.patch = supported(config, "patch", true);
  found.filter = supported(config, "filter", true);
  found.etag = supported(config, "etag", false);
  found.sort = supported(config, "sort", false);
  const json& bulk = at(config, "bulk");
  if (supported(config, "bulk", false))
    found.most_operations = number_at(bulk, "maxOperations").value_or(k_unsaid_operations);
  found.most_payload = number_at(bulk, "maxPayloadSize").value_or(0);
  found.most_results = number_at(at(config, "filter"), "maxResults").value_or(0);
  // RFC 9865 section 4.
  const json& pagination = at(config, "pagination");
  const auto flag = [&](const char* name, bool unsaid) {
    const json& said = at(pagination, name);
    return said.is_boolean() ? said.get<bool>() : unsaid;
  };
  found.by_cursor =
      flag("cursor", false) &&
      (!flag("index", true) || equal_ascii_case(text_at(pagination, "defaultPaginationMethod"), "cursor"));
  if (const auto most = number_at(pagination, "maxPageSize")) found.most_results = *most;
}

}  // namespace

std::optional<net::Response> Service::ask(std::string_view endpoint, const std::stop_token& stop) {
  net::Response response = perform(request(net::Method::get, {endpoint}), stop);
  if (is_success(response)) return response;
  const Fault fault = net::fault_of(response.status);
  // Not to be had is an answer; being turned away or failing is not.
  if (fault == Fault::invalid || fault == Fault::not_found || response.status == 501) {
    return std::nullopt;
  }
  throw error_of(response, "reading " + std::string(endpoint) + " of " + options_.url);
}

Discovery Service::discover(const std::stop_token& stop) {
  Discovery found;
  for (const std::string& name : options_.object_types) {
    found.types.push_back(name == "User"    ? standard_user(options_.enterprise)
                          : name == "Group" ? standard_group()
                                            : foreign_type(name));
  }
  if (const auto config = ask("ServiceProviderConfig", stop)) take_config(config->body, found);
  found.patch = options_.patch.value_or(found.patch);
  found.filter = options_.filter.value_or(found.filter);
  if (options_.paging != Paging::as_said) found.by_cursor = options_.paging == Paging::cursor;
  if (options_.if_match == IfMatch::never) found.etag = false;
  std::vector<std::pair<std::string, std::string>> extensions;
  if (const auto types = ask("ResourceTypes", stop)) extensions = take_types(types->body, found);
  if (!options_.enterprise) {
    std::erase_if(extensions, [](const auto& each) { return equal_ascii_case(each.second, k_enterprise_schema); });
  }
  require_all(found, options_.url);
  if (const auto schemas = ask("Schemas", stop)) take_schemas(schemas->body, found, extensions);
  return found;
}

}  // namespace linkspan::connector_scim
