#pragma once
// Microsoft Entra ID through Microsoft Graph v1.0 as a connected directory.
//
// Object types: user and group. Attributes are Graph's property names; a property inside another is named with a dot
// (onPremisesExtensionAttributes.extensionAttribute1). References: manager of user; members and owners of group. The
// anchor is the id; the dn, for people, is the userPrincipalName or the displayName.

#include "connector/connector.h"

namespace linkspan::connector_graph {

/// "graph": its settings, its one secret (certificate, with its private key), and how to make a connector. The logger
/// outlives the connectors.
[[nodiscard]] connector::Kind graph_kind();

}  // namespace linkspan::connector_graph
