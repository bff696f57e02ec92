#pragma once
// sqlserver://[user[:password]@]host[\INSTANCE][:port]/database[?name=value&...]. docs/reference/sqlserver.md tells
// what each parameter means.

#include <string>
#include <string_view>

#include "sql/url.h"

namespace linkspan::sql {

/// `rest` is what follows "sqlserver://". `host,port` is read as `host:port`, and "%5C" as the backslash. Keywords in
/// `parameters`: user, password, host, instance, port, dbname, and what followed the question mark, each checked.
/// Unknown ones, and ones that contradict each other, are refused. Throws "sql.url".
[[nodiscard]] DatabaseUrl parse_sqlserver_url(std::string_view rest);

[[nodiscard]] std::string redacted_sqlserver_url(const DatabaseUrl& url);

}  // namespace linkspan::sql
