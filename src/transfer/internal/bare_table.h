#pragma once
// A table without its indexes, for the time of a bulk load.

#include <string>
#include <string_view>
#include <vector>

#include "sql/database.h"

namespace linkspan::transfer {

/// Empties the table and drops what makes loading slow: indexes, and keys that no foreign key relies on. All inside
/// the caller's write transaction, so that without a commit the table is as it was.
class BareTable {
 public:
  BareTable(sql::Database& database, std::string_view table);
  /// Builds what was dropped from the very definitions the server gave, and lets it look at the new rows.
  void restore();

 private:
  sql::Database& database_;
  std::string table_;
  std::vector<std::string> definitions_;
};

}  // namespace linkspan::transfer
