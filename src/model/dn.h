#pragma once
// Distinguished names as text (RFC 4514), and the bytes by which two of them are the same.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace linkspan::model {

/// One attribute-value pair of a relative distinguished name, unescaped.
using Ava = std::pair<std::string, std::string>;

/// A parsed DN: relative names from the left (the leaf first), each with one or more pairs.
struct Dn {
  std::vector<std::vector<Ava>> rdns;
};

/// Throws Fault::invalid "model.dn" when `text` is not a DN by RFC 4514 section 3 (with the leniencies of RFC 2253 that
/// servers print: blanks around separators).
[[nodiscard]] Dn parse_dn(std::string_view text);

/// RFC 4514 text, escaped as section 2.4 says.
[[nodiscard]] std::string to_text(const Dn& dn);

/// One value, escaped for use in a DN (RFC 4514 section 2.4).
[[nodiscard]] std::string escape_dn_value(std::string_view value);

/// The bytes by which two DNs are the same: types and values case-folded, inner blanks collapsed, pairs of a
/// multi-valued RDN sorted, one canonical escaping. A text that is no DN gets the key of itself folded.
[[nodiscard]] std::string dn_key(std::string_view text);

/// The values of the dc components at the end of a DN, from the left: "corp", "example"; none where it is no DN.
[[nodiscard]] std::vector<std::string> domain_components(std::string_view text);

/// The key of the parent, given a key: everything after the first unescaped comma; empty at the root.
[[nodiscard]] std::string_view parent_key(std::string_view key);

/// Whether `key` is `ancestor` or lies below it; both from dn_key. The empty key is above everything.
[[nodiscard]] bool is_within(std::string_view key, std::string_view ancestor);

}  // namespace linkspan::model
