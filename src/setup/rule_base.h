#pragma once
// Rules between files and the database. What writes needs the lease to be held by the caller.

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/rule.h"
#include "setup/installation.h"

namespace linkspan::setup {

/// Rules read from files, with all that is wrong or dubious about them.
struct RuleFiles {
  std::vector<rules::Rule> rules;
  std::vector<rules::Problem> problems;
  /// Names and kinds of connectors, of a settings.toml beside them; empty when there is none.
  std::vector<std::pair<std::string, std::string>> connectors{};
  [[nodiscard]] bool usable() const;  ///< no problem is an error
};

/// The configuration (as `config export` prints it) that may stand beside rule files.
inline constexpr std::string_view k_settings_file = "settings.toml";

/// Reads one .toml file, or every *.toml of a folder in order of name; settings.toml gives the connectors. Throws Fault::not_found "setup.no_file",
/// "setup.no_rules" for a folder without any.
[[nodiscard]] RuleFiles read_rules(const std::filesystem::path& path);

/// The default rules between two kinds ("ldap", "scim"). Throws Fault::not_found "setup.no_default_rules".
[[nodiscard]] RuleFiles default_rules(const Installation& installation, std::string_view from, std::string_view to);

/// The rules in the database.
[[nodiscard]] RuleFiles stored_rules(Installation& installation);

/// Compiles them against this installation's connectors and appends what is found.
void check_rules(Installation& installation, RuleFiles& files);

/// The same without a database: against `connectors` (names and kinds), else those read with the files, else the kinds
/// the rules themselves name. Kinds need not be known to this program.
void check_rules_alone(RuleFiles& files, std::vector<std::pair<std::string, std::string>> connectors = {});

struct RuleChanges {
  std::vector<std::string> added;
  std::vector<std::string> changed;
  std::vector<std::string> removed;
};

/// Puts rules into the database: those of the same name are replaced; with `replace_all` all others go. The next
/// synchronization is full when anything changed. Throws Fault::invalid "setup.rules" with every problem.
RuleChanges put_rules(Installation& installation, RuleFiles files, bool replace_all);

/// All problems as text, one after the other.
[[nodiscard]] std::string to_text(const std::vector<rules::Problem>& problems);

}  // namespace linkspan::setup
