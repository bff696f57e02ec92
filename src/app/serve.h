#pragma once
// `linkspan serve`: the scheduler, health over HTTP, and systemd told about it.

#include "cli/command.h"

namespace linkspan::app {

/// Not an exit status of the program: the state was moved, this server's file names where, and the command is to be
/// carried out once more, from the file on.
inline constexpr int k_serve_again = -1;

[[nodiscard]] cli::Commands serve_commands();

}  // namespace linkspan::app
