#pragma once
// COPY BINARY in both directions over one session.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/internal/postgresql_session.h"

namespace linkspan::sql {

/// Rows into a table. Until it was finished or aborted the session does nothing else.
class PgCopyIn {
 public:
  /// `columns` is the quoted list, `types` what they are in the table.
  PgCopyIn(PgSession& session, std::string_view table, std::string_view columns, std::vector<Oid> types);
  ~PgCopyIn() { abort(); }
  PgCopyIn(const PgCopyIn&) = delete;
  PgCopyIn& operator=(const PgCopyIn&) = delete;

  void write(Rows rows);
  std::int64_t finish();
  void abort() noexcept;

 private:
  void send();
  [[noreturn]] void fail_with_answer();

  PgSession& session_;
  std::vector<Oid> types_;
  std::string buffer_;
  bool open_ = true;
};

/// Each row of `select`, whose columns have `types`, as the server sends them. What `visit` throws ends it.
void copy_out(PgSession& session, std::string_view select, const std::vector<Oid>& types,
              const std::function<void(const Row&)>& visit);

}  // namespace linkspan::sql
