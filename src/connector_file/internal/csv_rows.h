#pragma once
// Which column of a CSV file is which attribute, and rows as entries and back.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "connector_file/internal/csv.h"
#include "connector_file/internal/csv_settings.h"
#include "model/entry.h"
#include "model/schema.h"

namespace linkspan::connector_file {

/// The header of one file, understood. Immutable; the settings outlive it.
class CsvLayout {
 public:
  struct Column {
    std::string attribute;  ///< empty: not taken
    bool reference = false;
    bool multi_valued = false;
    bool base64 = false;
  };

  /// Throws Fault::invalid "file.header" for a header that names a column twice, leaves one without a name, or lacks
  /// one that the settings name; all of it at once.
  CsvLayout(const CsvSettings& settings, const CsvRow& header, const std::string& file);

  [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }
  [[nodiscard]] std::size_t anchor() const { return anchor_; }             ///< column
  [[nodiscard]] std::optional<std::size_t> type() const { return type_; }  ///< column

  /// The column of an attribute, its name's ASCII case ignored.
  [[nodiscard]] std::optional<std::size_t> column_of(std::string_view attribute) const;

  /// The values in a field: none where it is empty.
  [[nodiscard]] std::vector<std::string> values(std::string_view field, const Column& column) const;

 private:
  const CsvSettings& settings_;
  std::vector<Column> columns_;
  std::size_t anchor_ = 0;
  std::optional<std::size_t> type_;
};

/// The name of a row as a DN: its anchor under the anchor's name.
[[nodiscard]] std::string csv_name(const CsvSettings& settings, std::string_view anchor);

/// Rows as entries. Not thread-safe; one per read of a file, for it knows the anchors that it has seen.
class CsvRows {
 public:
  CsvRows(const CsvSettings& settings, const CsvLayout& layout, std::string file);

  /// nullopt for a row of no wanted type. Throws Fault::invalid "file.no_anchor", "file.duplicate", "file.syntax".
  [[nodiscard]] std::optional<model::Entry> convert(const CsvRow& row);
  [[nodiscard]] model::Schema schema() const;

 private:
  const CsvSettings& settings_;
  const CsvLayout& layout_;
  std::string file_;
  std::unordered_set<std::uint64_t> anchors_;
  std::map<std::string, std::size_t> types_;  ///< seen, and how often
};

}  // namespace linkspan::connector_file
