#pragma once
// The answers file: setup without questions. docs/setup.md has its format.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "setup/installation.h"
#include "setup/step_machine.h"

namespace linkspan::setup {

/// What the command line says beside the file.
struct GivenChoices {
  std::optional<Mode> mode;
  std::string database_url;  ///< empty: says nothing
  bool accept_licence = false;
};

/// Fills the machine from `text` (TOML) and checks every step. `file` is named in problems, and relative paths go from
/// its folder. Throws one Error with every problem, each with its line: its id is that of the problems if they all have
/// the same, else "setup.answers". A secret written into the file is "setup.inline_secret".
void answer_from_file(StepMachine& machine, const Installation& installation, std::string_view text,
                      const std::filesystem::path& file, const GivenChoices& given);

/// Several problems as one Error, a line each.
[[nodiscard]] Error to_error(const Problems& problems);

}  // namespace linkspan::setup
