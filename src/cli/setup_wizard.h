#pragma once
// Setup at a terminal: plain questions, a page at a time, with back and exit at every one.

#include <optional>
#include <string>
#include <string_view>

#include "setup/step_machine.h"
#include "vault/secret.h"

namespace linkspan::cli {

/// What the wizard talks through; tests script it.
class Console {
 public:
  virtual ~Console() = default;
  virtual void write(std::string_view text) = 0;
  /// One line without its end; nullopt when nobody answers any more.
  [[nodiscard]] virtual std::optional<std::string> line(std::string_view prompt) = 0;
  /// Without echo; empty: nothing was entered.
  [[nodiscard]] virtual vault::Secret secret(std::string_view prompt) = 0;
  [[nodiscard]] virtual bool colour() const = 0;
};

/// Asks page after page until all are passed and Install is said. False: the person left; nothing was changed.
[[nodiscard]] bool run_wizard(setup::StepMachine& machine, Console& console);

/// "✓ text", "✗ text", "· text", with the hint below.
[[nodiscard]] std::string to_text(const setup::Finding& finding, bool colour);

}  // namespace linkspan::cli
