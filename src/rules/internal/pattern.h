#pragma once
// Users' patterns: RE2, so every text takes time in proportion to its length.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace linkspan::rules {

/// One compiled pattern. Immutable, safe to share between threads.
class Pattern {
 public:
  /// nullptr when RE2 refuses it; `why` says so then.
  [[nodiscard]] static std::unique_ptr<Pattern> compile(std::string_view text, std::string& why);
  ~Pattern();
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  /// Whether it is found anywhere in the text.
  [[nodiscard]] bool found_in(std::string_view text) const;
  /// Why `replacement` (with \0 to \9 for groups) cannot be used with this pattern; nullopt when it can.
  [[nodiscard]] std::optional<std::string> refuses(std::string_view replacement) const;
  /// The text with every place found replaced. Throws EvaluationFailure where that becomes too much.
  [[nodiscard]] std::string replaced(std::string_view text, std::string_view replacement) const;

 private:
  struct State;
  explicit Pattern(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace linkspan::rules
