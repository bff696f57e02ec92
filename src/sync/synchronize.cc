#include "sync/synchronize.h"

#include "base/error.h"
#include "sync/inbound.h"
#include "sync/outbound.h"
#include "sync/references.h"

namespace linkspan::sync {

SyncResult synchronize(const Context& context, bool full) {
  // Outbound values may flow in again by write-back rules; that settles in a round or two.
  constexpr int most_rounds = 20;
  SyncResult result;
  for (int round = 0;; ++round) {
    const bool all = full && round == 0;
    Inbound(context, result.counters).run(all);
    std::size_t looked_at = Outbound(context, result.counters).run(all);
    looked_at += References(context, result.counters).run(all);
    if (looked_at == 0) return result;
    const bool settled =
        context.store.view()
            ->scan_objects({}, store::touched_inbound | store::touched_references, store::no_images, {0, 1})
            .empty() &&
        context.store.view()->scan_metaverse(true, {0, 1}).empty();
    if (settled) return result;
    if (round == most_rounds) {
      throw Error(Fault::invalid, "sync.no_fixpoint",
                  "the synchronization does not settle: values keep flowing in and out",
                  "An inbound and an outbound rule undo each other's values; find them with `linkspan preview`.");
    }
  }
}

}  // namespace linkspan::sync
