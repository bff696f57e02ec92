#pragma once
// CSV (RFC 4180) as a stream: memory is bounded by the largest row. The text is UTF-8 (encoding.h makes it so).

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "connector_file/internal/byte_source.h"

namespace linkspan::connector_file {

inline constexpr std::size_t k_most_columns = 4096;

struct CsvRow {
  std::size_t line = 0;  ///< in which it begins
  std::vector<std::string> fields;
};

/// Not thread-safe.
class CsvReader {
 public:
  struct Options {
    char delimiter = ',';
    /// Whether the last row must end with a line break: one that does not may have been cut short.
    bool final_line_break = true;
  };

  /// `name` stands in front of every message ("people.csv:12: …"). `buffer` is how much is asked for at once.
  CsvReader(ByteSource source, std::string name, Options options, std::size_t buffer = std::size_t{1} << 20);

  /// The next row into `row`, whose memory is used again; false at the proper end. Blank lines are passed over. Lines
  /// end with LF or CR LF; a quoted field may hold anything, its quotes doubled. Throws Fault::invalid "file.syntax",
  /// and Fault::unavailable "file.cut" when the file ends within a field that is quoted, or without the line break it
  /// should have. A reader that has thrown is of no more use.
  [[nodiscard]] bool next(CsvRow& row);

 private:
  [[nodiscard]] int peek();
  void take_quoted(std::string& field);
  void take_plain(std::string& field);
  /// Whether another field follows in the row.
  [[nodiscard]] bool end_field(std::size_t line);
  [[nodiscard]] bool skip_blank_lines();
  void append(std::string& field, const char* begin, std::size_t length);
  [[nodiscard]] Error syntax(std::size_t line, std::string_view problem, std::string_view hint = {}) const;
  [[nodiscard]] Error cut(std::string_view where) const;

  ByteSource source_;
  std::string name_;
  Options options_;
  std::vector<char> buffer_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  bool ended_ = false;
  std::size_t line_ = 1;
  std::size_t row_size_ = 0;
};

/// Appends `field` to `out`, quoted where it must be.
void append_csv_field(std::string& out, std::string_view field, char delimiter);

}  // namespace linkspan::connector_file
