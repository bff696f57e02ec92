#include "rules/internal/toml_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "rules/internal/utf8.h"

namespace linkspan::rules {
namespace {

/// One step through a string literal: how much source it takes, how many bytes of value it makes.
struct Step {
  std::size_t source = 1;
  std::size_t value = 1;
};

Step escape(std::string_view rest) {
  const char kind = rest.size() > 1 ? rest[1] : '\0';
  if (kind == 'u' || kind == 'U' || kind == 'x') {
    const std::size_t digits = kind == 'u' ? 4 : kind == 'U' ? 8 : 2;
    std::uint64_t c = 0;
    for (const char digit : rest.substr(2, digits)) {
      const std::string_view all = "0123456789abcdef";
      const std::size_t value = all.find(static_cast<char>(digit >= 'A' && digit <= 'F' ? digit + 32 : digit));
      c = c * 16 + (value == std::string_view::npos ? 0 : value);
    }
    return {digits + 2, c < 0x80 ? 1U : c < 0x800 ? 2U : c < 0x10000 ? 3U : 4U};
  }
  if (kind != '\n' && kind != ' ' && kind != '\t' && kind != '\r') return {2, 1};
  std::size_t end = 1;
  while (end < rest.size() && std::string_view(" \t\r\n").find(rest[end]) != std::string_view::npos) ++end;
  return {end, 0};
}

}  // namespace

TomlText::TomlText(std::string_view text) : text_(text) {
  starts_.push_back(0);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') starts_.push_back(i + 1);
  }
}

std::string_view TomlText::line(std::uint32_t number) const {
  if (number == 0 || number > starts_.size()) return {};
  const std::size_t begin = starts_[number - 1];
  std::string_view line = text_.substr(begin, text_.find('\n', begin) - begin);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Position TomlText::inside(Position literal, std::size_t offset) const {
  const std::string_view first = line(literal.line);
  if (literal.column == 0 || literal.column > first.size() + 1) return literal;
  std::size_t at = starts_[literal.line - 1] + prefix_bytes(first, literal.column - 1);
  const char quote = at < text_.size() ? text_[at] : '\0';
  if (quote != '"' && quote != '\'') return literal;
  const bool multi_line = text_.substr(at, 3) == std::string(3, quote);
  at += multi_line ? 3 : 1;
  if (multi_line && text_.substr(at).starts_with("\r\n")) ++at;
  if (multi_line && text_.substr(at).starts_with('\n')) ++at;
  for (std::size_t value = 0; value < offset && at < text_.size();) {
    const Step step = quote == '"' && text_[at] == '\\' ? escape(text_.substr(at)) : Step{};
    at = std::min(text_.size(), at + step.source);
    value += step.value;
  }
  const auto next = std::upper_bound(starts_.begin(), starts_.end(), at);
  const auto row = static_cast<std::uint32_t>(next - starts_.begin());
  const std::size_t begin = starts_[row - 1];
  return {row, static_cast<std::uint32_t>(code_points(text_.substr(begin, at - begin)) + 1)};
}

std::string toml_string(std::string_view text) {
  const bool control =
      std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  if (!control && text.find('"') != std::string_view::npos && text.find('\'') == std::string_view::npos) {
    return "'" + std::string(text) + "'";
  }
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string toml_key(std::string_view key) {
  const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  return bare ? std::string(key) : toml_string(key);
}

}  // namespace linkspan::rules
