#pragma once
// A whole small Linkspan in a test: fake directories, a store on a temporary SQLite file, rules from text, a clock
// turned by hand.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "connector/testing/fake_directory.h"
#include "store/store.h"
#include "sync/configuration.h"
#include "sync/export.h"
#include "sync/import.h"
#include "sync/synchronize.h"

namespace linkspan::testkit {

struct DirectorySpec {
  std::string name;
  std::string kind;  ///< "ldap", "scim", …: what rules name
  connector::FakeOptions options;
  /// An adapter in place of the fake; `options` then say what it can do.
  std::function<std::unique_ptr<connector::Connector>()> connect{};
  /// References go by anchor, objects by DN all the same, as in Active Directory.
  bool objects_by_dn_too = false;
};

class World {
 public:
  World(std::string_view rules, std::vector<DirectorySpec> directories);
  ~World();

  [[nodiscard]] connector::FakeDirectory& directory(std::string_view name);
  [[nodiscard]] store::Store& store() { return *store_; }
  [[nodiscard]] ManualClock& clock() { return clock_; }

  sync::ImportResult import(std::string_view name, bool full = false);
  sync::SyncResult synchronize(bool full = false);
  sync::ExportResult send(std::string_view name, std::optional<std::string> approved = {},
                          std::optional<Time> read_at = {});
  [[nodiscard]] sync::ChangeSet change_set(std::string_view name);
  /// Imports of all, synchronization, exports of all that have outbound rules, imports of these again.
  void cycle(bool full = false);
  void set_rules(std::string_view rules);
  void set(std::string_view name, std::string_view value);  ///< a setting

  /// Everything that counts, without ids, readable and sorted: equal states have equal text. Where a directory has a
  /// correlation attribute its objects are called by that, for their anchors depend on the order of their exports.
  [[nodiscard]] std::string state();
  /// Every row with its bytes: for "changes nothing, byte for byte".
  [[nodiscard]] std::string rows();
  /// Pending exports of all connectors, readable.
  [[nodiscard]] std::vector<std::string> pending(std::string_view name);

  /// Opens the same database anew, as another process would, with a new lease.
  void reopen();

  [[nodiscard]] sync::Context context();
  [[nodiscard]] const sync::ConnectorInfo& info(std::string_view name);
  [[nodiscard]] const sync::Configuration& configuration() const { return configuration_; }

 private:
  void open();
  void load();
  [[nodiscard]] std::unique_ptr<connector::Connector> connect(std::string_view name);
  [[nodiscard]] std::string correlation_of(store::ConnectorId connector, const model::Image& image);

  std::string folder_;
  ManualClock clock_;
  QuietLogger logger_;
  std::vector<DirectorySpec> specs_;
  std::vector<std::unique_ptr<connector::FakeDirectory>> directories_;
  std::unique_ptr<store::Store> store_;
  store::Lease lease_;
  sync::Configuration configuration_;
};

}  // namespace linkspan::testkit
