#pragma once
// What a text file is written in. Never guessed: it is UTF-8, or what the setting says.

#include <string>

#include "connector_file/internal/byte_source.h"

namespace linkspan::connector_file {

/// "" where the name means UTF-8; else ICU's name of the converter. Throws Fault::invalid "file.encoding" for a name
/// ICU does not know.
[[nodiscard]] std::string canonical_encoding(const std::string& name);

/// The bytes of `source`, which are in `encoding` (from canonical_encoding), as UTF-8, without a byte order mark.
/// What is read throws Fault::invalid "file.encoding" where bytes do not belong to the encoding, or where the file
/// begins with the mark of another. `name` is the file's, for messages.
[[nodiscard]] ByteSource as_utf8(ByteSource source, const std::string& encoding, std::string name);

}  // namespace linkspan::connector_file
