#include "sql/url.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::sql {

namespace {

bool is_secret(std::string_view keyword) { return keyword == "password" || keyword == "sslpassword"; }

[[noreturn]] void refuse(std::string_view why, std::string_view hint = {}) {
  // The text itself is never quoted: it may hold a password.
  throw Error(
      Fault::invalid, "sql.url", fmt::format("not a database URL: {}", why),
      std::string(hint.empty() ? "Write sqlite:///absolute/path or postgresql://user@host:5432/database" : hint));
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto byte = from_hex(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1 || byte->front() == '\0') refuse("a % is not followed by two hexadecimal digits");
    out += *byte;
    i += 2;
  }
  return out;
}

std::string encoded(std::string_view text, std::string_view also_plain) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos ||
                       also_plain.find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

class PostgresqlUrl {
 public:
  // `rest` is what follows "postgresql://".
  static std::vector<std::pair<std::string, std::string>> parse(std::string_view rest) {
    PostgresqlUrl url;
    const std::size_t question = rest.find('?');
    const std::string_view query = question == std::string_view::npos ? "" : rest.substr(question + 1);
    rest = rest.substr(0, question);
    const std::size_t slash = rest.find('/');
    if (slash != std::string_view::npos) url.set("dbname", decoded(rest.substr(slash + 1)));
    url.authority(rest.substr(0, slash));
    url.query(query);
    return std::move(url.parameters_);
  }

 private:
  void set(std::string keyword, std::string value) {
    if (value.empty()) return;
    for (auto& [known, held] : parameters_) {
      if (known == keyword) {
        held = std::move(value);
        return;
      }
    }
    parameters_.emplace_back(std::move(keyword), std::move(value));
  }

  void authority(std::string_view text) {
    const std::size_t at = text.rfind('@');
    if (at != std::string_view::npos) {
      const std::string_view user = text.substr(0, at);
      const std::size_t colon = user.find(':');
      set("user", decoded(user.substr(0, colon)));
      if (colon != std::string_view::npos) set("password", decoded(user.substr(colon + 1)));
      text = text.substr(at + 1);
    }
    if (text.empty()) return;
    std::string hosts;
    std::string ports;
    char separator = '\0';
    for (const std::string_view one : split(text, ',')) {
      const auto [host, port] = host_and_port(one);
      if (separator != '\0') {
        hosts += separator;
        ports += separator;
      }
      hosts += decoded(host);
      ports += port;
      separator = ',';
    }
    set("host", hosts);
    if (ports.find_first_not_of(',') != std::string::npos) set("port", ports);
  }

  static std::pair<std::string_view, std::string_view> host_and_port(std::string_view text) {
    std::string_view host = text;
    std::string_view after;
    if (text.starts_with('[')) {
      const std::size_t end = text.find(']');
      if (end == std::string_view::npos) refuse("an IPv6 address lacks its ]");
      host = text.substr(1, end - 1);
      after = text.substr(end + 1);
    } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
      host = text.substr(0, colon);
      after = text.substr(colon);
    }
    if (after.empty()) return {host, {}};
    const auto port = to_integer(after.substr(1));
    if (after.front() != ':' || !port || *port < 1 || *port > 65535) refuse("the port is not a number from 1 to 65535");
    return {host, after.substr(1)};
  }

  void query(std::string_view text) {
    if (text.empty()) return;
    for (const std::string_view pair : split(text, '&')) {
      const std::size_t equals = pair.find('=');
      if (equals == 0 || equals == std::string_view::npos) refuse("what follows ? is not name=value&name=value");
      set(decoded(pair.substr(0, equals)), decoded(pair.substr(equals + 1)));
    }
  }

  std::vector<std::pair<std::string, std::string>> parameters_;
};

std::string redacted_authority(const DatabaseUrl& url) {
  std::string out;
  if (const auto user = url.parameter("user"); !user.empty()) out += encoded(user, "") + "@";
  const auto hosts = split(url.parameter("host"), ',');
  const auto ports = split(url.parameter("port"), ',');
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (i != 0) out += ',';
    const bool ipv6 = hosts[i].find(':') != std::string_view::npos;
    out += ipv6 ? fmt::format("[{}]", hosts[i]) : encoded(hosts[i], "");
    const std::string_view port = ports.size() == 1 ? ports.front() : i < ports.size() ? ports[i] : std::string_view();
    if (!port.empty()) out += fmt::format(":{}", port);
  }
  return out;
}

}  // namespace

DatabaseUrl DatabaseUrl::parse(std::string_view text) {
  text = trim(text);
  if (text == "sqlite::memory:") return {Dialect::sqlite, ":memory:", {}};
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) refuse("it has no scheme such as sqlite:// or postgresql://");
  const std::string_view scheme = text.substr(0, colon);
  const std::string_view rest = text.substr(colon + 3);
  if (scheme == "postgresql" || scheme == "postgres") return {Dialect::postgresql, {}, PostgresqlUrl::parse(rest)};
  if (scheme != "sqlite") {
    refuse(fmt::format("the scheme '{}' is unknown", printable(scheme, 30)),
           "This program knows sqlite:// and postgresql://");
  }
  if (!rest.starts_with('/'))
    refuse("the path is not absolute", "Write three slashes: sqlite:///var/lib/linkspan/state.db");
  if (rest.find('?') != std::string_view::npos) refuse("sqlite:// takes no parameters");
  return {Dialect::sqlite, decoded(rest), {}};
}

std::string_view DatabaseUrl::parameter(std::string_view keyword) const noexcept {
  for (const auto& [known, value] : parameters) {
    if (known == keyword) return value;
  }
  return {};
}

std::string DatabaseUrl::redacted() const {
  if (dialect == Dialect::sqlite) return path == ":memory:" ? "sqlite::memory:" : "sqlite://" + encoded(path, "/");
  std::string out = "postgresql://" + redacted_authority(*this);
  if (const auto database = parameter("dbname"); !database.empty()) out += "/" + encoded(database, "");
  char separator = '?';
  for (const auto& [keyword, value] : parameters) {
    if (keyword == "user" || keyword == "host" || keyword == "port" || keyword == "dbname" || is_secret(keyword))
      continue;
    out += fmt::format("{}{}={}", std::exchange(separator, '&'), encoded(keyword, ""), encoded(value, "/:,"));
  }
  return out;
}

}  // namespace linkspan::sql
