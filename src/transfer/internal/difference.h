#pragma once
// Where two tables part.

#include <string>

#include "transfer/internal/carry.h"

namespace linkspan::transfer {

/// The key of the first row, in order of key, that only one of the two holds or that they hold differently: "id 17",
/// "connector_id 1, name secret"; keys of bytes in hex. Empty where there is none. Both are in a transaction.
[[nodiscard]] std::string first_difference(sql::Database& left, sql::Database& right, const TableInfo& table,
                                           Watch& watch);

}  // namespace linkspan::transfer
