#pragma once
// The store on a database: open one, make one, bring one up to date. app/ and tests name it; everyone else sees
// store/store.h.

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/wiped_text.h"
#include "store/store.h"

namespace linkspan::store_sql {

struct OpenOptions {
  /// Makes the SQLite file, and the schema in an empty database; also upgrades.
  bool create = false;
  /// Brings an older schema up to date.
  bool upgrade = false;
  /// The PostgreSQL password, where it is not in the URL nor in PGPASSFILE.
  WipedText password{};
  /// Version of the program, recorded in a database it makes.
  std::string program{};
  /// Instead of the database's own clock; it must outlive the store. For tests.
  const Clock* clock = nullptr;
};

/// Opens `url` (`sqlite:///path`, `postgresql://...`). `sqlite::memory:` is refused: a view could not stand beside a
/// batch.
///
/// Throws what sql/open.h throws, and
///   "store.empty"           not a table in it, and `create` was not asked for
///   "store.not_linkspan"    it holds something else
///   "store.upgrade_needed"  an older schema, and `upgrade` was not asked for
///   "sql.newer_schema"      a newer program made it
/// A database that is marked as moved opens for reading: leases and writes are refused with "store.moved".
[[nodiscard]] std::unique_ptr<store::Store> open_store(std::string_view url, const OpenOptions& options = {});

}  // namespace linkspan::store_sql
