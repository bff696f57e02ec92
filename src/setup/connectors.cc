#include "setup/connectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "run/configuration.h"
#include "run/settings.h"
#include "setup/credentials.h"

namespace linkspan::setup {
namespace {

constexpr std::size_t k_longest_name = 64;

void check_name(std::string_view name) {
  const bool fits = !name.empty() && name.size() <= k_longest_name && is_utf8(name) && trim(name) == name &&
                    std::none_of(name.begin(), name.end(), [](char one) {
                      return static_cast<unsigned char>(one) < 0x20 || one == '/' || one == '"' || one == '\\';
                    });
  if (fits) return;
  throw Error(Fault::invalid, "setup.connector_name",
              fmt::format("\"{}\" is no name for a connector", printable(name, 80)),
              "At most 64 bytes of text, without control characters, slashes, quotes, and blanks at its ends.");
}

connector::Settings without_engine_settings(connector::Settings settings) {
  for (const connector::SettingSpec& spec : engine_settings()) settings.erase(spec.name);
  return settings;
}

void check_engine_settings(const connector::Settings& settings) {
  const auto found = settings.find("deprovision");
  if (found == settings.end()) return;
  if (found->second.size() == 1 && (found->second[0] == "delete" || found->second[0] == "disconnect")) return;
  throw Error(Fault::invalid, "setup.deprovision", "deprovision is \"delete\" or \"disconnect\"",
              "What becomes of an object whose identity leaves: deleted, or left alone and disconnected.");
}

connector::Secrets copies_of(const connector::Secrets& secrets) {
  connector::Secrets copies;
  for (const auto& [name, secret] : secrets) copies.emplace(name, secret.clone());
  return copies;
}

}  // namespace

const std::vector<connector::SettingSpec>& engine_settings() {
  static const std::vector<connector::SettingSpec> k_specs{
      {"parameters", "what rules read as %Forest.Netbios% and the like: Forest.Netbios=CORP", false, true, ""},
      {"canaries", "anchors or DNs that every full import must see, else it is rejected", false, true, ""},
      {"deprovision", "what becomes of an object whose identity leaves: delete or disconnect", false, false, "delete"}};
  return k_specs;
}

connector::Settings settings_of(const store::ConnectorRow& row) { return run::parse_settings(row); }

connector::Settings adapter_settings(const store::ConnectorRow& row) {
  return without_engine_settings(settings_of(row));
}

std::unique_ptr<connector::Connector> check_connector(Installation& installation, std::string_view name,
                                                      std::string_view kind, const connector::Settings& settings,
                                                      connector::Secrets secrets) {
  check_name(name);
  check_engine_settings(settings);
  return installation.kind(kind).make(without_engine_settings(settings), std::move(secrets), installation.logger());
}

connector::Settings pinned_settings(Installation& installation, std::string_view name, std::string_view kind,
                                    const connector::Settings& settings, const connector::Secrets& secrets) {
  const connector::Kind& known = installation.kind(kind);
  if (!known.pin) return settings;
  try {
    connector::Settings made = known.pin(without_engine_settings(settings), copies_of(secrets), installation.logger());
    for (const connector::SettingSpec& spec : engine_settings()) {
      if (const auto found = settings.find(spec.name); found != settings.end()) made.insert(*found);
    }
    return made;
  } catch (const Error& error) {
    // Only what may pass is let pass: a container that is not there would stop every import.
    if (error.fault() != Fault::unavailable && error.fault() != Fault::denied) throw;
    installation.logger().log(
        Level::warning, "setup.not_pinned",
        "what the settings name is not followed when it is renamed: the directory cannot be asked",
        {{"connector", std::string(name)}, {"reason", error.message()}});
    return settings;
  }
}

store::ConnectorRow add_connector(Installation& installation, std::string_view name, std::string_view kind,
                                  const connector::Settings& settings, const connector::Secrets& secrets) {
  static_cast<void>(check_connector(installation, name, kind, settings, copies_of(secrets)));
  store::Configuration& configuration = installation.store().configuration();
  store::ConnectorRow row{{},
                          std::string(name),
                          std::string(kind),
                          run::print_settings(pinned_settings(installation, name, kind, settings, secrets)),
                          0};
  for (const store::ConnectorRow& other : configuration.connectors()) {
    row.position = std::max(row.position, other.position + 1);
  }
  row.id = configuration.put_connector(row);
  try {
    put_credentials(installation, row, secrets);
  } catch (...) {
    configuration.remove_connector(row.id);  // without its credentials it is of no use
    throw;
  }
  run::put_setting(configuration, run::k_full_synchronization, "on");
  return row;
}

void change_connector(Installation& installation, std::string_view name, const connector::Settings& changes) {
  store::ConnectorRow row = installation.connector(name);
  connector::Settings settings = settings_of(row);
  for (const auto& [setting, values] : changes) {
    if (values.empty()) {
      settings.erase(setting);
    } else {
      settings[setting] = values;
    }
  }
  const connector::Secrets secrets = open_credentials(installation, row);
  static_cast<void>(check_connector(installation, name, row.kind, settings, copies_of(secrets)));
  row.settings = run::print_settings(pinned_settings(installation, name, row.kind, settings, secrets));
  store::Configuration& configuration = installation.store().configuration();
  configuration.put_connector(row);
  run::put_setting(configuration, run::full_import_due(row.id), "on");
  run::put_setting(configuration, run::k_full_synchronization, "on");
}

void remove_connector(Installation& installation, std::string_view name) {
  const store::ConnectorRow row = installation.connector(name);
  store::Configuration& configuration = installation.store().configuration();
  configuration.remove_connector(row.id);
  run::put_setting(configuration, run::full_import_due(row.id), "");
  run::put_setting(configuration, run::import_completed(row.id), "");
  run::put_setting(configuration, run::k_full_synchronization, "on");
}

}  // namespace linkspan::setup
