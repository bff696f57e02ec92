#include "store_sql/internal/tally.h"

#include <vector>

#include "sql/row_batch.h"

namespace linkspan::store_sql {

using sql::Role;

std::string_view pending_counter(store::Operation pending, bool pending_references) {
  switch (pending) {
    case store::Operation::none:
      return pending_references ? "update" : "";
    case store::Operation::add:
      return "add";
    case store::Operation::update:
      return "update";
    case store::Operation::rename:
      return "rename";
    case store::Operation::remove:
      return "remove";
  }
  return {};
}

void Tally::count(const Counted& object, std::int64_t by) {
  const std::int64_t connector = object.connector.value;
  if (object.state != store::ObjectState::placeholder) differences_[{connector, k_counts_objects}] += by;
  if (object.state == store::ObjectState::joined) differences_[{connector, k_counts_joined}] += by;
  const std::string_view pending = pending_counter(object.pending, object.pending_references);
  if (!pending.empty()) differences_[{connector, pending}] += by;
}

void Tally::store(sql::Database& database) {
  static const sql::Table table{.name = "counter",
                                .columns = {{"connector_id", Role::key}, {"kind", Role::key}, {"value"}}};
  std::erase_if(differences_, [](const auto& one) { return one.second == 0; });
  if (differences_.empty()) return;
  sql::RowBatch keys(2);
  std::vector<std::int64_t> values;
  for (const auto& [key, difference] : differences_) {
    keys.integer(key.first);
    keys.borrow(key.second);
    values.push_back(difference);
  }
  database.lookup(table, keys.rows(), [&](std::size_t key, const sql::Row& row) { values[key] += row.integer(0); });
  sql::RowBatch rows(3);
  auto value = values.begin();
  for (const auto& [key, difference] : differences_) {
    rows.integer(key.first);
    rows.borrow(key.second);
    rows.integer(*value++);
  }
  database.upsert(table, rows.rows());
  differences_.clear();
}

}  // namespace linkspan::store_sql
