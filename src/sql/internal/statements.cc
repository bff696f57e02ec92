#include "sql/internal/statements.h"

#include <fmt/format.h>

#include <algorithm>

namespace linkspan::sql {

std::string quoted_name(std::string_view name) {
  assert(!name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  }));
  return fmt::format("\"{}\"", name);
}

std::vector<std::string_view> columns_of(const Table& table, Role role) {
  std::vector<std::string_view> names;
  for (const Column& column : table.columns) {
    if (column.role == role) names.emplace_back(column.name);
  }
  return names;
}

std::string each_column(const std::vector<std::string_view>& names, std::string_view form, std::string_view separator) {
  std::string out;
  for (const std::string_view name : names) {
    if (!out.empty()) out += separator;
    const std::string column = quoted_name(name);
    std::size_t from = 0;
    for (std::size_t at = form.find("{}"); at != std::string_view::npos; at = form.find("{}", from)) {
      out += form.substr(from, at - from);
      out += column;
      from = at + 2;
    }
    out += form.substr(from);
  }
  return out;
}

std::string column_list(const Table& table) {
  std::vector<std::string_view> names;
  for (const Column& column : table.columns) names.emplace_back(column.name);
  return each_column(names, "{}", ", ");
}

std::string on_conflict(const Table& table) {
  const std::string keys = each_column(columns_of(table, Role::key), "{}", ", ");
  const auto values = columns_of(table, Role::value);
  assert(!keys.empty());
  if (values.empty()) return fmt::format("ON CONFLICT ({}) DO NOTHING", keys);
  return fmt::format("ON CONFLICT ({}) DO UPDATE SET {}", keys, each_column(values, "{} = excluded.{}", ", "));
}

}  // namespace linkspan::sql
