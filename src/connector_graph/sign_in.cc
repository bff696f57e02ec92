// Signing in as an application, and what Entra's refusals mean.

#include "connector_graph/internal/sign_in.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "net/json.h"
#include "net/url.h"

namespace linkspan::connector_graph {
namespace {

using nlohmann::json;

/// A token is renewed so long before its end: what is under way must not outlive it.
constexpr std::chrono::minutes k_margin{5};
constexpr std::size_t k_longest_token = std::size_t{32} * 1024;

struct Cause {
  int code;  ///< AADSTS…
  std::string_view id;
  std::string_view said;
  std::string_view hint;
};

constexpr std::string_view k_register_hint = "Register it again with `linkspan connector register`.";

constexpr std::array<Cause, 22> k_causes{{
    {90002, "graph.tenant", "there is no such tenant", "Correct the connector's tenant, or its cloud."},
    {900023, "graph.tenant", "this is no tenant", "Correct the connector's tenant: its id or one of its domains."},
    {900021, "graph.tenant", "this is no tenant", "Correct the connector's tenant: its id or one of its domains."},
    {90038, "graph.tenant", "the tenant lives in another cloud", "Correct the connector's cloud."},
    {700016, "graph.application", "the tenant has no such application", k_register_hint},
    {7000112, "graph.application_disabled", "the application is disabled",
     "Enable it in the Entra admin center, under Enterprise applications."},
    {700027, "graph.certificate_refused", "the tenant does not know the application's certificate", k_register_hint},
    {7000222, "graph.certificate_expired", "the application's credential has expired", k_register_hint},
    {700024, "graph.clock", "the assertion's time is not the tenant's time",
     "Set this machine's clock (timedatectl status), then try again."},
    {65001, "graph.consent", "nobody has consented to this application",
     "Register it again with `linkspan connector register`, or grant admin consent in the Entra admin center."},
    {90094, "graph.consent", "an administrator must consent first",
     "Sign in as a Global Administrator or Privileged Role Administrator."},
    {50053, "graph.account_locked", "the account is locked after too many failed sign-ins",
     "Wait until it is unlocked, or unlock it in the Entra admin center."},
    {50057, "graph.account_disabled", "the account is disabled", "Enable it, or sign in with another one."},
    {50055, "graph.password_expired", "the account's password has expired",
     "Sign in to any Microsoft page with it and choose a new password."},
    {50126, "graph.password", "the user name or the password is wrong", "Try again."},
    {50034, "graph.password", "the tenant has no such account", "Sign in with an account of this tenant."},
    {53003, "graph.policy", "a conditional access policy forbids it",
     "Allow this sign-in in the policy (a device code from this server's address), or use an account it lets through."},
    {50076, "graph.policy", "a second factor is asked for", "Sign in again and complete it."},
    {50079, "graph.policy", "a second factor must be set up first",
     "Set it up at aka.ms/mfasetup, then sign in again."},
    {530033, "graph.policy", "a policy asks for a managed device", "Use an account the policy lets through."},
    {500121, "graph.policy", "the second factor was not completed", "Sign in again and complete it."},
    {70043, "graph.policy", "the sign-in is too old for a policy", "Sign in again."},
}};

json body_of(const net::Response& response) {
  json body = net::parse_json(response.body);
  return body.is_object() ? body : json::object();
}

std::string text_at(const json& body, const char* name) {
  const auto found = body.find(name);
  return found != body.end() && found->is_string() ? found->get<std::string>() : std::string();
}

int code_in(const json& body, std::string_view description) {
  if (const auto codes = body.find("error_codes");
      codes != body.end() && codes->is_array() && !codes->empty() && codes->front().is_number_integer()) {
    return codes->front().get<int>();
  }
  constexpr std::string_view k_prefix = "AADSTS";
  const std::size_t at = description.find(k_prefix);
  if (at == std::string_view::npos) return 0;
  const std::string_view digits = description.substr(at + k_prefix.size());
  return static_cast<int>(to_integer(digits.substr(0, digits.find_first_not_of("0123456789"))).value_or(0));
}

/// The first sentence or line: what follows are trace ids and the time.
std::string first_line(const std::string& description) {
  const std::size_t end = std::min(description.find_first_of("\r\n"), description.find(" Trace ID:"));
  return printable(description.substr(0, end), 300);
}

}  // namespace

std::string login_endpoint(const Options& options, std::string_view name) {
  return net::join_path(options.login_url, {options.tenant, "oauth2", "v2.0", name});
}

net::Request form_request(std::string url, std::initializer_list<std::pair<std::string_view, std::string_view>> fields,
                          bool repeatable) {
  net::Request made;
  made.method = net::Method::post;
  made.url = std::move(url);
  made.headers.add("Content-Type", "application/x-www-form-urlencoded");
  made.headers.add("Accept", "application/json");
  for (const auto& [name, value] : fields) {
    if (!made.body.empty()) made.body += '&';
    made.body.append(net::percent_encode(name)).append("=").append(net::percent_encode(value));
  }
  made.repeatable = repeatable;
  return made;
}

std::string oauth_error_of(const net::Response& response) { return printable(text_at(body_of(response), "error"), 60); }

Error sign_in_error(const net::Response& response, std::string_view what) {
  const json body = body_of(response);
  const std::string description = text_at(body, "error_description");
  const std::string said = first_line(description);
  const std::string doing(what);
  if (net::fault_of(response.status) == Fault::unavailable || response.status == 429) {
    return {net::fault_of(response.status), "graph.failed",
            doing + ": the sign-in service fails (HTTP " + std::to_string(response.status) + ")",
            "It is tried again with the next run."};
  }
  const int code = code_in(body, description);
  const auto* cause =
      std::find_if(k_causes.begin(), k_causes.end(), [&](const Cause& one) { return one.code == code; });
  if (cause == k_causes.end()) {
    return {Fault::denied, "graph.sign_in",
            doing + ": no sign-in (HTTP " + std::to_string(response.status) + ")" + (said.empty() ? "" : ": " + said),
            "Look the code up at login.microsoftonline.com/error."};
  }
  // One code for a key that is unknown and for one that has expired.
  if (code == 700027 && description.find("expired") != std::string::npos) {
    cause = std::find_if(k_causes.begin(), k_causes.end(), [](const Cause& one) { return one.code == 7000222; });
  }
  return {Fault::denied, cause->id, doing + ": " + std::string(cause->said) + (said.empty() ? "" : ": " + said),
          std::string(cause->hint)};
}

Token token_in(const net::Response& response, Time now, std::string_view what) {
  if (response.status != 200) throw sign_in_error(response, what);
  json body = body_of(response);
  std::string text = text_at(body, "access_token");
  const auto lifetime = body.find("expires_in");
  const bool usable = !text.empty() && text.size() <= k_longest_token &&
                      std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!usable || lifetime == body.end() || !lifetime->is_number_integer()) {
    throw Error(Fault::unavailable, "graph.reply", std::string(what) + ": the answer holds no token",
                "Look at what answers at login_url; a proxy may stand in between.");
  }
  Token token;
  token.expires = now + std::chrono::seconds(std::clamp<std::int64_t>(lifetime->get<std::int64_t>(), 0, 86'400));
  token.text = vault::Secret::from(std::move(text));
  return token;
}

SignIn::SignIn(const Options& options, net::HttpClient& http, const Clock& clock)
    : options_(options), http_(http), clock_(clock) {}

std::string SignIn::authorization(std::stop_token stop) {
  const std::scoped_lock lock(mutex_);
  if (token_.text.empty() || clock_.now() + k_margin >= token_.expires) renew(std::move(stop));
  return "Bearer " + std::string(token_.text.reveal());
}

void SignIn::forget(std::string_view authorization) {
  const std::scoped_lock lock(mutex_);
  if (authorization == "Bearer " + std::string(token_.text.reveal())) token_ = {};
}

void SignIn::forget_all() {
  const std::scoped_lock lock(mutex_);
  token_ = {};
}

std::optional<Time> SignIn::certificate_end() {
  const std::scoped_lock lock(mutex_);
  try {
    return certificate().not_after();
  } catch (const Error&) {
    return std::nullopt;
  }
}

const Certificate& SignIn::certificate() {
  if (options_.client_id.empty() || options_.certificate.empty()) {
    throw Error(Fault::denied, "graph.not_registered",
                "this server is not registered with the tenant " + options_.tenant + " yet",
                "Run `linkspan connector register` with an administrator of the tenant at hand.");
  }
  if (!certificate_) certificate_ = Certificate::read(options_.certificate);
  return *certificate_;
}

void SignIn::renew(std::stop_token stop) {
  const Certificate& own = certificate();
  if (own.not_after() <= clock_.now()) {
    throw Error(Fault::denied, "graph.certificate_expired",
                "the certificate of this server expired at " + to_rfc3339(own.not_after()),
                std::string(k_register_hint));
  }
  const std::string what = "signing in to " + options_.tenant;
  const std::string endpoint = login_endpoint(options_, "token");
  const std::string assertion =
      sign_claims(own, {options_.client_id, options_.client_id, endpoint, clock_.now(), std::chrono::minutes(10)});
  // Each assertion is used once: a lost reply is asked for with a new one, by the next call.
  const net::Request asked =
      form_request(endpoint,
                   {{"client_id", options_.client_id},
                    {"scope", options_.graph_url + "/.default"},
                    {"grant_type", "client_credentials"},
                    {"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
                    {"client_assertion", assertion}},
                   /*repeatable=*/false);
  token_ = token_in(http_.perform(asked, stop), clock_.now(), what);
}

}  // namespace linkspan::connector_graph
