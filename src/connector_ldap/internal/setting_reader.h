#pragma once
// What both kinds of LDAP connectors read from settings alike.

#include <string>
#include <string_view>
#include <vector>

#include "connector/setting_reader.h"
#include "connector_ldap/internal/settings.h"

namespace linkspan::connector_ldap {

using connector::SettingReader;

/// Names of the schema; what is none is a problem of the reader. `wildcards`: "*" and "+" too.
[[nodiscard]] std::vector<std::string> read_names(SettingReader& reader, std::string_view name, bool wildcards);

[[nodiscard]] std::vector<std::string> read_dns(SettingReader& reader, std::string_view name);
void check_dn(SettingReader& reader, std::string_view name, const std::string& value);

/// The settings of the connection: url, start_tls, ca_file, verify, page_size, timeout_seconds.
void read_connection(SettingReader& reader, LdapSettings& made);

}  // namespace linkspan::connector_ldap
