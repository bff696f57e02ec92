#include "connector_ldap/internal/security_descriptor.h"

#include <tuple>

#include "base/error.h"
#include "connector_ldap/internal/guid.h"

namespace linkspan::connector_ldap {

namespace {

constexpr std::uint16_t k_dacl_present = 0x0004;
constexpr std::uint16_t k_self_relative = 0x8000;
constexpr std::uint16_t k_sacl_present = 0x0010;
constexpr std::uint32_t k_object_type_present = 1;
constexpr std::uint32_t k_inherited_type_present = 2;
constexpr std::size_t k_header = 20;
constexpr std::size_t k_list_header = 8;
constexpr std::size_t k_entry_header = 8;  // with the mask, which all types that we read have
constexpr std::size_t k_guid = 16;
constexpr std::size_t k_longest_list = 0xffff;

/// Little-endian numbers at places that were checked to be there.
std::uint32_t number_at(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint32_t made = 0;
  for (std::size_t i = size; i-- > 0;) made = made << 8 | static_cast<unsigned char>(bytes[at + i]);
  return made;
}

void put(std::string& to, std::uint32_t number, std::size_t size) {
  for (; size-- > 0; number >>= 8) to += static_cast<char>(number & 0xff);
}

bool is_object_type(std::uint8_t type) {
  return type == AccessEntry::allowed_object || type == AccessEntry::denied_object;
}
bool is_plain_type(std::uint8_t type) { return type == AccessEntry::allowed || type == AccessEntry::denied; }

/// False when an entry of a type that we know is not one.
bool read_entry(std::string_view bytes, AccessEntry& made) {
  made.raw = bytes;
  made.type = static_cast<std::uint8_t>(bytes[0]);
  made.flags = static_cast<std::uint8_t>(bytes[1]);
  if (!is_plain_type(made.type) && !is_object_type(made.type)) return true;
  if (bytes.size() < k_entry_header) return false;
  made.mask = number_at(bytes, 4, 4);
  std::string_view rest = bytes.substr(k_entry_header);
  if (is_object_type(made.type)) {
    if (rest.size() < 4) return false;
    const std::uint32_t present = number_at(rest, 0, 4);
    rest.remove_prefix(4);
    for (const auto& [bit, to] : {std::pair{k_object_type_present, &made.object_type},
                                  std::pair{k_inherited_type_present, &made.inherited_object_type}}) {
      if ((present & bit) == 0) continue;
      if (rest.size() < k_guid) return false;
      *to = guid_text(rest.substr(0, k_guid)).value_or(std::string());
      rest.remove_prefix(k_guid);
    }
  }
  // What follows the identifier is room for applications (MS-DTYP 2.4.4.3).
  if (rest.size() < 8) return false;
  const std::size_t length = 8 + 4 * std::size_t{static_cast<unsigned char>(rest[1])};
  if (length > rest.size() || !sid_text(rest.substr(0, length))) return false;
  made.sid = rest.substr(0, length);
  return true;
}

std::string write_entry(const AccessEntry& entry) {
  if (!entry.raw.empty()) return entry.raw;
  std::string body;
  put(body, entry.mask, 4);
  if (is_object_type(entry.type)) {
    const auto object = guid_bytes(entry.object_type);
    const auto inherited = guid_bytes(entry.inherited_object_type);
    put(body, (object ? k_object_type_present : 0) | (inherited ? k_inherited_type_present : 0), 4);
    body += object.value_or(std::string()) + inherited.value_or(std::string());
  }
  body += entry.sid;
  std::string made;
  put(made, entry.type, 1);
  put(made, entry.flags, 1);
  put(made, static_cast<std::uint32_t>(4 + body.size()), 2);
  return made + body;
}

}  // namespace

bool AccessEntry::says_as(const AccessEntry& other) const {
  const auto said = [](const AccessEntry& one) {
    return std::tie(one.type, one.flags, one.mask, one.object_type, one.inherited_object_type, one.sid);
  };
  return said(*this) == said(other);
}

std::optional<SecurityDescriptor> parse_security_descriptor(std::string_view bytes) {
  if (bytes.size() < k_header || bytes[0] != 1) return std::nullopt;
  SecurityDescriptor made;
  made.control = static_cast<std::uint16_t>(number_at(bytes, 2, 2));
  if ((made.control & k_self_relative) == 0) return std::nullopt;
  const std::size_t at = number_at(bytes, 16, 4);
  if ((made.control & k_dacl_present) == 0 || at == 0) return made;
  if (at < k_header || at > bytes.size() || bytes.size() - at < k_list_header) return std::nullopt;
  made.has_dacl = true;
  made.revision = static_cast<std::uint8_t>(bytes[at]);
  const std::size_t size = number_at(bytes, at + 2, 2);
  const std::size_t count = number_at(bytes, at + 4, 2);
  if (size < k_list_header || size > bytes.size() - at) return std::nullopt;
  std::string_view list = bytes.substr(at + k_list_header, size - k_list_header);
  for (std::size_t i = 0; i < count; ++i) {
    if (list.size() < 4) return std::nullopt;
    const std::size_t length = number_at(list, 2, 2);
    if (length < 4 || length > list.size()) return std::nullopt;
    if (!read_entry(list.substr(0, length), made.dacl.emplace_back())) return std::nullopt;
    list.remove_prefix(length);
  }
  return made;
}

std::string encode_dacl(const SecurityDescriptor& descriptor) {
  std::string entries;
  for (const AccessEntry& entry : descriptor.dacl) entries += write_entry(entry);
  const std::size_t size = k_list_header + entries.size();
  if (size > k_longest_list) {
    throw Error(Fault::invalid, "ldap.acl_full", "the list of access rights has no room left",
                "remove rights of accounts that are no longer there");
  }
  std::string made;
  put(made, 1, 2);
  put(made, (descriptor.control | k_self_relative | k_dacl_present) & ~std::uint32_t{k_sacl_present}, 2);
  put(made, 0, 4);  // owner, group and SACL are not written
  put(made, 0, 4);
  put(made, 0, 4);
  put(made, k_header, 4);
  put(made, descriptor.revision, 2);
  put(made, static_cast<std::uint32_t>(size), 2);
  put(made, static_cast<std::uint32_t>(descriptor.dacl.size()), 2);
  put(made, 0, 2);
  return made + entries;
}

std::string encode_owner(std::string_view sid) {
  std::string made;
  put(made, 1, 2);
  put(made, k_self_relative, 2);
  put(made, k_header, 4);
  put(made, 0, 4);  // group, SACL and DACL are not written
  put(made, 0, 4);
  put(made, 0, 4);
  return made.append(sid);
}

}  // namespace linkspan::connector_ldap
