#pragma once
// Accounts that this program logs on with, made in directories that have such accounts
// (connector::Kind::create_account).

#include <vector>

#include "connector/connector.h"
#include "setup/installation.h"
#include "store/store.h"

namespace linkspan::setup {

/// What an administrator's logon, used once, has made: what is to be stored of it, and what was found afterwards.
struct NewAccount {
  connector::Settings settings;  ///< "account"
  connector::Secrets secrets;    ///< "password"
  bool made = false;             ///< false: it was there already, and has a new password
  std::vector<connector::AccountRight> rights;
};

/// Makes the account, or takes the one of that name that it made before; stores nothing here. Throws Fault::invalid
/// "setup.no_accounts" where the kind has none, and as the directory answers.
[[nodiscard]] NewAccount create_account(Installation& installation, const connector::Kind& kind,
                                        const connector::Settings& settings, const connector::AccountOrder& order);

/// How connectors of a kind are registered. Throws Fault::invalid "setup.nothing_to_register" where they are not.
[[nodiscard]] const connector::Registrar& registrar_of(const connector::Kind& kind);

/// The rights of the account that a connector logs on with. Throws likewise, and as open_credentials.
[[nodiscard]] std::vector<connector::AccountRight> check_account(Installation& installation,
                                                                 const store::ConnectorRow& row,
                                                                 const std::vector<std::string>& wanted);

}  // namespace linkspan::setup
