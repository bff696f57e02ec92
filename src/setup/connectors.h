#pragma once
// Connectors as configuration: added, changed, removed. What writes needs the lease to be held by the caller.

#include <string>
#include <string_view>
#include <vector>

#include "connector/connector.h"
#include "setup/installation.h"
#include "store/store.h"

namespace linkspan::setup {

/// Settings every connector takes beside its kind's own; they are the engine's, not the adapter's: "canaries",
/// "deprovision".
[[nodiscard]] const std::vector<connector::SettingSpec>& engine_settings();

/// The settings of a row, JSON in the database. Throws Fault::corrupt "sync.connector_settings".
[[nodiscard]] connector::Settings settings_of(const store::ConnectorRow& row);
/// The same without the engine's: what an adapter's make() gets.
[[nodiscard]] connector::Settings adapter_settings(const store::ConnectorRow& row);

/// Checks name, kind, settings and credentials, all at once, by making the connector (nothing is opened); returns it,
/// so that it can be tested before it is kept. Throws Fault::invalid "setup.connector_name", "setup.no_kind",
/// "setup.deprovision", and what the kind says.
[[nodiscard]] std::unique_ptr<connector::Connector> check_connector(Installation& installation, std::string_view name,
                                                                    std::string_view kind,
                                                                    const connector::Settings& settings,
                                                                    connector::Secrets secrets);

/// The settings as the kind wants them kept (Kind::pin). Where its directory is not to be reached, or does not let the
/// account in, they stay as they are, and the log says so. What is wrong with them (a container that is not there) is
/// thrown as a connector does.
[[nodiscard]] connector::Settings pinned_settings(Installation& installation, std::string_view name,
                                                  std::string_view kind, const connector::Settings& settings,
                                                  const connector::Secrets& secrets);

/// Stores a new connector with its credentials. Throws Fault::conflict "store.duplicate_name", and as check_connector
/// and pinned_settings.
store::ConnectorRow add_connector(Installation& installation, std::string_view name, std::string_view kind,
                                  const connector::Settings& settings, const connector::Secrets& secrets);

/// Replaces these settings of a connector (an empty list removes one), checks the result, and makes the next import of
/// it full. Throws as check_connector.
void change_connector(Installation& installation, std::string_view name, const connector::Settings& changes);

/// Removes it with its connector space; identities it held are evaluated anew in the next cycle.
void remove_connector(Installation& installation, std::string_view name);

}  // namespace linkspan::setup
