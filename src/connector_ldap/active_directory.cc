// The connector to Active Directory.

#include <fmt/core.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include "connector_ldap/internal/active_directory.h"
#include "connector_ldap/internal/active_directory_imports.h"
#include "connector_ldap/internal/checks.h"
#include "connector_ldap/internal/entry_reader.h"
#include "connector_ldap/internal/exporter.h"
#include "connector_ldap/internal/guid.h"
#include "connector_ldap/internal/kept_connection.h"
#include "connector_ldap/internal/service_account.h"
#include "connector_ldap/internal/values.h"
#include "connector_ldap/ldap.h"

namespace linkspan::connector_ldap {

using connector::Capabilities;
using connector::Import;
using connector::ImportRequest;
using connector::Outcome;

namespace {

class ActiveDirectoryConnector final : public connector::Connector {
 public:
  ActiveDirectoryConnector(LdapSettings settings, vault::Secret password, Logger& logger)
      : settings_(std::move(settings)), password_(std::move(password)), logger_(logger) {}

  Capabilities capabilities() override {
    const std::scoped_lock lock(mutex_);
    if (!removals_) {
      Forest forest = open({}, false);
      removals_ = std::ranges::all_of(forest.partitions, [&](Partition& one) {
        return tells_deletions(one, begin_series(one, settings_, logger_, {}).changes);
      });
    }
    Capabilities made;
    made.delta_import = true;
    made.exports = true;
    made.delta_reports_removals = *removals_;
    made.references_by_anchor = true;
    return made;
  }

  model::Schema schema() override { return open({}, true).schema->to_model(); }

  std::vector<connector::Check> test() override { return run_active_directory_checks(settings_, password_, logger_); }

  std::unique_ptr<Import> import(const ImportRequest& request, std::stop_token stop) override {
    Forest forest = open(stop, true);
    if (request.watermark.empty()) {
      return active_directory_full_import(std::move(forest), settings_, logger_, std::move(stop));
    }
    return active_directory_delta_import(std::move(forest), settings_, logger_, std::move(stop), request);
  }

  void send(std::span<const model::Export> exports, const std::function<void(std::size_t, Outcome)>& done,
            std::stop_token stop) override {
    if (exports.empty()) return;
    connection_.use([&] { return open(stop, true); }, done,
                    [&](const Forest& forest, const auto& tell) { send_to(forest, exports, tell, stop); });
  }

  std::vector<model::Entry> find(std::string_view object_type, std::string_view attribute,
                                 const model::Value& value) override {
    if (!is_descriptor(object_type) || !is_descriptor(attribute)) {
      throw Error(Fault::invalid, "ldap.settings",
                  fmt::format("\"{}\" or \"{}\" is not a name of the schema", object_type, attribute));
    }
    Forest forest = open({}, true);
    EntryReader reader(*forest.schema, {std::string(object_type)}, settings_.attributes, Dialect::active_directory);
    const std::string filter =
        fmt::format("(&(objectClass={})({}={}))", object_type, attribute, escape_filter(wire_value(value)));
    std::vector<model::Entry> found;
    for (const Partition& partition : forest.partitions) {
      for (const Place& container : partition.containers) {
        const Search search{
            .base = base_of(container.guid), .filter = filter, .attributes = reader.requested(), .size_limit = 20};
        for (const Message& message :
             partition.session->read(search, {}, {{k_extended_dn, std::string(k_extended_dn_value), true}})) {
          model::Entry entry;
          const bool counts = reader.read(*partition.session, message.get(), {}, entry).in_scope;
          if (counts && found.size() < 2 && !forest.scope.excludes(entry.dn)) found.push_back(std::move(entry));
        }
      }
    }
    return found;
  }

 private:
  /// Each change over the connection of its partition.
  void send_to(const Forest& forest, std::span<const model::Export> exports,
               const std::function<void(std::size_t, Outcome)>& done, const std::stop_token& stop) const {
    std::vector<std::vector<const model::Export*>> changes(forest.partitions.size());
    std::vector<std::vector<std::size_t>> indexes(forest.partitions.size());
    for (std::size_t i = 0; i < exports.size(); ++i) {
      const Partition* partition = partition_of(forest, exports[i].dn);
      if (partition == nullptr) {
        done(i, connector::Failed{Error(Fault::invalid, "ldap.no_partition",
                                        fmt::format("\"{}\" lies in no domain of this connector", exports[i].dn),
                                        "correct the rule that makes dn, or base of the connector"),
                                  false});
        continue;
      }
      const auto at = static_cast<std::size_t>(partition - forest.partitions.data());
      changes[at].push_back(&exports[i]);
      indexes[at].push_back(i);
    }
    for (std::size_t at = 0; at < changes.size(); ++at) {
      const Partition& partition = forest.partitions[at];
      send_exports({*partition.session, partition.controller, *forest.schema, settings_}, changes[at], indexes[at],
                   done, stop);
    }
  }

  Forest open(const std::stop_token& stop, bool with_schema) const {
    return open_forest(settings_, password_, logger_, stop, with_schema);
  }

  const LdapSettings settings_;
  const vault::Secret password_;
  Logger& logger_;
  std::mutex mutex_;
  std::optional<bool> removals_;  ///< whether deltas tell of them
  KeptConnection<Forest> connection_;
};

}  // namespace

connector::Kind active_directory_kind() {
  connector::Kind kind;
  kind.name = "ad";
  kind.description = "Active Directory (Windows or Samba)";
  kind.settings = active_directory_setting_specs();
  kind.naming = {.references_by_anchor = true, .objects_by_dn = true};
  kind.secrets = {{"password", "password of account", false, false, ""}};
  kind.make = [](const connector::Settings& settings, connector::Secrets secrets,
                 Logger& logger) -> std::unique_ptr<connector::Connector> {
    LdapSettings made = read_active_directory_settings(settings, secrets);
    const auto password = secrets.find("password");
    return std::make_unique<ActiveDirectoryConnector>(
        std::move(made), password == secrets.end() ? vault::Secret() : std::move(password->second), logger);
  };
  kind.pin = [](const connector::Settings& settings, connector::Secrets secrets, Logger& logger) {
    const auto password = secrets.find("password");
    const vault::Secret none;
    return pin_containers(settings, read_active_directory_settings(settings, secrets),
                          password == secrets.end() ? none : password->second, logger);
  };
  kind.account_rights = {
      {"replicate", "ask for all changes (Replicating Directory Changes on each domain)"},
      {"read", "list and read everything in the containers"},
      {"read_deleted", "see what was deleted (only a Samba, and imports without replicate, need it)"},
      {"write_anchor", "write mS-DS-ConsistencyGuid of people in the containers"},
      {"manage_users", "create, change, rename, enable and delete users in the containers"},
      {"manage_groups", "create, change, rename and delete groups in the containers"},
      {"write:ATTRIBUTE", "write this attribute of people in the containers"}};
  kind.create_account = [](const connector::Settings& settings, const connector::AccountOrder& order, Logger& logger) {
    return create_service_account(read_active_directory_address(settings), order, logger);
  };
  kind.check_account = [](const connector::Settings& settings, connector::Secrets secrets,
                          std::span<const std::string> wanted, Logger& logger) {
    const LdapSettings made = read_active_directory_settings(settings, secrets);
    const auto password = secrets.find("password");
    const vault::Secret none;
    return check_service_account(made, password == secrets.end() ? none : password->second, wanted, logger);
  };
  return kind;
}

}  // namespace linkspan::connector_ldap
