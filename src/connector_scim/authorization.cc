// Bearer tokens, given or asked for.

#include "connector_scim/internal/authorization.h"

#include <algorithm>
#include <chrono>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "net/json.h"
#include "net/url.h"

namespace linkspan::connector_scim {
namespace {

using nlohmann::json;

constexpr std::size_t k_longest_token = std::size_t{32} * 1024;
constexpr std::chrono::seconds k_unsaid_life{300};  ///< expires_in is only recommended
constexpr std::chrono::seconds k_longest_margin{60};

std::string text_at(const json& body, const char* name) {
  if (!body.is_object()) return {};
  const auto found = body.find(name);
  return found != body.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void add_field(std::string& form, std::string_view name, std::string_view value) {
  if (!form.empty()) form += '&';
  form.append(name).append("=").append(net::percent_encode(value));
}

/// RFC 6749 section 2.3.1: by Basic, which every token service takes, or in the body.
net::Request token_request(const Options& options) {
  net::Request made;
  made.method = net::Method::post;
  made.url = options.token_url;
  made.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
  made.repeatable = true;  // another token is no harm
  add_field(made.body, "grant_type", "client_credentials");
  if (!options.scope.empty()) add_field(made.body, "scope", options.scope);
  if (options.secret_in_body) {
    add_field(made.body, "client_id", options.client_id);
    add_field(made.body, "client_secret", options.token.reveal());
  } else {
    const std::string both = net::percent_encode(options.client_id) + ":" + net::percent_encode(options.token.reveal());
    made.headers.add("Authorization", "Basic " + to_base64(both));
  }
  return made;
}

/// RFC 6749 section 5.2.
Error refusal_of(const net::Response& response, const Options& options) {
  const std::string what = "asking " + net::for_display(options.token_url) + " for a token";
  const std::string status = " (HTTP " + std::to_string(response.status);
  const Fault fault = net::fault_of(response.status);
  if (fault == Fault::unavailable || fault == Fault::throttled) {
    return {fault, "scim.failed", what + ": the token service fails" + status + ")",
            "It is tried again with the next run."};
  }
  const json body = net::parse_json(response.body);
  const std::string code = printable(text_at(body, "error"), 60);
  const std::string said = printable(text_at(body, "error_description"), 200);
  std::string hint = "Check client_id, and enter the client's secret with `linkspan connector credentials`.";
  if (code == "invalid_scope") hint = "Correct the connector's scope.";
  if (fault == Fault::not_found) hint = "Correct the connector's token_url.";
  std::string_view id = "scim.sign_in";
  if (const auto trouble = trouble_in(code + " " + said)) {
    id = trouble->id;
    hint = trouble->hint;
  } else if (code == "unauthorized_client" || code == "access_denied") {
    id = "scim.access";
    hint = "Give the client the right to ask for tokens by its own credentials, and for this scope.";
  }
  return {Fault::denied, id,
          what + ": it is refused" + status + (code.empty() ? "" : " " + code) + (said.empty() ? ")" : "): " + said),
          std::move(hint)};
}

}  // namespace

Authorization::Authorization(const Options& options, net::HttpClient& http, const Clock& clock)
    : options_(options), http_(http), clock_(clock) {}

std::string Authorization::header(std::stop_token stop) {
  if (!renews()) return "Bearer " + std::string(options_.token.reveal());
  const std::scoped_lock lock(mutex_);
  if (token_.empty() || clock_.now() >= renew_at_) renew(std::move(stop));
  return "Bearer " + std::string(token_.reveal());
}

void Authorization::forget(std::string_view header) {
  const std::scoped_lock lock(mutex_);
  if (header == "Bearer " + std::string(token_.reveal())) token_ = {};
}

void Authorization::renew(std::stop_token stop) {
  const net::Response response = http_.perform(token_request(options_), stop);
  if (response.status != 200) throw refusal_of(response, options_);
  const json body = net::parse_json(response.body);
  std::string text = text_at(body, "access_token");
  const bool usable = !text.empty() && text.size() <= k_longest_token &&
                      std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!usable || !equal_ascii_case(text_at(body, "token_type"), "bearer")) {
    throw Error(Fault::unavailable, "scim.reply",
                net::for_display(options_.token_url) + " answers without a bearer token",
                "Look at what answers at the connector's token_url; a proxy may stand in between.");
  }
  const auto said = body.find("expires_in");
  std::chrono::seconds life = k_unsaid_life;
  if (said != body.end() && said->is_number_integer()) {
    life = std::chrono::seconds(std::clamp<std::int64_t>(said->get<std::int64_t>(), 0, 86'400));
  }
  // What is under way must not outlive its token.
  renew_at_ = clock_.now() + life - std::min<std::chrono::seconds>(k_longest_margin, life / 10);
  token_ = vault::Secret::from(std::move(text));
}

}  // namespace linkspan::connector_scim
