#include "rules/internal/lexer.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

#include "base/text.h"

namespace linkspan::rules {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word(char c) { return is_letter(c) || is_digit(c); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

std::nullopt_t fail(ExpressionProblem& problem, std::size_t offset, std::string_view id, std::string message,
                    std::string hint = {}) {
  problem = {Problem::Severity::error, offset, std::string(id), std::move(message), std::move(hint)};
  return std::nullopt;
}

/// Longest first, so that "<=" is not read as "<".
constexpr std::array<std::pair<std::string_view, Operator>, 12> k_operators{{
    {"<=", Operator::less_or_equal},
    {">=", Operator::greater_or_equal},
    {"<>", Operator::not_equal},
    {"&&", Operator::logical_and},
    {"||", Operator::logical_or},
    {"<", Operator::less},
    {">", Operator::greater},
    {"=", Operator::equal},
    {"+", Operator::plus},
    {"*", Operator::times},
    {"/", Operator::divide},
    {"&", Operator::concat},
}};

constexpr std::array<std::string_view, 4> k_curly_quotes{"\xE2\x80\x9C", "\xE2\x80\x9D", "\xE2\x80\x9E", "\xC2\xAB"};

}  // namespace

std::optional<Token> Lexer::next(bool operand_expected, ExpressionProblem& problem) {
  while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  Token token;
  token.offset = at_;
  if (at_ == text_.size()) return token;
  const char c = text_[at_];
  if (c == '[') return attribute(std::move(token), problem);
  if (c == '%') return parameter(std::move(token), problem);
  if (c == '"') return string(std::move(token), problem);
  if (is_digit(c)) return number(std::move(token), problem);
  if (operand_expected && at_ + 2 < text_.size() && c == '&' && (text_[at_ + 1] == 'H' || text_[at_ + 1] == 'h')) {
    return hexadecimal(std::move(token), problem);
  }
  if (is_letter(c) || c == '$') {
    token.kind = c == '$' ? Token::Kind::variable : Token::Kind::name;
    const std::size_t begin = c == '$' ? at_ + 1 : at_;
    at_ = begin;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    if (at_ == begin) return fail(problem, token.offset, "rules.syntax", "a variable has a name, like $value");
    token.text = std::string(text_.substr(begin, at_ - begin));
    return token;
  }
  return symbol(std::move(token), problem);
}

// Brackets inside the name must pair, so that [emails[type eq "work"].value] needs no escaping.
std::optional<Token> Lexer::attribute(Token token, ExpressionProblem& problem) {
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t i = at_; i < text_.size(); ++i) {
    const char c = text_[i];
    if (c == '"' && depth > 1) quoted = !quoted;
    if (quoted) continue;
    if (c == '[') ++depth;
    if (c != ']' || --depth != 0) continue;
    token.kind = Token::Kind::attribute;
    token.text = std::string(trim(text_.substr(at_ + 1, i - at_ - 1)));
    if (token.text.empty()) return fail(problem, token.offset, "rules.syntax", "[] names no attribute");
    at_ = i + 1;
    return token;
  }
  return fail(problem, token.offset, "rules.syntax", "the [ of an attribute is never closed", "Write [attributeName].");
}

std::optional<Token> Lexer::parameter(Token token, ExpressionProblem& problem) {
  const std::size_t end = text_.find('%', at_ + 1);
  if (end == std::string_view::npos) {
    return fail(problem, token.offset, "rules.syntax", "the % of a parameter is never closed",
                "Write %Connector.Name%; a percent sign in text stands between quotes.");
  }
  token.kind = Token::Kind::parameter;
  token.text = std::string(text_.substr(at_ + 1, end - at_ - 1));
  for (const char c : token.text) {
    if (!is_word(c) && c != '.') {
      return fail(problem, token.offset, "rules.syntax", "a parameter's name has letters, digits and dots only");
    }
  }
  if (token.text.empty()) return fail(problem, token.offset, "rules.syntax", "%% names no parameter");
  at_ = end + 1;
  return token;
}

std::optional<Token> Lexer::string(Token token, ExpressionProblem& problem) {
  token.kind = Token::Kind::text;
  for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
    if (text_[i] != '"') {
      token.text += text_[i];
    } else if (i + 1 < text_.size() && text_[i + 1] == '"') {
      token.text += '"';
      ++i;
    } else {
      at_ = i + 1;
      return token;
    }
  }
  return fail(problem, token.offset, "rules.syntax", "the text that starts here is never closed",
              "Put a straight quote at its end; a quote inside text is written twice.");
}

std::optional<Token> Lexer::number(Token token, ExpressionProblem& problem) {
  token.kind = Token::Kind::number;
  const auto [end, code] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), token.number);
  if (code != std::errc{}) {
    return fail(problem, token.offset, "rules.number_range", "the number is too large for 64 bits");
  }
  at_ = static_cast<std::size_t>(end - text_.data());
  if (at_ < text_.size() && (is_letter(text_[at_]) || text_[at_] == '.')) {
    return fail(problem, token.offset, "rules.syntax", "this is no whole number",
                "Numbers are whole; hexadecimal ones are written &H1F.");
  }
  return token;
}

std::optional<Token> Lexer::hexadecimal(Token token, ExpressionProblem& problem) {
  const std::size_t begin = at_ + 2;
  std::size_t end = begin;
  while (end < text_.size() && is_hex(text_[end])) ++end;
  if (end == begin || (end < text_.size() && is_word(text_[end]))) {
    return fail(problem, token.offset, "rules.syntax", "this is no hexadecimal number", "Write it like &H1F.");
  }
  const auto result = std::from_chars(text_.data() + begin, text_.data() + end, token.number, 16);
  if (result.ec != std::errc{}) {
    return fail(problem, token.offset, "rules.number_range", "the number is too large for 64 bits");
  }
  token.kind = Token::Kind::number;
  token.hexadecimal = true;
  at_ = end;
  return token;
}

std::optional<Token> Lexer::symbol(Token token, ExpressionProblem& problem) {
  const char c = text_[at_];
  const auto single = [&](Token::Kind kind) {
    token.kind = kind;
    ++at_;
    return std::move(token);
  };
  if (c == '(') return single(Token::Kind::open);
  if (c == ')') return single(Token::Kind::close);
  if (c == ',') return single(Token::Kind::comma);
  if (c == '-') return single(Token::Kind::minus);
  for (const auto& [spelling, op] : k_operators) {
    if (!looking_at(spelling)) continue;
    token.kind = Token::Kind::op;
    token.op = op;
    at_ += spelling.size();
    return token;
  }
  for (const std::string_view quote : k_curly_quotes) {
    if (looking_at(quote)) {
      return fail(problem, token.offset, "rules.syntax", "text stands between straight quotes",
                  "Replace the curly quotes by \".");
    }
  }
  if (looking_at("'")) return fail(problem, token.offset, "rules.syntax", "text stands between double quotes");
  if (looking_at("==") || looking_at("!")) {
    return fail(problem, token.offset, "rules.syntax", "there is no such operator",
                "Equal is =, not equal is <>, and not is written as: (...) = False");
  }
  std::size_t length = 1;
  while (at_ + length < text_.size() && (static_cast<unsigned char>(text_[at_ + length]) & 0xC0U) == 0x80U) ++length;
  return fail(problem, token.offset, "rules.syntax",
              fmt::format("'{}' means nothing here", printable(text_.substr(at_, length))));
}

}  // namespace linkspan::rules
