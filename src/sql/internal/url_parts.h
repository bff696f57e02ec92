#pragma once
// What the kinds of database URL have in common. Nothing here ever quotes the URL itself: it may hold a password.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace linkspan::sql {

using UrlParameters = std::vector<std::pair<std::string, std::string>>;

/// Throws Fault::invalid `id`: "sql.url", or "sql.url_..." for a part of it. Without a hint it says how URLs are
/// written.
[[noreturn]] void refuse_url(std::string_view why, std::string_view hint = {}, std::string_view id = "sql.url");

/// RFC 3986 section 2.1. Refuses what is not, and NUL.
[[nodiscard]] std::string url_decoded(std::string_view text);
/// Percent-encodes all but the unreserved characters and those of `also_plain`.
[[nodiscard]] std::string url_encoded(std::string_view text, std::string_view also_plain = {});

/// `user[:password]` as "user" and "password", each only where it is not empty.
void read_user(std::string_view text, UrlParameters& into);

/// `name=value&name=value`, decoded; of a name given twice the last counts, an empty value is none.
void read_query(std::string_view text, UrlParameters& into);

/// Sets or replaces; an empty value changes nothing.
void set_parameter(UrlParameters& parameters, std::string keyword, std::string value);

/// A port from 1 to 65535, as it stands. Refuses all else.
[[nodiscard]] std::string_view checked_port(std::string_view text);

/// `host` or `[IPv6 address]` at the beginning of `text` up to the first of `ends`, and what follows it.
[[nodiscard]] std::pair<std::string_view, std::string_view> split_host(std::string_view text, std::string_view ends);

/// A host as it stands in a URL.
[[nodiscard]] std::string url_host(std::string_view host);

/// The parameters but those `left_out`, as `?name=value&...`; empty where there are none.
[[nodiscard]] std::string url_query(const UrlParameters& parameters, const std::vector<std::string_view>& left_out);

}  // namespace linkspan::sql
