// Attribute paths, read and written.

#include "connector_scim/internal/path.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::connector_scim {
namespace {

constexpr std::size_t k_longest_name = 512;

[[noreturn]] void refuse(std::string_view name, std::string_view why) {
  throw Error(
      Fault::invalid, "scim.attribute_path", "\"" + printable(name) + "\" is no SCIM attribute: " + std::string(why),
      R"(Write userName, name.givenName, emails[type eq "work"].value, enterprise:manager or urn:...:User:attribute.)");
}

/// RFC 7643 section 2.1, and `$ref`.
bool is_attribute_name(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || !(letter(text.front()) || text.front() == '$' || text.front() == '_')) return false;
  return std::all_of(text.begin() + 1, text.end(),
                     [&](char c) { return letter(c) || digit(c) || c == '-' || c == '_'; });
}

/// Cuts `urn:…:` or `enterprise:` off the front of `rest`. The brackets of a filter may hold colons of their own.
std::string take_urn(std::string_view& rest) {
  const std::size_t colon = rest.substr(0, rest.find('[')).rfind(':');
  if (colon == std::string_view::npos || colon == 0) return {};
  const std::string_view prefix = rest.substr(0, colon);
  rest.remove_prefix(colon + 1);
  if (equal_ascii_case(prefix, k_enterprise_prefix)) return std::string(k_enterprise_schema);
  return std::string(prefix);
}

/// A JSON string literal or a boolean, the whole of `text`.
bool take_literal(std::string_view text, ElementFilter& filter) {
  if (equal_ascii_case(text, "true") || equal_ascii_case(text, "false")) {
    filter.boolean = true;
    filter.value = equal_ascii_case(text, "true") ? "true" : "false";
    return true;
  }
  if (text.size() < 2 || text.front() != '"') return false;
  const nlohmann::json value = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!value.is_string()) return false;
  filter.value = value.get<std::string>();
  return true;
}

/// The end of the filter that begins at `open`: the first `]` outside of quotes.
std::size_t closing_bracket(std::string_view text, std::size_t open) {
  bool quoted = false;
  for (std::size_t at = open + 1; at < text.size(); ++at) {
    if (quoted && text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      quoted = !quoted;
    } else if (text[at] == ']' && !quoted) {
      return at;
    }
  }
  return std::string_view::npos;
}

ElementFilter parse_filter(std::string_view name, std::string_view text) {
  ElementFilter filter;
  const std::size_t blank = text.find(' ');
  if (blank == std::string_view::npos) refuse(name, "a filter is [attribute eq \"value\"]");
  filter.attribute = text.substr(0, blank);
  const std::string_view rest = trim(text.substr(blank));
  if (!is_attribute_name(filter.attribute) || rest.size() < 4 || !equal_ascii_case(rest.substr(0, 3), "eq ") ||
      !take_literal(trim(rest.substr(3)), filter)) {
    refuse(name, "a filter is [attribute eq \"value\"]");
  }
  return filter;
}

std::string filter_text(const ElementFilter& filter) {
  return filter.attribute + " eq " + (filter.boolean ? filter.value : json_string(filter.value));
}

std::string tail_of(const Path& path, bool with_sub) {
  std::string text = path.attribute;
  if (path.filter) text += "[" + filter_text(*path.filter) + "]";
  if (with_sub && !path.sub.empty()) text += "." + path.sub;
  return text;
}

}  // namespace

Path parse_path(std::string_view name) {
  if (name.size() > k_longest_name) refuse(name, "it is longer than 512 bytes");
  std::string_view rest = name;
  Path path;
  path.urn = take_urn(rest);
  if (!path.urn.empty() && path.urn != k_enterprise_schema && !equal_ascii_case(path.urn.substr(0, 4), "urn:")) {
    refuse(name, "an extension is written as its full urn:...");
  }
  if (const std::size_t open = rest.find('['); open != std::string_view::npos) {
    const std::size_t close = closing_bracket(rest, open);
    if (close == std::string_view::npos) refuse(name, "a bracket is not closed");
    path.attribute = rest.substr(0, open);
    path.filter = parse_filter(name, rest.substr(open + 1, close - open - 1));
    rest.remove_prefix(close + 1);
    if (!rest.empty() && rest.front() != '.') refuse(name, "after a filter comes .attribute");
    if (!rest.empty()) path.sub = rest.substr(1);
    if (!rest.empty() && path.sub.empty()) refuse(name, "it ends in a dot");
  } else if (const std::size_t dot = rest.find('.'); dot != std::string_view::npos) {
    path.attribute = rest.substr(0, dot);
    path.sub = rest.substr(dot + 1);
    if (path.sub.empty()) refuse(name, "it ends in a dot");
  } else {
    path.attribute = rest;
  }
  if (!is_attribute_name(path.attribute))
    refuse(name, "the attribute's name is empty or holds other than letters, digits, - and _");
  if (!path.sub.empty() && !is_attribute_name(path.sub)) refuse(name, "there is one level of sub-attributes");
  return path;
}

std::string to_name(const Path& path) {
  if (path.urn.empty()) return tail_of(path, true);
  const std::string_view prefix = path.urn == k_enterprise_schema ? k_enterprise_prefix : std::string_view(path.urn);
  return std::string(prefix) + ":" + tail_of(path, true);
}

std::string to_wire(const Path& path) {
  return (path.urn.empty() ? std::string() : path.urn + ":") + tail_of(path, true);
}

std::string element_of(const Path& path) {
  return (path.urn.empty() ? std::string() : path.urn + ":") + tail_of(path, false);
}

std::string json_string(std::string_view text) {
  if (!is_utf8(text)) {
    throw Error(Fault::invalid, "scim.value", "a value is not UTF-8: \"" + printable(text, 80) + "\"",
                "Correct the value at its source, or convert it in a rule.");
  }
  return nlohmann::json(text).dump();
}

std::string equality_filter(const Path& path, std::string_view literal) {
  const std::string sub = path.sub.empty() ? "value" : path.sub;
  if (!path.filter) return to_wire(path) + " eq " + std::string(literal);
  return (path.urn.empty() ? std::string() : path.urn + ":") + path.attribute + "[" + filter_text(*path.filter) +
         " and " + sub + " eq " + std::string(literal) + "]";
}

}  // namespace linkspan::connector_scim
