#include "setup/credentials.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "setup/keys.h"

namespace linkspan::setup {
namespace {

/// Opens one; says why not by its state.
CredentialState try_open(Installation& installation, const store::SecretRow& row, std::optional<vault::Secret>* into) {
  try {
    if (!installation.has_key_file()) return CredentialState::sealed;
    vault::Secret secret = installation.keys().open(row.sealed, associated_data(row.connector, row.name));
    if (into != nullptr) *into = std::move(secret);
    return CredentialState::good;
  } catch (const Error& error) {
    if (error.id() == "vault.wrong_key") return CredentialState::sealed;
    if (error.id() == "vault.tampered") return CredentialState::damaged;
    throw;
  }
}

}  // namespace

std::string associated_data(store::ConnectorId connector, std::string_view name) {
  return fmt::format("connector/{}/{}", connector.value, name);
}

std::string_view name_of(CredentialState state) noexcept {
  switch (state) {
    case CredentialState::good:
      return "good";
    case CredentialState::missing:
      return "missing";
    case CredentialState::sealed:
      return "sealed";
    case CredentialState::damaged:
      break;
  }
  return "damaged";
}

std::vector<Credential> list_credentials(Installation& installation) {
  const auto secrets = installation.store().configuration().secrets();
  std::vector<Credential> out;
  for (const store::ConnectorRow& row : installation.store().configuration().connectors()) {
    for (const store::SecretRow& secret : secrets) {
      if (secret.connector != row.id) continue;
      out.push_back({row.name, secret.name, try_open(installation, secret, nullptr), secret.key_set});
    }
    for (const connector::SettingSpec& spec : installation.kind(row.kind).secrets) {
      const bool stored = std::any_of(secrets.begin(), secrets.end(), [&](const store::SecretRow& one) {
        return one.connector == row.id && one.name == spec.name;
      });
      if (spec.required && !stored) out.push_back({row.name, spec.name, CredentialState::missing, {}});
    }
  }
  return out;
}

connector::Secrets open_credentials(Installation& installation, const store::ConnectorRow& row) {
  connector::Secrets out;
  const std::string hint = fmt::format(
      "Enter them again: `linkspan connector credentials {}`; or bring the key set: `linkspan key import FILE`.",
      row.name);
  for (const store::SecretRow& secret : installation.store().configuration().secrets()) {
    if (secret.connector != row.id) continue;
    std::optional<vault::Secret> opened;
    const CredentialState state = try_open(installation, secret, &opened);
    if (state == CredentialState::sealed) {
      throw Error(Fault::denied, "setup.credentials",
                  fmt::format("the {} of connector {} is sealed with key set {}, which this server does not have",
                              secret.name, row.name, secret.key_set.substr(0, 8)),
                  hint);
    }
    if (state != CredentialState::good) {
      throw Error(Fault::corrupt, "setup.credentials_damaged",
                  fmt::format("the {} of connector {} in the database is damaged", secret.name, row.name), hint);
    }
    out.emplace(secret.name, std::move(*opened));
  }
  for (const connector::SettingSpec& spec : installation.kind(row.kind).secrets) {
    if (!spec.required || out.contains(spec.name)) continue;
    throw Error(Fault::denied, "setup.credentials", fmt::format("connector {} has no {}", row.name, spec.name),
                fmt::format("Enter it: `linkspan connector credentials {}`.", row.name));
  }
  return out;
}

void put_credentials(Installation& installation, const store::ConnectorRow& row, const connector::Secrets& secrets) {
  if (secrets.empty()) return;
  const connector::Kind& kind = installation.kind(row.kind);
  for (const auto& [name, secret] : secrets) {
    const bool known = std::any_of(kind.secrets.begin(), kind.secrets.end(),
                                   [&, &wanted = name](const auto& spec) { return spec.name == wanted; });
    if (known) continue;
    std::string names;
    for (const auto& spec : kind.secrets) names += (names.empty() ? "" : ", ") + spec.name;
    throw Error(Fault::invalid, "setup.no_credential",
                fmt::format("a connector of kind {} has no credential {}", kind.name, printable(name, 40)),
                names.empty() ? "It has none." : fmt::format("It has: {}.", names));
  }
  if (!installation.has_key_file()) create_key_set(installation);
  const vault::KeySet& keys = installation.keys();
  std::vector<store::SecretRow> rows;
  for (const auto& [name, secret] : secrets) {
    rows.push_back({row.id, name, keys.seal(secret, associated_data(row.id, name)), keys.id()});
  }
  installation.store().configuration().put_secrets(rows);
  record_key_set(installation);
}

void record_key_set(Installation& installation) {
  const vault::KeySet& keys = installation.keys();
  const std::vector<std::pair<std::string, std::string>> values{{std::string(k_key_set_id), keys.id()},
                                                                {std::string(k_key_set_check), keys.check_value()}};
  installation.store().configuration().put_settings(values);
}

}  // namespace linkspan::setup
