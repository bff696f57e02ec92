#pragma once
// A strict SCIM 2.0 service in memory, for what a real one cannot be made to do: it takes nothing that RFC 7643, RFC
// 7644 and RFC 9865 do not have, and fails on demand, byte by byte. What it offers is chosen, and it says so of itself.

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "net/testing/loopback_server.h"
#include "testkit/scim_patch.h"

namespace linkspan::testkit {

struct ScimFakeOptions {
  bool discovery = true;           ///< else the endpoints of RFC 7644 section 4 are 404
  bool patch = true;               ///< else PATCH is 501 (RFC 7644 section 3.5.2)
  bool etag = false;               ///< versions, ETag, If-Match (section 3.14)
  bool requires_if_match = false;  ///< a write without one is 428 (RFC 6585 section 3)
  bool filter = true;              ///< else filters are refused with 400
  bool ignores_filter = false;
  bool cursor = false;            ///< pages by cursor (RFC 9865)
  bool index = true;              ///< pages by startIndex (section 3.4.2.4)
  bool sort = false;              ///< sortBy is heeded (section 3.4.2.3); else it is refused with 501
  bool checks_members = true;     ///< a member must exist, or the whole PATCH is refused
  bool answers_with_body = true;  ///< else 201 has only a Location, and PATCH is 204
  std::size_t most_per_page = 1000;
  std::size_t misjudges_total = 0;              ///< by cursor a total is said, and it is so much too large
  std::size_t most_operations = 0;              ///< in one bulk request (section 3.7.4); 0 = no bulk
  std::size_t most_payload = 1'000'000;         ///< bytes of a bulk request
  std::size_t most_member_changes = 1'000'000;  ///< in one PATCH, else 413
  bool oauth = false;                           ///< tokens are had at token_url() (RFC 6749 section 4.4)
  int token_life = 3600;                        ///< seconds, as the reply says
  ScimPatchManners manners = {};
};

/// All members may be called from any thread.
class ScimFake {
 public:
  explicit ScimFake(ScimFakeOptions options = {});
  ScimFake(const ScimFake&) = delete;
  ScimFake& operator=(const ScimFake&) = delete;

  [[nodiscard]] std::string url() const { return server_.url() + "/v2"; }
  [[nodiscard]] int port() const { return server_.port(); }
  [[nodiscard]] std::string token_url() const { return server_.url() + "/token"; }
  [[nodiscard]] static std::string token() { return "fake-Qu4y-token"; }
  /// Of somebody known whose token has expired, whose account is locked, and who may do nothing.
  [[nodiscard]] static std::string expired_token() { return "fake-0ld-token"; }
  [[nodiscard]] static std::string locked_token() { return "fake-l0cked-token"; }
  [[nodiscard]] static std::string powerless_token() { return "fake-n0thing-token"; }
  [[nodiscard]] static std::string client_id() { return "linkspan client"; }
  [[nodiscard]] static std::string client_secret() { return "s3cret:&+"; }

  /// Asked first for each request (after the token is checked): its reply, or nullopt to let the service answer. Called
  /// without the lock. With `carry_out` the service does what is asked, and the reply is sent instead of its own.
  using Intercept = std::function<std::optional<net::ScriptedReply>(const net::SeenRequest&)>;
  void intercept(Intercept intercept, bool carry_out = false);

  /// Puts a resource there, unchecked; `id`, `schemas` and version are set. Returns the id.
  std::string add(const std::string& endpoint, nlohmann::json resource);
  void remove(const std::string& id);
  [[nodiscard]] nlohmann::json get(const std::string& id) const;
  [[nodiscard]] std::size_t size(const std::string& endpoint) const;
  [[nodiscard]] std::vector<net::SeenRequest> seen() const;
  [[nodiscard]] std::size_t seen(const std::string& method, const std::string& path_part) const;
  /// Tokens given out so far are no good any more; cursors likewise (RFC 9865 section 2: expiredCursor).
  void forget_tokens();
  void forget_cursors();

 private:
  struct Row {
    std::string endpoint;
    nlohmann::json resource;
    int version = 1;
    Time created{};
    Time modified{};
  };
  struct Asked {
    std::string method, endpoint, id, if_match, if_none_match;
    std::map<std::string, std::string> query;
    std::string body;
  };
  struct Answer {
    int status = 200;
    nlohmann::json body;  ///< null for none
    std::string location, version;
  };

  [[nodiscard]] net::ScriptedReply answer(const net::SeenRequest& request);
  [[nodiscard]] std::string give_token(const net::SeenRequest& request);
  [[nodiscard]] std::optional<std::string> refusal_of(const net::SeenRequest& request) const;
  [[nodiscard]] bool knows(const std::string& authorization) const;
  [[nodiscard]] std::string serve(const net::SeenRequest& request);
  [[nodiscard]] Answer route(const Asked& asked);
  [[nodiscard]] Answer discover(const Asked& asked) const;
  [[nodiscard]] Answer list(const Asked& asked);
  [[nodiscard]] std::vector<std::string> listed(const Asked& asked) const;
  void sort(const Asked& asked, std::vector<std::string>& ids) const;
  [[nodiscard]] Answer page_at_cursor(const Asked& asked, std::size_t count);
  [[nodiscard]] Answer create(const Asked& asked);
  [[nodiscard]] Answer put(const Asked& asked, Row& row);
  [[nodiscard]] Answer patch(const Asked& asked, Row& row);
  [[nodiscard]] Answer erase(const Asked& asked);
  [[nodiscard]] Answer bulk(const Asked& asked);
  [[nodiscard]] nlohmann::json bulk_one(const nlohmann::json& operation, std::map<std::string, std::string>& ids);
  void check_version(const Asked& asked, const Row& row) const;
  void check_free(const std::string& endpoint, const nlohmann::json& resource, const std::string& but) const;
  void check_member(const std::string& id) const;
  void touch(Row& row);
  [[nodiscard]] Row& row_of(const Asked& asked);
  [[nodiscard]] std::string version_of(const Row& row) const;
  [[nodiscard]] nlohmann::json shown(const Asked& asked, const std::string& id, const Row& row) const;
  [[nodiscard]] Answer replied(const Asked& asked, int status, const std::string& id, const Row& row) const;

  const ScimFakeOptions options_;
  mutable std::mutex mutex_;
  Intercept intercept_;
  bool carry_out_ = false;
  std::map<std::string, Row> rows_;
  int next_id_ = 1;
  Time now_;                                                 ///< its own clock: a second for each change
  std::map<std::string, std::vector<std::string>> cursors_;  ///< what each still has to show
  std::set<std::string> tokens_;
  int next_token_ = 1;
  std::vector<net::SeenRequest> seen_;
  net::LoopbackServer server_;  ///< last: its threads use all of the above
};

}  // namespace linkspan::testkit
