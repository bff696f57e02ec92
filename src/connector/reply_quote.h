#pragma once
// A few words of what a service answered, for the message that says why it cannot be used.

#include <algorithm>
#include <string>
#include <string_view>

#include "base/text.h"

namespace linkspan::connector {

/// How `reply` begins; or, where it is not UTF-8, what stands around the first place that is not. Printable, short.
[[nodiscard]] inline std::string quote_reply(std::string_view reply) {
  constexpr std::size_t k_before = 60;
  constexpr std::size_t k_most = 120;
  if (is_utf8(reply)) return "it begins \"" + printable(reply, k_before) + "\"";
  // A quote is never a part of a longer character.
  std::size_t from = 0;
  for (std::size_t end = 0;; from = end + 1) {
    end = std::min(reply.find('"', from), reply.size());
    if (end == reply.size() || !is_utf8(reply.substr(from, end - from))) break;
  }
  return "it is not UTF-8 near \"" + printable(reply.substr(from - std::min(from, k_before), k_most), k_most) + "\"";
}

}  // namespace linkspan::connector
