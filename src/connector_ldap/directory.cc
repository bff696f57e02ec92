#include "connector_ldap/internal/directory.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/hash.h"
#include "base/text.h"
#include "model/dn.h"

namespace linkspan::connector_ldap {

namespace {

std::string first_of(const std::vector<std::string>& values) { return values.empty() ? std::string() : values.front(); }

std::vector<std::string> keys_of(const std::vector<std::string>& dns) {
  std::vector<std::string> keys;
  keys.reserve(dns.size());
  for (const std::string& dn : dns) keys.push_back(model::dn_key(dn));
  return keys;
}

bool within_any(std::string_view key, const std::vector<std::string>& ancestors) {
  return std::ranges::any_of(ancestors, [&](const std::string& one) { return model::is_within(key, one); });
}

/// Leaves out what lies within another of the list, so that nothing is read twice.
std::vector<std::string> outermost(const std::vector<std::string>& dns) {
  std::vector<std::string> made;
  const std::vector<std::string> keys = keys_of(dns);
  for (std::size_t i = 0; i < dns.size(); ++i) {
    bool covered = false;
    for (std::size_t j = 0; j < dns.size() && !covered; ++j) {
      const bool same = keys[i] == keys[j];
      covered = j != i && model::is_within(keys[i], keys[j]) && (!same || j < i);
    }
    if (!covered) made.push_back(dns[i]);
  }
  return made;
}

/// Without those that hold records of changes (OpenLDAP, 389 Directory Server) in place of objects.
std::vector<std::string> without_changelogs(std::vector<std::string> contexts) {
  std::erase_if(contexts, [](const std::string& dn) {
    const std::string key = model::dn_key(dn);
    return key == model::dn_key("cn=changelog") || key == model::dn_key("cn=accesslog");
  });
  return contexts;
}

std::string filter_of(const std::vector<std::string>& object_types) {
  std::string filter;
  for (const std::string& type : object_types) filter += fmt::format("(objectClass={})", type);
  return object_types.size() == 1 ? filter : fmt::format("(|{})", filter);
}

std::string fingerprint(const LdapSettings& settings, const Scope& scope) {
  std::string text;
  const auto take = [&](std::vector<std::string> values) {
    std::ranges::sort(values);
    for (const std::string& value : values) text += fmt::format("{}:{};", value.size(), value);
    text += '\n';
  };
  take(keys_of(scope.bases));
  take(scope.container_keys);
  take(scope.exclude_keys);
  take(settings.object_types);
  take(settings.attributes);
  return to_hex(hash128(text));
}

constexpr std::string_view k_watermark_kind = "ldap-sync-1";

}  // namespace

RootDse load_root_dse(Session& session, const std::stop_token& stop) {
  const std::vector<Message> entries = session.read(
      {.base = "",
       .scope = LDAP_SCOPE_BASE,
       .filter = "(objectClass=*)",
       .attributes = {"namingContexts", "supportedControl", "subschemaSubentry", "vendorName", "vendorVersion",
                      "supportedCapabilities", "defaultNamingContext", "configurationNamingContext", "dsServiceName",
                      "dnsHostName", "highestCommittedUSN"}},
      stop);
  RootDse made;
  if (entries.empty()) return made;
  const auto values = [&](const char* name) { return values_of(session.handle(), entries.front().get(), name); };
  made.naming_contexts = values("namingContexts");
  for (std::string& oid : values("supportedControl")) made.controls.insert(std::move(oid));
  made.subschema = first_of(values("subschemaSubentry"));
  const std::vector<std::string> capabilities = values("supportedCapabilities");
  made.active_directory = std::ranges::find(capabilities, "1.2.840.113556.1.4.800") != capabilities.end();
  made.default_naming_context = first_of(values("defaultNamingContext"));
  made.configuration = first_of(values("configurationNamingContext"));
  made.controller = first_of(values("dsServiceName"));
  made.host = first_of(values("dnsHostName"));
  made.highest_usn = to_integer(first_of(values("highestCommittedUSN"))).value_or(0);
  made.vendor = std::string(trim(first_of(values("vendorName")) + " " + first_of(values("vendorVersion"))));
  return made;
}

bool Scope::contains(std::string_view dn) const {
  const std::string key = model::dn_key(dn);
  return within_any(key, container_keys) && !within_any(key, exclude_keys);
}

bool Scope::excludes(std::string_view dn) const {
  return !exclude_keys.empty() && within_any(model::dn_key(dn), exclude_keys);
}

Scope resolve_scope(const LdapSettings& settings, const RootDse& root, std::string_view where) {
  Scope made;
  made.bases = outermost(settings.bases.empty() ? without_changelogs(root.naming_contexts) : settings.bases);
  if (made.bases.empty()) {
    throw Error(Fault::invalid, "ldap.settings", fmt::format("base: {} names no naming context to this account", where),
                "set base to the DN below which to read");
  }
  made.containers = settings.containers.empty() ? made.bases : outermost(settings.containers);
  made.container_keys = keys_of(made.containers);
  made.exclude_keys = keys_of(settings.exclude_containers);
  const std::vector<std::string> base_keys = keys_of(made.bases);
  for (std::size_t i = 0; i < made.containers.size(); ++i) {
    if (within_any(made.container_keys[i], base_keys)) continue;
    throw Error(Fault::invalid, "ldap.settings",
                fmt::format("containers: \"{}\" does not lie below a base of {}", made.containers[i], where),
                "correct the container, or set base");
  }
  made.filter = filter_of(settings.object_types);
  return made;
}

std::string make_watermark(const LdapSettings& settings, const Scope& scope, std::string_view cookie) {
  if (cookie.empty()) return {};
  const std::string text = fmt::format("{} {} {}", k_watermark_kind, fingerprint(settings, scope), to_base64(cookie));
  return fmt::format("{} {:016x}", text, hash64(text));
}

std::string read_watermark(const LdapSettings& settings, const Scope& scope, std::string_view watermark) {
  const std::vector<std::string_view> parts = split(watermark, ' ');
  const auto refuse = [](const char* why) {
    return Error(Fault::invalid, "connector.watermark_refused", why, "a full import begins a new series");
  };
  if (parts.size() != 4 || parts[0] != k_watermark_kind) throw refuse("the watermark was not made by this connector");
  if (parts[1] != fingerprint(settings, scope)) {
    throw refuse("base, containers, object types or attributes have changed since the last import");
  }
  // OpenLDAP answers a damaged cookie with "nothing has changed": it must not get as far as that.
  const std::string_view checked = watermark.substr(0, watermark.rfind(' '));
  const auto cookie = from_base64(parts[2]);
  if (!cookie || cookie->empty() || fmt::format("{:016x}", hash64(checked)) != parts[3]) {
    throw refuse("the watermark is damaged");
  }
  return *cookie;
}

}  // namespace linkspan::connector_ldap
