#pragma once
// store::View on one read transaction.

#include <memory>

#include "store_sql/internal/core.h"

namespace linkspan::store_sql {

[[nodiscard]] std::unique_ptr<store::View> make_view(Core& core);

}  // namespace linkspan::store_sql
