#pragma once
// The marker: one row in a database that takes part in a move or an attach, in a table of its own (linkspan_transfer)
// that is there only while it is needed. docs/design/0002-moving.md has the protocol.

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "sql/database.h"

namespace linkspan::transfer {

enum class Part : unsigned char {
  source,      ///< of a move: in charge until its linkspan_database.moved_to is set
  target,      ///< of a move: refuses to run until the source has handed over
  attachment,  ///< a copy is being attached: refuses to run until that is finished
};

enum class Stage : unsigned char { prepared, copied, verified, switched, done };

[[nodiscard]] std::string_view name_of(Part part) noexcept;
[[nodiscard]] std::string_view name_of(Stage stage) noexcept;

struct Marker {
  std::string transfer;  ///< random; the same on both sides of one attempt
  Part part = Part::source;
  std::string other;     ///< URL (or file) of the other side, without secrets
  std::string identity;  ///< of the database that is carried
  Stage stage = Stage::prepared;
  Time started_at{};
};

/// nullopt where there is none. Throws Fault::corrupt "transfer.marker" for one this program cannot read.
[[nodiscard]] std::optional<Marker> load_marker(sql::Database& database);

/// Makes the table where it is missing, and the row; replaces an earlier row. In the caller's transaction.
void put_marker(sql::Database& database, const Marker& marker);

/// To `to`. False, and nothing is changed, unless the row is of this transfer and at `from`. In the caller's
/// transaction if there is one.
bool try_advance_marker(sql::Database& database, std::string_view transfer, Stage from, Stage to);

/// The same; where it is false throws Fault::conflict "transfer.superseded": somebody else abandoned or repeated it.
void advance_marker(sql::Database& database, std::string_view transfer, Stage from, Stage to);

/// Throws "transfer.superseded" unless the row is of this transfer. In the caller's transaction, whose writes are then
/// those of an attempt that nobody has replaced.
void check_marker(sql::Database& database, std::string_view transfer);

/// Forgets it, and the ledger of a database that was filled. In the caller's transaction if there is one.
void drop_marker(sql::Database& database);

}  // namespace linkspan::transfer
