#include "testkit/graph_identity.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "base/text.h"
#include "testkit/graph_fake.h"

namespace linkspan::testkit {

using nlohmann::json;

namespace {

constexpr std::string_view k_graph_app = "00000003-0000-0000-c000-000000000000";
const std::set<std::string> k_known_permissions{"User.ReadWrite.All",      "User.Read.All",
                                                "Group.ReadWrite.All",     "Group.Read.All",
                                                "Directory.Read.All",      "SynchronizationData-User.Upload",
                                                "ProvisioningLog.Read.All"};

struct X509Deleter {
  void operator()(X509* x509) const noexcept { X509_free(x509); }
};
using X509Handle = std::unique_ptr<X509, X509Deleter>;

X509Handle parse_der(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  return X509Handle(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
}

std::string thumbprint(X509* x509) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  X509_digest(x509, EVP_sha256(), digest, &size);
  return {reinterpret_cast<const char*>(digest), size};
}

bool is_signed_by(X509* x509, const std::string& text, const std::string& signature) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* parameters = nullptr;
  const bool good =
      EVP_DigestVerifyInit(context, &parameters, EVP_sha256(), nullptr, X509_get0_pubkey(x509)) == 1 &&
      EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
      EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1 &&
      EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                       reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
  EVP_MD_CTX_free(context);
  return good;
}

std::string from_base64url(std::string text) {
  for (char& c : text) {
    if (c == '-') c = '+';
    if (c == '_') c = '/';
  }
  while (text.size() % 4 != 0) text += '=';
  return from_base64(text).value_or(std::string());
}

std::int64_t unix_seconds(Time time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

/// An OAuth refusal as Entra writes it (entra/identity-platform/reference-error-codes).
std::string oauth_refusal(int status, const std::string& error, int code, const std::string& text) {
  const std::string description = (code == 0 ? std::string() : "AADSTS" + std::to_string(code) + ": ") + text +
                                  " Trace ID: 0-0 Correlation ID: 0-0";
  return net::http_reply(
      status, json{{"error", error}, {"error_description", description}, {"error_codes", json::array({code})}}.dump());
}

struct OauthRefusal {
  std::string error;
  int code;
  std::string text;
};

json application_json(const std::string& object_id, const std::string& client_id, const std::string& name,
                      const json& keys) {
  return {{"id", object_id}, {"appId", client_id}, {"displayName", name}, {"keyCredentials", keys}};
}

}  // namespace

GraphIdentity::GraphIdentity(const Clock& clock, std::string tenant) : clock_(clock), tenant_(std::move(tenant)) {}

std::string GraphIdentity::add_application(const std::string& certificate_der,
                                           const std::set<std::string>& permissions) {
  const std::scoped_lock lock(mutex_);
  Application made;
  made.object_id = make_uuid(0xA0000 + next_);
  made.client_id = make_uuid(0xC0000 + next_);
  made.principal_id = make_uuid(0xB0000 + next_);
  made.keys.push_back({make_uuid(0xD0000 + next_), certificate_der});
  made.permissions = permissions;
  ++next_;
  applications_.push_back(made);
  return made.client_id;
}

void GraphIdentity::revoke(const std::string& permission) {
  const std::scoped_lock lock(mutex_);
  for (Application& one : applications_) one.permissions.erase(permission);
}

void GraphIdentity::disable(const std::string& client_id) {
  const std::scoped_lock lock(mutex_);
  for (Application& one : applications_) one.disabled = one.disabled || one.client_id == client_id;
}

void GraphIdentity::expire_tokens() {
  const std::scoped_lock lock(mutex_);
  given_.clear();
}

void GraphIdentity::set_device_outcome(int polls, std::string oauth_error, int aadsts, bool slow_down) {
  const std::scoped_lock lock(mutex_);
  device_polls_ = polls;
  device_error_ = std::move(oauth_error);
  device_aadsts_ = aadsts;
  device_slow_down_ = slow_down;
}

GraphIdentity::Calls GraphIdentity::calls() const {
  const std::scoped_lock lock(mutex_);
  return calls_;
}

std::size_t GraphIdentity::applications() const {
  const std::scoped_lock lock(mutex_);
  return applications_.size();
}

std::size_t GraphIdentity::keys(const std::string& client_id) const {
  const std::scoped_lock lock(mutex_);
  for (const Application& one : applications_) {
    if (one.client_id == client_id) return one.keys.size();
  }
  return 0;
}

std::set<std::string> GraphIdentity::permissions(const std::string& client_id) const {
  const std::scoped_lock lock(mutex_);
  for (const Application& one : applications_) {
    if (one.client_id == client_id) return one.permissions;
  }
  return {};
}

std::string GraphIdentity::answer(const net::SeenRequest& request, const std::string& base,
                                  const std::string& graph_url) {
  const std::scoped_lock lock(mutex_);
  std::map<std::string, std::string> form;
  for (const std::string_view pair : split(request.body, '&')) {
    const std::size_t equal = pair.find('=');
    if (equal != std::string_view::npos) {
      form[decode_percent(std::string(pair.substr(0, equal)), true)] =
          decode_percent(std::string(pair.substr(equal + 1)), true);
    }
  }
  const std::string path = request.target.substr(std::string("/login").size());
  const auto parts = split(std::string_view(path).substr(1), '/');
  if (request.method != "POST" || parts.size() != 4 || parts[1] != "oauth2" || parts[2] != "v2.0") {
    return net::http_reply(404);
  }
  if (parts[0] != tenant_) {
    ++calls_.refused;
    return oauth_refusal(400, "invalid_request", 90002,
                         "Tenant '" + std::string(parts[0]) +
                             "' not found. Check to make sure you have the correct "
                             "tenant ID.");
  }
  if (parts[3] == "devicecode") {
    // entra/identity-platform/v2-oauth2-device-code
    if (form["client_id"].empty() || form["scope"].empty()) {
      return oauth_refusal(400, "invalid_request", 900144, "The request body must contain client_id and scope.");
    }
    device_scope_ = form["scope"];
    return net::http_reply(200, json{{"device_code", "device-" + tenant_},
                                     {"user_code", "FJC3LAU4Q"},
                                     {"verification_uri", "https://microsoft.com/devicelogin"},
                                     {"expires_in", 900},
                                     {"interval", 5},
                                     {"message", "To sign in, open the page and enter the code."}}
                                    .dump());
  }
  if (parts[3] != "token") return net::http_reply(404);
  try {
    return token_for(form, base + path, graph_url);
  } catch (const OauthRefusal& refusal) {
    ++calls_.refused;
    return oauth_refusal(refusal.error == "invalid_client" ? 401 : 400, refusal.error, refusal.code, refusal.text);
  } catch (const GraphRefusal& refusal) {
    ++calls_.refused;
    return oauth_refusal(401, "invalid_client", refusal.status, refusal.message);
  }
}

std::string GraphIdentity::token_for(const std::map<std::string, std::string>& form, const std::string& endpoint,
                                     const std::string& graph_url) {
  const std::string grant = form.contains("grant_type") ? form.at("grant_type") : std::string();
  if (grant == "client_credentials") return token_by_assertion(form, endpoint, graph_url);
  if (grant == "urn:ietf:params:oauth:grant-type:device_code") return token_by_device(form);
  throw OauthRefusal{"unsupported_grant_type", 70003, "The app requested an unsupported grant type."};
}

std::string GraphIdentity::give(std::set<std::string> rights) {
  std::string text = "token-" + std::to_string(next_++) + "-of-" + tenant_;
  given_[text] = {std::move(rights), clock_.now() + std::chrono::seconds(3599)};
  ++calls_.tokens;
  return net::http_reply(
      200,
      json{{"token_type", "Bearer"}, {"expires_in", 3599}, {"ext_expires_in", 3599}, {"access_token", text}}.dump());
}

/// entra/identity-platform/certificate-credentials; RFC 7523 section 3.
json GraphIdentity::verified(const std::string& jwt, const std::vector<Key>& keys) const {
  const auto parts = split(jwt, '.');
  const json header = parts.size() == 3 ? json::parse(from_base64url(std::string(parts[0])), nullptr, false) : json();
  const json claims = parts.size() == 3 ? json::parse(from_base64url(std::string(parts[1])), nullptr, false) : json();
  if (!header.is_object() || !claims.is_object()) throw GraphRefusal{50027, "", "JWT token is invalid or malformed."};
  if (header.value("alg", "") != "PS256" || header.value("typ", "") != "JWT") {
    throw GraphRefusal{5002738, "", "Invalid JWT token. Unsupported algorithm."};
  }
  const std::string signed_by = from_base64url(header.value("x5t#S256", ""));
  for (const Key& key : keys) {
    const X509Handle x509 = parse_der(key.der);
    if (!x509 || thumbprint(x509.get()) != signed_by) continue;
    std::tm end{};
    ASN1_TIME_to_tm(X509_get0_notAfter(x509.get()), &end);
    if (timegm(&end) < unix_seconds(clock_.now())) {
      throw GraphRefusal{700027, "",
                         "Client assertion contains an invalid signature. [Reason - The key used is expired.]"};
    }
    const std::string text = std::string(parts[0]) + "." + std::string(parts[1]);
    if (!is_signed_by(x509.get(), text, from_base64url(std::string(parts[2])))) break;
    const std::int64_t now = unix_seconds(clock_.now());
    const std::int64_t from = claims.value("nbf", std::int64_t{0});
    const std::int64_t until = claims.value("exp", std::int64_t{0});
    if (from > now + 300 || until < now - 300 || until - from > 900) {
      throw GraphRefusal{700024, "", "Client assertion is not within its valid time range."};
    }
    return claims;
  }
  throw GraphRefusal{700027, "", "Client assertion contains an invalid signature. [Reason - The key was not found.]"};
}

std::string GraphIdentity::token_by_assertion(const std::map<std::string, std::string>& form,
                                              const std::string& endpoint, const std::string& graph_url) {
  const auto field = [&](const std::string& name) { return form.contains(name) ? form.at(name) : std::string(); };
  const auto found = std::find_if(applications_.begin(), applications_.end(),
                                  [&](const Application& one) { return one.client_id == field("client_id"); });
  if (found == applications_.end()) {
    throw OauthRefusal{"unauthorized_client", 700016,
                       "Application with identifier '" + field("client_id") + "' was not found in the directory."};
  }
  if (found->disabled) {
    throw OauthRefusal{"unauthorized_client", 7000112, "Application '" + found->client_id + "' is disabled."};
  }
  if (field("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer") {
    throw OauthRefusal{"invalid_client", 7000218, "The request body must contain client_assertion or client_secret."};
  }
  if (field("scope") != graph_url + "/.default") {
    throw OauthRefusal{"invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid."};
  }
  const json claims = verified(field("client_assertion"), found->keys);
  if (claims.value("aud", "") != endpoint) {
    throw OauthRefusal{"invalid_client", 700023, "Client assertion audience claim does not match Realm issuer."};
  }
  if (claims.value("iss", "") != found->client_id || claims.value("sub", "") != found->client_id) {
    throw OauthRefusal{"invalid_client", 700021, "Client assertion application identifier doesn't match."};
  }
  const std::string once = claims.value("jti", "");
  if (once.empty() || !used_assertions_.insert(once).second) {
    throw OauthRefusal{"invalid_client", 50013, "Assertion failed: its jti is missing or was used before."};
  }
  return give(found->permissions);
}

std::string GraphIdentity::token_by_device(const std::map<std::string, std::string>& form) {
  ++calls_.polls;
  if (!form.contains("device_code") || form.at("device_code") != "device-" + tenant_ || device_scope_.empty()) {
    throw OauthRefusal{"bad_verification_code", 0, "The device_code wasn't recognized."};
  }
  if (device_polls_ > 0) {
    --device_polls_;
    if (std::exchange(device_slow_down_, false)) throw OauthRefusal{"slow_down", 0, "Polled too often."};
    throw OauthRefusal{"authorization_pending", 70016, "OAuth 2.0 device flow error. Authorization is pending."};
  }
  if (!device_error_.empty()) throw OauthRefusal{device_error_, device_aadsts_, "It did not work out."};
  std::set<std::string> rights{"administrator"};
  for (const std::string_view scope : split(device_scope_, ' ')) {
    rights.emplace(scope.substr(scope.rfind('/') + 1));
  }
  return give(std::move(rights));
}

std::optional<std::set<std::string>> GraphIdentity::rights_of(const std::string& authorization) {
  const std::scoped_lock lock(mutex_);
  constexpr std::string_view k_bearer = "Bearer ";
  if (!authorization.starts_with(k_bearer)) return std::nullopt;
  const auto found = given_.find(authorization.substr(k_bearer.size()));
  if (found == given_.end() || found->second.expires <= clock_.now()) return std::nullopt;
  return found->second.rights;
}

std::optional<GraphReply> GraphIdentity::serve(const GraphAsked& asked, const std::set<std::string>& rights) {
  const std::scoped_lock lock(mutex_);
  const bool about_applications = asked.path.starts_with("/applications");
  if (!about_applications && !asked.path.starts_with("/servicePrincipals")) return std::nullopt;
  // graph/api/application-addkey: an application rolls its own keys without any permission.
  const bool rolls = asked.path.ends_with("/addKey") || asked.path.ends_with("/removeKey");
  if (!rolls && !rights.contains("Application.ReadWrite.All")) {
    throw GraphRefusal{403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."};
  }
  if (asked.method == "POST" && asked.path.ends_with("/appRoleAssignments") &&
      !rights.contains("AppRoleAssignment.ReadWrite.All")) {
    throw GraphRefusal{403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."};
  }
  return about_applications ? serve_applications(asked) : serve_principals(asked);
}

GraphIdentity::Application* GraphIdentity::by(const std::string& segment) {
  for (Application& one : applications_) {
    if (odata_key(segment, "appId") == one.client_id ||
        (!one.unique_name.empty() && odata_key(segment, "uniqueName") == one.unique_name) ||
        segment.ends_with("/" + one.object_id)) {
      return &one;
    }
  }
  return nullptr;
}

GraphReply GraphIdentity::serve_applications(const GraphAsked& asked) {
  const std::size_t slash = asked.path.find('/', std::string("/applications/").size());
  const bool has_action = asked.path.ends_with("/addKey") || asked.path.ends_with("/removeKey");
  const std::string segment = has_action ? asked.path.substr(0, slash) : asked.path;
  Application* found = by(segment);
  const auto unique_name = odata_key(segment, "uniqueName");
  if (found == nullptr && asked.method == "PATCH" && unique_name && asked.headers.contains("prefer") &&
      asked.headers.at("prefer") == "create-if-missing") {
    // graph/api/application-upsert
    Application made;
    made.object_id = make_uuid(0xA0000 + next_);
    made.client_id = make_uuid(0xC0000 + next_++);
    made.unique_name = *unique_name;
    made.display_name = asked.body.at("displayName").get<std::string>();
    applications_.push_back(made);
    return {201, application_json(made.object_id, made.client_id, made.display_name, json::array())};
  }
  if (found == nullptr)
    throw GraphRefusal{404, "Request_ResourceNotFound", "Resource '" + segment + "' does not exist."};
  if (has_action) {
    // graph/application-rollkey-prooftoken
    const json claims = verified(asked.body.at("proof").get<std::string>(), found->keys);
    if (claims.value("aud", "") != "00000002-0000-0000-c000-000000000000" ||
        claims.value("iss", "") != found->object_id) {
      throw GraphRefusal{400, "Authentication_MissingOrMalformed", "The proof is not valid."};
    }
    if (asked.path.ends_with("/removeKey")) {
      const auto gone = std::erase_if(found->keys, [&](const Key& key) { return key.id == asked.body.at("keyId"); });
      if (gone == 0) throw GraphRefusal{404, "Request_ResourceNotFound", "No such key."};
      return {204};
    }
    const json& credential = asked.body.at("keyCredential");
    if (credential.at("type") != "AsymmetricX509Cert" || credential.at("usage") != "Verify") {
      throw GraphRefusal{400, "Request_BadRequest", "New key is not valid."};
    }
    Key key{make_uuid(0xD0000 + next_++), from_base64(credential.at("key").get<std::string>()).value_or("")};
    if (!parse_der(key.der)) throw GraphRefusal{400, "Request_BadRequest", "Key credential is not a certificate."};
    found->keys.push_back(key);
    return {200, {{"keyId", key.id}, {"type", "AsymmetricX509Cert"}, {"usage", "Verify"}}};
  }
  if (asked.method == "PATCH") {
    if (asked.body.contains("keyCredentials")) {
      std::vector<Key> keys;
      for (const json& one : asked.body.at("keyCredentials")) {
        const auto held = std::find_if(found->keys.begin(), found->keys.end(),
                                       [&](const Key& key) { return key.id == one.at("keyId"); });
        if (held != found->keys.end()) {
          keys.push_back(*held);
        } else {
          keys.push_back(
              {one.at("keyId").get<std::string>(), from_base64(one.at("key").get<std::string>()).value_or("")});
          if (!parse_der(keys.back().der))
            throw GraphRefusal{400, "Request_BadRequest", "Key credential is not valid."};
        }
      }
      found->keys = std::move(keys);
    }
    return {204};
  }
  json keys = json::array();
  for (const Key& key : found->keys) {
    keys.push_back({{"keyId", key.id},
                    {"type", "AsymmetricX509Cert"},
                    {"usage", "Verify"},
                    {"key", nullptr},
                    {"endDateTime", "2099-01-01T00:00:00Z"}});
  }
  return {200, application_json(found->object_id, found->client_id, found->display_name, keys)};
}

GraphReply GraphIdentity::serve_principals(const GraphAsked& asked) {
  if (odata_key(asked.path, "appId") == std::string(k_graph_app)) {
    json roles = json::array();
    for (const std::string& name : k_known_permissions) roles.push_back({{"id", "role-" + name}, {"value", name}});
    return {200, {{"id", "graph-itself"}, {"appRoles", roles}}};
  }
  if (asked.method == "POST" && asked.path == "/servicePrincipals") {
    for (Application& one : applications_) {
      if (asked.body.at("appId") != one.client_id) continue;
      if (!one.principal_id.empty())
        throw GraphRefusal{409, "Request_MultipleObjectsWithSameKeyValue", "It already exists."};
      one.principal_id = make_uuid(0xB0000 + next_++);
      return {201, {{"id", one.principal_id}, {"appId", one.client_id}}};
    }
    throw GraphRefusal{400, "Request_BadRequest", "The appId does not reference a valid application object."};
  }
  for (Application& one : applications_) {
    if (one.principal_id.empty()) continue;
    if (odata_key(asked.path, "appId") == one.client_id)
      return {200, {{"id", one.principal_id}, {"appId", one.client_id}}};
    if (asked.path != "/servicePrincipals/" + one.principal_id + "/appRoleAssignments") continue;
    if (asked.method == "POST") {
      const std::string role = asked.body.at("appRoleId").get<std::string>();
      const std::string name = role.substr(std::string("role-").size());
      if (asked.body.at("resourceId") != "graph-itself" || asked.body.at("principalId") != one.principal_id ||
          !k_known_permissions.contains(name)) {
        throw GraphRefusal{400, "Request_BadRequest", "Permission being assigned was not found on application."};
      }
      if (!one.permissions.insert(name).second) {
        throw GraphRefusal{400, "Request_BadRequest", "Permission being assigned already exists on the object"};
      }
      return {201, {{"id", "assignment"}, {"appRoleId", role}}};
    }
    json list = json::array();
    for (const std::string& name : one.permissions) list.push_back({{"appRoleId", "role-" + name}});
    return {200, {{"value", list}}};
  }
  throw GraphRefusal{404, "Request_ResourceNotFound", "Resource '" + asked.path + "' does not exist."};
}

}  // namespace linkspan::testkit
