#include "connector_ldap/internal/settings.h"

#include <fmt/core.h>
#include <ldap.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "base/text.h"
#include "connector_ldap/internal/setting_reader.h"
#include "model/dn.h"

namespace linkspan::connector_ldap {

namespace {

constexpr std::string_view k_placeholder_member = "cn=no member,o=linkspan";

bool is_loopback(std::string_view host) {
  return host.starts_with("127.") || host == "::1" || host == "[::1]" || equal_ascii_case(host, "localhost");
}

void read_urls(SettingReader& reader, LdapSettings& made) {
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
}

}  // namespace

std::vector<std::string> read_names(SettingReader& reader, std::string_view name, bool wildcards) {
  std::vector<std::string> values = reader.all(name);
  for (const std::string& value : values) {
    if (is_descriptor(value) || (wildcards && (value == "*" || value == "+"))) continue;
    reader.wrong(fmt::format("{}: \"{}\" is not a name of the schema", name, printable(value)));
  }
  return values;
}

void check_dn(SettingReader& reader, std::string_view name, const std::string& value) {
  try {
    static_cast<void>(model::parse_dn(value));
  } catch (const Error& error) {
    reader.wrong(fmt::format("{}: \"{}\" is not a DN ({})", name, printable(value), error.message()));
  }
}

std::vector<std::string> read_dns(SettingReader& reader, std::string_view name) {
  std::vector<std::string> values = reader.all(name);
  for (const std::string& value : values) check_dn(reader, name, value);
  return values;
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

void read_connection(SettingReader& reader, LdapSettings& made) {
  read_urls(reader, made);
  constexpr std::array<std::string_view, 3> ways{"auto", "always", "never"};
  const std::string start_tls = reader.word("start_tls", ways);
  made.start_tls = start_tls == "always"  ? StartTls::always
                   : start_tls == "never" ? StartTls::never
                                          : StartTls::automatic;
  made.ca_file = reader.one("ca_file");
  made.verify = reader.truth("verify", true);
  made.page_size = reader.number("page_size", 1000, 1, 10'000);
  made.timeout = std::chrono::seconds(reader.number("timeout_seconds", 60, 1, 3600));
}

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
      {"changes", "auto: the best way that the server offers; full: every import reads everything", false, false,
       "auto"},
      {"placeholder_member", "DN of nobody that stands in groups which may not be empty and are (groupOfNames)", false,
       false, std::string(k_placeholder_member)},
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
  SettingReader reader(settings);
  LdapSettings made;
  reader.refuse_unknown(setting_specs());
  read_connection(reader, made);
  if (made.urls.empty() && reader.all("url").empty()) reader.wrong("url: it is missing");
  made.allow_clear_text = reader.truth("allow_clear_text", false);
  made.bind_dn = reader.one("bind_dn");
  if (!made.bind_dn.empty()) check_dn(reader, "bind_dn", made.bind_dn);
  const auto password = secrets.find("password");
  // A bind with a name and no password succeeds on many servers, as nobody (RFC 4513, 5.1.2).
  if (!made.bind_dn.empty() && (password == secrets.end() || password->second.empty())) {
    reader.wrong("password: it is missing, and bind_dn is given");
  }
  made.bases = read_dns(reader, "base");
  made.containers = read_dns(reader, "containers");
  made.exclude_containers = read_dns(reader, "exclude_containers");
  made.object_types = read_names(reader, "object_types", false);
  if (made.object_types.empty()) made.object_types = {"inetOrgPerson", "groupOfNames", "organizationalUnit"};
  made.attributes = read_names(reader, "attributes", true);
  constexpr std::array<std::string_view, 2> ways{"auto", "full"};
  made.always_full = reader.word("changes", ways) == "full";
  made.placeholder_member = reader.one("placeholder_member");
  if (made.placeholder_member.empty()) made.placeholder_member = k_placeholder_member;
  check_dn(reader, "placeholder_member", made.placeholder_member);
  reader.finish("ldap.settings");
  return made;
}

}  // namespace linkspan::connector_ldap
