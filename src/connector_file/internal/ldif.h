#pragma once
// LDIF (RFC 2849), content records, as a stream: memory is bounded by the largest record.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "connector_file/internal/byte_source.h"

namespace linkspan::connector_file {

struct LdifValue {
  std::string description;  ///< attribute type and options, as written
  std::string bytes;
  std::size_t line = 0;
};

struct LdifRecord {
  std::size_t line = 0;  ///< of its "dn:"
  std::string dn;        ///< UTF-8, a DN
  std::vector<LdifValue> values;
};

/// Not thread-safe.
class LdifReader {
 public:
  /// `name` stands in front of every message ("people.ldif:12: …"). `buffer` (at least 3) is how much is asked for at
  /// once.
  LdifReader(ByteSource source, std::string name, std::size_t buffer = std::size_t{1} << 20);

  /// The next record; nullopt at the proper end. Throws Fault::invalid "file.syntax" (also for what RFC 2849 allows and
  /// this reader does not take: change records "file.change_record", values from URLs "file.url"), and
  /// Fault::unavailable "file.cut" when the last line does not end. A reader that has thrown is of no more use.
  [[nodiscard]] std::optional<LdifRecord> next();

  /// Whether a version line was there: then even a file without records is meant so.
  [[nodiscard]] bool has_version() const { return has_version_; }

 private:
  /// A line unfolded, with the number of its first physical line.
  struct Line {
    std::string text;
    std::size_t number = 0;
  };

  bool refill();
  [[nodiscard]] int peek();
  void take_physical(std::string& text);
  bool take_line(Line& line);
  bool skip_to_record(Line& line);
  LdifValue parse(Line& line);
  void take_version(const LdifValue& value);
  std::string take_dn(LdifValue& value);
  [[nodiscard]] Error syntax(std::size_t line, std::string_view problem, std::string_view hint = {}) const;

  ByteSource source_;
  std::string name_;
  std::vector<char> buffer_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  bool ended_ = false;
  std::size_t lines_ = 0;
  bool begun_ = false;
  bool has_version_ = false;
};

}  // namespace linkspan::connector_file
