#include "connector_file/internal/csv_settings.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "connector/setting_reader.h"
#include "connector_file/internal/encoding.h"

namespace linkspan::connector_file {

namespace {

constexpr std::array<std::string_view, 2> k_line_break{"required", "optional"};

/// A character by itself, or "tab".
char read_character(connector::SettingReader& reader, std::string_view name, char standard) {
  const std::string text = reader.one(name);
  if (text.empty()) return standard;
  if (equal_ascii_case(text, "tab")) return '\t';
  const bool fits = text.size() == 1 && std::string_view("\"\r\n").find(text.front()) == std::string_view::npos &&
                    static_cast<unsigned char>(text.front()) < 0x80 && text.front() != '\0';
  if (!fits) reader.wrong(fmt::format("{}: it is one ASCII character (no quote), or the word tab", name));
  return fits ? text.front() : standard;
}

std::vector<std::pair<std::string, std::string>> read_columns(connector::SettingReader& reader) {
  std::vector<std::pair<std::string, std::string>> made;
  std::set<std::string> attributes;
  for (const std::string& text : reader.all("columns")) {
    const std::size_t equals = text.find('=');
    std::string attribute(trim(std::string_view(text).substr(0, equals)));
    std::string column = equals == std::string::npos ? attribute : text.substr(equals + 1);
    if (attribute.empty() || column.empty()) {
      reader.wrong(fmt::format("columns: \"{}\" is not attribute=column", printable(text, 80)));
      continue;
    }
    if (!attributes.insert(attribute).second) {
      reader.wrong(fmt::format("columns: {} is given twice", printable(attribute, 60)));
    }
    made.emplace_back(std::move(attribute), std::move(column));
  }
  return made;
}

std::string read_encoding(connector::SettingReader& reader) {
  const std::string name = reader.one("encoding");
  if (name.empty()) return {};
  try {
    return canonical_encoding(name);
  } catch (const Error& error) {
    reader.wrong(fmt::format("encoding: {} ({})", error.message(), error.hint()));
    return {};
  }
}

void check_together(connector::SettingReader& reader, const CsvSettings& made) {
  if (made.path.empty()) reader.wrong("path: it is missing");
  if (made.path.find('\0') != std::string::npos) reader.wrong("path: it holds a NUL character");
  if (made.anchor.empty()) reader.wrong("anchor: it is missing: the attribute that identifies a row for ever");
  if (made.delimiter == made.separator) reader.wrong("separator: it is the same character as the delimiter");
  const bool has_anchor = made.columns.empty() || std::ranges::any_of(made.columns, [&](const auto& column) {
                            return column.first == made.anchor;
                          });
  if (!made.anchor.empty() && !has_anchor) {
    reader.wrong(fmt::format("columns: they lack the anchor, {}", printable(made.anchor, 60)));
  }
}

}  // namespace

const std::vector<connector::SettingSpec>& csv_setting_specs() {
  static const std::vector<connector::SettingSpec> specs{
      {"path", "the CSV file; its first line names the columns", true, false, ""},
      {"anchor", "attribute that identifies a row for ever", true, false, ""},
      {"columns", "what is taken, as attribute=column", false, true, "every column, under its own name"},
      {"encoding", "what the file is written in", false, false, "UTF-8"},
      {"delimiter", "the character between fields, or tab", false, false, ","},
      {"object_type", "what a row is", false, false, "person"},
      {"type_column", "the column that says what a row is", false, false, ""},
      {"object_types", "types to import", false, true, "all"},
      {"reference_attributes", "attributes whose values are anchors of other rows", false, true,
       "manager, member, owner, secretary"},
      {"multi_valued", "attributes whose field holds several values", false, true, "member"},
      {"separator", "the character between these values", false, false, "|"},
      {"base64", "attributes whose values are bytes, in Base64", false, true, ""},
      {"final_line_break", "required or optional: whether a last line without an end is taken for a file cut short",
       false, false, "required"},
      {"last_line", "what the last line begins with; a file without it was cut short", false, false, ""},
      {"may_be_empty", "whether a file without rows means that nobody is there", false, false, "false"},
  };
  return specs;
}

CsvSettings read_csv_settings(const connector::Settings& settings) {
  connector::SettingReader reader(settings);
  reader.refuse_unknown(csv_setting_specs());
  CsvSettings made;
  made.path = reader.one("path");
  made.anchor = reader.one("anchor");
  made.columns = read_columns(reader);
  made.encoding = read_encoding(reader);
  made.delimiter = read_character(reader, "delimiter", ',');
  made.object_type = reader.one("object_type");
  if (made.object_type.empty()) made.object_type = "person";
  made.type_column = reader.one("type_column");
  made.object_types = reader.all("object_types");
  made.reference_attributes = reader.all("reference_attributes");
  if (made.reference_attributes.empty()) made.reference_attributes = {"manager", "member", "owner", "secretary"};
  made.multi_valued = reader.all("multi_valued");
  if (made.multi_valued.empty()) made.multi_valued = {"member"};
  made.separator = read_character(reader, "separator", '|');
  made.base64 = reader.all("base64");
  made.final_line_break = reader.word("final_line_break", k_line_break) == "required";
  made.last_line = reader.one("last_line");
  made.may_be_empty = reader.truth("may_be_empty", false);
  check_together(reader, made);
  reader.finish("file.settings");
  return made;
}

}  // namespace linkspan::connector_file
