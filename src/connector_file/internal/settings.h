#pragma once
// The settings of a file connector, read and checked once.

#include <string>
#include <vector>

#include "connector/connector.h"

namespace linkspan::connector_file {

struct FileSettings {
  std::string path;
  std::string anchor;  ///< an attribute; empty = entryUUID where there is one, else the DN
  std::vector<std::string> reference_attributes;
  std::vector<std::string> object_types;
  std::vector<std::string> attributes;  ///< empty = all but userPassword
};

[[nodiscard]] const std::vector<connector::SettingSpec>& setting_specs();

/// Throws Fault::invalid "file.settings" with everything that is wrong, a line each.
[[nodiscard]] FileSettings read_settings(const connector::Settings& settings);

}  // namespace linkspan::connector_file
