// Bulk requests and replies.

#include "connector_scim/internal/bulk.h"

#include <cstdint>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "net/json.h"

namespace linkspan::connector_scim {
namespace {

using nlohmann::json;

constexpr std::size_t k_frame = 160;  ///< what is around the data of one write

/// 201, "201", or {"code": "201"} as drafts of the RFC had it; 0 for none.
int status_in(const json& operation) {
  auto status = operation.find("status");
  if (status == operation.end()) return 0;
  const json& said = status->is_object() && status->contains("code") ? (*status)["code"] : *status;
  std::optional<std::int64_t> number;
  if (said.is_number_integer()) number = said.get<std::int64_t>();
  if (said.is_string()) number = to_integer(said.get_ref<const std::string&>());
  return number && *number >= 100 && *number < 600 ? static_cast<int>(*number) : 0;
}

std::string text_in(const json& operation, const char* name) {
  const auto found = operation.find(name);
  return found != operation.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// Which write a result speaks of: by its bulkId; without one, by its place.
std::size_t index_of(const json& operation, std::size_t place) {
  const std::string id = text_in(operation, "bulkId");
  if (id.empty()) return place;
  const auto number = to_integer(id);
  return number && *number >= 0 ? static_cast<std::size_t>(*number) : static_cast<std::size_t>(-1);
}

net::Response response_of(const json& operation, int status) {
  net::Response made;
  made.status = status;
  if (std::string location = text_in(operation, "location"); !location.empty()) {
    made.headers.add("Location", std::move(location));
  }
  if (std::string version = text_in(operation, "version"); !version.empty()) {
    made.headers.add("ETag", std::move(version));
  }
  if (const auto body = operation.find("response"); body != operation.end() && body->is_object()) {
    made.body = body->dump(-1, ' ', false, json::error_handler_t::replace);
  }
  return made;
}

}  // namespace

std::size_t bulk_size(const net::Request& request) { return k_frame + request.url.size() + request.body.size(); }

std::string bulk_body(std::string_view base, std::span<const net::Request> requests) {
  std::string body = R"({"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[)";
  for (std::size_t at = 0; at < requests.size(); ++at) {
    const net::Request& request = requests[at];
    if (at > 0) body += ',';
    body.append(R"({"method":")").append(net::name_of(request.method));
    body.append(R"(","bulkId":")").append(std::to_string(at));
    body.append(R"(","path":)").append(json(request.url.substr(base.size())).dump());
    if (const auto version = request.headers.find("If-Match")) {
      body.append(R"(,"version":)").append(json(std::string(*version)).dump());
    }
    if (!request.body.empty()) body.append(R"(,"data":)").append(request.body);
    body += '}';
  }
  return body += "]}";
}

std::vector<net::Outcome> bulk_outcomes(std::string_view body, std::size_t count) {
  std::vector<net::Outcome> made(
      count, Error(Fault::unavailable, "net.lost", "the reply to a bulk request says nothing of this write",
                   "Set bulk to 0 if the service cannot do better."));
  const json reply = net::parse_json(body);
  const auto operations = reply.is_object() ? reply.find("Operations") : reply.end();
  if (!reply.is_object() || operations == reply.end() || !operations->is_array()) return made;
  std::size_t place = 0;
  for (const json& each : *operations) {
    const std::size_t index = each.is_object() ? index_of(each, place++) : count;
    if (index >= count) continue;
    if (const int status = status_in(each); status != 0) made[index] = response_of(each, status);
  }
  return made;
}

}  // namespace linkspan::connector_scim
