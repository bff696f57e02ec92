#pragma once
// UTF-16, in which ODBC takes and gives text.

#include <string>
#include <string_view>

namespace linkspan::sql {

/// Appends `text` in UTF-16. Throws "sql.bad_text" as check_text does.
void append_utf16(std::u16string& out, std::string_view text);
[[nodiscard]] std::u16string to_utf16(std::string_view text);

/// Appends `text` in UTF-8; halves of surrogate pairs become U+FFFD. Whether there were none.
bool append_utf8(std::string& out, std::u16string_view text);

}  // namespace linkspan::sql
