#include "sql/url.h"

#include <fmt/format.h>

#include "base/text.h"
#include "sql/internal/url_parts.h"
#include "sql/internal/url_postgresql.h"
#include "sql/internal/url_sqlserver.h"

namespace linkspan::sql {

DatabaseUrl DatabaseUrl::parse(std::string_view text) {
  text = trim(text);
  if (text == "sqlite::memory:") return {Dialect::sqlite, ":memory:", {}};
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) {
    refuse_url("it has no scheme such as sqlite:// or postgresql://", {}, "sql.url_scheme");
  }
  const std::string_view scheme = text.substr(0, colon);
  const std::string_view rest = text.substr(colon + 3);
  if (scheme == "postgresql" || scheme == "postgres") return parse_postgresql_url(rest);
  if (scheme == "sqlserver" || scheme == "mssql") return parse_sqlserver_url(rest);
  if (scheme != "sqlite") {
    refuse_url(fmt::format("the scheme '{}' is unknown", printable(scheme, 30)),
               "This program knows sqlite://, postgresql:// and sqlserver://", "sql.url_scheme");
  }
  if (!rest.starts_with('/')) {
    refuse_url("the path is not absolute", "Write three slashes: sqlite:///var/lib/linkspan/state.db", "sql.url_path");
  }
  if (rest.find('?') != std::string_view::npos) {
    refuse_url("sqlite:// takes no parameters", "Leave ? and what follows out; a ? in a name is %3F.",
               "sql.url_parameter");
  }
  return {Dialect::sqlite, url_decoded(rest), {}};
}

std::string_view DatabaseUrl::parameter(std::string_view keyword) const noexcept {
  for (const auto& [known, value] : parameters) {
    if (known == keyword) return value;
  }
  return {};
}

std::string DatabaseUrl::redacted() const {
  switch (dialect) {
    case Dialect::sqlite:
      return path == ":memory:" ? "sqlite::memory:" : "sqlite://" + url_encoded(path, "/");
    case Dialect::postgresql:
      return redacted_postgresql_url(*this);
    case Dialect::sqlserver:
      break;
  }
  return redacted_sqlserver_url(*this);
}

}  // namespace linkspan::sql
