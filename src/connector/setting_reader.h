#pragma once
// Reads one connector's settings and collects what is wrong with them, so that all of it is said at once.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connector/connector.h"

namespace linkspan::connector {

/// One thread. The settings outlive it.
class SettingReader {
 public:
  explicit SettingReader(const Settings& settings) : settings_(settings) {}

  /// All values, as given; empty where the setting is absent.
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
  /// The one value; empty where it is absent. Several are a problem.
  [[nodiscard]] std::string one(std::string_view name);
  /// true, yes, 1 or false, no, 0.
  [[nodiscard]] bool truth(std::string_view name, bool standard);
  template <class Number>
  [[nodiscard]] Number number(std::string_view name, Number standard, std::int64_t least, std::int64_t most) {
    return static_cast<Number>(whole(name, static_cast<std::int64_t>(standard), least, most));
  }
  /// One of `words`, ASCII case ignored, as it stands there; the first where the setting is absent.
  [[nodiscard]] std::string word(std::string_view name, std::span<const std::string_view> words);

  /// Every setting that no spec names is a problem, with what was probably meant.
  void refuse_unknown(std::span<const SettingSpec> known);
  void wrong(std::string problem) { problems_.push_back(std::move(problem)); }

  /// Throws Fault::invalid `id` with every problem, a line each; nothing where there is none.
  void finish(std::string_view id) const;

 private:
  [[nodiscard]] std::int64_t whole(std::string_view name, std::int64_t standard, std::int64_t least, std::int64_t most);

  const Settings& settings_;
  std::vector<std::string> problems_;
};

}  // namespace linkspan::connector
