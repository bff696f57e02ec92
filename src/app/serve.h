#pragma once
// `linkspan serve`: the scheduler, health over HTTP, and systemd told about it.

#include "cli/command.h"

namespace linkspan::app {

[[nodiscard]] cli::Commands serve_commands();

}  // namespace linkspan::app
