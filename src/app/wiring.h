#pragma once
// The installation, wired with every adapter.

#include <filesystem>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "cli/session.h"
#include "setup/installation.h"

namespace linkspan::app {

/// An installation with the logger it uses.
class WiredInstallation final : public setup::Installation {
 public:
  WiredInstallation(setup::Wiring wiring, setup::ServerFile file, const Clock& clock, std::unique_ptr<Logger> logger)
      : Installation(std::move(wiring), std::move(file), clock, *logger), owned_(std::move(logger)) {}

 private:
  std::unique_ptr<Logger> owned_;
};

/// Throws Fault::not_found "setup.no_config" when an explicit configuration file is missing and needed.
[[nodiscard]] std::unique_ptr<setup::Installation> make_installation(const cli::GlobalOptions& options,
                                                                     const std::string& version, const Clock& clock);

/// The folder that holds `file` ("rules/ldap-to-scim.toml"), below share/linkspan beside the program's bin or in the
/// source tree it was built in; empty when it is in neither.
[[nodiscard]] std::filesystem::path find_shared(const std::filesystem::path& program,
                                                const std::filesystem::path& file);

}  // namespace linkspan::app
