#include "transfer/internal/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <string_view>
#include <variant>

#include "base/text.h"
#include "sql/key_text.h"

namespace linkspan::transfer {

namespace {

constexpr std::array<std::string_view, 6> k_large{"connector_image",      "metaverse_object",    "connector_object",
                                                  "connector_object_key", "connector_reference", "metaverse_key"};
constexpr std::array<std::string_view, 3> k_unguarded{"run", "run_step", "run_counter"};

bool is_large(const TableInfo& table) { return std::find(k_large.begin(), k_large.end(), table.name) != k_large.end(); }

const TableInfo* named(std::string_view name) {
  const auto all = store_sql::all_tables();
  const auto found = std::find_if(all.begin(), all.end(), [&](const TableInfo& table) { return table.name == name; });
  assert(found != all.end() && "the schema has no such table any more");
  return &*found;
}

template <class Names>
std::vector<const TableInfo*> all_named(const Names& names) {
  std::vector<const TableInfo*> tables;
  for (const std::string_view name : names) tables.push_back(named(name));
  return tables;
}

std::vector<const TableInfo*> all_small() {
  std::vector<const TableInfo*> tables;
  for (const TableInfo& table : store_sql::all_tables()) {
    if (is_bulk(table) && !is_large(table)) tables.push_back(&table);
  }
  return tables;
}

std::string_view blank(store_sql::ColumnType type) { return type == store_sql::ColumnType::integer ? "0" : "''"; }

// Whether the column says who is in charge rather than what the state is.
bool is_blanked(const TableInfo& table, const store_sql::ColumnInfo& column) {
  if (table.copying == store_sql::Copying::lease) return !column.key;
  return table.copying == store_sql::Copying::identity && column.name.starts_with("moved_");
}

// Bulk reads take no parameters. Only integers and bytes lead the keys of large tables.
std::string condition(const TableInfo& table, sql::Dialect dialect, const Range& range) {
  const std::string_view lead = table.columns[key_columns(table).front()].name;
  const bool after = !std::holds_alternative<std::monostate>(range.after);
  const bool upto = !std::holds_alternative<std::monostate>(range.upto);
  std::string out;
  if (after) out += " WHERE " + sql::key_above(dialect, lead, range.after);
  if (upto) out += (after ? " AND " : " WHERE ") + sql::key_up_to(dialect, lead, range.upto);
  return out;
}

std::string key_part(const store_sql::ColumnInfo& column, sql::Dialect dialect) {
  constexpr sql::KeyKind kinds[] = {sql::KeyKind::integer, sql::KeyKind::text, sql::KeyKind::blob};
  return sql::key_order(dialect, column.name, kinds[static_cast<std::size_t>(column.type)]);
}

}  // namespace

sql::Table bulk_table(const TableInfo& table) {
  sql::Table shape{.name = std::string(table.name), .columns = {}};
  for (const auto& column : table.columns) shape.columns.push_back({.name = std::string(column.name)});
  return shape;
}

std::string select_all(const TableInfo& table, sql::Dialect dialect, Order order, const Range& range) {
  std::string columns;
  std::string keys;
  for (const auto& column : table.columns) {
    const std::string name = quoted(column.name);
    if (!columns.empty()) columns += ", ";
    columns += is_blanked(table, column) ? fmt::format("{} AS {}", blank(column.type), name) : name;
    if (column.key) keys += fmt::format("{}{}", keys.empty() ? "" : ", ", key_part(column, dialect));
  }
  // Without NOT INDEXED SQLite reads an index instead where one holds all columns.
  return fmt::format("SELECT {} FROM {}{}{}{}", columns, quoted(table.name),
                     dialect == sql::Dialect::sqlite && order == Order::any ? " NOT INDEXED" : "",
                     condition(table, dialect, range), order == Order::by_key ? " ORDER BY " + keys : "");
}

std::vector<std::size_t> key_columns(const TableInfo& table) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].key) places.push_back(i);
  }
  return places;
}

std::string key_text(const TableInfo& table, std::span<const sql::ValueView> cells) {
  std::string out;
  for (const std::size_t place : key_columns(table)) {
    out += fmt::format("{}{} ", out.empty() ? "" : ", ", table.columns[place].name);
    if (const auto* integer = std::get_if<std::int64_t>(&cells[place])) {
      out += std::to_string(*integer);
    } else if (const auto* text = std::get_if<std::string_view>(&cells[place])) {
      out += printable(*text, 80);
    } else if (const auto* blob = std::get_if<sql::BlobView>(&cells[place])) {
      out += to_hex(blob->bytes.substr(0, 64));
    }
  }
  return out;
}

bool is_bulk(const TableInfo& table) { return table.copying == store_sql::Copying::rows; }

std::span<const TableInfo* const> large_tables() {
  static const std::vector<const TableInfo*> tables = all_named(k_large);
  return tables;
}

std::span<const TableInfo* const> small_tables() {
  static const std::vector<const TableInfo*> tables = all_small();
  return tables;
}

std::span<const TableInfo* const> unguarded_tables() {
  static const std::vector<const TableInfo*> tables = all_named(k_unguarded);
  return tables;
}

std::string quoted(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

}  // namespace linkspan::transfer
