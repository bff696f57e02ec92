#pragma once
// Where two tables part.

#include <functional>
#include <span>
#include <string>

#include "sql/database.h"
#include "transfer/internal/tables.h"
#include "transfer/internal/watch.h"

namespace linkspan::transfer {

/// What two tables hold under one key.
enum class Match : unsigned char { same, only_left, only_right, different };

/// Told of each key, in order of key, with the whole row (of the left one, where both have it); false: no more.
using MatchVisitor = std::function<bool(Match, std::span<const sql::ValueView> cells)>;

/// Goes through both tables (or a range of them) side by side in constant memory. Both are in a transaction, and are
/// not the same connection.
void match_rows(sql::Database& left, sql::Database& right, const TableInfo& table, const Range& range, Watch& watch,
                const MatchVisitor& visit);

/// The key of the first row, in order of key, that only one of the two holds or that they hold differently, as key_text
/// has it. Empty where there is none. Both are in a transaction.
[[nodiscard]] std::string first_difference(sql::Database& left, sql::Database& right, const TableInfo& table,
                                           Watch& watch);

}  // namespace linkspan::transfer
