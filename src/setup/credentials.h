#pragma once
// Connector credentials in the database, sealed with this server's key set. What writes needs the lease
// (run::HeldLease) to be held by the caller.

#include <string>
#include <string_view>
#include <vector>

#include "connector/connector.h"
#include "setup/installation.h"
#include "store/store.h"
#include "vault/key_set.h"

namespace linkspan::setup {

/// Settings that say with which key set the database's secrets are sealed.
inline constexpr std::string_view k_key_set_id = "key_set.id";
inline constexpr std::string_view k_key_set_check = "key_set.check";

/// The place a credential is sealed for: "connector/7/password".
[[nodiscard]] std::string associated_data(store::ConnectorId connector, std::string_view name);

enum class CredentialState : unsigned char {
  good,     ///< this server's key set opens it
  missing,  ///< the kind requires it, and there is none
  sealed,   ///< by a key set this server does not have
  damaged,  ///< its bytes are not those that were sealed
};
[[nodiscard]] std::string_view name_of(CredentialState state) noexcept;

struct Credential {
  std::string connector;
  std::string name;
  CredentialState state = CredentialState::good;
  std::string key_set;  ///< id of the one that sealed it
};

/// Every credential of every connector: those stored, and those required and not stored.
[[nodiscard]] std::vector<Credential> list_credentials(Installation& installation);

/// Throws Fault::denied "setup.credentials" naming the connector and the command that enters them again; a required one
/// that is missing counts as such.
[[nodiscard]] connector::Secrets open_credentials(Installation& installation, const store::ConnectorRow& row);

/// Seals and stores these, replacing those of the same name; makes a key set where there is none, and records in the
/// database which it is. Throws Fault::invalid "setup.no_credential" for a name its kind does not know.
void put_credentials(Installation& installation, const store::ConnectorRow& row, const connector::Secrets& secrets);

/// Records the current key set's id and check value in the database.
void record_key_set(Installation& installation);

}  // namespace linkspan::setup
