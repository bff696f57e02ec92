#pragma once
// Rows of a bulk primitive as array parameters, one array a column: a chunk of rows is one message, and one statement.

#include <cstddef>
#include <string>
#include <vector>

#include "sql/internal/postgresql_wire.h"
#include "sql/value.h"

namespace linkspan::sql {

/// One binary array: column `column` of the rows numbered `chosen`.
void encode_column(std::string& out, Oid element, Rows rows, std::size_t column,
                   const std::vector<std::size_t>& chosen);

}  // namespace linkspan::sql
