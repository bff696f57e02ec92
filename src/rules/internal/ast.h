#pragma once
// The expression language as a tree. Chains of operators are flat, so the depth of a tree is the nesting of its text.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rules/rule.h"

namespace linkspan::rules {

inline constexpr std::size_t k_longest_expression = 64UL * 1024;
inline constexpr std::size_t k_deepest_nesting = 200;

/// One thing about an expression; `offset` is in bytes from its start.
struct ExpressionProblem {
  Problem::Severity severity = Problem::Severity::error;
  std::size_t offset = 0;
  std::string id;
  std::string message;
  std::string hint;
};
using ExpressionProblems = std::vector<ExpressionProblem>;

struct Expr;

enum class Keyword : std::uint8_t { null, ignore_this_flow, authoritative_null };

enum class Operator : std::uint8_t {
  plus,
  minus,
  times,
  divide,
  concat,  // arithmetic
  equal,
  not_equal,
  less,
  less_or_equal,
  greater,
  greater_or_equal,  // comparison
  logical_and,
  logical_or,
};

/// How tightly an operator binds; all operators of a level are read from the left.
enum class Level : std::uint8_t { logical_or, logical_and, comparison, arithmetic };

[[nodiscard]] Level level_of(Operator op) noexcept;
[[nodiscard]] std::string_view text_of(Operator op) noexcept;

struct TextLiteral {
  std::string text;
  friend bool operator==(const TextLiteral&, const TextLiteral&) = default;
};
struct NumberLiteral {
  std::int64_t number = 0;
  friend bool operator==(const NumberLiteral&, const NumberLiteral&) = default;
};
struct BooleanLiteral {
  bool value = false;
  friend bool operator==(const BooleanLiteral&, const BooleanLiteral&) = default;
};
/// [name]
struct AttributeRead {
  std::string name;
  friend bool operator==(const AttributeRead&, const AttributeRead&) = default;
};
/// %name%
struct ParameterRead {
  std::string name;
  friend bool operator==(const ParameterRead&, const ParameterRead&) = default;
};
/// $name
struct VariableRead {
  std::string name;
  friend bool operator==(const VariableRead&, const VariableRead&) = default;
};
/// A bare word that is no keyword: an option such as CaseInsensitive.
struct WordLiteral {
  std::string word;
  friend bool operator==(const WordLiteral&, const WordLiteral&) = default;
};
struct Call {
  std::string function;
  std::vector<Expr> arguments;
  friend bool operator==(const Call&, const Call&);
};
/// operands[0] operators[0] operands[1] …; at least two operands, all operators of one level.
struct Chain {
  std::vector<Expr> operands;
  std::vector<Operator> operators;
  friend bool operator==(const Chain&, const Chain&);
};
/// Unary minus; holds exactly one, and that is no number literal.
struct Negation {
  std::vector<Expr> operand;
  friend bool operator==(const Negation&, const Negation&);
};

struct Expr {
  std::variant<TextLiteral, NumberLiteral, BooleanLiteral, Keyword, AttributeRead, ParameterRead, VariableRead,
               WordLiteral, Call, Chain, Negation>
      node;
  std::size_t offset = 0;      ///< of the token that names it: the operator of a chain, the name of a call
  bool parenthesised = false;  ///< as written; the printer decides for itself
  friend bool operator==(const Expr& left, const Expr& right) { return left.node == right.node; }
};

inline bool operator==(const Call& left, const Call& right) {
  return left.function == right.function && left.arguments == right.arguments;
}
inline bool operator==(const Chain& left, const Chain& right) {
  return left.operators == right.operators && left.operands == right.operands;
}
inline bool operator==(const Negation& left, const Negation& right) { return left.operand == right.operand; }

/// Reads an expression. On a mistake: nullopt, and one error in `problems`. Warnings go there too.
[[nodiscard]] std::optional<Expr> parse_expression(std::string_view text, ExpressionProblems& problems);

/// Text that parses to the same tree.
[[nodiscard]] std::string print_expression(const Expr& expression);

/// Where byte `offset` of `text` is: line and column in characters, 1-based.
[[nodiscard]] Position position_at(std::string_view text, std::size_t offset);

}  // namespace linkspan::rules
