#pragma once
// LDAP version 3 directories: OpenLDAP and what speaks like it.

#include "connector/connector.h"

namespace linkspan::connector_ldap {

/// Kind "ldap". The anchor is entryUUID, references go by DN. Full import by RFC 4533 where the server offers it, else
/// in pages (RFC 2696); delta import by RFC 4533. Takes no exports.
[[nodiscard]] connector::Kind ldap_kind();

}  // namespace linkspan::connector_ldap
