#pragma once
// An add whose answer never came is made again, and the name is taken: is what is there what was added then?

#include <string>
#include <vector>

#include <ldap.h>

#include "connector_ldap/internal/directory_schema.h"
#include "model/export.h"

namespace linkspan::connector_ldap {

/// The attributes by which an add is known again: what it writes, but for what servers change or do not show.
[[nodiscard]] std::vector<std::string> telling_attributes(const model::Export& change);

/// Whether `entry`, which was asked for telling_attributes(), has every value that the add writes. An add that says
/// nothing but a class and a name (whatever attribute it stands in) is never known again: anybody may have made the
/// like.
[[nodiscard]] bool is_what_was_added(LDAP* handle, LDAPMessage* entry, const model::Export& change,
                                     const DirectorySchema& schema);

}  // namespace linkspan::connector_ldap
