#include "model/value.h"

#include <algorithm>
#include <type_traits>

#include "base/hash.h"
#include "base/text.h"

namespace linkspan::model {

void canonicalize(Values& values) {
  if (values.size() < 2) return;
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

std::string to_text(const Value& value) {
  return std::visit(
      [](const auto& held) -> std::string {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, std::string>) return held;
        if constexpr (std::is_same_v<Held, Binary>) return to_base64(held.bytes);
        if constexpr (std::is_same_v<Held, std::int64_t>) return std::to_string(held);
        if constexpr (std::is_same_v<Held, bool>) return held ? "True" : "False";
        if constexpr (std::is_same_v<Held, Time>) return to_rfc3339(held);
      },
      value);
}

std::string join_key(const Value& value) {
  // SQL Server indexes at most 900 bytes of a key's columns; 400 leaves room and the hash keeps long values apart.
  constexpr std::size_t longest = 400;
  const auto* binary = std::get_if<Binary>(&value);
  std::string key = binary != nullptr ? "b" + binary->bytes : "s" + fold_key(to_text(value));
  if (key.size() > longest) {
    const std::string tail = hash128(key);
    key.resize(longest - tail.size());
    key += tail;
  }
  return key;
}

}  // namespace linkspan::model
