// The settings of a connector to Active Directory.

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "connector_ldap/internal/guid.h"
#include "connector_ldap/internal/setting_reader.h"

namespace linkspan::connector_ldap {

namespace {

/// A container as a DN, as <GUID=…>, or both.
void read_places(SettingReader& reader, std::string_view name, std::vector<std::string>& made) {
  made = reader.all(name);
  for (const std::string& value : made) {
    const ExtendedDn parts = parse_extended_dn(value);
    if (value.starts_with('<') && parts.guid.empty()) {
      reader.wrong(fmt::format("{}: \"{}\" is neither a DN nor <GUID=…>;DN", name, printable(value)));
    } else if (!parts.dn.empty()) {
      check_dn(reader, name, std::string(parts.dn));
    }
  }
}

void read_bind(SettingReader& reader, LdapSettings& made) {
  constexpr std::array<std::string_view, 2> ways{"simple", "gssapi"};
  if (reader.word("bind", ways) == "gssapi") made.bind = Bind::gssapi;
}

void read_account(SettingReader& reader, const connector::Secrets& secrets, LdapSettings& made) {
  made.bind_dn = reader.one("account");
  made.keytab = reader.one("keytab");
  if (made.bind_dn.empty()) reader.wrong("account: it is missing; Active Directory lets nobody in without a name");
  if (made.bind == Bind::gssapi && !made.bind_dn.empty() && made.bind_dn.find('@') == std::string::npos) {
    reader.wrong(fmt::format("account: for gssapi name@REALM is wanted, not \"{}\"", printable(made.bind_dn)));
  }
  if (!made.keytab.empty() && made.bind != Bind::gssapi) reader.wrong("keytab: it goes with bind = gssapi");
  const auto password = secrets.find("password");
  const bool has_password = password != secrets.end() && !password->second.empty();
  // A bind with a name and no password succeeds, as nobody (RFC 4513, 5.1.2).
  if (!has_password && made.keytab.empty()) reader.wrong("password: it is missing");
}

void read_changes(SettingReader& reader, LdapSettings& made) {
  const std::string text = reader.one("changes");
  if (text == "dirsync") {
    made.changes = Changes::dirsync;
  } else if (text == "dirsync_visible") {
    made.changes = Changes::dirsync_visible;
  } else if (text == "usn") {
    made.changes = Changes::usn;
  } else if (!text.empty() && text != "auto") {
    reader.wrong(fmt::format("changes: \"{}\" is none of auto, dirsync, dirsync_visible, usn", printable(text)));
  }
}

}  // namespace

const std::vector<connector::SettingSpec>& active_directory_setting_specs() {
  static const std::vector<connector::SettingSpec> specs{
      {"domain", "DNS name of the domain; its controllers are found by DNS", false, false, ""},
      {"url", "ldaps://host or ldap://host of controllers, in the order to be tried, instead of asking DNS", false,
       true, ""},
      {"start_tls", "encrypt ldap:// connections by StartTLS: auto (where a password is sent), always, never", false,
       false, "auto"},
      {"ca_file", "certificates (PEM) that the controllers' certificates are checked against", false, false,
       "those of the system"},
      {"verify", "check the controllers' certificates", false, false, "true"},
      {"bind", "how to log on: simple (a password over TLS) or gssapi (Kerberos, signed and sealed)", false, false,
       "simple"},
      {"account", "account to log on with: name@domain, DOMAIN\\name or a DN; for gssapi name@REALM", false, false, ""},
      {"keytab", "file with the account's key for gssapi, in place of a password", false, false, ""},
      {"base", "domains to read, by DN; * = every domain of the forest", false, true, "the controller's domain"},
      {"containers", "DNs whose subtrees are imported; kept by objectGUID", false, true, "all of base"},
      {"exclude_containers", "DNs whose subtrees are left out; kept by objectGUID", false, true, ""},
      {"object_types", "object classes to import", false, true,
       "user, inetOrgPerson, group, contact, foreignSecurityPrincipal"},
      {"attributes", "attributes to import", false, true, "all but far ends of links and what each controller keeps"},
      {"changes", "how changes are asked for: auto, dirsync, dirsync_visible, usn", false, false, "auto"},
      {"primary_group", "tell the primary group of each account (Domain Users) as its reference primaryGroup", false,
       false, "false"},
      {"initial_password", "what a new account gets when no rule sets unicodePwd: none, or random", false, false,
       "none"},
      {"page_size", "entries per page", false, false, "1000"},
      {"timeout_seconds", "how long an answer may take", false, false, "60"},
  };
  return specs;
}

namespace {

LdapSettings read(const connector::Settings& settings, const connector::Secrets* secrets) {
  SettingReader reader(settings);
  LdapSettings made;
  made.dialect = Dialect::active_directory;
  reader.refuse_unknown(active_directory_setting_specs());
  read_connection(reader, made);
  for (const ServerUrl& url : made.urls) {
    if (url.local) reader.wrong(fmt::format("url: \"{}\": a domain controller has no such socket", url.text));
  }
  made.domain = reader.one("domain");
  if (made.urls.empty() && reader.all("url").empty() && made.domain.empty()) {
    reader.wrong("domain: it is missing, and no url is given");
  }
  const bool domain_fits = std::ranges::all_of(made.domain, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  });
  if (!domain_fits || made.domain.size() > 253) {
    reader.wrong(fmt::format("domain: \"{}\" is no DNS name", printable(made.domain)));
  }
  read_bind(reader, made);
  if (secrets != nullptr) read_account(reader, *secrets, made);
  made.bases = reader.all("base");
  const bool all = made.bases.size() == 1 && made.bases.front() == "*";
  for (const std::string& base : made.bases) {
    if (!all) check_dn(reader, "base", base);
  }
  read_places(reader, "containers", made.containers);
  read_places(reader, "exclude_containers", made.exclude_containers);
  made.object_types = read_names(reader, "object_types", false);
  if (made.object_types.empty()) {
    made.object_types = {"user", "inetOrgPerson", "group", "contact", "foreignSecurityPrincipal"};
  }
  made.attributes = read_names(reader, "attributes", true);
  read_changes(reader, made);
  made.primary_group = reader.truth("primary_group", false);
  const std::string initial = reader.one("initial_password");
  made.random_initial_password = initial == "random";
  if (!initial.empty() && initial != "none" && initial != "random") {
    reader.wrong(fmt::format("initial_password: \"{}\" is neither none nor random", printable(initial)));
  }
  reader.finish("ldap.settings");
  return made;
}

}  // namespace

LdapSettings read_active_directory_settings(const connector::Settings& settings, const connector::Secrets& secrets) {
  return read(settings, &secrets);
}

LdapSettings read_active_directory_address(const connector::Settings& settings) { return read(settings, nullptr); }

}  // namespace linkspan::connector_ldap
