#pragma once
// Finds the directory of the domain this machine belongs to, as DNS tells it (SRV records, RFC 2782).

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace linkspan::setup {

/// LDAP servers of this machine's own domain, best first: "ldap://host:389". Empty where DNS knows none, or does not
/// answer within a few seconds.
[[nodiscard]] std::vector<std::string> find_directories();

/// The servers of a DNS reply, best first. Empty for anything that is no such reply.
[[nodiscard]] std::vector<std::string> read_srv_reply(std::span<const unsigned char> reply);

}  // namespace linkspan::setup
