#pragma once
// The command `rule import`, which has a file of its own.

#include <vector>

#include "cli/command.h"
#include "cli/json.h"
#include "rules/rule.h"

namespace linkspan::cli {

/// Problems as `rule check` prints them.
[[nodiscard]] Json problems_json(const std::vector<rules::Problem>& problems);

int import_rules(Session& session, const Arguments& arguments);

}  // namespace linkspan::cli
