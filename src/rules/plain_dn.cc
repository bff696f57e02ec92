#include "rules/internal/plain_dn.h"

#include <algorithm>

namespace linkspan::rules {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_plain_type(std::string_view type) {
  return !type.empty() && is_letter(type.front()) &&
         std::all_of(type.begin(), type.end(), [](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
}

bool is_plain_value(std::string_view value) {
  constexpr std::string_view k_special = "\\\"+;<>=#";
  return !value.empty() && value.front() != ' ' && value.back() != ' ' &&
         std::all_of(value.begin(), value.end(),
                     [&](char c) { return c >= 0x20 && c < 0x7F && k_special.find(c) == std::string_view::npos; });
}

}  // namespace

bool is_plain_dn(std::string_view text) noexcept {
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos || !is_plain_type(part.substr(0, equals)) ||
        !is_plain_value(part.substr(equals + 1)))
      return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

std::optional<std::string_view> plain_dn_value(std::string_view text, std::int64_t number) noexcept {
  if (number < 1) return std::nullopt;
  for (; number > 1; --number) {
    const std::size_t comma = text.find(',');
    if (comma == std::string_view::npos) return std::nullopt;
    text.remove_prefix(comma + 1);
  }
  const std::string_view part = text.substr(0, text.find(','));
  return part.substr(part.find('=') + 1);
}

}  // namespace linkspan::rules
