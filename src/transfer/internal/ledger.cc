#include "transfer/internal/ledger.h"

#include <fmt/format.h>

#include <variant>

#include "base/error.h"
#include "base/text.h"
#include "sql/inspect.h"
#include "sql/row_batch.h"

namespace linkspan::transfer {

namespace {

using sql::Role;

const sql::Table& batch_table() {
  static const sql::Table table{
      .name = "linkspan_transfer_batch",
      .columns = {
          {"name", Role::key}, {"position", Role::key}, {"upto"}, {"row_count"}, {"byte_count"}, {"low"}, {"high"}}};
  return table;
}

// Keys as text: one column for those that are numbers and those that are bytes.
std::string key_to_text(const sql::Value& key) {
  if (const auto* number = std::get_if<std::int64_t>(&key)) return std::to_string(*number);
  return to_hex(std::get<sql::Blob>(key).bytes);
}

sql::Value key_from_text(const TableInfo& table, std::string_view text, const sql::Database& database) {
  if (table.columns[key_columns(table).front()].type == store_sql::ColumnType::integer) {
    if (const auto number = to_integer(text)) return *number;
  } else if (auto bytes = from_hex(text)) {
    return sql::Blob{*std::move(bytes)};
  }
  throw Error(Fault::corrupt, "transfer.marker",
              fmt::format("{}: the record of what was carried of {} cannot be read", database.name(), table.name),
              "Drop the new database, make it anew, and repeat the command.");
}

std::int64_t signed_of(std::uint64_t number) { return static_cast<std::int64_t>(number); }
std::uint64_t unsigned_of(std::int64_t number) { return static_cast<std::uint64_t>(number); }

}  // namespace

void make_ledger(sql::Database& database) {
  using enum sql::ColumnKind;
  sql::ensure_table(database, "linkspan_transfer_batch",
                    {{"name", name},
                     {"position", integer},
                     {"upto", text},
                     {"row_count", integer},
                     {"byte_count", integer},
                     {"low", integer},
                     {"high", integer}},
                    2);
  sql::ensure_table(database, "linkspan_transfer_index", {{"name", name}, {"position", integer}, {"definition", text}},
                    2);
}

void drop_ledger(sql::Database& database) {
  database.execute("DROP TABLE IF EXISTS linkspan_transfer_batch; DROP TABLE IF EXISTS linkspan_transfer_index");
}

std::vector<CarriedBatch> load_batches(sql::Database& database, const TableInfo& table) {
  std::vector<CarriedBatch> batches;
  database.query(
      "SELECT upto, row_count, byte_count, low, high FROM linkspan_transfer_batch WHERE name = $1 ORDER BY position",
      {table.name}, [&](const sql::Row& row) {
        batches.push_back({.upto = key_from_text(table, row.text(0), database),
                           .sum = {.rows = unsigned_of(row.integer(1)),
                                   .bytes = unsigned_of(row.integer(2)),
                                   .low = unsigned_of(row.integer(3)),
                                   .high = unsigned_of(row.integer(4))}});
      });
  return batches;
}

void add_batches(sql::Database& database, const TableInfo& table, std::size_t first,
                 std::span<const CarriedBatch> batches) {
  sql::RowBatch rows(batch_table().columns.size());
  for (const CarriedBatch& batch : batches) {
    rows.borrow(table.name);
    rows.integer(static_cast<std::int64_t>(first++));
    rows.text(key_to_text(batch.upto));
    rows.integer(signed_of(batch.sum.rows));
    rows.integer(signed_of(batch.sum.bytes));
    rows.integer(signed_of(batch.sum.low));
    rows.integer(signed_of(batch.sum.high));
  }
  database.insert(batch_table(), rows.rows());
}

void correct_batch(sql::Database& database, const TableInfo& table, std::size_t number, const TableSum& sum) {
  database.run(
      "UPDATE linkspan_transfer_batch SET row_count = $1, byte_count = $2, low = $3, high = $4 WHERE name = $5 AND "
      "position = $6",
      {signed_of(sum.rows), signed_of(sum.bytes), signed_of(sum.low), signed_of(sum.high), table.name,
       static_cast<std::int64_t>(number)});
}

void forget_batches(sql::Database& database, const TableInfo& table) {
  database.run("DELETE FROM linkspan_transfer_batch WHERE name = $1", {table.name});
}

// The first line only says that the table is bare: one may have had nothing to drop.
std::optional<std::vector<std::string>> load_dropped(sql::Database& database, const TableInfo& table) {
  std::optional<std::vector<std::string>> definitions;
  database.query("SELECT position, definition FROM linkspan_transfer_index WHERE name = $1 ORDER BY position",
                 {table.name}, [&](const sql::Row& row) {
                   if (!definitions) definitions.emplace();
                   if (row.integer(0) != 0) definitions->emplace_back(row.text(1));
                 });
  return definitions;
}

void put_dropped(sql::Database& database, const TableInfo& table, const std::vector<std::string>& definitions) {
  static const sql::Table lines{.name = "linkspan_transfer_index",
                                .columns = {{"name", Role::key}, {"position", Role::key}, {"definition"}}};
  sql::RowBatch rows(lines.columns.size());
  std::int64_t position = 0;
  const auto add = [&](std::string_view definition) {
    rows.borrow(table.name);
    rows.integer(position++);
    rows.borrow(definition);
  };
  add("");
  for (const std::string& definition : definitions) add(definition);
  database.insert(lines, rows.rows());
}

void forget_dropped(sql::Database& database, const TableInfo& table) {
  database.run("DELETE FROM linkspan_transfer_index WHERE name = $1", {table.name});
}

}  // namespace linkspan::transfer
