#include <fmt/core.h>

#include <algorithm>
#include <new>

#include "base/text.h"
#include "net/internal/transfer.h"
#include "net/url.h"

namespace linkspan::net {
namespace {

constexpr std::size_t k_longest_headers = std::size_t{256} * 1024;
constexpr std::size_t k_reserve_at_most = std::size_t{1} * 1024 * 1024;

bool is_token(std::string_view text) {
  constexpr std::string_view k_marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           k_marks.find(c) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view text) {
  return std::ranges::none_of(text,
                              [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; });
}

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  // All options are known to the libcurl we link; what is left to fail is memory.
  if (curl_easy_setopt(easy, option, value) == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
}

}  // namespace

std::string Job::display() const { return fmt::format("{} {}", name_of(request.method), for_display(url)); }

Transfer::Transfer(const ClientOptions& options) : easy_(curl_easy_init()), longest_body_(options.longest_body) {
  if (!easy_) throw std::bad_alloc();
  set_options(options);
}

Transfer& Transfer::of(CURL* easy) {
  char* self = nullptr;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &self);
  return *reinterpret_cast<Transfer*>(self);
}

void Transfer::set_options(const ClientOptions& options) {
  CURL* easy = easy_.get();
  set(easy, CURLOPT_PRIVATE, static_cast<void*>(this));
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_ERRORBUFFER, message_);
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(options.http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
  set(easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
  set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(options.total_timeout.count()));
  set(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall_timeout.count()));
  set(easy, CURLOPT_TCP_NODELAY, 1L);
  set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options.ca_file.empty()) set(easy, CURLOPT_CAINFO, options.ca_file.c_str());
  if (!options.verify) {
    set(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    set(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (!options.proxy.empty()) set(easy, CURLOPT_PROXY, options.proxy.c_str());
  set(easy, CURLOPT_USERAGENT, options.user_agent.empty() ? "linkspan/" LINKSPAN_VERSION : options.user_agent.c_str());
  set(easy, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(easy, CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(easy, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(easy, CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(easy, CURLOPT_PREREQFUNCTION, &Transfer::before_sending);
  set(easy, CURLOPT_PREREQDATA, static_cast<void*>(this));
}

void Transfer::prepare(Job job) {
  job_ = std::move(job);
  response_ = {};
  header_bytes_ = 0;
  sends_ = 0;
  too_large_ = false;
  resend_refused_ = false;
  message_[0] = '\0';
  CURL* easy = easy_.get();
  set(easy, CURLOPT_URL, job_.url.c_str());
  set(easy, CURLOPT_CUSTOMREQUEST, static_cast<const char*>(nullptr));
  const Request& request = job_.request;
  const bool sends_body = request.method != Method::get && request.method != Method::head;
  if (!sends_body && !request.body.empty()) {
    throw Error(Fault::invalid, "net.request", fmt::format("{} carries a body", job_.display()), "send it as POST");
  }
  if (request.method == Method::head) {
    set(easy, CURLOPT_NOBODY, 1L);
  } else if (sends_body && (request.method != Method::remove || !request.body.empty())) {
    set(easy, CURLOPT_POSTFIELDS, request.body.data());  // not copied: job_ stays until the transfer ends
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(easy, CURLOPT_POST, 1L);
    if (request.method != Method::post) set(easy, CURLOPT_CUSTOMREQUEST, name_of(request.method).data());
  } else {
    set(easy, CURLOPT_HTTPGET, 1L);
    if (sends_body) set(easy, CURLOPT_CUSTOMREQUEST, name_of(request.method).data());
  }
  set_headers();
}

void Transfer::set_headers() {
  std::unique_ptr<curl_slist, ListDeleter> list;
  const auto append = [&](const std::string& line) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    (void)list.release();
    list.reset(longer);
  };
  append("Expect:");  // waiting for "100 Continue" costs a second with servers that never say it
  if (!job_.request.headers.find("Content-Type")) append("Content-Type:");
  for (const auto& [name, value] : job_.request.headers.all()) {
    if (!is_token(name) || !is_field_value(value)) {
      throw Error(Fault::invalid, "net.request",
                  fmt::format("the header {} of {} cannot be sent", printable(name), job_.display()),
                  "its name or value holds a line break or another control character");
    }
    append(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
  }
  set(easy_.get(), CURLOPT_HTTPHEADER, list.get());
  headers_ = std::move(list);
}

std::size_t Transfer::on_header(char* data, std::size_t /*one*/, std::size_t size, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.header_bytes_ += size;
  if (transfer.header_bytes_ > k_longest_headers) {
    transfer.too_large_ = true;
    return 0;
  }
  const std::string_view line(data, size);
  if (line.starts_with("HTTP/")) {  // of the last reply: "100 Continue" may come before it
    transfer.response_.headers.clear();
    return size;
  }
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos && colon > 0) {
    transfer.response_.headers.add(std::string(line.substr(0, colon)), std::string(trim(line.substr(colon + 1))));
  }
  return size;
}

std::size_t Transfer::on_body(char* data, std::size_t /*one*/, std::size_t size, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  std::string& body = transfer.response_.body;
  if (size > transfer.longest_body_ - std::min(body.size(), transfer.longest_body_)) {
    transfer.too_large_ = true;
    return 0;
  }
  if (body.empty()) {
    curl_off_t announced = 0;
    curl_easy_getinfo(transfer.handle(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    if (announced > 0) body.reserve(std::min(static_cast<std::size_t>(announced), k_reserve_at_most));
  }
  body.append(data, size);
  return size;
}

int Transfer::before_sending(void* self, char* /*ip*/, char* /*local_ip*/, int /*port*/, int /*local_port*/) {
  auto& transfer = *static_cast<Transfer*>(self);
  // libcurl sends a request again by itself, a POST too, when a kept connection dies before the first byte of the
  // reply. The server may have done it by then, so only what may be repeated goes out twice.
  if (++transfer.sends_ > 1 && !transfer.job_.repeatable()) {
    transfer.resend_refused_ = true;
    return CURL_PREREQFUNC_ABORT;
  }
  return CURL_PREREQFUNC_OK;
}

Outcome Transfer::finish(CURLcode code) {
  if (code != CURLE_OK) return error_of(code);
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  response_.status = static_cast<int>(status);
  response_.attempts = job_.attempt;
  return std::move(response_);
}

Error Transfer::abandoned() const {
  if (!sent() && !job_.maybe_done) {
    return {Fault::cancelled, "net.cancelled", fmt::format("{} was not sent: a stop was requested", job_.display())};
  }
  return {Fault::unavailable, "net.lost",
          fmt::format("{} was sent, but a stop was requested before the answer came", job_.display()),
          "read the object back to see whether it was done"};
}

Error Transfer::error_of(CURLcode code) const {
  const std::string why = printable(message_[0] != '\0' ? message_ : curl_easy_strerror(code));
  if (too_large_) {
    return {Fault::invalid, "net.too_large",
            fmt::format("the answer to {} is longer than {} bytes", job_.display(), longest_body_),
            "ask for smaller pages, or raise the limit"};
  }
  if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR) {
    return {Fault::denied, "net.certificate",
            fmt::format("{}: the certificate is not trusted: {}", job_.display(), why),
            "name the file of the certificate authority that signed it, and check the host name"};
  }
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
    if (!sent()) return {Fault::invalid, "net.url", fmt::format("{}: {}", job_.display(), why), "check the URL"};
  }
  if (!sent()) {
    return {Fault::unavailable, "net.unreachable", fmt::format("{} was not sent: {}", job_.display(), why),
            "check the host name, the port, the proxy and the firewall"};
  }
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return {Fault::unavailable, "net.timeout", fmt::format("{}: no complete answer in time: {}", job_.display(), why),
            "read the object back to see whether it was done; raise the timeout if the service is slow"};
  }
  return {Fault::unavailable, "net.lost",
          fmt::format("{} was sent, but no complete answer came: {}", job_.display(),
                      resend_refused_ ? "the kept connection was closed" : why),
          "read the object back to see whether it was done"};
}

}  // namespace linkspan::net
