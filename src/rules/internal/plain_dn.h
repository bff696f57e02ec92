#pragma once
// Distinguished names that are their own canonical text, so that nothing has to be decoded: nearly all of them.

#include <cstdint>
#include <optional>
#include <string_view>

namespace linkspan::rules {

/// Whether model::parse_dn would read it as it stands: printable ASCII, nothing escaped or quoted, one value in each
/// part, no blanks around separators. False for some that are plain as well; never true for one that is not.
[[nodiscard]] bool is_plain_dn(std::string_view text) noexcept;

/// The value of the part at `number`, 1-based from the left, of a plain DN; nullopt when there is none.
[[nodiscard]] std::optional<std::string_view> plain_dn_value(std::string_view text, std::int64_t number) noexcept;

}  // namespace linkspan::rules
