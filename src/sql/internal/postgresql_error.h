#pragma once
// libpq's failures as linkspan::Error.

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace linkspan::sql {

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using PgResult = std::unique_ptr<PGresult, ClearResult>;

/// `state` is the five-letter SQLSTATE, `message` what the server said. The server's DETAIL stays out: it quotes data.
[[nodiscard]] Error postgresql_error(std::string_view state, const std::string& message);

/// What `result` (may be null: the connection broke) failed with.
[[nodiscard]] Error postgresql_error(const PGresult* result, const PGconn* connection, std::string_view name);

/// Why a connection could not be made, from libpq's text at verbosity VERBOSE; `name` is the redacted URL.
[[nodiscard]] Error postgresql_connect_error(std::string_view text, std::string_view name);

}  // namespace linkspan::sql
