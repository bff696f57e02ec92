#include "connector_ldap/internal/anchor.h"

#include <algorithm>

namespace linkspan::connector_ldap {

namespace {

constexpr const char* k_unique_id = "nsUniqueId";
constexpr std::size_t k_digits = 32;

}  // namespace

bool has_unique_ids(const DirectorySchema& schema) { return schema.attribute(k_unique_id) != nullptr; }

const char* anchor_attribute(const DirectorySchema& schema) {
  return has_unique_ids(schema) ? k_unique_id : "entryUUID";
}

std::optional<std::string> anchor_text(std::string_view value) {
  std::string made;
  made.reserve(k_digits + 4);
  std::size_t digits = 0;
  for (const char c : value) {
    if (c == '-') continue;
    const char low = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    if (!((low >= '0' && low <= '9') || (low >= 'a' && low <= 'f'))) return std::nullopt;
    if (digits == 8 || digits == 12 || digits == 16 || digits == 20) made += '-';
    made += low;
    ++digits;
  }
  return digits == k_digits ? std::optional(std::move(made)) : std::nullopt;
}

std::string anchor_value(std::string_view attribute, std::string_view anchor) {
  std::string made(anchor);
  if (attribute != k_unique_id) return made;
  std::erase(made, '-');
  for (const std::size_t at : {std::size_t{24}, std::size_t{16}, std::size_t{8}}) {
    if (at < made.size()) made.insert(at, 1, '-');
  }
  return made;
}

}  // namespace linkspan::connector_ldap
