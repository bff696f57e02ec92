#include "sql/internal/url_parts.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::sql {

void refuse_url(std::string_view why, std::string_view hint, std::string_view id) {
  throw Error(Fault::invalid, id, fmt::format("not a database URL: {}", why),
              std::string(hint.empty() ? "Write sqlite:///absolute/path, postgresql://user@host:5432/database or "
                                         "sqlserver://user@host:1433/database"
                                       : hint));
}

std::string url_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto byte = from_hex(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1 || byte->front() == '\0')
      refuse_url("a % is not followed by two hexadecimal digits other than 00",
                 "Write %25 for a percent sign itself, %40 for @, %2F for /, %20 for a blank.", "sql.url_encoding");
    out += *byte;
    i += 2;
  }
  return out;
}

std::string url_encoded(std::string_view text, std::string_view also_plain) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos ||
                       also_plain.find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

void set_parameter(UrlParameters& parameters, std::string keyword, std::string value) {
  if (value.empty()) return;
  for (auto& [known, held] : parameters) {
    if (known == keyword) {
      held = std::move(value);
      return;
    }
  }
  parameters.emplace_back(std::move(keyword), std::move(value));
}

void read_user(std::string_view text, UrlParameters& into) {
  const std::size_t colon = text.find(':');
  set_parameter(into, "user", url_decoded(text.substr(0, colon)));
  if (colon != std::string_view::npos) set_parameter(into, "password", url_decoded(text.substr(colon + 1)));
}

void read_query(std::string_view text, UrlParameters& into) {
  if (text.empty()) return;
  for (const std::string_view pair : split(text, '&')) {
    const std::size_t equals = pair.find('=');
    if (equals == 0 || equals == std::string_view::npos) {
      refuse_url("what follows ? is not name=value&name=value",
                 "Write ?name=value&name=value, with %26 for an & inside a value.", "sql.url_parameter");
    }
    set_parameter(into, url_decoded(pair.substr(0, equals)), url_decoded(pair.substr(equals + 1)));
  }
}

std::string_view checked_port(std::string_view text) {
  const auto port = to_integer(text);
  if (!port || *port < 1 || *port > 65535) {
    refuse_url("the port is not a number from 1 to 65535",
               "Write host:PORT, or leave the port out. An IPv6 address stands in brackets: [::1]:PORT.",
               "sql.url_port");
  }
  return text;
}

std::pair<std::string_view, std::string_view> split_host(std::string_view text, std::string_view ends) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) refuse_url("an IPv6 address lacks its ]");
    return {text.substr(1, end - 1), text.substr(end + 1)};
  }
  const std::size_t end = std::min(text.find_first_of(ends), text.size());
  return {text.substr(0, end), text.substr(end)};
}

std::string url_host(std::string_view host) {
  return host.find(':') != std::string_view::npos ? fmt::format("[{}]", url_encoded(host, ":")) : url_encoded(host);
}

std::string url_query(const UrlParameters& parameters, const std::vector<std::string_view>& left_out) {
  std::string out;
  char separator = '?';
  for (const auto& [keyword, value] : parameters) {
    if (std::find(left_out.begin(), left_out.end(), keyword) != left_out.end()) continue;
    out += fmt::format("{}{}={}", std::exchange(separator, '&'), url_encoded(keyword), url_encoded(value, "/:,"));
  }
  return out;
}

}  // namespace linkspan::sql
