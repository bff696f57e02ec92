#pragma once
// Tokens for Graph: by client assertion, kept until shortly before they expire.

#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "connector_graph/internal/certificate.h"
#include "connector_graph/internal/settings.h"
#include "net/http_client.h"
#include "vault/secret.h"

namespace linkspan::connector_graph {

struct Token {
  vault::Secret text{};
  Time expires{};
};

/// The client credentials grant with a certificate
/// (learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow; RFC 7523). Safe to share between
/// threads: one signs in while the others wait.
class SignIn {
 public:
  /// All that is given outlives it.
  SignIn(const Options& options, net::HttpClient& http, const Clock& clock);

  /// "Bearer …". Throws Fault::denied "graph.not_registered" and "graph.certificate_expired", Fault::invalid
  /// "graph.certificate", what sign_in_error says, and what net throws.
  [[nodiscard]] std::string authorization(std::stop_token stop);

  /// Graph refused this token (401): the next call signs in again. Nothing if another is in use already.
  void forget(std::string_view authorization);
  void forget_all();

  /// When the certificate in use ends; nullopt while there is none that can be read.
  [[nodiscard]] std::optional<Time> certificate_end();

 private:
  [[nodiscard]] const Certificate& certificate();
  void renew(std::stop_token stop);

  const Options& options_;
  net::HttpClient& http_;
  const Clock& clock_;
  std::mutex mutex_;
  std::optional<Certificate> certificate_;
  Token token_;
};

/// "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token", or "…/devicecode".
[[nodiscard]] std::string login_endpoint(const Options& options, std::string_view name);

/// A form, as application/x-www-form-urlencoded; `repeatable` says whether a lost reply may be asked for again.
[[nodiscard]] net::Request form_request(std::string url,
                                        std::initializer_list<std::pair<std::string_view, std::string_view>> fields,
                                        bool repeatable);

/// The token in a good reply. Throws Fault::unavailable "graph.reply" when there is none, "graph.sign_in" and what
/// sign_in_error says for a refusal.
[[nodiscard]] Token token_in(const net::Response& response, Time now, std::string_view what);

/// What Entra says when it gives no token, each cause with its own id and hint: "graph.tenant", "graph.application",
/// "graph.application_disabled", "graph.certificate_refused", "graph.certificate_expired", "graph.clock",
/// "graph.consent", "graph.account_locked", "graph.account_disabled", "graph.password_expired", "graph.password",
/// "graph.policy" (all denied), "graph.failed" (unavailable), else "graph.sign_in" (denied)
/// (learn.microsoft.com/entra/identity-platform/reference-error-codes).
[[nodiscard]] Error sign_in_error(const net::Response& response, std::string_view what);

/// "authorization_pending", "invalid_client", …: the OAuth 2.0 error code of a refusal, or empty.
[[nodiscard]] std::string oauth_error_of(const net::Response& response);

}  // namespace linkspan::connector_graph
