#include "connector_graph/internal/registration.h"

#include <algorithm>
#include <memory>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "connector_graph/internal/device_sign_in.h"
#include "connector_graph/internal/upload_log.h"
#include "connector_graph/internal/writer.h"
#include "net/json.h"
#include "net/url.h"

namespace linkspan::connector_graph {
namespace {

using nlohmann::json;

/// "Microsoft Graph Command Line Tools", a public client every tenant knows.
constexpr std::string_view k_sign_in_client = "14d82eec-204b-4c2f-b7e8-296a70dab67e";
constexpr std::string_view k_sign_in_permissions = "Application.ReadWrite.All AppRoleAssignment.ReadWrite.All";
/// Microsoft Graph itself, as an application of every tenant (learn.microsoft.com/graph/permissions-reference).
constexpr std::string_view k_graph_app = "00000003-0000-0000-c000-000000000000";
/// What a proof of possession is made out to (learn.microsoft.com/graph/application-rollkey-prooftoken).
constexpr std::string_view k_proof_audience = "00000002-0000-0000-c000-000000000000";

constexpr std::chrono::days k_certificate_lives{365};
/// What was made a moment ago is not known everywhere at once.
constexpr int k_most_looks = 24;
constexpr std::chrono::seconds k_between_looks{5};

std::string text_at(const json& object, const char* name) {
  const bool there = object.is_object() && object.contains(name) && object.at(name).is_string();
  return there ? object.at(name).get<std::string>() : std::string();
}

const json& list_at(const json& object, const char* name) {
  static const json none = json::array();
  const bool there = object.is_object() && object.contains(name) && object.at(name).is_array();
  return there ? object.at(name) : none;
}

std::string key_of(std::string_view property, std::string_view value) {
  return "(" + std::string(property) + "=" + net::percent_encode(odata_string(value)) + ")";
}

json key_credential(const Certificate& certificate, const std::string& key_id, const std::string& name) {
  return {{"type", "AsymmetricX509Cert"},
          {"usage", "Verify"},
          {"keyId", key_id},
          {"displayName", name},
          {"key", to_base64(certificate.der())}};
}

/// Graph as the administrator may use it. Lives as long as a registration.
class Administrator {
 public:
  Administrator(Tenant& tenant, Token token, std::stop_token stop)
      : tenant_(tenant), token_(std::move(token)), stop_(std::move(stop)) {}

  net::Response ask(net::Method method, const std::string& path, const json& body = nullptr,
                    std::string_view prefer = {}) {
    net::Request made;
    made.method = method;
    made.url = tenant_.root() + path;
    made.headers.add("Authorization", "Bearer " + std::string(token_.text.reveal()));
    made.headers.add("Accept", "application/json");
    if (!prefer.empty()) made.headers.add("Prefer", std::string(prefer));
    if (!body.is_null()) {
      made.headers.add("Content-Type", "application/json");
      made.body = body.dump();
    }
    return tenant_.http().perform(made, stop_);
  }

  /// Until what was just made is known: 404, and the 400 that says so, are asked again.
  net::Response insist(net::Method method, const std::string& path, const std::string& what, const json& body = nullptr,
                       std::string_view prefer = {}) {
    for (int look = 1;; ++look) {
      net::Response response = ask(method, path, body, prefer);
      if (is_success(response)) return response;
      const bool is_too_early = response.status == 404 ||
                                (response.status == 400 &&
                                 (response.body.find("does not reference a valid application") != std::string::npos ||
                                  response.body.find("Request_ResourceNotFound") != std::string::npos));
      if (!is_too_early || look == k_most_looks) throw error_of(response, what);
      pause();
    }
  }

  json read(const std::string& path, const std::string& what) {
    json body = net::parse_json(insist(net::Method::get, path, what).body);
    if (!body.is_object()) throw Error(Fault::unavailable, "graph.reply", what + ": the answer is no JSON object");
    return body;
  }

  void pause() {
    tenant_.pace().wait(tenant_.pace().now() + k_between_looks, stop_);
    if (stop_.stop_requested()) throw Error(Fault::cancelled, "graph.stopped", "the registration was stopped");
  }

 private:
  Tenant& tenant_;
  Token token_;
  const std::stop_token stop_;
};

/// One registration, step by step.
class Registration {
 public:
  Registration(Tenant& tenant, const std::string& name, Token token, std::stop_token stop)
      : tenant_(tenant),
        unique_name_("linkspan-" + name),
        title_("Linkspan (" + name + ")"),
        administrator_(tenant, std::move(token), std::move(stop)) {}

  connector::Registered carry_out() {
    find_or_make_application();
    find_or_make_principal();
    grant();
    add_certificate();
    connector::Registered made;
    made.settings = {{"client_id", {app_id_}}, {"object_id", {object_id_}}, {"key_id", {key_id_}}};
    made.secrets.emplace("certificate", certificate_->pem());
    made.done = std::move(done_);
    return made;
  }

 private:
  void find_or_make_application() {
    const std::string what = "registering the application " + title_;
    std::string path = "/applications" + key_of("appId", tenant_.options().client_id);
    if (tenant_.options().client_id.empty()) {
      // learn.microsoft.com/graph/api/application-upsert: found again by its name, however often this is done.
      path = "/applications" + key_of("uniqueName", unique_name_);
      const net::Response made =
          administrator_.insist(net::Method::patch, path, what,
                                {{"displayName", title_}, {"signInAudience", "AzureADMyOrg"}}, "create-if-missing");
      done_.push_back((made.status == 201 ? "made the application " : "found the application ") + title_);
    }
    const json application = administrator_.read(net::with_query(path, {{"$select", "id,appId,keyCredentials"}}), what);
    object_id_ = text_at(application, "id");
    app_id_ = text_at(application, "appId");
    credentials_ = list_at(application, "keyCredentials");
    if (object_id_.empty() || app_id_.empty()) {
      throw Error(Fault::unavailable, "graph.reply", what + ": the answer shows no id");
    }
  }

  void find_or_make_principal() {
    const std::string what = "making the service principal of " + title_;
    const std::string path = net::with_query("/servicePrincipals" + key_of("appId", app_id_), {{"$select", "id"}});
    const net::Response found = administrator_.ask(net::Method::get, path);
    if (found.status == 404) {
      administrator_.insist(net::Method::post, "/servicePrincipals", what, {{"appId", app_id_}});
      done_.push_back("made its service principal");
    } else if (!is_success(found)) {
      throw error_of(found, what);
    }
    principal_id_ = text_at(administrator_.read(path, what), "id");
  }

  void grant() {
    const std::string what = "granting permissions to " + title_;
    const json graph = administrator_.read(
        net::with_query("/servicePrincipals" + key_of("appId", k_graph_app), {{"$select", "id,appRoles"}}), what);
    const std::string assignments = "/servicePrincipals/" + principal_id_ + "/appRoleAssignments";
    const json held = administrator_.read(assignments, what);
    for (const std::string& permission : permissions_for(tenant_.options())) {
      const json& roles = list_at(graph, "appRoles");
      const auto role = std::find_if(roles.begin(), roles.end(),
                                     [&](const json& one) { return text_at(one, "value") == permission; });
      if (role == roles.end()) {
        throw Error(Fault::unavailable, "graph.reply",
                    std::string(what).append(": Graph does not know ").append(permission));
      }
      const std::string role_id = text_at(*role, "id");
      const json& all = list_at(held, "value");
      if (std::any_of(all.begin(), all.end(), [&](const json& one) { return text_at(one, "appRoleId") == role_id; })) {
        continue;
      }
      administrator_.insist(
          net::Method::post, assignments, what,
          {{"principalId", principal_id_}, {"resourceId", text_at(graph, "id")}, {"appRoleId", role_id}});
      done_.push_back("granted " + permission);
    }
  }

  /// The list is replaced as a whole: those of other servers stay in it, those that have expired do not.
  void add_certificate() {
    const Time now = tenant_.clock().now();
    certificate_ = Certificate::make(unique_name_, now, k_certificate_lives);
    key_id_ = random_uuid();
    json kept = json::array();
    for (const json& one : credentials_) {
      try {
        if (from_rfc3339(text_at(one, "endDateTime")) > now) kept.push_back(one);
      } catch (const Error&) {
        kept.push_back(one);
      }
    }
    kept.push_back(key_credential(*certificate_, key_id_, "CN=" + unique_name_));
    administrator_.insist(net::Method::patch, "/applications/" + object_id_, "adding the certificate to " + title_,
                          {{"keyCredentials", std::move(kept)}});
    done_.push_back("added a certificate that is valid until " + to_rfc3339(certificate_->not_after()));
  }

  Tenant& tenant_;
  const std::string unique_name_;
  const std::string title_;
  Administrator administrator_;
  std::string object_id_, app_id_, principal_id_, key_id_;
  json credentials_ = json::array();
  std::optional<Certificate> certificate_;
  std::vector<std::string> done_;
};

/// The tenant as the newly registered application sees it; other settings stay as they are.
Options as_registered(const Options& options, const connector::Registered& registered) {
  const auto setting = [&](const char* name, const std::string& standard) {
    const auto found = registered.settings.find(name);
    return found == registered.settings.end() ? standard : found->second.front();
  };
  Options made;
  made.tenant = options.tenant;
  made.client_id = setting("client_id", options.client_id);
  made.object_id = setting("object_id", options.object_id);
  made.key_id = setting("key_id", options.key_id);
  made.login_url = options.login_url;
  made.graph_url = options.graph_url;
  made.object_types = options.object_types;
  made.service_principal_id = options.service_principal_id;
  made.job_id = options.job_id;
  made.http = options.http;
  made.certificate = registered.secrets.at("certificate").clone();
  return made;
}

/// That who asks holds the private key of `by`.
std::string proof_of(const Tenant& tenant, const Certificate& by) {
  return sign_claims(
      by,
      {tenant.options().object_id, {}, std::string(k_proof_audience), tenant.clock().now(), std::chrono::minutes(10)});
}

/// Tries until the tenant knows the new certificate and the permissions, for about two minutes; says so either way.
std::string wait_until_known(Tenant& old, const connector::Registered& registered, const std::stop_token& stop) {
  Tenant tenant(as_registered(old.options(), registered), old.clock(), old.pace(), old.logger());
  std::string last;
  for (int look = 1; look <= k_most_looks; ++look) {
    try {
      if (tenant.options().uploads()) (void)tenant.get(log_path(tenant.options(), std::nullopt, 1), stop);
      for (const std::string& type : tenant.options().object_types) {
        (void)tenant.get("/" + type + "s?$top=1&$select=id", stop);
      }
      return "signed in with the new certificate";
    } catch (const Error& error) {
      if (error.fault() == Fault::cancelled) throw;
      last = error.message();
    }
    tenant.sign_in().forget_all();
    tenant.pace().wait(tenant.pace().now() + k_between_looks, stop);
    if (stop.stop_requested()) break;
  }
  return "the tenant does not know the new certificate or its permissions yet (that can take some minutes): " + last;
}

}  // namespace

std::vector<std::string> permissions_for(const Options& options) {
  std::vector<std::string> made;
  const auto reads = [&](std::string_view type) {
    return std::find(options.object_types.begin(), options.object_types.end(), type) != options.object_types.end();
  };
  if (reads("user")) made.emplace_back("User.ReadWrite.All");
  if (reads("group")) made.emplace_back("Group.ReadWrite.All");
  if (!options.directory_extensions.empty()) made.emplace_back("Directory.Read.All");
  // learn.microsoft.com/entra/identity/app-provisioning/inbound-provisioning-api-concepts
  if (options.uploads()) made = {"SynchronizationData-User.Upload", "ProvisioningLog.Read.All"};
  return made;
}

connector::Registered register_application(Tenant& tenant, const std::string& name,
                                           const std::function<void(const connector::SignInPrompt&)>& show,
                                           const std::stop_token& stop) {
  Token token = sign_in_by_code(tenant, k_sign_in_client, k_sign_in_permissions, show, stop);
  connector::Registered made = Registration(tenant, name, std::move(token), stop).carry_out();
  made.done.push_back(wait_until_known(tenant, made, stop));
  return made;
}

connector::Registered rotate_certificate(Tenant& tenant, const std::string& name, const std::stop_token& stop) {
  const Options& options = tenant.options();
  if (options.client_id.empty() || options.certificate.empty() || options.object_id.empty()) {
    throw Error(Fault::denied, "graph.not_registered", "there is no certificate of this connector to be replaced",
                "Run `linkspan connector register` without --rotate first.");
  }
  const Certificate old = Certificate::read(options.certificate);
  const Certificate fresh = Certificate::make("linkspan-" + name, tenant.clock().now(), k_certificate_lives);
  const std::string what = "replacing the certificate of application " + options.client_id;
  json credential = key_credential(fresh, {}, "CN=linkspan-" + name);
  credential.erase("keyId");
  const std::string application = "/applications/" + options.object_id;
  const net::Response added = tenant.perform(
      {net::Method::post,
       application + "/addKey",
       {},
       json{{"keyCredential", credential}, {"passwordCredential", nullptr}, {"proof", proof_of(tenant, old)}}.dump()},
      stop);
  if (!is_success(added)) throw error_of(added, what);
  const std::string key_id = text_at(net::parse_json(added.body), "keyId");
  connector::Registered made;
  if (!key_id.empty()) made.settings = {{"key_id", {key_id}}};
  made.secrets.emplace("certificate", fresh.pem());
  made.done.push_back("added a certificate that is valid until " + to_rfc3339(fresh.not_after()));
  made.done.push_back(wait_until_known(tenant, made, stop));
  if (options.key_id.empty()) return made;
  auto by_new = std::make_shared<Tenant>(as_registered(options, made), tenant.clock(), tenant.pace(), tenant.logger());
  made.afterwards = [by_new, old_key = options.key_id, stop] {
    const Certificate own = Certificate::read(by_new->options().certificate);
    const net::Response removed = by_new->perform({net::Method::post,
                                                   "/applications/" + by_new->options().object_id + "/removeKey",
                                                   {},
                                                   json{{"keyId", old_key}, {"proof", proof_of(*by_new, own)}}.dump()},
                                                  stop);
    if (!is_success(removed) && removed.status != 404) throw error_of(removed, "removing the old certificate");
  };
  return made;
}

}  // namespace linkspan::connector_graph
