#pragma once
// What is checked of rules beyond their expressions: each for itself, then against each other.

#include <span>
#include <vector>

#include "rules/rule.h"
#include "rules/rule_set.h"

namespace linkspan::rules {

[[nodiscard]] bool speaks_of(const Rule& rule, const ConnectorName& connector);

/// True when a problem is an error. Problems of disabled rules are warnings.
[[nodiscard]] bool check_rules(std::span<const Rule> rules, std::span<const ConnectorName> connectors,
                               std::vector<Problem>& problems);

[[nodiscard]] std::string_view name_of(Direction direction) noexcept;
[[nodiscard]] std::string_view name_of(LinkType link) noexcept;
[[nodiscard]] std::string_view name_of(MergeType merge) noexcept;

}  // namespace linkspan::rules
