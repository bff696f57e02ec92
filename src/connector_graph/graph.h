#pragma once
// Microsoft Entra ID through Microsoft Graph v1.0 as a connected directory.
//
// Object types: user and group. Attributes are Graph's property names; a property inside another is named with a dot
// (onPremisesExtensionAttributes.extensionAttribute1). References: manager of user; members and owners of group. The
// anchor is the id; the dn, for people, is the userPrincipalName or the displayName.

#include "connector/connector.h"

namespace linkspan::connector_graph {

/// "graph-upload": workers (object type User, attributes as the SCIM connector names them) are handed to a provisioning
/// job of the tenant, which makes accounts of them in Entra ID or in an Active Directory. It shows nobody; its log says
/// what became of each. Settings, secret and logger as below.
[[nodiscard]] connector::Kind upload_kind();

/// "graph": its settings, its one secret (certificate, with its private key), and how to make a connector. The logger
/// outlives the connectors.
[[nodiscard]] connector::Kind graph_kind();

}  // namespace linkspan::connector_graph
