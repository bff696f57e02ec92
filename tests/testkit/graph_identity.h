#pragma once
// The sign-in side of the Graph fake: the token endpoint, device codes, applications with their certificates and
// permissions. Strict about what a client assertion must say.

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "net/testing/loopback_server.h"

namespace linkspan::testkit {

struct GraphAsked;
struct GraphReply;

/// All members may be called from any thread. The clock outlives it.
class GraphIdentity {
 public:
  GraphIdentity(const Clock& clock, std::string tenant);

  [[nodiscard]] const std::string& tenant() const { return tenant_; }

  /// An application with this certificate (DER) and these permissions; returns its client id.
  std::string add_application(const std::string& certificate_der, const std::set<std::string>& permissions);
  void revoke(const std::string& permission);  ///< from all applications; tokens given out keep what they have
  void disable(const std::string& client_id);
  void expire_tokens();  ///< those given out: Graph answers 401

  /// What a sign-in by device code comes to: so many polls pending, then a token, or this AADSTS code or OAuth error.
  void set_device_outcome(int polls, std::string oauth_error = {}, int aadsts = 0, bool slow_down = false);

  struct Calls {
    std::size_t tokens = 0;  ///< given out
    std::size_t refused = 0;
    std::size_t polls = 0;
  };
  [[nodiscard]] Calls calls() const;
  [[nodiscard]] std::size_t applications() const;
  [[nodiscard]] std::size_t keys(const std::string& client_id) const;
  [[nodiscard]] std::set<std::string> permissions(const std::string& client_id) const;

  /// Below /login. `base` is what the URL begins with there ("http://127.0.0.1:1/login"), `graph_url` the resource.
  [[nodiscard]] std::string answer(const net::SeenRequest& request, const std::string& base,
                                   const std::string& graph_url);

  /// What the bearer of this token may do; nullopt = 401. An administrator may everything the scopes say.
  [[nodiscard]] std::optional<std::set<std::string>> rights_of(const std::string& authorization);

  /// /applications, /servicePrincipals: nullopt for any other path.
  [[nodiscard]] std::optional<GraphReply> serve(const GraphAsked& asked, const std::set<std::string>& rights);

 private:
  struct Key {
    std::string id, der;
  };
  struct Application {
    std::string object_id, client_id, unique_name, display_name, principal_id;
    std::vector<Key> keys;
    std::set<std::string> permissions;  ///< granted to the principal
    bool disabled = false;
  };
  struct Given {
    std::set<std::string> rights;
    Time expires{};
  };

  [[nodiscard]] std::string token_for(const std::map<std::string, std::string>& form, const std::string& endpoint,
                                      const std::string& graph_url);
  [[nodiscard]] std::string token_by_assertion(const std::map<std::string, std::string>& form,
                                               const std::string& endpoint, const std::string& graph_url);
  [[nodiscard]] std::string token_by_device(const std::map<std::string, std::string>& form);
  [[nodiscard]] std::string give(std::set<std::string> rights);
  /// The claims, if one of `keys` signed them; throws GraphRefusal otherwise.
  [[nodiscard]] nlohmann::json verified(const std::string& jwt, const std::vector<Key>& keys) const;
  [[nodiscard]] GraphReply serve_applications(const GraphAsked& asked);
  [[nodiscard]] GraphReply serve_principals(const GraphAsked& asked);
  [[nodiscard]] Application* by(const std::string& segment);

  const Clock& clock_;
  const std::string tenant_;
  mutable std::mutex mutex_;
  std::vector<Application> applications_;
  std::map<std::string, Given> given_;
  std::set<std::string> used_assertions_;
  int device_polls_ = 0;
  bool device_slow_down_ = false;
  std::string device_error_;
  int device_aadsts_ = 0;
  std::string device_scope_;
  std::uint64_t next_ = 1;
  Calls calls_;
};

}  // namespace linkspan::testkit
