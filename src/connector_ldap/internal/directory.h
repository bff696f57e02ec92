#pragma once
// What is read from which server: the rootDSE, the resolved settings, and which entries count.

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "connector_ldap/internal/session.h"

namespace linkspan::connector_ldap {

struct RootDse {
  std::vector<std::string> naming_contexts;
  std::set<std::string> controls;  ///< OIDs
  std::string subschema;
  std::string vendor;
  // Of Active Directory (MS-ADTS 3.1.1.3.2):
  bool active_directory = false;
  std::string default_naming_context;  ///< the domain of the controller
  std::string configuration;           ///< DN of the configuration partition
  std::string controller;              ///< DN of the controller's own settings
  std::string host;                    ///< its DNS name
  std::int64_t highest_usn = 0;
  [[nodiscard]] bool is_samba() const { return vendor.find("Samba") != std::string::npos; }
  [[nodiscard]] bool offers(std::string_view oid) const { return controls.contains(std::string(oid)); }
};

[[nodiscard]] RootDse load_root_dse(Session& session, const std::stop_token& stop = {});

/// Settings and rootDSE together.
struct Scope {
  std::vector<std::string> bases;
  std::vector<std::string> containers;  ///< none within another
  std::vector<std::string> container_keys;
  std::vector<std::string> exclude_keys;
  std::string filter;  ///< of the wanted object types

  /// Whether a DN lies in a container and in no excluded one.
  [[nodiscard]] bool contains(std::string_view dn) const;
  /// Whether it lies in an excluded container.
  [[nodiscard]] bool excludes(std::string_view dn) const;
};

/// Throws Fault::invalid "ldap.settings" when there is no base, or a container lies in none.
[[nodiscard]] Scope resolve_scope(const LdapSettings& settings, const RootDse& root, std::string_view where);

/// A cookie of RFC 4533, tied to the settings that it was got with.
[[nodiscard]] std::string make_watermark(const LdapSettings& settings, const Scope& scope, std::string_view cookie);

/// The cookie again. Throws Fault::invalid "connector.watermark_refused" when it is none of ours, or settings changed
/// that decide what is read.
[[nodiscard]] std::string read_watermark(const LdapSettings& settings, const Scope& scope, std::string_view watermark);

}  // namespace linkspan::connector_ldap
