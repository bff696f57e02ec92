#pragma once
// What a request says it comes from: a bearer token (RFC 6750) that is given, or one that is asked for with a client's
// credentials (RFC 6749 section 4.4) and kept until shortly before it ends.

#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "connector_scim/internal/settings.h"
#include "net/http_client.h"
#include "vault/secret.h"

namespace linkspan::connector_scim {

/// What is the matter with credentials that are refused.
struct Trouble {
  std::string_view id;  ///< "scim.expired" or "scim.locked"
  std::string_view said;
  std::string_view hint;
};

/// What a service or token service says of them, in words that no standard fixes; nullopt when it is neither.
[[nodiscard]] std::optional<Trouble> trouble_in(std::string_view said);

/// Safe to share between threads: one asks for a token while the others wait.
class Authorization {
 public:
  /// All that is given outlives it.
  Authorization(const Options& options, net::HttpClient& http, const Clock& clock);

  /// "Bearer …". Throws Fault::denied when the client is not accepted ("scim.expired", "scim.locked", "scim.access" for
  /// one that may not do this, else "scim.sign_in"), Fault::unavailable "scim.failed" and "scim.reply" for a token
  /// service that fails, and what net throws.
  [[nodiscard]] std::string header(std::stop_token stop);

  /// Tokens can be asked for again.
  [[nodiscard]] bool renews() const { return !options_.token_url.empty(); }

  /// The service refused this one (401): the next call of header() asks for another. Nothing if another is in use.
  void forget(std::string_view header);

 private:
  void renew(std::stop_token stop);

  const Options& options_;
  net::HttpClient& http_;
  const Clock& clock_;
  std::mutex mutex_;
  vault::Secret token_;
  Time renew_at_{};
};

}  // namespace linkspan::connector_scim
