#pragma once
// Names and identities as Active Directory writes them: made here apart from the connector, so that each tests the
// other.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace linkspan::testkit {

/// 1 January 2026 in the directory's count: tenths of microseconds since 1601.
inline constexpr std::int64_t k_windows_now = 134'116'992'000'000'000;

/// The parts of a DN (RFC 4514), the leaf first; false when it is none, or has several values in one part, which the
/// directory does not take (MS-ADTS 3.1.1.3.1.2.1).
[[nodiscard]] bool parse_dn(std::string_view dn, std::vector<std::pair<std::string, std::string>>& parts);
[[nodiscard]] std::string escape_rdn(std::string_view value);
/// "DC=corp,DC=example" of "corp.example".
[[nodiscard]] std::string dn_of_domain(std::string_view dns_name);

/// A name as names are compared: without case.
[[nodiscard]] std::string fold_name(std::string_view name);
[[nodiscard]] bool same_name(std::string_view left, std::string_view right);

/// 16 random bytes.
[[nodiscard]] std::string random_guid();
/// Dashed, the first three fields little-endian (MS-DTYP 2.3.4.3).
[[nodiscard]] std::string text_of_guid(std::string_view guid);
/// Dashed or as 32 digits of the bytes.
[[nodiscard]] std::optional<std::string> guid_from_text(std::string_view text);

/// The bytes of S-1-5-21-…, random.
[[nodiscard]] std::string random_domain_sid();
[[nodiscard]] std::string sid_below(std::string_view domain, std::uint32_t relative);
[[nodiscard]] std::uint32_t relative_part(std::string_view sid);
[[nodiscard]] std::string text_of_sid(std::string_view sid);
[[nodiscard]] std::optional<std::string> sid_from_text(std::string_view text);

}  // namespace linkspan::testkit
