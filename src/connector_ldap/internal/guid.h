#pragma once
// Identities in Active Directory: objectGUID, security identifiers, and names that carry them.

#include <optional>
#include <string>
#include <string_view>

namespace linkspan::connector_ldap {

/// The 16 bytes of an objectGUID as text, the way the directory prints it: the first three fields are little-endian
/// (MS-DTYP 2.3.4). nullopt when `bytes` are not 16.
[[nodiscard]] std::optional<std::string> guid_text(std::string_view bytes);

/// The bytes again; nullopt when `text` is no GUID.
[[nodiscard]] std::optional<std::string> guid_bytes(std::string_view text);

/// "S-1-5-21-…" of the bytes of an objectSid (MS-DTYP 2.4.2.2); nullopt when they are none.
[[nodiscard]] std::optional<std::string> sid_text(std::string_view bytes);

/// The control that makes the directory print names with their identities (MS-ADTS 3.1.1.3.4.1.5), GUIDs as text.
inline constexpr const char* k_extended_dn = "1.2.840.113556.1.4.529";
inline constexpr std::string_view k_extended_dn_value{"\x30\x03\x02\x01\x01", 5};

/// "<GUID=…>;<SID=…>;CN=…" taken apart. A plain DN has no GUID.
struct ExtendedDn {
  std::string guid;     ///< as text, lower case; empty when it is none
  std::string_view dn;  ///< borrowed from what was parsed
};
[[nodiscard]] ExtendedDn parse_extended_dn(std::string_view text);

/// A filter that finds the object of that GUID, or "" when it is none.
[[nodiscard]] std::string guid_filter(std::string_view text);

}  // namespace linkspan::connector_ldap
