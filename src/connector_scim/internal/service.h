#pragma once
// One SCIM service, spoken to: requests with the token, replies told apart, and what the service says of itself.

#include <atomic>
#include <cstddef>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "connector_scim/internal/authorization.h"
#include "connector_scim/internal/reader.h"
#include "connector_scim/internal/settings.h"
#include "connector_scim/internal/shape.h"
#include "net/http_client.h"

namespace linkspan::connector_scim {

/// What a service offers. Whatever it leaves unsaid is as RFC 7643 and RFC 7644 have it.
struct Discovery {
  bool said = false;  ///< it has a ServiceProviderConfig
  bool patch = true;
  bool filter = true;
  bool etag = false;
  bool sort = false;
  bool by_cursor = false;           ///< pages by cursor (RFC 9865), as said or set
  std::size_t most_results = 0;     ///< filter.maxResults, pagination.maxPageSize; 0 = unsaid
  std::size_t most_operations = 0;  ///< in one bulk request; 0 = no bulk
  std::size_t most_payload = 0;     ///< bytes of one; 0 = unsaid
  std::vector<ResourceType> types;
  std::vector<std::string> others;  ///< names of resource types that the settings leave out

  [[nodiscard]] const ResourceType* find(std::string_view object_type) const;
};

/// Safe to share between threads, apart from reader().
class Service {
 public:
  Service(Options options, const Clock& clock, Logger& logger);

  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] Logger& logger() { return logger_; }

  using Query = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  /// A request below the base URL, with media types set.
  [[nodiscard]] net::Request request(net::Method method, std::initializer_list<std::string_view> segments,
                                     Query query = {}, std::string body = {}) const;

  /// One request, authorized; a token that is refused is renewed once, where that can be. Throws what net throws, and
  /// what Authorization says.
  [[nodiscard]] net::Response perform(net::Request request, const std::stop_token& stop);
  /// Without a token: whether anything answers at all.
  [[nodiscard]] net::Response perform_bare(const net::Request& request, const std::stop_token& stop) {
    return http_.perform(request, stop);
  }
  /// Many, likewise (net::HttpClient::perform_all). When no token is to be had it asks for no more requests, lets what
  /// is in flight end, and throws.
  void perform_all(const net::Source& source, const net::Sink& sink, std::size_t concurrency,
                   const std::stop_token& stop);

  /// GET that must succeed. Throws as error_of says, and what net throws.
  [[nodiscard]] net::Response get(std::initializer_list<std::string_view> segments, Query query,
                                  const std::stop_token& stop);

  /// The first call asks the service. Throws when it cannot be reached or refuses the token, and Fault::invalid
  /// "scim.object_type" for a type of the settings that it does not list; a service that lacks the endpoints is taken
  /// to be as the RFCs say.
  [[nodiscard]] const Discovery& discovery(const std::stop_token& stop = {});
  /// Asks again.
  [[nodiscard]] Discovery discover(const std::stop_token& stop);

  /// What the settings say, else what the service allows; groups come with all their members, so fewer at once.
  [[nodiscard]] std::size_t page_size(const Discovery& found, std::string_view object_type) const;

  /// Whether "what changed since" can be asked for: until the service says that it has no filters, or refuses ours.
  [[nodiscard]] bool offers_delta();
  void give_up_delta() { has_refused_delta_ = true; }

  // What the service taught us, against what it or the settings say; until the connector is opened again. Each is
  // logged once, with the setting that would spare the lesson.

  /// A 501 or 405 for a PATCH: from now on by PUT.
  void learn_no_patch();
  [[nodiscard]] bool patches(const Discovery& found) const { return found.patch && !has_no_patch_; }
  /// A 428: from now on every write says what it was made from.
  void learn_if_match();
  [[nodiscard]] bool guards_all() const { return guards_all_; }
  /// A 413 for `most` and one more members in a request.
  void learn_member_limit(std::size_t most);
  [[nodiscard]] std::size_t member_batch() const { return member_batch_; }
  /// A bulk request refused as a whole: no more of them, or shorter ones.
  void learn_bulk_limit(std::size_t most);
  [[nodiscard]] std::size_t bulk_limit(const Discovery& found) const;

 private:
  [[nodiscard]] std::optional<net::Response> ask(std::string_view endpoint, const std::stop_token& stop);

  void log_lesson(std::string_view said, std::string_view setting, const std::string& value);

  const Options options_;
  Logger& logger_;
  net::HttpClient http_;
  Authorization authorization_;
  std::mutex mutex_;
  std::optional<Discovery> discovery_;
  std::atomic<bool> has_refused_delta_ = false;
  std::atomic<bool> has_no_patch_ = false;
  std::atomic<bool> guards_all_ = false;
  std::atomic<std::size_t> member_batch_;
  std::atomic<std::size_t> bulk_limit_;
};

[[nodiscard]] inline bool is_success(const net::Response& response) { return response.status / 100 == 2; }

/// What a reply other than success means: "scim.credentials", "scim.expired" and "scim.locked" (401) and "scim.access"
/// (403) denied, "scim.uniqueness" or "scim.conflict" (409), "scim.changed" (412), "scim.gone" (404), "scim.too_large"
/// (413), "scim.throttled" (429), "scim.failed" (5xx, 408), "scim.refused" (the rest, redirects included). `what` says
/// what was tried.
[[nodiscard]] Error error_of(const net::Response& response, const std::string& what);

/// "noTarget", "uniqueness", …; empty when the reply says none.
[[nodiscard]] std::string scim_type_of(const net::Response& response);

}  // namespace linkspan::connector_scim
