#pragma once
// store::Summary on one read transaction.

#include <memory>

#include "store_sql/internal/core.h"

namespace linkspan::store_sql {

[[nodiscard]] std::unique_ptr<store::Summary> make_summary(Core& core);

}  // namespace linkspan::store_sql
