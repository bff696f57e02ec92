#pragma once
// A scoping filter made ready: names interned, values folded.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/names.h"
#include "rules/rule.h"
#include "rules/rule_set.h"

namespace linkspan::rules {

[[nodiscard]] std::string_view name_of(ScopeOperator operation) noexcept;
/// In any case of letters; ISNOTBITSET is understood too.
[[nodiscard]] std::optional<ScopeOperator> scope_operator(std::string_view name);
[[nodiscard]] const std::vector<std::string>& scope_operator_names();

/// ISNULL and ISNOTNULL take no value, all others take one.
[[nodiscard]] bool takes_value(ScopeOperator operation) noexcept;
/// Decimal, &H or 0x; for ISBITSET.
[[nodiscard]] std::optional<std::int64_t> bits_in(std::string_view text);

struct CompiledClause {
  model::NameId attribute = 0;
  ScopeOperator positive = ScopeOperator::equal;  ///< the operator without its not
  bool negated = false;
  std::string folded;                  ///< the value, folded (for ISMEMBEROF: the DN's key)
  std::optional<std::int64_t> number;  ///< the value, where it is a whole number
  std::string text;                    ///< as written, for the preview
};

struct CompiledScope {
  std::vector<std::vector<CompiledClause>> groups;
};

/// Expects clauses that rule checking has passed.
[[nodiscard]] CompiledScope compile_scope(const Rule& rule, model::Names& names);

[[nodiscard]] bool holds(const CompiledClause& clause, const Source& source);

/// "attribute OPERATOR value" as a rule file writes it.
[[nodiscard]] std::string print_clause(const ScopeClause& clause);
/// An attribute's name, in brackets where blanks or brackets in it need them.
[[nodiscard]] std::string print_attribute(std::string_view name);
/// Cuts an attribute off the front of `rest`, with the blanks after it: bracketed, or up to a blank or =.
[[nodiscard]] std::optional<std::string> read_attribute(std::string_view& rest);
/// Whether what print_attribute() writes is read as the same name.
[[nodiscard]] bool is_printable_attribute(std::string_view name);

}  // namespace linkspan::rules
