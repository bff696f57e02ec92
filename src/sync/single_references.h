#pragma once
// The consequences of single references, one row each, however large the group.

#include "sync/context.h"

namespace linkspan::sync {

/// Draws what follows from the touched references, after the references of whole objects: in every connector the row of
/// the account that holds it, and of the one it leads to, is desired or not. With `full`, when every object has just
/// been looked at whole, they are only taken off the list. Counts as References. Returns how many there were.
std::size_t settle_touched_references(const Context& context, Counters& counters, bool full);

}  // namespace linkspan::sync
