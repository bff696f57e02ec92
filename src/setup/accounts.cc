#include "setup/accounts.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "base/error.h"
#include "setup/connectors.h"
#include "setup/credentials.h"

namespace linkspan::setup {

namespace {

[[noreturn]] void refuse(const connector::Kind& kind) {
  throw Error(Fault::invalid, "setup.no_accounts",
              fmt::format("in a directory of kind {} no accounts are made or looked at", kind.name),
              "Make an account there yourself, and enter it: `linkspan connector credentials`.");
}

}  // namespace

NewAccount create_account(Installation& installation, const connector::Kind& kind, const connector::Settings& settings,
                          const connector::AccountOrder& order) {
  if (!kind.create_account) refuse(kind);
  connector::Settings own = settings;
  for (const connector::SettingSpec& spec : engine_settings()) own.erase(spec.name);
  connector::CreatedAccount made = kind.create_account(own, order, installation.logger());
  NewAccount out;
  out.settings = {{"account", {made.name}}};
  out.secrets.emplace("password", std::move(made.password));
  out.made = made.made;
  out.rights = std::move(made.rights);
  return out;
}

const connector::Registrar& registrar_of(const connector::Kind& kind) {
  if (kind.registrar.enroll) return kind.registrar;
  throw Error(Fault::invalid, "setup.nothing_to_register",
              fmt::format("a connector of kind {} is not registered anywhere", kind.name),
              "`linkspan connector credentials` enters what it signs in with.");
}

std::vector<connector::AccountRight> check_account(Installation& installation, const store::ConnectorRow& row,
                                                   const std::vector<std::string>& wanted) {
  const connector::Kind& kind = installation.kind(row.kind);
  if (!kind.check_account) refuse(kind);
  return kind.check_account(adapter_settings(row), open_credentials(installation, row), wanted, installation.logger());
}

}  // namespace linkspan::setup
