#pragma once
// T-SQL: from the statements the rooms above write, from scripts, and for the bulk primitives. Pure: every text the
// program sends to a SQL Server comes from here, from inspect.cc and migrate.cc, or from a room above by way of
// `translated`; tests/golden/sqlserver keeps them.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sql/database.h"
#include "sql/internal/odbc_session.h"

namespace linkspan::sql {

/// A statement as ODBC takes it: `?` for each parameter, and which of the caller's (from 0) that is.
struct Translated {
  std::string text;
  std::vector<std::size_t> order;
};

/// `$1` becomes `?`; `LIMIT n` at the end becomes TOP, `LIMIT n OFFSET m` becomes OFFSET and FETCH, n and m being
/// numbers or parameters. All else is to be SQL that every server reads: what is known not to be (RETURNING, ON
/// CONFLICT, ||, ::, LIMIT anywhere else) is refused with "sql.not_portable".
[[nodiscard]] Translated translated(std::string_view statement);

/// The first word, in capitals: "SELECT".
[[nodiscard]] std::string first_word(std::string_view statement);

/// The parts of a script between lines that say GO, without empty ones.
[[nodiscard]] std::vector<std::string_view> batches_of(std::string_view script);

/// What a session begins with.
[[nodiscard]] std::string session_settings(std::chrono::milliseconds lock_wait);

inline constexpr std::string_view k_begin_write = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN TRANSACTION";
inline constexpr std::string_view k_begin_read = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN TRANSACTION";
// A snapshot is taken when a table is read first, so one is: there is no other that every database of ours has.
inline constexpr std::string_view k_begin_snapshot =
    "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION; "
    "IF OBJECT_ID(N'schema_migration', N'U') IS NOT NULL SELECT COUNT(*) FROM schema_migration";
inline constexpr std::string_view k_commit = "COMMIT TRANSACTION";
inline constexpr std::string_view k_rollback = "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION";

/// Where the rows of a bulk primitive stand: in the statement itself as parameters (VALUES), or in a table of this
/// session's own that they were loaded into (the stage). Either is called k, and has the given columns.
class Source {
 public:
  /// `rows` rows of `names`; with `numbered`, a column linkspan_index before them that counts from 0.
  [[nodiscard]] static Source values(std::vector<std::string_view> names, std::size_t rows, bool numbered);
  [[nodiscard]] static Source stage(std::string_view stage);
  /// `(VALUES (?, ?), (?, ?)) AS k ("id", "name")` or `#stage AS k`
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

/// The statements of the bulk primitives. Equal are texts and bytes of the same length: SQL Server takes N'a' and N'a
/// ', and 0x01 and 0x0100, for the same. `kinds` are those of the table's columns.
[[nodiscard]] std::string insert_text(const Table& table, const Source& source);
[[nodiscard]] std::string update_text(const Table& table, const std::vector<OdbcColumn>& columns, const Source& source,
                                      bool locking);
[[nodiscard]] std::string insert_missing_text(const Table& table, const std::vector<OdbcColumn>& columns,
                                              const Source& source);
[[nodiscard]] std::string erase_text(const Table& table, const std::vector<OdbcColumn>& columns, const Source& source);
/// linkspan_index, then the `value` columns. `columns` are those of the key columns alone.
[[nodiscard]] std::string lookup_text(const Table& table, const std::vector<OdbcColumn>& columns, const Source& source);

/// The stage for rows of these columns: a name that goes with their shape, and how it is made. `numbered` as above.
struct Stage {
  std::string name;
  std::string create;
};
[[nodiscard]] Stage stage_for(const std::vector<std::string_view>& names, const std::vector<OdbcColumn>& columns,
                              bool numbered);

}  // namespace linkspan::sql
