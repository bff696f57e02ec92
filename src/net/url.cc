#include "net/url.h"

#include <curl/curl.h>
#include <fmt/core.h>

#include <memory>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::net {
namespace {

constexpr std::size_t k_longest_url = std::size_t{16} * 1024;

struct UrlDeleter {
  void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
};
using UrlHandle = std::unique_ptr<CURLU, UrlDeleter>;

/// A part of the URL; empty where it has none.
std::string part(CURLU* url, CURLUPart what, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, what, &text, flags) != CURLUE_OK || text == nullptr) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

bool has_control(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F) return true;
  }
  return false;
}

UrlHandle parse(std::string_view text) {
  if (text.empty() || text.size() > k_longest_url || has_control(text)) return nullptr;
  UrlHandle url(curl_url());
  if (!url || curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), 0) != CURLUE_OK) return nullptr;
  const std::string scheme = part(url.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return nullptr;
  if (part(url.get(), CURLUPART_HOST).empty()) return nullptr;
  return url;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

}  // namespace

std::string percent_encode(std::string_view text) {
  constexpr std::string_view k_digits = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size() + text.size() / 4);
  for (const char c : text) {
    if (is_unreserved(c)) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += k_digits[byte >> 4U];
    encoded += k_digits[byte & 15U];
  }
  return encoded;
}

std::string join_path(std::string_view base, std::initializer_list<std::string_view> segments) {
  std::string joined(base.substr(0, base.find_first_of("?#")));
  for (const std::string_view segment : segments) {
    if (segment.empty() || segment == "." || segment == "..") {
      throw Error(Fault::invalid, "net.url",
                  fmt::format("\"{}\" cannot be part of a path below {}", segment, for_display(base)),
                  "an identifier is empty or stands for another path");
    }
    if (!joined.ends_with('/')) joined += '/';
    joined += percent_encode(segment);
  }
  return joined;
}

std::string with_query(std::string_view url, std::span<const std::pair<std::string_view, std::string_view>> pairs) {
  std::string made(url.substr(0, url.find('#')));
  char separator = made.find('?') == std::string::npos ? '?' : '&';
  if (made.ends_with('?') || made.ends_with('&')) separator = '\0';
  for (const auto& [name, value] : pairs) {
    if (separator != '\0') made += separator;
    made.append(percent_encode(name)).append("=").append(percent_encode(value));
    separator = '&';
  }
  return made;
}

std::string with_query(std::string_view url,
                       std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  return with_query(url, std::span(pairs.begin(), pairs.size()));
}

std::string origin_of(std::string_view text) {
  const UrlHandle url = parse(text);
  if (!url) {
    throw Error(Fault::invalid, "net.url", fmt::format("\"{}\" is not an http or https URL", for_display(text)),
                "write it as https://host/path");
  }
  if (!part(url.get(), CURLUPART_USER).empty() || !part(url.get(), CURLUPART_PASSWORD).empty()) {
    throw Error(Fault::invalid, "net.url", fmt::format("the URL {} carries a user or password", for_display(text)),
                "give credentials in the connector's settings, where they are sealed");
  }
  std::string host = part(url.get(), CURLUPART_HOST);
  for (char& c : host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return fmt::format("{}://{}:{}", part(url.get(), CURLUPART_SCHEME), host,
                     part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT));
}

bool is_loopback(std::string_view url) {
  const std::string origin = origin_of(url);
  std::string_view host = std::string_view(origin).substr(origin.find("://") + 3);
  host = host.substr(0, host.rfind(':'));
  return host == "localhost" || host == "[::1]" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

std::optional<std::string> resolve(std::string_view base, std::string_view reference) {
  if (reference.empty() || reference.size() > k_longest_url || has_control(reference)) return std::nullopt;
  const UrlHandle url = parse(base);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, std::string(reference).c_str(), 0) != CURLUE_OK) {
    return std::nullopt;
  }
  std::string made = part(url.get(), CURLUPART_URL);
  if (!parse(made)) return std::nullopt;
  return made;
}

std::string for_display(std::string_view url) {
  std::string_view shown = url.substr(0, url.find_first_of("?#"));
  std::string text;
  if (const std::size_t scheme = shown.find("://"); scheme != std::string_view::npos) {
    const std::size_t path = shown.find('/', scheme + 3);
    const std::string_view authority = shown.substr(0, path);
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
      text = shown.substr(0, scheme + 3);
      shown.remove_prefix(at + 1);
    }
  }
  return printable(text.append(shown));
}

}  // namespace linkspan::net
