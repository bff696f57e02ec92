#pragma once
// `linkspan connector register`: a command of app/, for only app/ knows which kinds are registered somewhere.

#include "cli/command.h"

namespace linkspan::app {

[[nodiscard]] cli::Commands register_commands();

}  // namespace linkspan::app
