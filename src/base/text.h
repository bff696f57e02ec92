#pragma once
// Text is UTF-8 in std::string everywhere. What is compared, joined on or unique is compared by fold_key.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace linkspan {

/// Whether `text` is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates).
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// The form in which two texts that differ only in case or in composition are the same bytes: NFKC_Casefold by ICU.
/// Bytes that are not UTF-8 come back unchanged. Blanks are kept.
[[nodiscard]] std::string fold_key(std::string_view text);

/// NFC, case kept.
[[nodiscard]] std::string to_nfc(std::string_view text);

/// Full Unicode lower and upper case, root locale.
[[nodiscard]] std::string to_lower(std::string_view text);
[[nodiscard]] std::string to_upper(std::string_view text);

/// ASCII only, for keywords and protocol tokens.
[[nodiscard]] bool equal_ascii_case(std::string_view left, std::string_view right) noexcept;

/// How many code points; bytes that are not UTF-8 count one each.
[[nodiscard]] std::size_t code_points(std::string_view text) noexcept;

/// Cuts blanks (space, tab, CR, LF) at both ends.
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

/// Parts between `separator`; "a,,b" gives three, "" gives one empty.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

/// Lower-case hex, and back; nullopt where it is not hex.
[[nodiscard]] std::string to_hex(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_hex(std::string_view text);

/// RFC 4648 section 4, with padding, and back; nullopt where it is not that (white space is refused).
[[nodiscard]] std::string to_base64(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

/// What may be printed on a terminal or in a log: control characters escaped, cut at `most` bytes with an ellipsis.
[[nodiscard]] std::string printable(std::string_view text, std::size_t most = 200);

/// A decimal integer, whole text, no blanks; nullopt otherwise or out of range.
[[nodiscard]] std::optional<std::int64_t> to_integer(std::string_view text) noexcept;

/// "16-byte GUID in text": 8-4-4-4-12 lower-case hex, from bytes in order (RFC 4122); nullopt unless 16 bytes.
[[nodiscard]] std::optional<std::string> uuid_text(std::string_view bytes);

/// The suggestion for a mistyped word: the nearest of `words` within a third of its length, if any.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word, std::span<const std::string> words);

}  // namespace linkspan
