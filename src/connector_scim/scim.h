#pragma once
// SCIM 2.0 services (RFC 7643, RFC 7644) as connected directories.
//
// Attribute names are paths into a resource: userName, name.givenName, emails[type eq "work"].value,
// enterprise:employeeNumber, urn:…:User:costCenter. References: enterprise:manager of User, members of Group. The
// anchor is the id; the dn, for people, is userName or displayName.

#include <filesystem>

#include "connector/connector.h"

namespace linkspan::connector_scim {

/// "scim": its settings, its one secret (token), and how to make a connector. The logger outlives the connectors.
/// `profiles`: the folder of the profiles that the setting of that name may name.
[[nodiscard]] connector::Kind scim_kind(const std::filesystem::path& profiles = {});

}  // namespace linkspan::connector_scim
