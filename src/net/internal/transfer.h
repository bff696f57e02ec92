#pragma once
// One libcurl easy handle: a request put on it, a reply or an error taken off it.

#include <curl/curl.h>

#include <cstdint>
#include <memory>
#include <string>

#include "net/http_client.h"

namespace linkspan::net {

/// A request on its way through attempts and redirects.
struct Job {
  std::uint64_t tag = 0;
  Request request{};
  std::string url{};     ///< Where the next attempt goes: request.url, or where it was redirected.
  std::string origin{};  ///< Of request.url.
  int attempt = 1;
  int redirects = 0;
  bool maybe_done = false;  ///< Some earlier attempt may have had its effect.

  [[nodiscard]] bool repeatable() const { return request.repeatable.value_or(is_idempotent(request.method)); }
  [[nodiscard]] std::string display() const;
};

struct EasyDeleter {
  void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};

/// Reused for request after request, so that its options are set once.
class Transfer {
 public:
  explicit Transfer(const ClientOptions& options);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  [[nodiscard]] CURL* handle() const noexcept { return easy_.get(); }
  [[nodiscard]] static Transfer& of(CURL* easy);

  /// Puts the next attempt of `job` on the handle. Throws "net.request" (invalid).
  void prepare(Job job);
  [[nodiscard]] Job& job() noexcept { return job_; }
  /// Whether the request began to go out.
  [[nodiscard]] bool sent() const noexcept { return sends_ > 0; }

  /// What the attempt came to. Call once, when libcurl says it ended.
  [[nodiscard]] Outcome finish(CURLcode code);
  /// The attempt was broken off by us.
  [[nodiscard]] Error abandoned() const;

 private:
  static std::size_t on_header(char* data, std::size_t one, std::size_t size, void* self);
  static std::size_t on_body(char* data, std::size_t one, std::size_t size, void* self);
  static int before_sending(void* self, char* ip, char* local_ip, int port, int local_port);

  void set_options(const ClientOptions& options);
  void set_headers();
  [[nodiscard]] Error error_of(CURLcode code) const;

  std::unique_ptr<CURL, EasyDeleter> easy_;
  std::unique_ptr<curl_slist, ListDeleter> headers_;
  std::size_t longest_body_;
  Job job_;
  Response response_;
  std::size_t header_bytes_ = 0;
  int sends_ = 0;
  bool too_large_ = false;
  bool resend_refused_ = false;
  char message_[CURL_ERROR_SIZE] = {};
};

}  // namespace linkspan::net
