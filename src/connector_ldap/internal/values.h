#pragma once
// Values of ours as LDAP writes them.

#include <string>
#include <string_view>

#include "model/value.h"

namespace linkspan::connector_ldap {

/// `value` in a filter: what may not stand there as it is (RFC 4515, section 3) is escaped byte by byte.
[[nodiscard]] std::string escape_filter(std::string_view value);

/// A value as LDAP writes it.
[[nodiscard]] std::string wire_value(const model::Value& value);

}  // namespace linkspan::connector_ldap
