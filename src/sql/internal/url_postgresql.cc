#include "sql/internal/url_postgresql.h"

#include <fmt/format.h>

#include "base/text.h"
#include "sql/internal/url_parts.h"

namespace linkspan::sql {

namespace {

std::pair<std::string_view, std::string_view> host_and_port(std::string_view text) {
  const auto [host, after] = split_host(text, ":");
  if (after.empty()) return {host, {}};
  return {host, checked_port(after.front() == ':' ? after.substr(1) : "")};
}

void read_hosts(std::string_view text, UrlParameters& into) {
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
    hosts += url_decoded(host);
    ports += port;
    separator = ',';
  }
  set_parameter(into, "host", hosts);
  if (ports.find_first_not_of(',') != std::string::npos) set_parameter(into, "port", ports);
}

std::string redacted_authority(const DatabaseUrl& url) {
  std::string out;
  if (const auto user = url.parameter("user"); !user.empty()) out += url_encoded(user) + "@";
  const auto hosts = split(url.parameter("host"), ',');
  const auto ports = split(url.parameter("port"), ',');
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (i != 0) out += ',';
    out += url_host(hosts[i]);
    const std::string_view port = ports.size() == 1 ? ports.front() : i < ports.size() ? ports[i] : std::string_view();
    if (!port.empty()) out += fmt::format(":{}", port);
  }
  return out;
}

}  // namespace

DatabaseUrl parse_postgresql_url(std::string_view rest) {
  DatabaseUrl url{Dialect::postgresql, {}, {}};
  const std::size_t question = rest.find('?');
  const std::string_view query = question == std::string_view::npos ? "" : rest.substr(question + 1);
  rest = rest.substr(0, question);
  const std::size_t slash = rest.find('/');
  if (slash != std::string_view::npos) set_parameter(url.parameters, "dbname", url_decoded(rest.substr(slash + 1)));
  std::string_view authority = rest.substr(0, slash);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    read_user(authority.substr(0, at), url.parameters);
    authority = authority.substr(at + 1);
  }
  read_hosts(authority, url.parameters);
  read_query(query, url.parameters);
  return url;
}

std::string redacted_postgresql_url(const DatabaseUrl& url) {
  std::string out = "postgresql://" + redacted_authority(url);
  if (const auto database = url.parameter("dbname"); !database.empty()) out += "/" + url_encoded(database);
  return out + url_query(url.parameters, {"user", "host", "port", "dbname", "password", "sslpassword"});
}

}  // namespace linkspan::sql
