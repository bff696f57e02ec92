#pragma once
// Files as directories: LDIF.

#include "connector/connector.h"

namespace linkspan::connector_file {

/// Kind "file": LDIF content records (RFC 2849). Import only; a file that has not changed since the watermark costs one
/// look at its bytes. The anchor is entryUUID (or what `anchor` names), else the normalised DN; references go by DN.
[[nodiscard]] connector::Kind file_kind();

}  // namespace linkspan::connector_file
