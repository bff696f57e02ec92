#pragma once
// Errors of a database that is away for a while: waited for by runs and by moves alike.

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.h"

namespace linkspan {

/// Whether the server cannot be reached now, has no room for another connection, or is not the one that writes: after a
/// failover, a restart or a mended network the same may go well. A file that may only be read is no such thing.
[[nodiscard]] inline bool is_database_away(const Error& error) {
  constexpr std::array<std::string_view, 5> k_away{"sql.connection_lost", "sql.unreachable", "sql.no_answer",
                                                   "sql.read_only", "sql.too_many_connections"};
  return error.fault() == Fault::unavailable && std::find(k_away.begin(), k_away.end(), error.id()) != k_away.end();
}

}  // namespace linkspan
