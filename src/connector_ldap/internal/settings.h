#pragma once
// The settings of an LDAP connector, read and checked once.

#include <chrono>
#include <optional>
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
enum class Bind : unsigned char { simple, gssapi };

/// Which family of servers it is.
enum class Dialect : unsigned char { ldap, active_directory };

/// How changes are asked for in Active Directory.
enum class Changes : unsigned char {
  automatic,        ///< the first of the others that the account may use
  dirsync,          ///< DirSync with the right Replicating Directory Changes
  dirsync_visible,  ///< DirSync of what the account may see
  usn,              ///< by uSNChanged
};

/// What both kinds take; one or the other uses all of it.
struct LdapSettings {
  Dialect dialect = Dialect::ldap;
  std::vector<ServerUrl> urls;  ///< tried in order
  StartTls start_tls = StartTls::automatic;
  bool allow_clear_text = false;
  std::string ca_file;  ///< empty = the system's
  bool verify = true;
  Bind bind = Bind::simple;
  std::string bind_dn;  ///< empty = anonymous; in Active Directory any name that it lets an account in by
  std::string keytab;   ///< for GSSAPI in place of a password
  std::vector<std::string> bases;
  std::vector<std::string> containers;
  std::vector<std::string> exclude_containers;
  std::vector<std::string> object_types;
  std::vector<std::string> attributes;
  std::string placeholder_member;  ///< DN that stands in a group which may not be empty and is
  int page_size = 1000;
  std::chrono::seconds timeout{60};
  std::string domain;  ///< DNS name of an Active Directory domain whose controllers are looked up
  Changes changes = Changes::automatic;
  bool always_full = false;  ///< no changes are asked for
  bool random_initial_password = false;
  bool primary_group = false;  ///< accounts tell their primary group as a reference
};

[[nodiscard]] const std::vector<connector::SettingSpec>& setting_specs();
[[nodiscard]] const std::vector<connector::SettingSpec>& active_directory_setting_specs();

/// Throws Fault::invalid "ldap.settings" with everything that is wrong, a line each.
[[nodiscard]] LdapSettings read_settings(const connector::Settings& settings, const connector::Secrets& secrets);
[[nodiscard]] LdapSettings read_active_directory_settings(const connector::Settings& settings,
                                                          const connector::Secrets& secrets);

/// The same without an account: for what an administrator does.
[[nodiscard]] LdapSettings read_active_directory_address(const connector::Settings& settings);

/// nullopt when it is none that a connection can be made to.
[[nodiscard]] std::optional<ServerUrl> read_url(const std::string& text);

/// Whether `text` is an attribute description or a class name that may stand in a filter ("cn", "cn;lang-fr",
/// "2.5.4.3").
[[nodiscard]] bool is_descriptor(std::string_view text);

}  // namespace linkspan::connector_ldap
