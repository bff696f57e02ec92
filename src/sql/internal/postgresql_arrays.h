#pragma once
// Rows of a bulk primitive as array parameters, one array a column: a chunk of rows is one message, and one statement.

#include <cstddef>
#include <string>
#include <vector>

#include "sql/database.h"
#include "sql/internal/postgresql_wire.h"

namespace linkspan::sql {

/// How many of `rows` from `first` on make one chunk: bounded in rows and in bytes, never none.
[[nodiscard]] std::size_t chunk_size(Rows rows, std::size_t first);

/// The numbers of the rows of `rows` whose key (columns `keys`) no later row repeats, in order: one statement must not
/// write a row twice, and the last is to win. Rows with NULL in the key are all kept.
[[nodiscard]] std::vector<std::size_t> last_of_each_key(Rows rows, const std::vector<std::size_t>& keys);

/// One binary array: column `column` of the rows numbered `chosen`.
void encode_column(std::string& out, Oid element, Rows rows, std::size_t column,
                   const std::vector<std::size_t>& chosen);

}  // namespace linkspan::sql
