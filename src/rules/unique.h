#pragma once
// The names that UniqueName() may give an object, best first.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace linkspan::rules {

/// A finite list that is not written out: the patterns in their order; one with "{n}" in it stands for the text without
/// a number, then with 2, 3, … 9999. A plain value.
class UniqueCandidates {
 public:
  /// Takes at least one pattern, none of them empty. Of several {n} in a pattern the first one counts.
  explicit UniqueCandidates(const std::vector<std::string>& patterns);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::string at(std::size_t index) const;
  /// Where `value` stands, compared as uniqueness is: without regard to case and composition.
  [[nodiscard]] std::optional<std::size_t> index_of(std::string_view value) const;

 private:
  struct Pattern {
    std::string before;
    std::string after;
    bool numbered = false;
    [[nodiscard]] std::size_t size() const { return numbered ? k_numbers : 1; }
  };
  static constexpr std::size_t k_numbers = 9999;
  std::vector<Pattern> patterns_;
  std::size_t size_ = 0;
};

}  // namespace linkspan::rules
