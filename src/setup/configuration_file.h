#pragma once
// The configuration in the database as one TOML text, secrets apart: to be read, kept in version control, and compared.

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connector/connector.h"
#include "rules/rule.h"
#include "setup/installation.h"

namespace linkspan::setup {

struct ConnectorText {
  std::string name;
  std::string kind;
  connector::Settings settings;
  std::vector<std::string> credentials;  ///< names of those stored; never their values
};

struct ConfigurationText {
  std::vector<ConnectorText> connectors;
  std::vector<std::pair<std::string, std::string>> settings;  ///< those an administrator sets, sorted
  std::vector<rules::Rule> rules;
};

/// What the database holds.
[[nodiscard]] ConfigurationText load_configuration(Installation& installation);

/// Rules come last, each a [[rule]] table. parse_configuration(print_configuration(c)) is c again.
[[nodiscard]] std::string print_configuration(const ConfigurationText& configuration);

/// Throws Fault::invalid "setup.configuration_file" with what is wrong, and where.
[[nodiscard]] ConfigurationText parse_configuration(std::string_view text, std::string_view file);

/// One difference, in words fit for a list.
struct Difference {
  std::string what;    ///< "connector cloud", "setting staging", "rule In from LDAP: person"
  std::string change;  ///< "only here", "only there", "differs"
  std::string here;    ///< the value here, where it is short
  std::string there;
};
[[nodiscard]] std::vector<Difference> compare(const ConfigurationText& here, const ConfigurationText& there);

}  // namespace linkspan::setup
