#pragma once
// Import: what a directory says becomes the observed image, hash by hash; what has not changed causes no write.

#include "connector/connector.h"
#include "sync/context.h"

namespace linkspan::sync {

struct ImportResult {
  Counters counters;  ///< adds, updates, renames, deletes, unchanged, errors
  bool full = false;  ///< also when a delta was asked for and the directory refused the watermark
  std::string note;   ///< why it was full, if it was not asked to be
};

/// Imports one connector. Every batch commits on its own; the watermark is committed with the last. A read that breaks
/// throws after the batches that had arrived, deletes nothing, and leaves the watermark as it was.
/// Throws Fault::invalid "import.canary_missing" when a full import misses a declared canary: nothing is deleted.
[[nodiscard]] ImportResult import_connector(const Context& context, const ConnectorInfo& info,
                                            connector::Connector& directory, bool full);

}  // namespace linkspan::sync
