#pragma once
// What an object of an LDAP server is known by, whatever it is called and wherever it lies: entryUUID (RFC 4530), or
// nsUniqueId in 389 Directory Server and its kin. Active Directory's objectGUID has a file of its own: guid.h.

#include <optional>
#include <string>
#include <string_view>

#include "connector_ldap/internal/directory_schema.h"

namespace linkspan::connector_ldap {

/// Whether it is 389 Directory Server or one of its kin.
[[nodiscard]] bool has_unique_ids(const DirectorySchema& schema);

/// The attribute that holds it. nsUniqueId wherever the schema knows it: every object there has one, and content
/// synchronization tells it, while entryUUID came to these servers late and lacks in what was there before.
[[nodiscard]] const char* anchor_attribute(const DirectorySchema& schema);

/// A value of either attribute as the anchor: lower case, dashes as RFC 4122 has them. nullopt when it is no such
/// value.
[[nodiscard]] std::optional<std::string> anchor_text(std::string_view value);

/// The anchor as a value of that attribute: nsUniqueId has a dash after each eight digits.
[[nodiscard]] std::string anchor_value(std::string_view attribute, std::string_view anchor);

}  // namespace linkspan::connector_ldap
