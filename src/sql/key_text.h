#pragma once
// Conditions and orders on keys, written so that every kind of server takes the same rows in the same order: by number,
// or byte for byte.

#include <string>
#include <string_view>

#include "sql/database.h"

namespace linkspan::sql {

enum class KeyKind : unsigned char { integer, text, blob };

/// For ORDER BY: `"name"`. SQL Server, which takes texts and bytes that differ in padding alone for the same, orders by
/// `"name", "name_length"`: the schema has such a column beside each that is part of a key. (Text there goes by units
/// of UTF-16: beyond the basic plane, and with control characters at the end, that is another order than the others'.)
[[nodiscard]] std::string key_order(Dialect dialect, std::string_view column, KeyKind kind);

/// For WHERE: the column is above, or not above, a bound that is an integer or bytes.
[[nodiscard]] std::string key_above(Dialect dialect, std::string_view column, const Value& bound);
[[nodiscard]] std::string key_up_to(Dialect dialect, std::string_view column, const Value& bound);

}  // namespace linkspan::sql
