#pragma once
// Join and flow: connector objects become, or join, metaverse objects, and these are folded anew from all that is
// joined.

#include <unordered_map>

#include "sync/context.h"
#include "sync/node.h"

namespace linkspan::sync {

/// The inbound stage. `run` looks at every connector object (full) or at the touched ones, and goes on until nothing is
/// touched: an object that others can only now join is looked at again. In a full run metaverse objects are not marked
/// for the outbound stage, which then looks at all of them anyway.
/// Counts: projected, joined, unlinked, filtered, metaverse_deleted, flows, errors.
class Inbound {
 public:
  Inbound(const Context& context, Counters& counters);
  void run(bool full);

 private:
  struct Working;
  class Page;
  std::size_t run_pass(bool full);
  [[nodiscard]] std::string key_attributes() const;
  void write_keys();

  const Context& context_;
  Counters& counters_;
  /// Distinct (connector attribute, metaverse attribute) pairs of inbound join conditions.
  std::vector<std::pair<model::NameId, model::NameId>> join_pairs_;
  bool rewrite_keys_ = false;  ///< the rules look metaverse objects up by other attributes than when keys were written
};

/// The rule of those in scope that makes a metaverse object of it: the first of type Provision that has no join
/// conditions, or one whose attribute has a value here. nullptr: none.
[[nodiscard]] const rules::CompiledRule* first_provisioning(const Node& node);

/// Whether the rules allow this object to hold a metaverse object of `type` alive.
[[nodiscard]] bool holds_alive(const Node& node, model::NameId type);

}  // namespace linkspan::sync
