#include "net/json.h"

#include <cstddef>

#include <nlohmann/json.hpp>

namespace linkspan::net {
namespace {

constexpr std::size_t k_deepest = 100;

/// Exact for JSON; of anything else the parser has its own opinion.
bool is_too_deep(std::string_view text) {
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      quoted = !quoted;
    } else if (quoted) {
      at += c == '\\' ? 1 : 0;
    } else if (c == '[' || c == '{') {
      if (++depth > k_deepest) return true;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

}  // namespace

nlohmann::json parse_json(std::string_view body) {
  if (is_too_deep(body)) return nlohmann::json::value_t::discarded;
  return nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
}

}  // namespace linkspan::net
