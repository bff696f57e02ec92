#include "rules/internal/guid.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "base/text.h"

namespace linkspan::rules {
namespace {

void swap_fields(std::string& bytes) {
  std::reverse(bytes.begin(), bytes.begin() + 4);
  std::reverse(bytes.begin() + 4, bytes.begin() + 6);
  std::reverse(bytes.begin() + 6, bytes.begin() + 8);
}

std::uint64_t byte_at(std::string_view bytes, std::size_t index) { return static_cast<unsigned char>(bytes[index]); }

}  // namespace

std::optional<std::string> guid_bytes(std::string_view text) {
  if (text.starts_with('{') && text.ends_with('}') && text.size() > 2) text = text.substr(1, text.size() - 2);
  if (text.size() != 36) return std::nullopt;
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return std::nullopt;
    if (!dash) digits += text[i];
  }
  std::optional<std::string> bytes = from_hex(digits);
  if (bytes) swap_fields(*bytes);
  return bytes;
}

std::optional<std::string> guid_text(std::string_view bytes) {
  if (bytes.size() != 16) return std::nullopt;
  std::string ordered(bytes);
  swap_fields(ordered);
  return uuid_text(ordered);
}

std::optional<std::string> sid_text(std::string_view bytes) {
  if (bytes.size() < 8 || bytes[0] != 1) return std::nullopt;
  const auto count = static_cast<std::size_t>(byte_at(bytes, 1));
  if (count > 15 || bytes.size() != 8 + 4 * count) return std::nullopt;
  std::uint64_t authority = 0;
  for (std::size_t i = 2; i < 8; ++i) authority = authority << 8U | byte_at(bytes, i);
  std::string out = authority < (std::uint64_t{1} << 32U) ? fmt::format("S-1-{}", authority)
                                                          : fmt::format("S-1-0x{:012x}", authority);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = 8 + 4 * i;
    out += fmt::format("-{}", byte_at(bytes, at) | byte_at(bytes, at + 1) << 8U | byte_at(bytes, at + 2) << 16U |
                                  byte_at(bytes, at + 3) << 24U);
  }
  return out;
}

}  // namespace linkspan::rules
