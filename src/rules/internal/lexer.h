#pragma once
// Expression text to tokens.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rules/internal/ast.h"

namespace linkspan::rules {

struct Token {
  enum class Kind : std::uint8_t {
    end,
    name,
    attribute,
    parameter,
    variable,
    text,
    number,
    op,
    open,
    close,
    comma,
    minus
  };
  Kind kind = Kind::end;
  std::size_t offset = 0;
  std::string text;          ///< decoded: a name without its brackets, a string without its quotes
  std::uint64_t number = 0;  ///< magnitude; hexadecimal: the 64 bits
  bool hexadecimal = false;
  Operator op = Operator::plus;
};

/// Reads one token after another. `&H10` is a number only where an operand may stand, so that `[a]&Hello()` joins.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  /// The next token, or nullopt after a mistake, which is in `problem`.
  [[nodiscard]] std::optional<Token> next(bool operand_expected, ExpressionProblem& problem);

 private:
  std::optional<Token> attribute(Token token, ExpressionProblem& problem);
  std::optional<Token> parameter(Token token, ExpressionProblem& problem);
  std::optional<Token> string(Token token, ExpressionProblem& problem);
  std::optional<Token> number(Token token, ExpressionProblem& problem);
  std::optional<Token> hexadecimal(Token token, ExpressionProblem& problem);
  std::optional<Token> symbol(Token token, ExpressionProblem& problem);
  [[nodiscard]] bool looking_at(std::string_view word) const { return text_.substr(at_).starts_with(word); }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace linkspan::rules
