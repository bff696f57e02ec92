#pragma once
// Several writes in one request (RFC 7644 section 3.7): put together, and its reply taken apart again.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http_client.h"

namespace linkspan::connector_scim {

/// What one write adds to a bulk request, in bytes, about.
[[nodiscard]] std::size_t bulk_size(const net::Request& request);

/// The body of a bulk request of these writes below `base` (the service's URL). Each bulkId is its place in the list.
[[nodiscard]] std::string bulk_body(std::string_view base, std::span<const net::Request> requests);

/// What became of each of `count` writes, in their order: a Response with the status, Location, ETag and body that the
/// reply has of it, or Error "net.lost" for one it says nothing of. Throws nothing for what is in `body`.
[[nodiscard]] std::vector<net::Outcome> bulk_outcomes(std::string_view body, std::size_t count);

}  // namespace linkspan::connector_scim
