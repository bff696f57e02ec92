#pragma once
// Settings of one connector, taken one by one, so that all that is wrong with them is said at once.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "connector/connector.h"

namespace linkspan::connector {

/// One thread. The settings outlive it.
class SettingReader {
 public:
  explicit SettingReader(const Settings& settings) : settings_(settings) {}

  /// Empty when it is absent.
  std::string text(std::string_view name);
  bool flag(std::string_view name, bool standard);
  std::size_t number(std::string_view name, std::size_t standard, std::int64_t least, std::int64_t most);
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const;

  /// A problem for each setting that is not among `known`, with the one that is meant.
  void refuse_unknown(const std::vector<SettingSpec>& known);

  void problem(std::string text) { problems_.push_back(std::move(text)); }
  [[nodiscard]] bool good() const { return problems_.empty(); }
  /// All problems in one line.
  [[nodiscard]] std::string problems() const;

 private:
  const Settings& settings_;
  std::vector<std::string> problems_;
};

}  // namespace linkspan::connector
