#pragma once
// URLs put together from parts that may hold anything.

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace linkspan::net {

/// Everything but letters, digits and "-._~" as %XX: safe as a path segment and as a query name or value.
[[nodiscard]] std::string percent_encode(std::string_view text);

/// `base` and the segments below it, each encoded, one slash between: join_path("https://h/scim/", {"Users", "a/b"}) is
/// "https://h/scim/Users/a%2Fb". A query or fragment of `base` is dropped. Throws "net.url" (invalid) for the segments
/// "", "." and "..", which a server would take for another path.
[[nodiscard]] std::string join_path(std::string_view base, std::initializer_list<std::string_view> segments);

/// `url` with the pairs, encoded, added to its query.
[[nodiscard]] std::string with_query(std::string_view url,
                                     std::span<const std::pair<std::string_view, std::string_view>> pairs);
[[nodiscard]] std::string with_query(std::string_view url,
                                     std::initializer_list<std::pair<std::string_view, std::string_view>> pairs);

/// Scheme, host and port ("https://host:443"), as libcurl reads them. Throws "net.url" (invalid) unless `url` is http
/// or https with a host and without user or password.
[[nodiscard]] std::string origin_of(std::string_view url);

/// Whether a URL's host is this machine, by what it says: localhost, [::1] or 127.x.y.z (not 127.evil.example). Throws
/// as origin_of.
[[nodiscard]] bool is_loopback(std::string_view url);

/// `reference` (a Location, a next link) seen from `base`; nullopt when that is no http or https URL.
[[nodiscard]] std::optional<std::string> resolve(std::string_view base, std::string_view reference);

/// For messages: no query, no fragment, no user, printable.
[[nodiscard]] std::string for_display(std::string_view url);

}  // namespace linkspan::net
