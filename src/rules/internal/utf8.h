#pragma once
// Counting in characters, that is in code points, and UTF-16 as Microsoft's rules expect it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace linkspan::rules {

/// Bytes of the first `count` characters; all bytes when there are fewer. A stray byte counts as a character.
[[nodiscard]] std::size_t prefix_bytes(std::string_view text, std::size_t count) noexcept;

/// Little-endian UTF-16, and back; nullopt for an odd length or a lone surrogate (or for bytes that are not UTF-8).
[[nodiscard]] std::optional<std::string> to_utf16(std::string_view text);
[[nodiscard]] std::optional<std::string> from_utf16(std::string_view bytes);

}  // namespace linkspan::rules
