#pragma once
// The settings of a CSV connector, read and checked once.

#include <string>
#include <utility>
#include <vector>

#include "connector/connector.h"

namespace linkspan::connector_file {

struct CsvSettings {
  std::string path;
  std::string encoding;  ///< empty = UTF-8
  char delimiter = ',';
  std::string anchor;                                        ///< an attribute
  std::vector<std::pair<std::string, std::string>> columns;  ///< attribute, column; empty = each by its own name
  std::string object_type;                                   ///< of rows, where no column says it
  std::string type_column;                                   ///< empty = there is none
  std::vector<std::string> object_types;                     ///< to import; empty = all
  std::vector<std::string> reference_attributes;
  std::vector<std::string> multi_valued;  ///< attributes whose field holds several values
  char separator = '|';                   ///< between these
  std::vector<std::string> base64;        ///< attributes whose values are bytes, in Base64
  bool final_line_break = true;
  std::string last_line;  ///< what the last line must begin with; empty = anything
  bool may_be_empty = false;
};

[[nodiscard]] const std::vector<connector::SettingSpec>& csv_setting_specs();

/// Throws Fault::invalid "file.settings" with everything that is wrong, a line each.
[[nodiscard]] CsvSettings read_csv_settings(const connector::Settings& settings);

}  // namespace linkspan::connector_file
