#pragma once
// `test` of an LDAP connector: everything an import needs, tried one by one.

#include <vector>

#include "base/log.h"
#include "connector/connector.h"
#include "connector_ldap/internal/settings.h"
#include "vault/secret.h"

namespace linkspan::connector_ldap {

/// Changes nothing, and never throws for what the server does.
[[nodiscard]] std::vector<connector::Check> run_active_directory_checks(const LdapSettings& settings,
                                                                        const vault::Secret& password, Logger& logger);
[[nodiscard]] std::vector<connector::Check> run_checks(const LdapSettings& settings, const vault::Secret& password,
                                                       Logger& logger);

}  // namespace linkspan::connector_ldap
