#include "connector_graph/internal/device_sign_in.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "net/json.h"
#include "net/url.h"

namespace linkspan::connector_graph {
namespace {

using nlohmann::json;

struct DeviceCode {
  std::string code;
  connector::SignInPrompt prompt;
  std::chrono::seconds interval{5};
};

DeviceCode read_code(const net::Response& response, std::string_view what) {
  if (response.status != 200) throw sign_in_error(response, what);
  const json body = net::parse_json(response.body);
  const auto text = [&](const char* name) {
    const bool there = body.is_object() && body.contains(name) && body.at(name).is_string();
    return there ? body.at(name).get<std::string>() : std::string();
  };
  const auto number = [&](const char* name, std::int64_t standard, std::int64_t most) {
    const bool there = body.is_object() && body.contains(name) && body.at(name).is_number_integer();
    return std::chrono::seconds(
        std::clamp<std::int64_t>(there ? body.at(name).get<std::int64_t>() : standard, 1, most));
  };
  DeviceCode made;
  made.code = text("device_code");
  made.prompt.url = printable(text("verification_uri"), 200);
  made.prompt.code = printable(text("user_code"), 40);
  made.prompt.valid_for = number("expires_in", 900, 3600);
  made.interval = number("interval", 5, 60);
  if (made.code.empty() || made.prompt.code.empty() || made.prompt.url.empty()) {
    throw Error(Fault::unavailable, "graph.reply", std::string(what) + ": the answer holds no code",
                "Look at what answers at login_url; a proxy may stand in between.");
  }
  return made;
}

}  // namespace

Token sign_in_by_code(Tenant& tenant, std::string_view client_id, std::string_view permissions,
                      const std::function<void(const connector::SignInPrompt&)>& show, std::stop_token stop) {
  const std::string what = "the administrator's sign-in to " + tenant.options().tenant;
  std::string scope;
  for (const std::string_view each : split(permissions, ' ')) {
    scope += (scope.empty() ? "" : " ") + tenant.options().graph_url + "/" + std::string(each);
  }
  const DeviceCode code =
      read_code(tenant.http().perform(form_request(login_endpoint(tenant.options(), "devicecode"),
                                                   {{"client_id", client_id}, {"scope", scope}}, /*repeatable=*/true),
                                      stop),
                what);
  show(code.prompt);
  std::chrono::seconds interval = code.interval;
  const Pace::Instant end = tenant.pace().now() + code.prompt.valid_for;
  const net::Request asked = form_request(login_endpoint(tenant.options(), "token"),
                                          {{"grant_type", "urn:ietf:params:oauth:grant-type:device_code"},
                                           {"client_id", client_id},
                                           {"device_code", code.code}},
                                          /*repeatable=*/false);
  while (tenant.pace().now() < end) {
    tenant.pace().wait(tenant.pace().now() + interval, stop);
    if (stop.stop_requested()) throw Error(Fault::cancelled, "graph.stopped", what + " was stopped");
    const net::Response response = tenant.http().perform(asked, stop);
    const std::string said = oauth_error_of(response);
    if (said == "authorization_pending") continue;
    if (said == "slow_down") {
      interval += std::chrono::seconds(5);
      continue;
    }
    if (said == "expired_token") break;
    if (said == "authorization_declined" || said == "access_denied") {
      throw Error(Fault::denied, "graph.code_declined", what + " was declined", "Run the command again.");
    }
    return token_in(response, tenant.clock().now(), what);
  }
  throw Error(Fault::denied, "graph.code_expired", what + " did not happen in time", "Run the command again.");
}

}  // namespace linkspan::connector_graph
