#pragma once
// Security descriptors as Active Directory keeps them (MS-DTYP 2.4.6), as far as reading and adding to a DACL needs it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace linkspan::connector_ldap {

/// One entry of an access control list (MS-DTYP 2.4.4).
struct AccessEntry {
  static constexpr std::uint8_t allowed = 0x00;
  static constexpr std::uint8_t denied = 0x01;
  static constexpr std::uint8_t allowed_object = 0x05;
  static constexpr std::uint8_t denied_object = 0x06;
  // Flags:
  static constexpr std::uint8_t container_inherit = 0x02;
  static constexpr std::uint8_t inherit_only = 0x08;
  static constexpr std::uint8_t inherited = 0x10;

  std::uint8_t type = allowed;
  std::uint8_t flags = 0;
  std::uint32_t mask = 0;
  std::string object_type;            ///< GUID as text: the attribute, class or extended right; empty = all
  std::string inherited_object_type;  ///< GUID as text: the class whose objects take it over; empty = all
  std::string sid;                    ///< bytes; empty for entries of other types
  std::string raw;                    ///< the entry as it came; empty for a new one

  /// The same, leaving aside how it is written.
  [[nodiscard]] bool says_as(const AccessEntry& other) const;
};

struct SecurityDescriptor {
  std::uint16_t control = 0;
  bool has_dacl = false;
  std::uint8_t revision = 4;  ///< of the list
  std::vector<AccessEntry> dacl;
};

/// nullopt when the bytes are not a self-relative descriptor. Looks at nothing beyond them, and at no more entries than
/// they have room for. Entries of types not named above keep their bytes and say nothing.
[[nodiscard]] std::optional<SecurityDescriptor> parse_security_descriptor(std::string_view bytes);

/// A descriptor of the DACL alone, for a modify with the SD_FLAGS control. Entries that came are written as they were.
/// Throws Fault::invalid "ldap.acl_full" when the list would be longer than it may be (64 KiB).
[[nodiscard]] std::string encode_dacl(const SecurityDescriptor& descriptor);

/// A descriptor of the owner alone, for the same: `sid` in bytes (MS-DTYP 2.4.2.2).
[[nodiscard]] std::string encode_owner(std::string_view sid);

}  // namespace linkspan::connector_ldap
