#include "connector_ldap/internal/settings.h"

#include <fmt/core.h>
#include <ldap.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/text.h"
#include "model/dn.h"

namespace linkspan::connector_ldap {

namespace {

/// Collects what is wrong, so that all of it is said at once.
class Reader {
 public:
  explicit Reader(const connector::Settings& settings) : settings_(settings) {}

  std::vector<std::string> all(std::string_view name) const {
    const auto found = settings_.find(name);
    return found == settings_.end() ? std::vector<std::string>{} : found->second;
  }

  std::string one(std::string_view name) {
    const std::vector<std::string> values = all(name);
    if (values.size() > 1) wrong(fmt::format("{}: one value is wanted, {} are given", name, values.size()));
    return values.empty() ? std::string() : values.front();
  }

  bool truth(std::string_view name, bool standard) {
    const std::string text = one(name);
    if (text.empty()) return standard;
    for (const std::string_view yes : {"true", "yes", "1"}) {
      if (equal_ascii_case(text, yes)) return true;
    }
    for (const std::string_view no : {"false", "no", "0"}) {
      if (equal_ascii_case(text, no)) return false;
    }
    wrong(fmt::format("{}: \"{}\" is neither true nor false", name, printable(text)));
    return standard;
  }

  int number(std::string_view name, int standard, int least, int most) {
    const std::string text = one(name);
    if (text.empty()) return standard;
    const auto value = to_integer(text);
    if (value && *value >= least && *value <= most) return static_cast<int>(*value);
    wrong(fmt::format("{}: \"{}\" is not a number from {} to {}", name, printable(text), least, most));
    return standard;
  }

  std::vector<std::string> names(std::string_view name, bool wildcards) {
    std::vector<std::string> values = all(name);
    for (const std::string& value : values) {
      if (!is_descriptor(value) && !(wildcards && (value == "*" || value == "+"))) {
        wrong(fmt::format("{}: \"{}\" is not a name of the schema", name, printable(value)));
      }
    }
    return values;
  }

  std::vector<std::string> dns(std::string_view name) {
    std::vector<std::string> values = all(name);
    for (const std::string& value : values) check_dn(name, value);
    return values;
  }

  void check_dn(std::string_view name, const std::string& value) {
    try {
      static_cast<void>(model::parse_dn(value));
    } catch (const Error& error) {
      wrong(fmt::format("{}: \"{}\" is not a DN ({})", name, printable(value), error.message()));
    }
  }

  void wrong(std::string problem) { problems_.push_back(std::move(problem)); }

  void finish() const {
    if (problems_.empty()) return;
    std::string text;
    for (const std::string& problem : problems_) text += (text.empty() ? "" : "\n") + problem;
    throw Error(Fault::invalid, "ldap.settings", text, "correct these settings of the connector");
  }

 private:
  const connector::Settings& settings_;
  std::vector<std::string> problems_;
};

bool is_loopback(std::string_view host) {
  return host.starts_with("127.") || host == "::1" || host == "[::1]" || equal_ascii_case(host, "localhost");
}

std::optional<ServerUrl> read_url(const std::string& text) {
  LDAPURLDesc* parsed = nullptr;
  if (ldap_url_parse(text.c_str(), &parsed) != LDAP_URL_SUCCESS) return std::nullopt;
  const std::unique_ptr<LDAPURLDesc, void (*)(LDAPURLDesc*)> owner(parsed, &ldap_free_urldesc);
  const std::string_view scheme = parsed->lud_scheme;
  const std::string_view host = parsed->lud_host != nullptr ? parsed->lud_host : "";
  const bool more = (parsed->lud_dn != nullptr && *parsed->lud_dn != '\0') || parsed->lud_filter != nullptr;
  if (more || (scheme != "ldap" && scheme != "ldaps" && scheme != "ldapi")) return std::nullopt;
  if (host.empty() && scheme != "ldapi") return std::nullopt;
  return ServerUrl{text, scheme == "ldaps", scheme == "ldapi", scheme == "ldap" && is_loopback(host)};
}

void read_urls(Reader& reader, LdapSettings& made) {
  for (const std::string& value : reader.all("url")) {
    for (const std::string_view part : split(value, ' ')) {
      if (part.empty()) continue;
      const std::string text(part);
      if (auto url = read_url(text)) {
        made.urls.push_back(std::move(*url));
      } else {
        reader.wrong(
            fmt::format("url: \"{}\" is not ldap://host[:port], ldaps://host[:port] or ldapi://path", printable(text)));
      }
    }
  }
  if (made.urls.empty() && reader.all("url").empty()) reader.wrong("url: it is missing");
}

}  // namespace

const std::vector<connector::SettingSpec>& setting_specs() {
  static const std::vector<connector::SettingSpec> specs{
      {"url", "ldaps://host, ldap://host or ldapi://path; further ones are tried when the first does not answer", true,
       true, ""},
      {"start_tls", "encrypt ldap:// connections: auto (all but those to this machine), always, never", false, false,
       "auto"},
      {"allow_clear_text", "send the password unencrypted over the network if need be", false, false, "false"},
      {"ca_file", "certificates (PEM) that the server's certificate is checked against", false, false,
       "those of the system"},
      {"verify", "check the server's certificate", false, false, "true"},
      {"bind_dn", "DN of the account to read with", false, false, "anonymous"},
      {"base", "naming context to read", false, true, "those that the server names"},
      {"containers", "DNs whose subtrees are imported", false, true, "the base"},
      {"exclude_containers", "DNs whose subtrees are left out", false, true, ""},
      {"object_types", "object classes to import", false, true, "inetOrgPerson, groupOfNames, organizationalUnit"},
      {"attributes", "attributes to import", false, true, "all user attributes but userPassword"},
      {"page_size", "entries per page where the server reads in pages", false, false, "1000"},
      {"timeout_seconds", "how long an answer may take", false, false, "60"},
  };
  return specs;
}

bool is_descriptor(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == ';' || c == '_';
  };
  return !text.empty() && text.size() <= 256 && text.front() != ';' && text.front() != '-' &&
         std::ranges::all_of(text, fits);
}

LdapSettings read_settings(const connector::Settings& settings, const connector::Secrets& secrets) {
  Reader reader(settings);
  LdapSettings made;
  std::vector<std::string> known;
  for (const connector::SettingSpec& spec : setting_specs()) known.push_back(spec.name);
  for (const auto& [name, values] : settings) {
    if (std::ranges::find(known, name) != known.end()) continue;
    const auto meant = nearest(name, known);
    reader.wrong(fmt::format("{}: there is no such setting{}", printable(name),
                             meant ? fmt::format("; did you mean {}?", *meant) : std::string()));
  }
  read_urls(reader, made);
  const std::string start_tls = reader.one("start_tls");
  if (start_tls == "always") {
    made.start_tls = StartTls::always;
  } else if (start_tls == "never") {
    made.start_tls = StartTls::never;
  } else if (!start_tls.empty() && start_tls != "auto") {
    reader.wrong(fmt::format("start_tls: \"{}\" is none of auto, always, never", printable(start_tls)));
  }
  made.allow_clear_text = reader.truth("allow_clear_text", false);
  made.ca_file = reader.one("ca_file");
  made.verify = reader.truth("verify", true);
  made.bind_dn = reader.one("bind_dn");
  if (!made.bind_dn.empty()) reader.check_dn("bind_dn", made.bind_dn);
  const auto password = secrets.find("password");
  // A bind with a name and no password succeeds on many servers, as nobody (RFC 4513, 5.1.2).
  if (!made.bind_dn.empty() && (password == secrets.end() || password->second.empty())) {
    reader.wrong("password: it is missing, and bind_dn is given");
  }
  made.bases = reader.dns("base");
  made.containers = reader.dns("containers");
  made.exclude_containers = reader.dns("exclude_containers");
  made.object_types = reader.names("object_types", false);
  if (made.object_types.empty()) made.object_types = {"inetOrgPerson", "groupOfNames", "organizationalUnit"};
  made.attributes = reader.names("attributes", true);
  made.page_size = reader.number("page_size", 1000, 1, 10'000);
  made.timeout = std::chrono::seconds(reader.number("timeout_seconds", 60, 1, 3600));
  reader.finish();
  return made;
}

}  // namespace linkspan::connector_ldap
