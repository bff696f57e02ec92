#include "sql/database.h"

#include <fmt/format.h>

#include "base/error.h"

namespace linkspan::sql {

std::string_view name_of(Dialect dialect) noexcept {
  constexpr std::string_view names[] = {"sqlite", "postgresql", "sqlserver"};
  return names[static_cast<std::size_t>(dialect)];
}

void Database::ready() const {
  assert(!occupied_ && "the database was used while a copy was under way");
  if (state_ != State::spoiled) return;
  throw Error(Fault::conflict, "sql.transaction_failed",
              fmt::format("{}: an earlier statement of the transaction failed, so none of it is kept", name_));
}

Transaction::Transaction(Database& database, Mode mode) : database_(database) {
  assert(!database.in_transaction());
  database_.begin(mode);
}

Transaction::~Transaction() {
  if (open_) database_.rollback();
}

void Transaction::commit() {
  assert(open_);
  database_.ready();
  database_.commit();  // on failure the destructor rolls back
  open_ = false;
}

std::optional<std::int64_t> query_integer(Database& database, std::string_view statement, Params params) {
  std::optional<std::int64_t> found;
  bool first = true;
  database.query(statement, params, [&](const Row& row) {
    if (std::exchange(first, false)) found = row.maybe_integer(0);
  });
  return found;
}

std::optional<std::vector<Value>> query_row(Database& database, std::string_view statement, Params params) {
  std::optional<std::vector<Value>> found;
  database.query(statement, params, [&](const Row& row) {
    if (found) return;
    found.emplace();
    for (const ValueView& cell : row.cells()) found->push_back(own(cell));
  });
  return found;
}

}  // namespace linkspan::sql
