#pragma once
// What a command works with.

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "cli/output.h"
#include "run/engine.h"
#include "setup/credentials.h"
#include "setup/installation.h"

namespace linkspan::cli {

/// The command line's global options.
struct GlobalOptions {
  std::string config;  ///< empty: the standard place
  std::string state_dir;
  std::string database;
  std::string log_level;  ///< empty: as the configuration says for the service, warnings for commands
  bool json = false;
  bool service = false;        ///< the command is `serve`
  bool config_needed = false;  ///< an explicit `config` must exist
};

class Session {
 public:
  Session(setup::Installation& installation, Output& output, std::stop_token stop)
      : installation_(installation), output_(output), stop_(std::move(stop)), progress_(!output.json()) {}

  [[nodiscard]] setup::Installation& installation() { return installation_; }
  [[nodiscard]] store::Store& store() { return installation_.store(); }
  [[nodiscard]] Output& out() { return output_; }
  [[nodiscard]] bool json() const { return output_.json(); }
  [[nodiscard]] std::stop_token stop() const { return stop_; }
  [[nodiscard]] ProgressBar& progress() { return progress_; }
  [[nodiscard]] run::Environment environment() { return installation_.environment(progress_.sink()); }

  /// The lease, for a short write of configuration.
  [[nodiscard]] std::unique_ptr<run::HeldLease> lease() {
    return std::make_unique<run::HeldLease>(store(), installation_.logger());
  }

 private:
  setup::Installation& installation_;
  Output& output_;
  std::stop_token stop_;
  ProgressBar progress_;
};

/// Asks yes or no on the terminal. Throws Fault::invalid "cli.no_terminal" when there is none (say --yes).
[[nodiscard]] bool confirm(std::string_view question);

/// Asks for a secret on the terminal, without echo. Throws "cli.no_terminal".
[[nodiscard]] vault::Secret ask_secret(std::string_view prompt);

/// Secrets by file or environment variable, from `--secret-file name=FILE` and `--secret-env name=VAR`.
[[nodiscard]] connector::Secrets read_secrets(const std::vector<std::string>& files,
                                              const std::vector<std::string>& variables);

/// A passphrase from --passphrase-file or --passphrase-env, or asked for (twice when `fresh`).
[[nodiscard]] vault::Secret read_passphrase(const std::string& file, const std::string& variable, bool fresh);

}  // namespace linkspan::cli
