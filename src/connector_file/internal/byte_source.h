#pragma once
// Bytes from somewhere, asked for in blocks.

#include <cstddef>
#include <functional>
#include <span>

namespace linkspan::connector_file {

/// The longest value, decoded.
inline constexpr std::size_t k_longest_value = std::size_t{64} << 20;
/// The largest record or row, as text.
inline constexpr std::size_t k_largest_record = std::size_t{1} << 30;

/// Fills the span from its front and says how many bytes; fewer than asked for only at the end.
using ByteSource = std::function<std::size_t(std::span<char>)>;

}  // namespace linkspan::connector_file
