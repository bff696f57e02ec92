#pragma once
// From argv to a command and its exit status.

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "cli/command.h"
#include "cli/session.h"

namespace linkspan::cli {

/// What app/ gives.
struct Host {
  std::string version;
  /// Logging and all; not opened yet.
  std::function<std::unique_ptr<setup::Installation>(const GlobalOptions& options)> make_installation;
  std::stop_token stop;
  Commands more;  ///< commands of app/ itself (serve)
};

/// Every command of this room, by noun.
[[nodiscard]] Commands all_commands();

/// Parses, calls, prints errors; the exit status.
[[nodiscard]] int run_command_line(int argc, const char* const* argv, const Host& host);

}  // namespace linkspan::cli
