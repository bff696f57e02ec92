#pragma once
// The account that a connector to Active Directory logs on with: made with the rights that it needs and no others, and
// looked at again later.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "connector/connector.h"
#include "connector_ldap/internal/settings.h"

namespace linkspan::connector_ldap {

/// As Kind::create_account. Without rights in the order it gets those that an import needs: replicate and read.
[[nodiscard]] connector::CreatedAccount create_service_account(const LdapSettings& settings,
                                                               const connector::AccountOrder& order, Logger& logger);

/// As Kind::check_account: with the rights that `wanted` names, or as above.
[[nodiscard]] std::vector<connector::AccountRight> check_service_account(const LdapSettings& settings,
                                                                         const vault::Secret& password,
                                                                         std::span<const std::string> wanted,
                                                                         Logger& logger);

}  // namespace linkspan::connector_ldap
