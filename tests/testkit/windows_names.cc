#include "testkit/windows_names.h"

#include <fmt/core.h>
#include <ldap.h>

#include <memory>
#include <random>

#include "base/text.h"

namespace linkspan::testkit {

namespace {

std::mt19937_64& generator() {
  static thread_local std::mt19937_64 made{std::random_device{}()};
  return made;
}

void put_little(std::string& bytes, std::uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>((number >> shift) & 0xff);
}

std::uint32_t little(std::string_view bytes) {
  std::uint32_t made = 0;
  for (std::size_t i = 0; i < 4 && i < bytes.size(); ++i) {
    made |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return made;
}

}  // namespace

bool parse_dn(std::string_view dn, std::vector<std::pair<std::string, std::string>>& parts) {
  if (dn.empty()) return true;
  berval text{dn.size(), const_cast<char*>(dn.data())};
  LDAPDN parsed = nullptr;
  if (ldap_bv2dn(&text, &parsed, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS) return false;
  const std::unique_ptr<LDAPRDN, void (*)(LDAPDN)> owner(parsed, ldap_dnfree);
  for (LDAPRDN* rdn = parsed; rdn != nullptr && *rdn != nullptr; ++rdn) {
    if ((*rdn)[0] == nullptr || (*rdn)[1] != nullptr) return false;
    const LDAPAVA& one = *(*rdn)[0];
    parts.emplace_back(std::string(one.la_attr.bv_val, one.la_attr.bv_len),
                       std::string(one.la_value.bv_val, one.la_value.bv_len));
  }
  return true;
}

std::string escape_rdn(std::string_view value) {
  std::string made;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const bool edge = (c == ' ' && (i == 0 || i + 1 == value.size())) || (c == '#' && i == 0);
    if (static_cast<unsigned char>(c) < 0x20) {
      made += fmt::format("\\{:02X}", static_cast<unsigned char>(c));
    } else if (edge || std::string_view("\\,+\"<>;=").find(c) != std::string_view::npos) {
      made += '\\';
      made += c;
    } else {
      made += c;
    }
  }
  return made;
}

std::string dn_of_domain(std::string_view dns_name) {
  std::string made;
  for (const std::string_view label : split(dns_name, '.'))
    made += (made.empty() ? "DC=" : ",DC=") + std::string(label);
  return made;
}

std::string fold_name(std::string_view name) {
  std::string made(name);
  for (char& c : made) {
    if (static_cast<unsigned char>(c) >= 0x80) return to_lower(name);
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return made;
}

bool same_name(std::string_view left, std::string_view right) {
  return equal_ascii_case(left, right) || fold_name(left) == fold_name(right);
}

std::string random_guid() {
  std::string made;
  for (int i = 0; i < 4; ++i) put_little(made, static_cast<std::uint32_t>(generator()()));
  return made;
}

std::string text_of_guid(std::string_view guid) {
  std::string made;
  const int places[] = {3, 2, 1, 0, -1, 5, 4, -1, 7, 6, -1, 8, 9, -1, 10, 11, 12, 13, 14, 15};
  for (const int place : places) {
    made += place < 0 ? std::string("-")
                      : fmt::format("{:02x}", static_cast<unsigned char>(guid[static_cast<std::size_t>(place)]));
  }
  return made;
}

std::optional<std::string> guid_from_text(std::string_view text) {
  if (text.size() == 32) return from_hex(text);
  if (text.size() != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return std::nullopt;
  std::string digits;
  for (const char c : text) {
    if (c != '-') digits += c;
  }
  const auto bytes = from_hex(digits);
  if (!bytes || bytes->size() != 16) return std::nullopt;
  std::string made = *bytes;
  const std::size_t places[] = {3, 2, 1, 0, 5, 4, 7, 6};
  for (std::size_t i = 0; i < 8; ++i) made[i] = (*bytes)[places[i]];
  return made;
}

std::string random_domain_sid() {
  std::string made{"\x01\x04\0\0\0\0\0\x05", 8};
  put_little(made, 21);
  for (int i = 0; i < 3; ++i) put_little(made, static_cast<std::uint32_t>(generator()()));
  return made;
}

std::string sid_below(std::string_view domain, std::uint32_t relative) {
  std::string made(domain);
  ++made[1];
  put_little(made, relative);
  return made;
}

std::uint32_t relative_part(std::string_view sid) { return sid.size() < 4 ? 0 : little(sid.substr(sid.size() - 4)); }

std::string text_of_sid(std::string_view sid) {
  std::string made = fmt::format("S-1-{}", static_cast<unsigned char>(sid[7]));
  for (std::size_t at = 8; at + 4 <= sid.size(); at += 4) made += fmt::format("-{}", little(sid.substr(at)));
  return made;
}

std::optional<std::string> sid_from_text(std::string_view text) {
  const auto parts = split(text, '-');
  if (parts.size() < 4 || parts[0] != "S" || parts[1] != "1") return std::nullopt;
  std::string made{"\x01", 1};
  made += static_cast<char>(parts.size() - 3);
  made.append(5, '\0');
  made += static_cast<char>(to_integer(parts[2]).value_or(0));
  for (std::size_t i = 3; i < parts.size(); ++i) {
    const auto number = to_integer(parts[i]);
    if (!number) return std::nullopt;
    put_little(made, static_cast<std::uint32_t>(*number));
  }
  return made;
}

}  // namespace linkspan::testkit
