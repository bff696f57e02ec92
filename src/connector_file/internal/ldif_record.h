#pragma once
// Records of LDIF, changed and written.

#include <string>

#include "connector_file/internal/ldif.h"
#include "model/export.h"

namespace linkspan::connector_file {

/// Appends a record and the blank line before it, folded at 76 characters, in Base64 what RFC 2849 wants so.
void append_ldif(std::string& out, const LdifRecord& record);

/// Sets the attributes and members that the change names; everything else stays as it is.
void apply(LdifRecord& record, const model::Export& change);

/// Gives it another name: the leaf's old values go, the new ones come (deleteoldrdn). `dn` is a DN.
void rename(LdifRecord& record, const std::string& dn);

/// What a new object is to be.
[[nodiscard]] LdifRecord new_record(const model::Export& change);

}  // namespace linkspan::connector_file
