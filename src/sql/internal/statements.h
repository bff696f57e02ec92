#pragma once
// SQL text of the bulk primitives, as far as the dialects agree on it.

#include <string>
#include <string_view>
#include <vector>

#include "sql/database.h"

namespace linkspan::sql {

/// `"name"`. The name is one of ours: lower-case letters, digits and underscores.
[[nodiscard]] std::string quoted_name(std::string_view name);

/// The columns of one role, in their order.
[[nodiscard]] std::vector<std::string_view> columns_of(const Table& table, Role role);

/// Each name through `form`, in which {} is the quoted name, joined by `separator`.
[[nodiscard]] std::string each_column(const std::vector<std::string_view>& names, std::string_view form,
                                      std::string_view separator);

/// All columns, quoted, with commas.
[[nodiscard]] std::string column_list(const Table& table);

/// `ON CONFLICT (keys) DO UPDATE SET value = excluded.value...`, or DO NOTHING where there is no value column.
[[nodiscard]] std::string on_conflict(const Table& table);

}  // namespace linkspan::sql
