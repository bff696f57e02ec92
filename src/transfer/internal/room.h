#pragma once
// Whether there is room for what is to be written.

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "transfer/internal/carry.h"

namespace linkspan::transfer {

/// "transfer.room" where the file system that an SQLite file is to lie on has less than `bytes` free, or that of a
/// PostgreSQL server on this very machine whose role may know its folder (`database` is connected to it). Of other
/// servers it cannot be told.
[[nodiscard]] std::optional<Error> room_obstacle(const Connector& target, std::uint64_t bytes,
                                                 sql::Database* database = nullptr);

}  // namespace linkspan::transfer
