#pragma once
// The command `rule diff`, which has a file of its own.

#include "cli/command.h"

namespace linkspan::cli {

int diff_rules(Session& session, const Arguments& arguments);

}  // namespace linkspan::cli
