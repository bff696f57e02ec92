#include "sql/internal/url_sqlserver.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "sql/internal/url_parts.h"

namespace linkspan::sql {

namespace {

constexpr std::string_view k_hint =
    "Write sqlserver://user@host:1433/database, or sqlserver://user@host\\INSTANCE/database";

// [MC-SQLR] 2.2.2: an instance name has at most 32 bytes.
constexpr std::size_t k_longest_instance = 32;

[[noreturn]] void refuse_parameter(std::string_view why, std::string_view hint = {}) {
  refuse_url(why, hint.empty() ? "docs/setup.md lists the parameters and what they may be." : hint,
             "sql.url_parameter");
}

struct Parameter {
  std::string_view name;
  std::vector<std::string_view> values;  ///< What it may be; empty where it is free text.
};

const std::vector<Parameter>& known_parameters() {
  static const std::vector<Parameter> known{
      {"encrypt", {"yes", "strict", "no"}},
      {"trust", {"yes", "no"}},
      {"ca_file", {}},
      {"host_name", {}},
      {"driver", {}},
      {"authentication", {"password", "kerberos"}},
      {"server_spn", {}},
  };
  return known;
}

bool is_word(std::string_view text, std::string_view also) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [also](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || also.find(c) != also.npos;
  });
}

void check_host(std::string_view host) {
  if (host.empty()) refuse_url("it names no server", k_hint);
  if (host == "." || equal_ascii_case(host, "(local)")) refuse_url("it names no server", "Write localhost.");
  // What is in no host name or address could mean something else to a driver.
  if (!is_word(host, ".-_:%")) refuse_url("a character of the server's name is in no host name", k_hint);
}

// `\INSTANCE`, `:port` or `,port`, or the one after the other.
void read_instance_and_port(std::string_view text, UrlParameters& into) {
  if (text.starts_with('\\')) {
    const std::size_t end = std::min(text.find_first_of(":,"), text.size());
    const std::string_view instance = text.substr(1, end - 1);
    if (!is_word(instance, "_$#-") || instance.size() > k_longest_instance)
      refuse_url("what follows the backslash is no name of an instance", k_hint);
    set_parameter(into, "instance", std::string(instance));
    text = text.substr(end);
  }
  if (text.empty()) return;
  const bool port = text.front() == ':' || text.front() == ',';
  set_parameter(into, "port", std::string(checked_port(port ? text.substr(1) : "")));
}

void read_authority(std::string_view text, UrlParameters& into) {
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    read_user(text.substr(0, at), into);
    text = text.substr(at + 1);
  }
  const std::string plain = url_decoded(text);
  const auto [host, after] = split_host(plain, "\\:,");
  check_host(host);
  set_parameter(into, "host", std::string(host));
  read_instance_and_port(after, into);
}

void read_database(std::string_view text, UrlParameters& into) {
  const std::string name = url_decoded(text);
  // Without a name the server would choose the login's default database: most often master.
  if (name.empty()) refuse_url("it names no database", k_hint);
  for (const std::string_view system : {"master", "model", "msdb", "tempdb"}) {
    if (equal_ascii_case(name, system))
      refuse_url(fmt::format("{} is a database of the server itself", system), "Name one made for Linkspan.");
  }
  if (code_points(name) > 128 || !is_utf8(name)) refuse_url("the name of the database is longer than 128 characters");
  set_parameter(into, "dbname", name);
}

void check_parameter(std::string_view name, std::string_view value) {
  const auto& known = known_parameters();
  const auto found = std::find_if(known.begin(), known.end(), [&](const Parameter& one) { return one.name == name; });
  if (found == known.end()) {
    std::vector<std::string> names;
    for (const Parameter& one : known) names.emplace_back(one.name);
    const auto meant = nearest(name, names);
    refuse_parameter(fmt::format("unknown parameter '{}'", printable(name, 60)),
                     meant ? fmt::format("Did you mean {}?", *meant)
                           : fmt::format("The parameters of sqlserver:// are {}.", fmt::join(names, ", ")));
  }
  if (found->values.empty()) return;
  if (std::find(found->values.begin(), found->values.end(), value) == found->values.end())
    refuse_parameter(fmt::format("{} is neither {}", name, fmt::join(found->values, " nor ")));
}

void check_driver(std::string_view driver) {
  if (driver.empty() || driver == "freetds" || driver == "microsoft" || driver.starts_with('/')) return;
  refuse_parameter("driver is neither freetds nor microsoft nor an absolute path");
}

// Whoever writes two things that do not go together believes something that is not so.
void check_together(const DatabaseUrl& url) {
  const auto given = [&](std::string_view name) { return url.parameter(name); };
  const bool kerberos = given("authentication") == "kerberos";
  if (kerberos && (!given("user").empty() || !given("password").empty()))
    refuse_parameter("with authentication=kerberos the ticket names the user", "Leave the user and the password out.");
  if (!kerberos && !given("server_spn").empty()) refuse_parameter("server_spn is for authentication=kerberos only");
  const bool trusted = given("trust") == "yes";
  if (trusted && given("encrypt") == "strict")
    refuse_parameter("encrypt=strict always checks the certificate", "Leave trust out, or write encrypt=yes.");
  if (trusted && (!given("ca_file").empty() || !given("host_name").empty()))
    refuse_parameter("with trust=yes the certificate is not looked at", "Leave out trust, or ca_file and host_name.");
  if (given("encrypt") == "no" && (trusted || !given("ca_file").empty() || !given("host_name").empty()))
    refuse_parameter("with encrypt=no there is no certificate", "Leave out trust, ca_file and host_name.");
}

}  // namespace

DatabaseUrl parse_sqlserver_url(std::string_view rest) {
  DatabaseUrl url{Dialect::sqlserver, {}, {}};
  const std::size_t question = rest.find('?');
  UrlParameters query;
  if (question != std::string_view::npos) read_query(rest.substr(question + 1), query);
  rest = rest.substr(0, question);
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  read_authority(rest.substr(0, slash), url.parameters);
  read_database(slash == rest.size() ? "" : rest.substr(slash + 1), url.parameters);
  for (auto& [name, value] : query) {
    check_parameter(name, value);
    set_parameter(url.parameters, std::move(name), std::move(value));
  }
  check_driver(url.parameter("driver"));
  check_together(url);
  return url;
}

std::string redacted_sqlserver_url(const DatabaseUrl& url) {
  std::string out = "sqlserver://";
  if (const auto user = url.parameter("user"); !user.empty()) out += url_encoded(user, "\\") + "@";
  out += url_host(url.parameter("host"));
  if (const auto instance = url.parameter("instance"); !instance.empty()) out += fmt::format("\\{}", instance);
  if (const auto port = url.parameter("port"); !port.empty()) out += fmt::format(":{}", port);
  out += "/" + url_encoded(url.parameter("dbname"));
  return out + url_query(url.parameters, {"user", "password", "host", "instance", "port", "dbname"});
}

}  // namespace linkspan::sql
