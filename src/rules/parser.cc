#include <fmt/format.h>

#include <array>
#include <limits>
#include <span>
#include <utility>

#include "base/text.h"
#include "rules/internal/ast.h"
#include "rules/internal/lexer.h"

namespace linkspan::rules {
namespace {

constexpr std::uint64_t k_most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

Level tighter(Level level) { return static_cast<Level>(static_cast<std::uint8_t>(level) + 1); }

class Parser {
 public:
  Parser(std::string_view text, ExpressionProblems& problems) : lexer_(text), problems_(problems) {}

  std::optional<Expr> run() {
    if (!advance(true)) return std::nullopt;
    if (token_.kind == Token::Kind::end) return fail("rules.syntax", "the expression is empty");
    std::optional<Expr> result = chain(Level::logical_or);
    if (!result) return std::nullopt;
    if (token_.kind == Token::Kind::close) return fail("rules.syntax", "this ) closes nothing");
    if (token_.kind == Token::Kind::comma) return fail("rules.syntax", "this comma stands outside of a function call");
    if (token_.kind != Token::Kind::end) {
      return fail("rules.syntax", "an operator is missing before this", "Text is joined with &.");
    }
    return result;
  }

 private:
  std::nullopt_t fail(std::string_view id, std::string message, std::string hint = {}) {
    problems_.push_back(
        {Problem::Severity::error, token_.offset, std::string(id), std::move(message), std::move(hint)});
    return std::nullopt;
  }

  bool advance(bool operand_expected) {
    ExpressionProblem problem;
    std::optional<Token> token = lexer_.next(operand_expected, problem);
    if (!token) {
      problems_.push_back(std::move(problem));
      return false;
    }
    token_ = std::move(*token);
    return true;
  }

  [[nodiscard]] std::optional<Operator> operator_here() const {
    if (token_.kind == Token::Kind::minus) return Operator::minus;
    if (token_.kind == Token::Kind::op) return token_.op;
    return std::nullopt;
  }

  std::optional<Expr> chain(Level level) {
    std::optional<Expr> first = level == Level::arithmetic ? operand() : chain(tighter(level));
    if (!first) return std::nullopt;
    std::optional<Operator> op = operator_here();
    if (!op || level_of(*op) != level) return first;
    Expr result;
    result.offset = token_.offset;
    Chain links;
    links.operands.push_back(std::move(*first));
    for (; op && level_of(*op) == level; op = operator_here()) {
      const std::size_t where = token_.offset;
      if (!advance(true)) return std::nullopt;
      std::optional<Expr> next = level == Level::arithmetic ? operand() : chain(tighter(level));
      if (!next) return std::nullopt;
      warn_about_order(links, *op, *next, where);
      links.operators.push_back(*op);
      links.operands.push_back(std::move(*next));
    }
    result.node = std::move(links);
    return result;
  }

  /// Elsewhere this language reads all operators strictly from the left; say so once where that would differ.
  void warn_about_order(const Chain& before, Operator op, const Expr& next, std::size_t where) {
    if (warned_) return;
    const bool bound_tighter = std::holds_alternative<Chain>(next.node) && !next.parenthesised;
    const bool usually_tighter = (op == Operator::times || op == Operator::divide) && !before.operators.empty() &&
                                 before.operators.back() != Operator::times &&
                                 before.operators.back() != Operator::divide;
    if (!bound_tighter && !usually_tighter) return;
    warned_ = true;
    problems_.push_back(
        {Problem::Severity::warning, where, "rules.operator_order",
         bound_tighter
             ? fmt::format("the operators after this {} bind tighter than it does; read strictly from the left "
                           "the expression would mean something else",
                           text_of(op))
             : fmt::format("{} binds no tighter than {} before it: this is read from the left", text_of(op),
                           text_of(before.operators.back())),
         "Add parentheses that say what is meant."});
  }

  std::optional<Expr> operand() {
    if (depth_ >= k_deepest_nesting) {
      return fail("rules.too_deep", fmt::format("the expression is nested deeper than {} levels", k_deepest_nesting));
    }
    ++depth_;
    std::optional<Expr> result = token_.kind == Token::Kind::minus ? negation() : primary();
    --depth_;
    return result;
  }

  std::optional<Expr> negation() {
    const std::size_t where = token_.offset;
    if (!advance(true)) return std::nullopt;
    if (token_.kind == Token::Kind::number && !token_.hexadecimal) return number(true, where);
    std::optional<Expr> inner = operand();
    if (!inner) return std::nullopt;
    // "-(5)" is a number as well: one tree for one meaning.
    if (const auto* literal = std::get_if<NumberLiteral>(&inner->node);
        literal != nullptr && literal->number != std::numeric_limits<std::int64_t>::min()) {
      return Expr{NumberLiteral{-literal->number}, where, false};
    }
    Expr result{Negation{}, where, false};
    std::get<Negation>(result.node).operand.push_back(std::move(*inner));
    return result;
  }

  std::optional<Expr> number(bool negative, std::size_t where) {
    const std::uint64_t magnitude = token_.number;
    if (!token_.hexadecimal && magnitude > k_most + (negative ? 1U : 0U)) {
      return fail("rules.number_range", "the number is too large for 64 bits");
    }
    const std::uint64_t bits = negative ? ~magnitude + 1 : magnitude;
    return leaf(NumberLiteral{static_cast<std::int64_t>(bits)}, where);
  }

  template <class Node>
  std::optional<Expr> leaf(Node node, std::size_t where) {
    if (!advance(false)) return std::nullopt;
    return Expr{std::move(node), where, false};
  }

  std::optional<Expr> primary() {
    const std::size_t where = token_.offset;
    switch (token_.kind) {
      case Token::Kind::text:
        return leaf(TextLiteral{std::move(token_.text)}, where);
      case Token::Kind::number:
        return number(false, where);
      case Token::Kind::attribute:
        return leaf(AttributeRead{std::move(token_.text)}, where);
      case Token::Kind::parameter:
        return leaf(ParameterRead{std::move(token_.text)}, where);
      case Token::Kind::variable:
        return leaf(VariableRead{std::move(token_.text)}, where);
      case Token::Kind::name:
        return name();
      case Token::Kind::open:
        return group();
      case Token::Kind::end:
        return fail("rules.syntax", "the expression ends where a value is expected");
      case Token::Kind::op:
        return fail("rules.syntax", fmt::format("a value is missing before {}", text_of(token_.op)),
                    token_.op == Operator::equal || token_.op == Operator::concat ? "Equal is one =; and is &&." : "");
      default:
        return fail("rules.syntax", "a value is missing before this");
    }
  }

  std::optional<Expr> group() {
    const std::size_t where = token_.offset;
    if (!advance(true)) return std::nullopt;
    std::optional<Expr> inner = chain(Level::logical_or);
    if (!inner) return std::nullopt;
    if (token_.kind != Token::Kind::close) return unclosed(where);
    if (!advance(false)) return std::nullopt;
    inner->parenthesised = true;
    return inner;
  }

  std::nullopt_t unclosed(std::size_t where) {
    if (token_.kind != Token::Kind::end)
      return fail("rules.syntax", "an operator, a comma or a ) is missing before this");
    token_.offset = where;
    return fail("rules.syntax", "this ( is never closed");
  }

  std::optional<Expr> name() {
    const std::size_t where = token_.offset;
    std::string word = std::move(token_.text);
    if (!advance(false)) return std::nullopt;
    if (token_.kind == Token::Kind::open) return call(std::move(word), where);
    if (equal_ascii_case(word, "True")) return Expr{BooleanLiteral{true}, where, false};
    if (equal_ascii_case(word, "False")) return Expr{BooleanLiteral{false}, where, false};
    if (equal_ascii_case(word, "NULL")) return Expr{Keyword::null, where, false};
    if (equal_ascii_case(word, "CRLF")) return Expr{TextLiteral{"\r\n"}, where, false};
    if (equal_ascii_case(word, "IgnoreThisFlow")) return Expr{Keyword::ignore_this_flow, where, false};
    if (equal_ascii_case(word, "AuthoritativeNull")) return Expr{Keyword::authoritative_null, where, false};
    return Expr{WordLiteral{std::move(word)}, where, false};
  }

  std::optional<Expr> call(std::string function, std::size_t where) {
    const std::size_t opened = token_.offset;
    if (!advance(true)) return std::nullopt;
    Call result{std::move(function), {}};
    if (token_.kind != Token::Kind::close) {
      while (true) {
        std::optional<Expr> argument = chain(Level::logical_or);
        if (!argument) return std::nullopt;
        result.arguments.push_back(std::move(*argument));
        if (token_.kind != Token::Kind::comma) break;
        if (!advance(true)) return std::nullopt;
      }
    }
    if (token_.kind != Token::Kind::close) return unclosed(opened);
    if (!advance(false)) return std::nullopt;
    return Expr{std::move(result), where, false};
  }

  Lexer lexer_;
  ExpressionProblems& problems_;
  Token token_;
  std::size_t depth_ = 0;
  bool warned_ = false;
};

/// Everything that has an operator stands in parentheses unless the place says otherwise by itself.
class Printer {
 public:
  void print(const Expr& expression) {
    std::visit([this](const auto& node) { write(node); }, expression.node);
  }
  std::string out;

 private:
  void write(const TextLiteral& literal) {
    if (literal.text == "\r\n") {
      out += "CRLF";
      return;
    }
    out += '"';
    for (const char c : literal.text) {
      if (c == '"') out += '"';
      out += c;
    }
    out += '"';
  }
  void write(const NumberLiteral& literal) { out += std::to_string(literal.number); }
  void write(const BooleanLiteral& literal) { out += literal.value ? "True" : "False"; }
  void write(const Keyword& word) {
    constexpr std::array<std::string_view, 3> k_words{"NULL", "IgnoreThisFlow", "AuthoritativeNull"};
    out += k_words[static_cast<std::size_t>(word)];
  }
  void write(const AttributeRead& read) { out += "[" + read.name + "]"; }
  void write(const ParameterRead& read) { out += "%" + read.name + "%"; }
  void write(const VariableRead& read) { out += "$" + read.name; }
  void write(const WordLiteral& literal) { out += literal.word; }
  void write(const Call& call) {
    out += call.function + "(";
    for (std::size_t i = 0; i < call.arguments.size(); ++i) {
      if (i != 0) out += ", ";
      print(call.arguments[i]);
    }
    out += ")";
  }
  void write(const Chain& chain) {
    for (std::size_t i = 0; i < chain.operands.size(); ++i) {
      if (i != 0) {
        out += ' ';
        out += text_of(chain.operators[i - 1]);
        out += ' ';
      }
      grouped(chain.operands[i]);
    }
  }
  void write(const Negation& negation) {
    out += "-";
    grouped(negation.operand.front());
  }
  void grouped(const Expr& inner) {
    const bool operators = std::holds_alternative<Chain>(inner.node);
    if (operators) out += "(";
    print(inner);
    if (operators) out += ")";
  }
};

}  // namespace

Level level_of(Operator op) noexcept {
  if (op <= Operator::concat) return Level::arithmetic;
  if (op <= Operator::greater_or_equal) return Level::comparison;
  return op == Operator::logical_and ? Level::logical_and : Level::logical_or;
}

std::string_view text_of(Operator op) noexcept {
  constexpr std::array<std::string_view, 13> k_texts{"+", "-",  "*", "/",  "&",  "=", "<>",
                                                     "<", "<=", ">", ">=", "&&", "||"};
  return k_texts[static_cast<std::size_t>(op)];
}

std::optional<Expr> parse_expression(std::string_view text, ExpressionProblems& problems) {
  if (text.size() > k_longest_expression) {
    problems.push_back({Problem::Severity::error, 0, "rules.too_long",
                        fmt::format("the expression is longer than {} KiB", k_longest_expression / 1024), ""});
    return std::nullopt;
  }
  if (!is_utf8(text)) {
    problems.push_back({Problem::Severity::error, 0, "rules.syntax", "the expression is not UTF-8", ""});
    return std::nullopt;
  }
  return Parser(text, problems).run();
}

std::string print_expression(const Expr& expression) {
  Printer printer;
  printer.print(expression);
  return std::move(printer.out);
}

Position position_at(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  std::uint32_t line = 1;
  std::size_t start = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i] == '\n') {
      ++line;
      start = i + 1;
    }
  }
  return {line, static_cast<std::uint32_t>(code_points(before.substr(start)) + 1)};
}

}  // namespace linkspan::rules
