#pragma once
// The configuration of Microsoft's sync engine, from its export folder to files of ours or into the database.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "rules/foreign.h"
#include "setup/configuration_file.h"
#include "setup/rule_base.h"

namespace linkspan::setup {

/// Whether `path` is an XML or JSON file, or a folder with such files in it or below and no rule file of ours.
[[nodiscard]] bool is_foreign(const std::filesystem::path& path);

struct NamedText {
  std::string name;  ///< of a file, without a folder
  std::string text;
};

struct ForeignImport {
  ConfigurationText configuration;  ///< connectors and settings; the rules are apart
  RuleFiles rules;                  ///< checked, with every problem
  rules::ForeignReport report;
  bool has_cloud = false;        ///< a connector became one of the cloud kind
  std::vector<NamedText> files;  ///< settings.toml, the rule files, import-report.txt
};

/// Reads the folder (up to three levels, links are not followed) or the one file. `cloud_kind` is "graph" or "scim".
/// Throws Fault::not_found "setup.no_file", "setup.no_foreign_files", Fault::invalid "setup.foreign_too_large", and
/// what rules::read_foreign throws.
[[nodiscard]] ForeignImport read_foreign(const std::filesystem::path& path, std::string_view cloud_kind);

struct WrittenFiles {
  std::vector<std::string> added;
  std::vector<std::string> replaced;  ///< written by an earlier import, and different now
  std::vector<std::string> removed;   ///< written by an earlier import, and of no use now
};

/// Writes the files into `folder`, which is made where it is missing. Throws Fault::conflict "setup.foreign_out" when
/// it holds anything but files that an earlier import wrote and nobody changed since.
WrittenFiles write_foreign(const ForeignImport& import, const std::filesystem::path& folder);

}  // namespace linkspan::setup
