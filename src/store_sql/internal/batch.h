#pragma once
// store::Batch on one write transaction.

#include <memory>

#include "store_sql/internal/core.h"

namespace linkspan::store_sql {

/// Throws "store.busy" while another batch of this store is open.
[[nodiscard]] std::unique_ptr<store::Batch> make_batch(Core& core, const store::Lease& lease,
                                                       store::Durability durability);

}  // namespace linkspan::store_sql
