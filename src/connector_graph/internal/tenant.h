#pragma once
// One tenant's Graph, spoken to: requests with a token, replies told apart.

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "connector_graph/internal/settings.h"
#include "connector_graph/internal/shape.h"
#include "connector_graph/internal/sign_in.h"
#include "connector_graph/internal/write_budget.h"
#include "net/http_client.h"

namespace linkspan::connector_graph {

/// Time as waiting sees it; tests crank it by hand.
struct Pace {
  using Instant = std::chrono::steady_clock::time_point;
  std::function<Instant()> now;
  /// Returns at `until`, or soon after a stop is requested.
  std::function<void(Instant until, std::stop_token stop)> wait;
};
[[nodiscard]] Pace real_pace();

/// One request below the service root: "/users/…", as a batch or a request of its own carries it.
struct Call {
  net::Method method = net::Method::get;
  std::string path;  ///< with its query
  net::Headers headers{};
  std::string body{};  ///< JSON; empty = none
};

/// Safe to share between threads.
class Tenant {
 public:
  Tenant(Options options, const Clock& clock, Pace pace, Logger& logger);

  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] net::HttpClient& http() { return http_; }
  [[nodiscard]] const Clock& clock() const { return clock_; }
  [[nodiscard]] const Pace& pace() const { return pace_; }
  [[nodiscard]] Logger& logger() { return logger_; }
  [[nodiscard]] SignIn& sign_in() { return sign_in_; }
  [[nodiscard]] WriteBudget& write_budget() { return write_budget_; }

  /// "https://graph.microsoft.com/v1.0"
  [[nodiscard]] std::string root() const { return options_.graph_url + "/v1.0"; }
  /// A call as a request of its own. Signs in where need be, and throws what that throws.
  [[nodiscard]] net::Request request(const Call& call, const std::stop_token& stop);
  /// Any status is a return value, but 401 leads to a new sign-in and one more attempt. Throws what sign-in and net
  /// throw.
  [[nodiscard]] net::Response perform(const Call& call, const std::stop_token& stop);
  /// GET that must succeed: throws as error_of says.
  [[nodiscard]] net::Response get(std::string path, const std::stop_token& stop);

  /// A link that Graph gave, as a path below root(). Throws Fault::unavailable "graph.reply" for one that leads
  /// anywhere else: the token goes to Graph only.
  [[nodiscard]] std::string path_of_link(std::string_view link) const;

  /// The object types as the settings name them, directory extensions included. The first call asks Graph for what
  /// the extensions are, if there are any.
  [[nodiscard]] const std::vector<ObjectType>& types(const std::stop_token& stop = {});
  /// Throws Fault::invalid "graph.object_type".
  [[nodiscard]] const ObjectType& type(std::string_view name, const std::stop_token& stop = {});
  /// What directory extensions the tenant has; nullopt when the application may not ask (Directory.Read.All).
  [[nodiscard]] std::optional<std::vector<Extension>> extensions(const std::stop_token& stop);

 private:
  const Options options_;
  const Clock& clock_;
  const Pace pace_;
  Logger& logger_;
  net::HttpClient http_;
  SignIn sign_in_;
  WriteBudget write_budget_;
  std::mutex mutex_;
  std::optional<std::vector<ObjectType>> types_;
};

[[nodiscard]] inline bool is_success(const net::Response& response) { return response.status / 100 == 2; }

/// What a reply other than success means: "graph.token" (401), "graph.access" (403) and "graph.quota" denied,
/// "graph.taken" and "graph.conflict" conflict, "graph.gone" (404) not_found, "graph.throttled" (429), "graph.failed"
/// (5xx), "graph.filter" and "graph.refused" (the rest) invalid (learn.microsoft.com/graph/errors). `what` says what
/// was tried.
[[nodiscard]] Error error_of(const net::Response& response, const std::string& what);

/// What Graph wrote: "… already exists" for a value or a reference.
[[nodiscard]] bool is_taken(const net::Response& response);
[[nodiscard]] bool is_reference_there(const net::Response& response);

}  // namespace linkspan::connector_graph
