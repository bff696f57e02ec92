#pragma once
// postgresql://[user[:password]@][host[:port],...][/database][?name=value&...], as libpq reads it.

#include <string>
#include <string_view>

#include "sql/url.h"

namespace linkspan::sql {

/// `rest` is what follows "postgresql://". Throws "sql.url".
[[nodiscard]] DatabaseUrl parse_postgresql_url(std::string_view rest);

[[nodiscard]] std::string redacted_postgresql_url(const DatabaseUrl& url);

}  // namespace linkspan::sql
