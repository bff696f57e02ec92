#pragma once
// Microsoft's binary identities: GUIDs with their first three fields little-endian, and SIDs.

#include <optional>
#include <string>
#include <string_view>

namespace linkspan::rules {

/// 16 bytes of "1ba4b34c-….", braces optional.
[[nodiscard]] std::optional<std::string> guid_bytes(std::string_view text);
/// Lower case, no braces; nullopt unless 16 bytes.
[[nodiscard]] std::optional<std::string> guid_text(std::string_view bytes);
/// "S-1-5-21-…"; nullopt unless the bytes are exactly one SID of revision 1.
[[nodiscard]] std::optional<std::string> sid_text(std::string_view bytes);

}  // namespace linkspan::rules
