#pragma once
// Whether there is room for what is to be written.

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "transfer/internal/carry.h"

namespace linkspan::transfer {

/// "transfer.room" where the folder of an SQLite file has less than `bytes` free; of a server it cannot be told.
[[nodiscard]] std::optional<Error> room_obstacle(const Connector& target, std::uint64_t bytes);

}  // namespace linkspan::transfer
