#include "connector_ldap/internal/values.h"

#include <fmt/core.h>

namespace linkspan::connector_ldap {

std::string escape_filter(std::string_view value) {
  std::string made;
  for (const char c : value) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                       c == '-' || c == '@' || c == '_' || c == ' ';
    if (plain) {
      made += c;
    } else {
      made += fmt::format("\\{:02x}", static_cast<unsigned char>(c));
    }
  }
  return made;
}

std::string wire_value(const model::Value& value) {
  if (const auto* bytes = std::get_if<model::Binary>(&value)) return bytes->bytes;
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "TRUE" : "FALSE";
  if (const auto* time = std::get_if<Time>(&value)) {
    std::string text = to_rfc3339(*time);
    std::erase_if(text, [](char c) { return c == '-' || c == ':' || c == 'T'; });
    return text;
  }
  return model::to_text(value);
}

}  // namespace linkspan::connector_ldap
