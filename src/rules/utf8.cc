#include "rules/internal/utf8.h"

#include "base/text.h"

namespace linkspan::rules {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

std::size_t width(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

void append_unit(std::string& out, std::uint32_t unit) {
  out += static_cast<char>(unit & 0xFFU);
  out += static_cast<char>(unit >> 8U);
}

void append_utf8(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0U | c >> 6U);
    out += static_cast<char>(0x80U | (c & 0x3FU));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0U | c >> 12U);
    out += static_cast<char>(0x80U | (c >> 6U & 0x3FU));
    out += static_cast<char>(0x80U | (c & 0x3FU));
  } else {
    out += static_cast<char>(0xF0U | c >> 18U);
    out += static_cast<char>(0x80U | (c >> 12U & 0x3FU));
    out += static_cast<char>(0x80U | (c >> 6U & 0x3FU));
    out += static_cast<char>(0x80U | (c & 0x3FU));
  }
}

}  // namespace

std::size_t prefix_bytes(std::string_view text, std::size_t count) noexcept {
  std::size_t at = 0;
  for (; count > 0 && at < text.size(); --count) {
    const std::size_t end = std::min(text.size(), at + width(text[at]));
    ++at;
    while (at < end && continues(text[at])) ++at;
  }
  return at;
}

std::optional<std::string> to_utf16(std::string_view text) {
  if (!is_utf8(text)) return std::nullopt;
  std::string out;
  out.reserve(text.size() * 2);
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t bytes = width(text[i]);
    std::uint32_t c = static_cast<unsigned char>(text[i]);
    if (bytes > 1) c &= 0x7FU >> bytes;
    for (std::size_t k = 1; k < bytes; ++k) c = c << 6U | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
    i += bytes;
    if (c < 0x10000) {
      append_unit(out, c);
    } else {
      append_unit(out, 0xD800U | (c - 0x10000) >> 10U);
      append_unit(out, 0xDC00U | ((c - 0x10000) & 0x3FFU));
    }
  }
  return out;
}

std::optional<std::string> from_utf16(std::string_view bytes) {
  if (bytes.size() % 2 != 0) return std::nullopt;
  const auto unit = [&](std::size_t at) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at])) |
           static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + 1])) << 8U;
  };
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    std::uint32_t c = unit(i);
    if (c >= 0xD800 && c < 0xE000) {
      if (c >= 0xDC00 || i + 4 > bytes.size()) return std::nullopt;
      const std::uint32_t low = unit(i + 2);
      if (low < 0xDC00 || low >= 0xE000) return std::nullopt;
      c = 0x10000 + ((c & 0x3FFU) << 10U | (low & 0x3FFU));
      i += 2;
    }
    append_utf8(out, c);
  }
  return out;
}

}  // namespace linkspan::rules
