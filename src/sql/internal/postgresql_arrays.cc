#include "sql/internal/postgresql_arrays.h"

namespace linkspan::sql {

void encode_column(std::string& out, Oid element, Rows rows, std::size_t column,
                   const std::vector<std::size_t>& chosen) {
  out.clear();
  append_array_head(out, element, chosen.size());
  for (const std::size_t row : chosen) append_field(out, element, rows[row][column]);
}

}  // namespace linkspan::sql
