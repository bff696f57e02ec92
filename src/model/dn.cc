#include "model/dn.h"

#include <fmt/format.h>
#include <ldap.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::model {
namespace {

/// What makes parsing necessary: control characters, quoting, escapes, several values in one RDN.
constexpr auto k_needs_parsing = [] {
  std::array<bool, 256> table{};
  for (std::size_t byte = 0; byte < 0x20; ++byte) table[byte] = true;
  for (const char c : std::string_view("\x7F\\\"+#;<>")) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

/// Ordinary ASCII characters, folded; 0 for blanks, separators, and all that is not ordinary.
constexpr auto k_folded = [] {
  std::array<char, 256> table{};
  for (std::size_t byte = 0x21; byte < 0x7F; ++byte) {
    const char c = static_cast<char>(byte);
    if (!k_needs_parsing[byte] && c != ',' && c != '=')
      table[byte] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return table;
}();

/// True when folding and dropping blanks around separators is all that normalising would do.
bool is_plain(std::string_view text) noexcept {
  char previous = ',';
  for (const char c : text) {
    if (k_needs_parsing[static_cast<unsigned char>(c)]) return false;
    if (c == ' ' && previous == ' ') return false;
    previous = c;
  }
  return previous != ',' || text.empty();
}

std::string plain_key(std::string_view text) {
  std::string key;
  key.reserve(text.size());
  bool in_value = false;
  for (const char c : text) {
    const bool ends_type = c == '=' && !in_value;
    if (c == ',' || ends_type) {
      while (!key.empty() && key.back() == ' ') key.pop_back();
    }
    const bool after_separator = key.empty() || key.back() == ',' || (key.back() == '=' && in_value);
    if (c == ' ' && after_separator) continue;
    key.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
    if (c == ',') in_value = false;
    if (ends_type) in_value = true;
  }
  while (!key.empty() && key.back() == ' ') key.pop_back();
  return key;
}

/// What nearly every DN is: ASCII, nothing to parse, no blank beside a separator. Then one pass is enough; empty when
/// it is not so.
std::string simple_key(std::string_view text) {
  std::string key(text.size(), '\0');
  char previous = ',';
  bool typed = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const char folded = k_folded[static_cast<unsigned char>(c)];
    if (folded != 0) {
      key[i] = previous = folded;
      continue;
    }
    const bool after_blank = previous == ' ';
    const bool after_separator = previous == ',' || previous == '=';
    if (c == ' ') {
      if (after_separator || after_blank) return {};
    } else if (c == ',') {
      if (!typed || after_blank) return {};
      typed = false;
    } else if (c == '=') {
      if (!typed && (previous == ',' || after_blank)) return {};
      typed = true;
    } else {
      return {};
    }
    key[i] = previous = c;
  }
  if (!typed || previous == ' ' || previous == ',') return {};
  return key;
}

std::ptrdiff_t separators(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return c == ',' || c == '='; });
}

std::string collapse_blanks(std::string_view text) {
  std::string out;
  for (const char c : trim(text)) {
    if (c == ' ' && !out.empty() && out.back() == ' ') continue;
    out.push_back(c);
  }
  return out;
}

/// "type=" comes before any "=" of a value, so plain keys need each part to have one.
bool has_types(std::string_view key) {
  for (const std::string_view part : split(key, ',')) {
    if (part.find('=') == std::string_view::npos || part.front() == '=') return false;
  }
  return true;
}

std::string key_of(const Dn& dn) {
  std::string key;
  for (const auto& rdn : dn.rdns) {
    std::vector<std::string> pairs;
    for (const auto& [type, value] : rdn) {
      pairs.push_back(to_lower(type) + "=" + escape_dn_value(fold_key(collapse_blanks(value))));
    }
    std::sort(pairs.begin(), pairs.end());
    if (!key.empty()) key += ',';
    for (std::size_t i = 0; i < pairs.size(); ++i) key += (i == 0 ? "" : "+") + pairs[i];
  }
  return key;
}

}  // namespace

Dn parse_dn(std::string_view text) {
  const std::string terminated(text);
  LDAPDN parsed = nullptr;
  const bool nul = terminated.find('\0') != std::string::npos;
  if (nul || ldap_str2dn(terminated.c_str(), &parsed, LDAP_DN_FORMAT_LDAP) != LDAP_SUCCESS) {
    throw Error(
        Fault::invalid, "model.dn", fmt::format("\"{}\" is not a distinguished name", printable(text)),
        "Write it as RFC 4514 says: CN=Ada Lovelace,OU=People,DC=corp,DC=example, with \\ before a comma in a value.");
  }
  const std::unique_ptr<LDAPRDN, decltype(&ldap_dnfree)> owner(parsed, &ldap_dnfree);
  Dn dn;
  for (std::size_t i = 0; parsed != nullptr && parsed[i] != nullptr; ++i) {
    auto& rdn = dn.rdns.emplace_back();
    for (std::size_t j = 0; parsed[i][j] != nullptr; ++j) {
      const LDAPAVA& ava = *parsed[i][j];
      rdn.emplace_back(std::string(ava.la_attr.bv_val, ava.la_attr.bv_len),
                       std::string(ava.la_value.bv_val == nullptr ? "" : ava.la_value.bv_val, ava.la_value.bv_len));
    }
  }
  return dn;
}

std::string to_text(const Dn& dn) {
  std::string text;
  for (const auto& rdn : dn.rdns) {
    if (!text.empty()) text += ',';
    for (std::size_t i = 0; i < rdn.size(); ++i) {
      text += (i == 0 ? "" : "+") + rdn[i].first + "=" + escape_dn_value(rdn[i].second);
    }
  }
  return text;
}

std::string escape_dn_value(std::string_view value) {
  std::string out;
  const bool sound = is_utf8(value);
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const auto byte = static_cast<unsigned char>(c);
    const bool at_end = i + 1 == value.size();
    if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !sound)) {
      out += fmt::format("\\{:02X}", byte);
    } else if (std::string_view(",+\"\\<>;").find(c) != std::string_view::npos || (c == '#' && i == 0) ||
               (c == ' ' && (i == 0 || at_end))) {
      out += '\\';
      out += c;
    } else {
      out += c;
    }
  }
  return out;
}

std::string dn_key(std::string_view text) {
  if (std::string key = simple_key(text); !key.empty()) return key;
  if (is_plain(text)) {
    const bool ascii =
        std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    const std::string folded = ascii ? std::string() : fold_key(text);
    // Folding may make a separator of what was none (a full-width comma): then only parsing tells them apart.
    if (ascii || (is_plain(folded) && separators(folded) == separators(text))) {
      std::string key = plain_key(ascii ? text : folded);
      if (key.empty() || has_types(key)) return key;
    }
  }
  try {
    return key_of(parse_dn(text));
  } catch (const Error&) {
    return fold_key(text);  // the contract: what is no DN is compared as text
  }
}

std::vector<std::string> domain_components(std::string_view text) {
  std::vector<std::string> components;
  try {
    for (const std::vector<Ava>& rdn : parse_dn(text).rdns) {
      const bool domain = rdn.size() == 1 && equal_ascii_case(rdn.front().first, "dc");
      if (!domain) components.clear();
      if (domain) components.push_back(rdn.front().second);
    }
  } catch (const Error&) {
    components.clear();  // the contract: what is no DN has none
  }
  return components;
}

std::string_view parent_key(std::string_view key) {
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (key[i] == '\\') {
      ++i;
    } else if (key[i] == ',') {
      return key.substr(i + 1);
    }
  }
  return {};
}

bool is_within(std::string_view key, std::string_view ancestor) {
  if (ancestor.empty() || key == ancestor) return true;
  for (std::string_view above = parent_key(key); above.size() >= ancestor.size() && !above.empty();
       above = parent_key(above)) {
    if (above == ancestor) return true;
  }
  return false;
}

}  // namespace linkspan::model
