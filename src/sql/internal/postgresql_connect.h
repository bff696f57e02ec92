#pragma once
// Makes PostgreSQL sessions: every host of the URL in turn, each with its own time limit, settings checked and made.

#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sql/internal/postgresql_error.h"
#include "sql/open.h"

namespace linkspan::sql {

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using PgConnection = std::unique_ptr<PGconn, FinishConnection>;

struct SignedIn {
  PgConnection connection;
  std::int64_t process = 0;  ///< the server's, that works for it, by its own word: a pooler tells libpq another number
};

/// A session in UTF-8 with durable commits and our timeouts.
[[nodiscard]] SignedIn connect_postgresql(const DatabaseUrl& url, const OpenOptions& options);

/// libpq's parameters, by keyword.
using Parameters = std::vector<std::pair<std::string, std::string>>;
/// What `connection` was made with, password and all.
[[nodiscard]] Parameters parameters_of(PGconn* connection);

/// Another one to the same server with the same parameters. Throws as a first one does, within `limit`.
[[nodiscard]] PgConnection connect_beside(PGconn* connection, std::chrono::seconds limit, const std::string& name);

/// The last answer to `script`. Throws "sql.no_answer" when it has not come within `limit` (zero: none).
[[nodiscard]] PgResult ask_within(PGconn* connection, const std::string& script, std::chrono::seconds limit,
                                  const std::string& name);

}  // namespace linkspan::sql
