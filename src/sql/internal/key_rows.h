#pragma once
// Rows of a bulk primitive in chunks, and which of them count.

#include <cstddef>
#include <vector>

#include "sql/database.h"

namespace linkspan::sql {

/// How many of `rows` from `first` on make one chunk: bounded in rows and in bytes (4 MiB), never none.
[[nodiscard]] std::size_t chunk_size(Rows rows, std::size_t first, std::size_t most_rows = 2000);

/// The numbers of the rows of `rows` whose key (columns `keys`) no later row repeats, in order: one statement must not
/// write a row twice, and the last is to win. Rows with NULL in the key are all kept.
[[nodiscard]] std::vector<std::size_t> last_of_each_key(Rows rows, const std::vector<std::size_t>& keys);

/// Where the key columns stand.
[[nodiscard]] std::vector<std::size_t> key_places(const Table& table);

}  // namespace linkspan::sql
