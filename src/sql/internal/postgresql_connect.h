#pragma once
// Makes PostgreSQL sessions: every host of the URL in turn, each with its own time limit, settings checked and made.

#include <libpq-fe.h>

#include <memory>

#include "sql/open.h"

namespace linkspan::sql {

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using PgConnection = std::unique_ptr<PGconn, FinishConnection>;

/// A session in UTF-8 with durable commits and our timeouts.
[[nodiscard]] PgConnection connect_postgresql(const DatabaseUrl& url, const OpenOptions& options);

}  // namespace linkspan::sql
