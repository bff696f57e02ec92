#pragma once
// How far a long piece of work has come. The caller draws it; the worker only counts.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace linkspan {

struct Progress {
  std::string phase;                   ///< "import corp", "copy connector_object"
  std::uint64_t done = 0;              ///< objects or rows
  std::optional<std::uint64_t> total;  ///< when it is known
};

/// Called from the working thread, at most once a batch. Must not block.
using ProgressSink = std::function<void(const Progress&)>;

}  // namespace linkspan
