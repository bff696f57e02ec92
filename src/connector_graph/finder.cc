#include "connector_graph/internal/finder.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "connector_graph/internal/reader.h"
#include "connector_graph/internal/writer.h"
#include "net/url.h"

namespace linkspan::connector_graph {
namespace {

bool holds(const model::Entry& entry, const Property& property, const model::Value& value) {
  const std::string wanted = model::to_text(value);
  for (const auto& [name, values] : entry.attributes) {
    if (name != property.name) continue;
    return std::any_of(values.begin(), values.end(), [&](const model::Value& each) {
      const std::string text = model::to_text(each);
      return property.case_exact ? text == wanted : fold_key(text) == fold_key(wanted);
    });
  }
  return false;
}

}  // namespace

std::string path_by_unique_name(std::string_view unique_name) {
  return "/groups(uniqueName=" + net::percent_encode(odata_string(unique_name)) + ")";
}

Call find_call(const ObjectType& type, std::string_view attribute, const model::Value& value) {
  // Without $count and ConsistencyLevel the directory itself answers, not its search index, which lags behind further
  // (learn.microsoft.com/graph/aad-advanced-queries).
  return {net::Method::get,
          net::with_query(
              "/" + type.collection,
              {{"$filter", equality_filter(type, attribute, value)}, {"$select", type.selection()}, {"$top", "5"}})};
}

std::vector<model::Entry> matches_in(std::string_view body, const ObjectType& type, std::string_view attribute,
                                     const model::Value& value) {
  const Property* property = type.find(attribute);
  std::vector<model::Entry> found;
  for (Item& item : Reader().page(body, type).items) {
    // Entra compares without case, and an anchor differs by case: an account of somebody else must not be adopted.
    if (property != nullptr && found.size() < 2 && holds(item.entry, *property, value)) {
      found.push_back(std::move(item.entry));
    }
  }
  return found;
}

std::vector<model::Entry> find_objects(Tenant& tenant, std::string_view object_type, std::string_view attribute,
                                       const model::Value& value) {
  const ObjectType& type = tenant.type(object_type);
  if (type.name == "group" && attribute == type.key) {
    const Call call{net::Method::get,
                    net::with_query(path_by_unique_name(model::to_text(value)), {{"$select", type.selection()}})};
    const net::Response response = tenant.perform(call, {});
    if (response.status == 404) return {};
    if (!is_success(response)) throw error_of(response, "looking for a group by its uniqueName");
    return {Reader().object(response.body, type).entry};
  }
  Call call = find_call(type, attribute, value);
  net::Response response = tenant.perform(call, {});
  if (response.status == 400 && Reader().complaint(response.body).code == "Request_UnsupportedQuery") {
    // Only the search index can answer for this attribute.
    call.path = net::with_query(call.path, {{"$count", "true"}});
    call.headers.add("ConsistencyLevel", "eventual");
    response = tenant.perform(call, {});
  }
  if (!is_success(response)) {
    throw error_of(response, "looking for a " + type.name + " by its " + printable(attribute, 60));
  }
  return matches_in(response.body, type, attribute, value);
}

}  // namespace linkspan::connector_graph
