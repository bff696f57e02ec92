#pragma once
// Where things stand inside a TOML text.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "rules/rule.h"

namespace linkspan::rules {

/// Finds lines and, within string values, bytes.
class TomlText {
 public:
  explicit TomlText(std::string_view text);

  /// The line, 1-based, without its end; empty when there is none.
  [[nodiscard]] std::string_view line(std::uint32_t number) const;

  /// Where byte `offset` of the decoded string stands whose literal starts at `literal`; `literal` itself when there is
  /// no string there.
  [[nodiscard]] Position inside(Position literal, std::size_t offset) const;

 private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
};

/// As a TOML string: literal ('…') where that reads better, else basic with escapes.
[[nodiscard]] std::string toml_string(std::string_view text);
/// As a key: bare where it may be.
[[nodiscard]] std::string toml_key(std::string_view key);

}  // namespace linkspan::rules
