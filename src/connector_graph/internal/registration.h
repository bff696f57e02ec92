#pragma once
// How this program becomes an application of a tenant, and how it renews what it proves itself by.

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "connector_graph/internal/tenant.h"

namespace linkspan::connector_graph {

/// Application permissions the settings need, and no more.
[[nodiscard]] std::vector<std::string> permissions_for(const Options& options);

/// By an administrator's sign-in (device code): the application, its service principal, a new certificate and the
/// permissions, each made where it is missing, so that it may be repeated. Returns the settings and the certificate to
/// keep; the administrator's token is forgotten. Throws "graph.*" as sign_in_by_code and error_of say.
[[nodiscard]] connector::Registered register_application(
    Tenant& tenant, const std::string& name, const std::function<void(const connector::SignInPrompt&)>& show,
    const std::stop_token& stop);

/// A new certificate in place of the one in use, by a statement signed with that one; no administrator is needed
/// (learn.microsoft.com/graph/api/application-addkey). The old one stays valid until `afterwards` is called. Throws
/// "graph.not_registered", and as above.
[[nodiscard]] connector::Registered rotate_certificate(Tenant& tenant, const std::string& name,
                                                       const std::stop_token& stop);

}  // namespace linkspan::connector_graph
