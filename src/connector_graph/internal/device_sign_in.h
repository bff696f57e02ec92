#pragma once
// An administrator signs in, in a browser anywhere, while this machine waits (RFC 8628;
// learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code).

#include <functional>
#include <stop_token>
#include <string_view>

#include "connector/connector.h"
#include "connector_graph/internal/sign_in.h"
#include "connector_graph/internal/tenant.h"

namespace linkspan::connector_graph {

/// Shows where to sign in, waits until it is done, and returns the administrator's token for Graph with these delegated
/// permissions (separated by blanks). `client_id` is a public client. Throws Fault::denied "graph.code_expired",
/// "graph.code_declined" and what sign_in_error says, Fault::cancelled "graph.stopped", and what net throws.
[[nodiscard]] Token sign_in_by_code(Tenant& tenant, std::string_view client_id, std::string_view permissions,
                                    const std::function<void(const connector::SignInPrompt&)>& show,
                                    std::stop_token stop);

}  // namespace linkspan::connector_graph
