#pragma once
// What no database of ours holds as text.

#include <fmt/format.h>

#include <cstring>
#include <string_view>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::sql {

/// Throws "sql.bad_text" for text that is not UTF-8 or holds NUL: PostgreSQL cannot keep it, so SQLite must not.
inline void check_text(std::string_view text) {
  const bool nul = !text.empty() && std::memchr(text.data(), '\0', text.size()) != nullptr;
  if (!nul && is_utf8(text)) return;
  throw Error(Fault::invalid, "sql.bad_text",
              fmt::format("text that is not UTF-8 or holds NUL cannot be stored: '{}'", printable(text, 60)));
}

}  // namespace linkspan::sql
