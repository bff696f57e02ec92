#pragma once
// How this program becomes known to a directory that wants that before it lets anybody in. Beside the port: few kinds
// have it.

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "connector/connector.h"

namespace linkspan::connector {

/// What somebody is asked to do in a browser while this program waits: open `url`, enter `code`, sign in.
struct SignInPrompt {
  std::string url;
  std::string code;
  std::chrono::seconds valid_for{};
};

/// What a registration leaves: to be stored together.
struct Registered {
  Settings settings;
  Secrets secrets;
  std::vector<std::string> done;  ///< what was made or found, for people
  /// To be called once both are stored: takes away what they replace. Empty = nothing to take away. May throw.
  std::function<void()> afterwards;
};

/// Each throws as a connector does.
struct Registrar {
  /// By an administrator's sign-in, used once and forgotten. May be repeated. `name`: of the connector.
  std::function<Registered(const Settings&, Secrets, const std::string& name,
                           const std::function<void(const SignInPrompt&)>& show, Logger&, std::stop_token)>
      enroll;
  /// New credentials by the ones in use; no administrator is needed.
  std::function<Registered(const Settings&, Secrets, const std::string& name, Logger&, std::stop_token)> rotate;
};

}  // namespace linkspan::connector
