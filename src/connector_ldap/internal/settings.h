#pragma once
// The settings of an LDAP connector, read and checked once.

#include <chrono>
#include <string>
#include <vector>

#include "connector/connector.h"

namespace linkspan::connector_ldap {

struct ServerUrl {
  std::string text;
  bool tls = false;       ///< ldaps
  bool local = false;     ///< ldapi: never leaves the machine
  bool loopback = false;  ///< ldap to 127.0.0.0/8, ::1 or localhost
};

enum class StartTls : unsigned char { automatic, always, never };

struct LdapSettings {
  std::vector<ServerUrl> urls;  ///< tried in order
  StartTls start_tls = StartTls::automatic;
  bool allow_clear_text = false;
  std::string ca_file;  ///< empty = the system's
  bool verify = true;
  std::string bind_dn;  ///< empty = anonymous
  std::vector<std::string> bases;
  std::vector<std::string> containers;
  std::vector<std::string> exclude_containers;
  std::vector<std::string> object_types;
  std::vector<std::string> attributes;
  int page_size = 1000;
  std::chrono::seconds timeout{60};
};

[[nodiscard]] const std::vector<connector::SettingSpec>& setting_specs();

/// Throws Fault::invalid "ldap.settings" with everything that is wrong, a line each.
[[nodiscard]] LdapSettings read_settings(const connector::Settings& settings, const connector::Secrets& secrets);

/// Whether `text` is an attribute description or a class name that may stand in a filter ("cn", "cn;lang-fr",
/// "2.5.4.3").
[[nodiscard]] bool is_descriptor(std::string_view text);

}  // namespace linkspan::connector_ldap
