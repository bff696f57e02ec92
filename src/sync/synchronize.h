#pragma once
// The synchronization as a whole: inbound, outbound, references, until nothing is touched.

#include "sync/context.h"

namespace linkspan::sync {

struct SyncResult {
  Counters counters;
};

/// Full: every object is evaluated with the rules as they are. Delta: what something touched. Both end in the same
/// state. Every page commits on its own; killed anywhere, the next run goes on. Throws Fault::invalid
/// "sync.no_fixpoint" when rules contradict each other endlessly.
[[nodiscard]] SyncResult synchronize(const Context& context, bool full);

}  // namespace linkspan::sync
