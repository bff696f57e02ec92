#pragma once
// Bodies as JSON trees, for replies that are small. What may be tens of megabytes is read by a streaming parser.

#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace linkspan::net {

/// `body` as JSON; a discarded value (neither object nor array nor anything else) when it is none, or nested more than
/// 100 deep: trees are copied, compared and printed by recursion, and a peer may nest until the stack ends. Does not
/// throw for what is in `body`.
[[nodiscard]] nlohmann::json parse_json(std::string_view body);

}  // namespace linkspan::net
