#include "rules/internal/scope.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"
#include "model/dn.h"
#include "rules/internal/evaluation.h"

namespace linkspan::rules {
namespace {

using enum ScopeOperator;

constexpr std::array<std::string_view, 20> k_names{
    "EQUAL",      "NOTEQUAL",     "LESSTHAN",   "LESSTHAN_OR_EQUAL", "GREATERTHAN", "GREATERTHAN_OR_EQUAL",
    "CONTAINS",   "NOTCONTAINS",  "STARTSWITH", "NOTSTARTSWITH",     "ENDSWITH",    "NOTENDSWITH",
    "ISNULL",     "ISNOTNULL",    "ISIN",       "ISNOTIN",           "ISBITSET",    "ISBITNOTSET",
    "ISMEMBEROF", "ISNOTMEMBEROF"};

/// The operator that an operator with "not" denies; nullopt for those without.
std::optional<ScopeOperator> denied(ScopeOperator operation) {
  switch (operation) {
    case not_equal:
      return equal;
    case not_contains:
      return contains;
    case not_starts_with:
      return starts_with;
    case not_ends_with:
      return ends_with;
    case is_not_null:
      return is_null;
    case is_not_in:
      return is_in;
    case is_bit_not_set:
      return is_bit_set;
    case is_not_member_of:
      return is_member_of;
    default:
      return std::nullopt;
  }
}

bool ordered(ScopeOperator operation, int order) {
  switch (operation) {
    case less_than:
      return order < 0;
    case less_than_or_equal:
      return order <= 0;
    case greater_than:
      return order > 0;
    default:
      return order >= 0;
  }
}

bool matches_text(const CompiledClause& clause, std::string_view text) {
  if (clause.positive == equal || clause.positive == is_in) return equal_folded(text, clause.folded);
  if (clause.positive == contains || clause.positive == starts_with || clause.positive == ends_with) {
    const std::string folded = fold_key(text);
    if (clause.positive == contains) return folded.find(clause.folded) != std::string::npos;
    return clause.positive == starts_with ? folded.starts_with(clause.folded) : folded.ends_with(clause.folded);
  }
  return ordered(clause.positive, compare_folded(text, clause.folded));
}

bool matches(const CompiledClause& clause, const model::Value& value) {
  const auto* number = std::get_if<std::int64_t>(&value);
  const auto* text = std::get_if<std::string>(&value);
  if (clause.positive == is_bit_set) {
    const std::optional<std::int64_t> bits = number != nullptr ? std::optional(*number)
                                             : text != nullptr ? number_in(*text)
                                                               : std::nullopt;
    return bits && clause.number && (*bits & *clause.number) == *clause.number;
  }
  if (clause.positive == is_member_of) return text != nullptr && model::dn_key(*text) == clause.folded;
  const bool by_order = clause.positive >= less_than && clause.positive <= greater_than_or_equal;
  if (number != nullptr && clause.number && (by_order || clause.positive == equal || clause.positive == is_in)) {
    const int order = *number < *clause.number ? -1 : *number > *clause.number ? 1 : 0;
    return by_order ? ordered(clause.positive, order) : order == 0;
  }
  return text != nullptr ? matches_text(clause, *text) : matches_text(clause, model::to_text(value));
}

bool matches_reference(const CompiledClause& clause, const Source& source) {
  const std::vector<std::string> names = source.reference_names(clause.attribute);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    if (clause.positive == is_member_of) return model::dn_key(name) == clause.folded;
    return clause.positive != is_bit_set && matches_text(clause, name);
  });
}

bool holds_positive(const CompiledClause& clause, const Source& source) {
  const model::ImageAttribute* found = source.find(clause.attribute);
  const bool has_values = found != nullptr && !found->values.empty();
  if (clause.positive == is_null) return !has_values && source.count_references(clause.attribute) == 0;
  if (has_values && std::any_of(found->values.begin(), found->values.end(),
                                [&](const model::Value& value) { return matches(clause, value); })) {
    return true;
  }
  return !has_values && source.count_references(clause.attribute) != 0 && matches_reference(clause, source);
}

}  // namespace

std::string_view name_of(ScopeOperator operation) noexcept { return k_names[static_cast<std::size_t>(operation)]; }

std::optional<ScopeOperator> scope_operator(std::string_view name) {
  if (equal_ascii_case(name, "ISNOTBITSET")) return is_bit_not_set;
  for (std::size_t i = 0; i < k_names.size(); ++i) {
    if (equal_ascii_case(name, k_names[i])) return static_cast<ScopeOperator>(i);
  }
  return std::nullopt;
}

const std::vector<std::string>& scope_operator_names() {
  static const std::vector<std::string> names(k_names.begin(), k_names.end());
  return names;
}

bool takes_value(ScopeOperator operation) noexcept { return operation != is_null && operation != is_not_null; }

std::optional<std::int64_t> bits_in(std::string_view text) {
  const bool hexadecimal =
      text.size() > 2 && (text.starts_with("&H") || text.starts_with("&h") || text.starts_with("0x"));
  if (!hexadecimal) return to_integer(text);
  std::uint64_t bits = 0;
  const auto [end, code] = std::from_chars(text.data() + 2, text.data() + text.size(), bits, 16);
  if (code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return static_cast<std::int64_t>(bits);
}

CompiledScope compile_scope(const Rule& rule, model::Names& names) {
  CompiledScope scope;
  for (const auto& group : rule.scope) {
    auto& compiled = scope.groups.emplace_back();
    for (const ScopeClause& clause : group) {
      CompiledClause out;
      out.attribute = names.id(clause.attribute);
      out.negated = denied(clause.operation).has_value();
      out.positive = denied(clause.operation).value_or(clause.operation);
      out.folded = out.positive == is_member_of ? model::dn_key(clause.value) : fold_key(clause.value);
      out.number = out.positive == is_bit_set ? bits_in(clause.value) : number_in(clause.value);
      out.text = print_clause(clause);
      compiled.push_back(std::move(out));
    }
  }
  return scope;
}

bool holds(const CompiledClause& clause, const Source& source) {
  return holds_positive(clause, source) != clause.negated;
}

std::optional<std::string> read_attribute(std::string_view& rest) {
  rest = trim(rest);
  std::string name;
  std::size_t end = std::min(rest.size(), rest.find_first_of(" \t="));
  if (rest.starts_with('[')) {
    std::size_t depth = 0;
    bool quoted = false;
    for (end = 0; end < rest.size(); ++end) {
      if (rest[end] == '"' && depth > 1) quoted = !quoted;
      if (quoted) continue;
      if (rest[end] == '[') ++depth;
      if (rest[end] == ']' && --depth == 0) break;
    }
    if (end == rest.size()) return std::nullopt;
    name = std::string(rest.substr(1, end++ - 1));
  } else {
    name = std::string(rest.substr(0, end));
  }
  rest = trim(rest.substr(end));
  if (name.empty()) return std::nullopt;
  return name;
}

std::string print_attribute(std::string_view name) {
  const bool plain = name.find_first_of(" \t\r\n=") == std::string_view::npos && !name.starts_with('[');
  return plain ? std::string(name) : "[" + std::string(name) + "]";
}

bool is_printable_attribute(std::string_view name) {
  const std::string printed = print_attribute(name);
  std::string_view rest = printed;
  return read_attribute(rest) == name && rest.empty();
}

std::string print_clause(const ScopeClause& clause) {
  std::string out = print_attribute(clause.attribute) + " " + std::string(name_of(clause.operation));
  if (!takes_value(clause.operation)) return out;
  const bool quoted = clause.value.empty() || clause.value != trim(clause.value) || clause.value.front() == '"';
  if (!quoted) return out + " " + clause.value;
  out += " \"";
  for (const char c : clause.value) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace linkspan::rules
