#include "connector_graph/internal/worker.h"

#include <algorithm>
#include <array>
#include <set>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::connector_graph {
namespace {

using nlohmann::json;

constexpr std::string_view k_core = "urn:ietf:params:scim:schemas:core:2.0:User";
constexpr std::string_view k_enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
constexpr std::size_t k_longest_key = 256;

/// Where a value stands in the resource.
struct Place {
  std::string_view name;
  std::string_view outer{};  ///< the complex attribute, or the list whose element of type work it is
  std::string_view inner{};
  bool of_work = false;
  bool is_flag = false;
};

constexpr Place part(std::string_view name, std::string_view outer, std::string_view inner) {
  return {name, outer, inner};
}
constexpr Place work(std::string_view name, std::string_view outer, std::string_view inner) {
  return {name, outer, inner, true};
}
constexpr Place enterprise(std::string_view name, std::string_view inner) { return {name, k_enterprise, inner}; }

// Of addresses, mails and telephone numbers the service reads those of type work
// (learn.microsoft.com/entra/identity/app-provisioning/inbound-provisioning-api-issues).
constexpr std::array k_places{
    Place{"active", {}, {}, false, true},
    work(R"(addresses[type eq "work"].country)", "addresses", "country"),
    work(R"(addresses[type eq "work"].formatted)", "addresses", "formatted"),
    work(R"(addresses[type eq "work"].locality)", "addresses", "locality"),
    work(R"(addresses[type eq "work"].postalCode)", "addresses", "postalCode"),
    work(R"(addresses[type eq "work"].region)", "addresses", "region"),
    work(R"(addresses[type eq "work"].streetAddress)", "addresses", "streetAddress"),
    Place{"displayName"},
    work(R"(emails[type eq "work"].value)", "emails", "value"),
    enterprise("enterprise:costCenter", "costCenter"),
    enterprise("enterprise:department", "department"),
    enterprise("enterprise:division", "division"),
    enterprise("enterprise:employeeNumber", "employeeNumber"),
    enterprise("enterprise:organization", "organization"),
    Place{k_worker_key},
    Place{"locale"},
    part("name.familyName", "name", "familyName"),
    part("name.formatted", "name", "formatted"),
    part("name.givenName", "name", "givenName"),
    part("name.honorificPrefix", "name", "honorificPrefix"),
    part("name.honorificSuffix", "name", "honorificSuffix"),
    part("name.middleName", "name", "middleName"),
    Place{"nickName"},
    work(R"(phoneNumbers[type eq "work"].value)", "phoneNumbers", "value"),
    Place{"preferredLanguage"},
    Place{"profileUrl"},
    Place{"timezone"},
    Place{"title"},
    Place{"userName"},
    Place{"userType"},
};

[[noreturn]] void refuse_value(std::string_view name, const model::Value& value, std::string_view wanted) {
  throw Error(
      Fault::invalid, "graph.value",
      printable(name, 100) + " takes " + std::string(wanted) + ", not \"" + printable(model::to_text(value), 80) + "\"",
      "Correct the rule that makes this value.");
}

json flag_json(std::string_view name, const model::Value& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag;
  const std::string text = model::to_text(value);
  if (equal_ascii_case(text, "true") || text == "1") return true;
  if (equal_ascii_case(text, "false") || text == "0") return false;
  refuse_value(name, value, "true or false");
}

json text_json(std::string_view name, const model::Value& value) {
  std::string text = model::to_text(value);
  if (!is_utf8(text)) refuse_value(name, value, "UTF-8 text");
  return text;
}

/// The element of type work of one list, made where it is missing.
json& work_element(json& data, std::string_view list) {
  json& all = data[std::string(list)];
  if (!all.is_array()) all = json::array();
  if (all.empty()) all.push_back({{"type", "work"}, {"primary", true}});
  return all.front();
}

/// One resource under construction. One thread.
class Worker {
 public:
  explicit Worker(const Options& options) : options_(options) {}

  void set(const std::string& name, const model::Values& values) {
    if (values.size() > 1) {
      throw Error(Fault::invalid, "graph.value", printable(name, 100) + " takes one value, not several",
                  "Let the rule choose one.");
    }
    const auto place =
        std::find_if(k_places.begin(), k_places.end(), [&](const Place& one) { return one.name == name; });
    if (place == k_places.end()) return set_further(name, values);
    json value = nullptr;
    if (!values.empty()) value = place->is_flag ? flag_json(name, values.front()) : text_json(name, values.front());
    json& home = place->of_work         ? work_element(data_, place->outer)
                 : place->outer.empty() ? data_
                                        : data_[std::string(place->outer)];
    home[std::string(place->inner.empty() ? place->name : place->inner)] = std::move(value);
  }

  /// By the externalId of another worker
  /// (learn.microsoft.com/graph/api/synchronization-synchronizationjob-post-bulkupload, example 1); empty: none any
  /// more.
  void set_manager(const std::string& external_id) {
    data_[std::string(k_enterprise)]["manager"] = {{"value", external_id.empty() ? json(nullptr) : json(external_id)}};
  }

  json finish() {
    json schemas = json::array({k_core, k_enterprise});
    for (const std::string& each : further_) schemas.push_back(each);
    data_["schemas"] = std::move(schemas);
    return std::move(data_);
  }

 private:
  void set_further(const std::string& name, const model::Values& values) {
    const auto& known = options_.worker_attributes;
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw Error(Fault::invalid, "graph.attribute", "workers have no attribute " + printable(name, 100),
                  "Correct the rule, or name it in the connector's worker_attributes and in the job's schema.");
    }
    const std::size_t colon = name.rfind(':');
    const std::string urn = name.substr(0, colon);
    if (urn != k_enterprise) further_.insert(urn);
    json value = nullptr;
    if (!values.empty()) {
      const model::Value& one = values.front();
      if (const bool* flag = std::get_if<bool>(&one)) {
        value = *flag;
      } else {
        value = text_json(name, one);
      }
    }
    data_[urn][name.substr(colon + 1)] = std::move(value);
  }

  const Options& options_;
  json data_ = json::object();
  std::set<std::string> further_;
};

}  // namespace

model::SchemaClass worker_schema(const Options& options) {
  model::SchemaClass made;
  made.name = k_worker_type;
  const auto add = [&](std::string_view name, model::ValueKind kind) {
    model::SchemaAttribute attribute;
    attribute.name = name;
    attribute.kind = kind;
    attribute.case_exact = name == k_worker_key;
    made.attributes.push_back(std::move(attribute));
  };
  for (const Place& place : k_places) {
    add(place.name, place.is_flag ? model::ValueKind::boolean : model::ValueKind::text);
  }
  for (const std::string& name : options.worker_attributes) add(name, model::ValueKind::text);
  add(k_worker_manager, model::ValueKind::reference);
  std::sort(made.attributes.begin(), made.attributes.end(),
            [](const auto& left, const auto& right) { return left.name < right.name; });
  return made;
}

std::string worker_of(const model::Export& change) {
  std::string key = change.anchor;
  if (change.whole) {
    for (const auto& [name, values] : change.whole->attributes) {
      if (name != k_worker_key || values.size() != 1) continue;
      std::string wanted = model::to_text(values.front());
      if (!key.empty() && wanted != key) {
        throw Error(Fault::invalid, "graph.read_only",
                    "the externalId " + printable(key, 100) + " cannot become " + printable(wanted, 100),
                    "It is what the job tells workers apart by: flow to it what never changes.");
      }
      key = std::move(wanted);
    }
  }
  if (key.empty() || key.size() > k_longest_key) {
    throw Error(Fault::invalid, "graph.required", "a worker needs an externalId of at most 256 bytes",
                "Let a rule flow it: it carries the source anchor.");
  }
  return key;
}

json worker_data(const Options& options, const model::Export& change) {
  Worker worker(options);
  worker.set(std::string(k_worker_key), {worker_of(change)});
  if (change.operation == model::Operation::remove) {
    worker.set("active", {false});
    return worker.finish();
  }
  if (change.whole) {
    for (const auto& [name, values] : change.whole->attributes) worker.set(name, values);
  }
  for (const model::AttributeChange& one : change.attributes) {
    if (one.after.empty()) worker.set(one.name, {});
  }
  for (const model::ReferenceChange& one : change.references) {
    if (one.attribute == k_worker_manager && !one.add) worker.set_manager({});
  }
  if (change.whole) {
    for (const model::NamedReference& one : change.whole->references) {
      if (one.attribute == k_worker_manager) worker.set_manager(one.target);
    }
  }
  return worker.finish();
}

}  // namespace linkspan::connector_graph
