#pragma once
// Pending exports in words, as rows and as JSON; saved to a file and compared with one.

#include <map>
#include <string>

#include "cli/output.h"
#include "run/review.h"

namespace linkspan::cli {

/// The key by which the same change is found on another server: its correlation, else its anchor, else its name.
[[nodiscard]] std::string change_key(const std::string& connector, const sync::PendingExport& pending);
[[nodiscard]] Json to_json(const std::string& connector, const sync::PendingExport& pending);
[[nodiscard]] Json to_json(const run::Review& review);

/// One block of lines: the operation, then old and new values by attribute.
[[nodiscard]] std::string to_text(const sync::PendingExport& pending);
/// CSV rows (RFC 4180), one a changed value; the header first.
[[nodiscard]] std::string csv_header();
[[nodiscard]] std::string to_csv(const std::string& connector, const sync::PendingExport& pending);

void print_summary(Output& out, const run::Review& review);

/// A saved change set: one JSON object a line, by key. Throws Fault::invalid "cli.change_set_file".
class SavedChanges {
 public:
  [[nodiscard]] static SavedChanges load(const std::string& path);
  /// "", "only here" or "differs"; what was asked for is struck off.
  [[nodiscard]] std::string_view take(const std::string& key, const Json& here);
  /// What the file has and nobody asked for: key -> what it was.
  [[nodiscard]] const std::map<std::string, std::string>& left() const { return lines_; }

 private:
  std::map<std::string, std::string> lines_;
};

}  // namespace linkspan::cli
