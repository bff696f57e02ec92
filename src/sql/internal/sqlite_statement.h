#pragma once
// One prepared SQLite statement, and the few lines that give it values and read its row.

#include <sqlite3.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sql/value.h"

namespace linkspan::sql {

class SqliteStatement {
 public:
  /// Throws what SQLite says about `text`; `name` is the database's.
  SqliteStatement(sqlite3* connection, const std::string& name, std::string_view text);
  ~SqliteStatement() { sqlite3_finalize(handle_); }
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;

  /// Gives `$1`... their values; the bytes are borrowed until `reset`.
  void bind(std::span<const ValueView> values);
  /// Whether there is a row.
  bool step();
  /// The row `step` found; valid until the next step or reset.
  [[nodiscard]] Row row();
  /// Ends it and gives up its locks. What went wrong was already thrown by `step`.
  void reset() noexcept { sqlite3_reset(handle_); }

  /// bind, run to the end, reset; how many rows it changed.
  std::int64_t run(std::span<const ValueView> values);

  bool busy = false;  ///< The connection's cache: it is being read.

 private:
  void bind_one(int place, const ValueView& value);
  [[noreturn]] void fail() const;

  sqlite3* connection_;
  const std::string& name_;
  sqlite3_stmt* handle_ = nullptr;
  std::vector<int> places_;  ///< SQLite's number of $1, $2...: it counts names as they appear
  std::vector<ValueView> row_;
};

/// Resets the statement when it goes.
class SqliteUse {
 public:
  explicit SqliteUse(SqliteStatement& statement) : statement_(statement) { statement_.busy = true; }
  ~SqliteUse() {
    statement_.reset();
    statement_.busy = false;
  }
  SqliteUse(const SqliteUse&) = delete;
  SqliteUse& operator=(const SqliteUse&) = delete;

 private:
  SqliteStatement& statement_;
};

}  // namespace linkspan::sql
