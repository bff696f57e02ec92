#pragma once
// Files as directories: LDIF and CSV, read and written.

#include "connector/connector.h"

namespace linkspan::connector_file {

/// Kind "file": LDIF content records (RFC 2849). The anchor is entryUUID (or what `anchor` names), else the normalised
/// DN; references go by DN. A delta hands over the records that changed; a file whose bytes have not changed costs one
/// look at them. An export replaces the file, whole or not at all.
[[nodiscard]] connector::Kind file_kind();

/// Kind "csv": CSV with a header line (RFC 4180). The anchor is what `anchor` names; references go by anchor. Imports
/// and exports as of LDIF.
[[nodiscard]] connector::Kind csv_kind();

}  // namespace linkspan::connector_file
