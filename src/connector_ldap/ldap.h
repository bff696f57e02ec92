#pragma once
// LDAP version 3 directories: OpenLDAP and what speaks like it, and Active Directory.

#include "connector/connector.h"

namespace linkspan::connector_ldap {

/// Kind "ldap". The anchor is entryUUID or nsUniqueId, objects and references go by DN. Full import by RFC 4533 where
/// the server offers it, else in pages (RFC 2696); delta import by RFC 4533, or by modifyTimestamp.
[[nodiscard]] connector::Kind ldap_kind();

/// Kind "ad": Active Directory, of Windows or Samba. The anchor is objectGUID, references go by it. Full import in
/// pages; delta by DirSync or by uSNChanged, as the account may. docs/design/connector_ad.md says how.
[[nodiscard]] connector::Kind active_directory_kind();

}  // namespace linkspan::connector_ldap
