#pragma once
// A strict little SCIM 2.0 service in memory, for what a real one cannot be made to do: it takes nothing that RFC 7644
// does not have, and fails on demand, byte by byte.

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "net/testing/loopback_server.h"

namespace linkspan::testkit {

struct ScimFakeOptions {
  bool discovery = true;  ///< else its endpoints are 404
  bool patch = true;      ///< else PATCH is 501
  bool etag = false;      ///< If-Match must hold the present version
  bool filter = true;     ///< else filters are refused with 400
  bool ignores_filter = false;
  bool checks_members = true;     ///< a member must exist, or the whole PATCH is refused
  bool answers_with_body = true;  ///< else 201 has only a Location, and PATCH is 204
  std::size_t most_per_page = 1000;
};

/// All members may be called from any thread.
class ScimFake {
 public:
  explicit ScimFake(ScimFakeOptions options = {});
  ScimFake(const ScimFake&) = delete;
  ScimFake& operator=(const ScimFake&) = delete;

  [[nodiscard]] std::string url() const { return server_.url() + "/v2"; }
  [[nodiscard]] static std::string token() { return "fake-Qu4y-token"; }

  /// Asked first for each request (after the token is checked): its reply, or nullopt to let the service answer. Called
  /// without the lock. With `carry_out` the service does what is asked, and the reply is sent instead of its own.
  using Intercept = std::function<std::optional<net::ScriptedReply>(const net::SeenRequest&)>;
  void intercept(Intercept intercept, bool carry_out = false);

  /// Puts a resource there; `id` and version are set. Returns the id.
  std::string add(const std::string& endpoint, nlohmann::json resource);
  void remove(const std::string& id);
  [[nodiscard]] nlohmann::json get(const std::string& id) const;
  [[nodiscard]] std::size_t size(const std::string& endpoint) const;
  [[nodiscard]] std::vector<net::SeenRequest> seen() const;
  [[nodiscard]] std::size_t seen(const std::string& method, const std::string& path_part) const;

 private:
  struct Row {
    std::string endpoint;
    nlohmann::json resource;
    int version = 1;
  };
  struct Asked {
    std::string method, endpoint, id;
    std::map<std::string, std::string> query;
    const net::SeenRequest* request = nullptr;
  };

  [[nodiscard]] net::ScriptedReply answer(const net::SeenRequest& request);
  [[nodiscard]] std::string serve(const net::SeenRequest& request);
  [[nodiscard]] std::string discover(const Asked& asked) const;
  [[nodiscard]] std::string list(const Asked& asked) const;
  [[nodiscard]] std::string create(const Asked& asked);
  [[nodiscard]] std::string patch(const Asked& asked, Row& row);
  void apply(nlohmann::json& resource, const nlohmann::json& operation) const;
  [[nodiscard]] nlohmann::json shown(const std::string& id, const Row& row) const;
  [[nodiscard]] std::string replied(int status, const std::string& id, const Row& row) const;

  const ScimFakeOptions options_;
  mutable std::mutex mutex_;
  Intercept intercept_;
  bool carry_out_ = false;
  std::map<std::string, Row> rows_;
  int next_id_ = 1;
  std::vector<net::SeenRequest> seen_;
  net::LoopbackServer server_;  ///< last: its threads use all of the above
};

}  // namespace linkspan::testkit
