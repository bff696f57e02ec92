#include "connector_ldap/internal/guid.h"

#include <fmt/core.h>

#include <array>
#include <cstdint>

#include "base/text.h"

namespace linkspan::connector_ldap {

namespace {

/// Where the bytes stand that the text shows, from the left.
constexpr std::array<std::size_t, 16> k_order{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

bool is_dash(std::size_t at) { return at == 8 || at == 13 || at == 18 || at == 23; }

}  // namespace

std::optional<std::string> guid_text(std::string_view bytes) {
  if (bytes.size() != k_order.size()) return std::nullopt;
  constexpr std::string_view k_digits = "0123456789abcdef";
  std::string made;
  made.reserve(36);
  for (const std::size_t at : k_order) {
    if (is_dash(made.size())) made += '-';
    const auto byte = static_cast<unsigned char>(bytes[at]);
    made += k_digits[byte >> 4];
    made += k_digits[byte & 15];
  }
  return made;
}

std::optional<std::string> guid_bytes(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_dash(i) != (text[i] == '-')) return std::nullopt;
    if (!is_dash(i)) digits += text[i];
  }
  const auto shown = from_hex(digits);
  if (!shown || shown->size() != k_order.size()) return std::nullopt;
  std::string made(k_order.size(), '\0');
  for (std::size_t i = 0; i < k_order.size(); ++i) made[k_order[i]] = (*shown)[i];
  return made;
}

std::optional<std::string> sid_text(std::string_view bytes) {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[at])); };
  if (bytes.size() < 8 || byte(0) != 1 || bytes.size() != 8 + 4 * byte(1)) return std::nullopt;
  std::uint64_t authority = 0;
  for (std::size_t i = 2; i < 8; ++i) authority = authority << 8 | byte(i);
  std::string made = fmt::format("S-1-{}", authority);
  for (std::size_t at = 8; at < bytes.size(); at += 4) {
    made += fmt::format("-{}", byte(at) | byte(at + 1) << 8 | byte(at + 2) << 16 | byte(at + 3) << 24);
  }
  return made;
}

ExtendedDn parse_extended_dn(std::string_view text) {
  constexpr std::string_view k_guid = "<GUID=";
  ExtendedDn made{{}, text};
  while (made.dn.starts_with('<')) {
    const std::size_t end = made.dn.find('>');
    if (end == std::string_view::npos) return made;
    if (made.dn.starts_with(k_guid)) {
      const std::string_view guid = made.dn.substr(k_guid.size(), end - k_guid.size());
      if (guid_bytes(guid)) made.guid = to_lower(guid);
    }
    made.dn.remove_prefix(end + 1);
    if (made.dn.starts_with(';')) made.dn.remove_prefix(1);
  }
  return made;
}

std::string guid_filter(std::string_view text) {
  const auto bytes = guid_bytes(text);
  if (!bytes) return {};
  std::string made = "(objectGUID=";
  for (const char c : *bytes) made += fmt::format("\\{:02x}", static_cast<unsigned char>(c));
  return made + ")";
}

}  // namespace linkspan::connector_ldap
