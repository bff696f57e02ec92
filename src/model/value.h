#pragma once
// One value of an attribute. References are not values: they are rows of their own (entry.h, image.h).

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"

namespace linkspan::model {

/// Bytes that are not text.
struct Binary {
  std::string bytes;
  friend auto operator<=>(const Binary&, const Binary&) = default;
};

/// Text is UTF-8. The order of the alternatives is the order of the codec's tags and of sorting: never change it.
using Value = std::variant<std::string, Binary, std::int64_t, bool, Time>;

using Values = std::vector<Value>;

/// Sorts and removes what stands twice: the canonical form of a multi-valued attribute.
void canonicalize(Values& values);

/// For people and for string functions: text as it is, numbers in decimal, True/False, RFC 3339, Base64.
[[nodiscard]] std::string to_text(const Value& value);

/// The bytes that joins and uniqueness compare: the folded text (numbers, booleans and times as their text), or the
/// bytes of a binary value. Two values join when their keys are the same bytes, whatever server keeps them; a clause
/// that heeds case looks up by this key and then compares the values. At most 400 bytes: longer ones end in their hash.
[[nodiscard]] std::string join_key(const Value& value);

}  // namespace linkspan::model
