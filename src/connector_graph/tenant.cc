// Requests out, replies told apart.

#include "connector_graph/internal/tenant.h"

#include <condition_variable>

#include "base/error.h"
#include "base/text.h"
#include "connector_graph/internal/reader.h"
#include "net/pacing.h"
#include "net/url.h"

namespace linkspan::connector_graph {
namespace {

struct Meaning {
  Fault fault;
  std::string_view id;
  std::string_view said;
  std::string_view hint;
};

bool holds(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

Meaning meaning_of(int status, const Complaint& said) {
  if (said.code == "Directory_QuotaExceeded") {
    return {Fault::denied, "graph.quota", "the tenant is full",
            "Ask Microsoft for a larger quota, or verify a domain."};
  }
  if (said.code == "Request_UnsupportedQuery") {
    return {Fault::invalid, "graph.filter", "Graph cannot search by this attribute",
            "Join by onPremisesImmutableId, userPrincipalName, mail, employeeId or another attribute with an index."};
  }
  if (holds(said.message, "already exists") || said.code == "ObjectConflict") {
    return {Fault::conflict, "graph.taken", "another object of the tenant has this value already",
            "Import the tenant again: an object that already exists can then be joined. Else change what must be "
            "unique."};
  }
  if (said.code == "Request_ResourceNotFound" || status == 404 || status == 410) {
    return {Fault::not_found, "graph.gone", "the tenant does not have it (any more, or not yet)",
            "Import the tenant again."};
  }
  switch (status) {
    case 401:
      return {Fault::denied, "graph.token", "Graph does not accept the token",
              "Register the connector again with `linkspan connector register`."};
    case 403:
      return {Fault::denied, "graph.access", "the application may not do this",
              "Register the connector again with `linkspan connector register`: the permissions it needs are then "
              "granted. Accounts of administrators need a directory role besides: see the connector's page."};
    case 409:
    case 412:
      return {Fault::conflict, "graph.conflict", "somebody else changed it at the same moment",
              "It is tried again with the next export."};
    case 413:
      return {Fault::invalid, "graph.too_large", "Graph takes no request so large",
              "Shorten what is long in it, or let no rule flow it to this tenant."};
    case 429:
      return {Fault::throttled, "graph.throttled", "Graph asks to be left alone",
              "Lower the connector's write_budget."};
    default:
      break;
  }
  if (net::fault_of(status) == Fault::unavailable && status != 501) {
    return {Fault::unavailable, "graph.failed", "Graph failed", "It is tried again with the next run."};
  }
  return {Fault::invalid, "graph.refused", "Graph refuses the request",
          "Compare the rule's attributes and values with what Graph accepts."};
}

}  // namespace

Pace real_pace() {
  Pace made;
  made.now = [] { return std::chrono::steady_clock::now(); };
  made.wait = [](Pace::Instant until, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait_until(lock, stop, until, [] { return false; });
  };
  return made;
}

Tenant::Tenant(Options options, const Clock& clock, Pace pace, Logger& logger)
    : options_(std::move(options)),
      clock_(clock),
      pace_(std::move(pace)),
      logger_(logger),
      http_(options_.http, clock, logger),
      sign_in_(options_, http_, clock),
      write_budget_(options_.write_budget, std::chrono::minutes(5), pace_.now()) {}

net::Request Tenant::request(const Call& call, const std::stop_token& stop) {
  net::Request made;
  made.method = call.method;
  made.url = root() + call.path;
  made.headers = call.headers;
  made.headers.add("Authorization", sign_in_.authorization(stop));
  made.headers.add("Accept", "application/json");
  if (!call.body.empty() && !call.headers.find("Content-Type")) {
    made.headers.add("Content-Type", "application/json");
  }
  made.body = call.body;
  return made;
}

net::Response Tenant::perform(const Call& call, const std::stop_token& stop) {
  net::Request asked = request(call, stop);
  net::Response response = http_.perform(asked, stop);
  if (response.status != 401) return response;
  sign_in_.forget(*asked.headers.find("Authorization"));
  asked = request(call, stop);
  return http_.perform(asked, stop);
}

net::Response Tenant::get(std::string path, const std::stop_token& stop) {
  const Call call{net::Method::get, std::move(path)};
  net::Response response = perform(call, stop);
  if (!is_success(response)) throw error_of(response, "reading " + net::for_display(root() + call.path));
  return response;
}

std::string Tenant::path_of_link(std::string_view link) const {
  const std::string base = root() + "/";
  if (!link.starts_with(base) || !net::resolve(base, link)) {
    throw Error(Fault::unavailable, "graph.reply",
                "Graph gave a link that leads elsewhere: " + net::for_display(link.substr(0, 200)),
                "Look at what answers at graph_url; a proxy may stand in between.");
  }
  return std::string(link.substr(base.size() - 1));
}

const std::vector<ObjectType>& Tenant::types(const std::stop_token& stop) {
  const std::scoped_lock lock(mutex_);
  if (types_) return *types_;
  std::vector<Extension> named;
  if (!options_.directory_extensions.empty()) {
    const std::vector<Extension> known = extensions(stop).value_or(std::vector<Extension>{});
    for (const std::string& name : options_.directory_extensions) {
      const auto found =
          std::find_if(known.begin(), known.end(), [&](const Extension& one) { return one.name == name; });
      // What nobody tells us of is text for users: then it reads and writes as what most extensions are.
      named.push_back(found != known.end() ? *found : Extension{name, model::ValueKind::text, false, {"User"}});
    }
  }
  std::vector<ObjectType> made;
  made.reserve(options_.object_types.size());
  for (const std::string& name : options_.object_types) made.push_back(object_type(name, named));
  types_ = std::move(made);
  return *types_;
}

const ObjectType& Tenant::type(std::string_view name, const std::stop_token& stop) {
  for (const ObjectType& one : types(stop)) {
    if (one.name == name) return one;
  }
  throw Error(Fault::invalid, "graph.object_type", "the tenant has no objects of type " + printable(name, 60),
              "Provision user or group, and look at the connector's object_types.");
}

std::optional<std::vector<Extension>> Tenant::extensions(const std::stop_token& stop) {
  // learn.microsoft.com/graph/api/directoryobject-getavailableextensionproperties
  Call call{net::Method::post, "/directoryObjects/getAvailableExtensionProperties", {}, R"({})"};
  const net::Response response = perform(call, stop);
  if (response.status == 403) return std::nullopt;
  if (!is_success(response)) throw error_of(response, "reading the tenant's directory extensions");
  return Reader().extensions(response.body);
}

Error error_of(const net::Response& response, const std::string& what) {
  const Complaint said = Reader().complaint(response.body);
  const Meaning meaning = meaning_of(response.status, said);
  std::string message = what + ": " + std::string(meaning.said) + " (HTTP " + std::to_string(response.status);
  if (!said.code.empty()) message += " " + said.code;
  message += said.message.empty() ? ")" : "): " + said.message;
  Error error(meaning.fault, meaning.id, std::move(message), std::string(meaning.hint));
  if (const auto header = response.headers.find("Retry-After")) {
    if (const auto delay = net::parse_retry_after(*header, SystemClock().now())) {
      return std::move(error).retry_after(*delay);
    }
  }
  return error;
}

bool is_taken(const net::Response& response) {
  return response.status == 409 ||
         (response.status == 400 && holds(Reader().complaint(response.body).message, "already exists"));
}

bool is_reference_there(const net::Response& response) {
  return response.status == 400 && holds(Reader().complaint(response.body).message, "references already exist");
}

}  // namespace linkspan::connector_graph
