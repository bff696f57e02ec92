#pragma once
// This server's installation: where its database and keys are, opened on first use. Made by app/, used by the command
// line, the service and the wizard.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/progress.h"
#include "connector/connector.h"
#include "run/engine.h"
#include "setup/server_file.h"
#include "store/store.h"
#include "vault/key_set.h"

namespace linkspan::setup {

struct StoreOptions {
  bool create = false;  ///< also upgrades
  bool upgrade = false;
  std::string password{};
};

/// What only app/ knows: the adapters.
struct Wiring {
  std::string version;
  std::vector<connector::Kind> kinds;
  std::function<std::unique_ptr<store::Store>(const std::string& url, const StoreOptions& options)> open_store;
  std::filesystem::path rules_dir;  ///< of the default rules; empty when they are not found
};

class Installation {
 public:
  /// Opens nothing yet. Clock and logger outlive it.
  Installation(Wiring wiring, ServerFile file, const Clock& clock, Logger& logger);

  [[nodiscard]] const ServerFile& file() const { return file_; }
  /// Another file from now on: what was open is closed.
  void use(ServerFile file);
  [[nodiscard]] const Wiring& wiring() const { return wiring_; }
  [[nodiscard]] const Clock& clock() const { return clock_; }
  [[nodiscard]] Logger& logger() const { return logger_; }

  /// The database. Where a move of it was handed over and not finished, it is finished first, and where this server
  /// began that move, this server goes along: its file and `file()` name the new database. Throws what
  /// store_sql::open_store throws.
  [[nodiscard]] store::Store& store();
  /// Makes the database, or its schema in an empty one, or brings it up to date; and the state directory.
  store::Store& create_store();

  /// The key set. Throws what vault::KeySet::load throws.
  [[nodiscard]] const vault::KeySet& keys();
  [[nodiscard]] bool has_key_file() const;
  /// After the key file was written: it is read again on next use.
  void forget_keys() { keys_.reset(); }

  /// Throws Fault::invalid "setup.no_kind" with the kinds there are.
  [[nodiscard]] const connector::Kind& kind(std::string_view name) const;

  /// Opens a connected directory with its credentials. Throws "setup.credentials" and what the kind's make() throws.
  [[nodiscard]] std::unique_ptr<connector::Connector> open(const store::ConnectorRow& row);

  /// The connector of that name. Throws Fault::not_found "run.no_connector".
  [[nodiscard]] store::ConnectorRow connector(std::string_view name);

  /// For run::Engine, run::review and run::preview.
  [[nodiscard]] run::Environment environment(ProgressSink progress = {});

 private:
  [[nodiscard]] StoreOptions store_options() const;
  void settle_move(const std::string& moved_to);

  Wiring wiring_;
  ServerFile file_;
  const Clock& clock_;
  Logger& logger_;
  std::unique_ptr<store::Store> store_;
  std::optional<vault::KeySet> keys_;
};

}  // namespace linkspan::setup
