#pragma once
// Plan: what each metaverse object should look like in each connector that has outbound rules for it.

#include "sync/context.h"
#include "sync/node.h"

namespace linkspan::sync {

/// The outbound stage. `run` plans every metaverse object (full) or the touched ones, until none is touched.
/// An existing account that fits a rule's join conditions is adopted before another is provisioned.
/// Counts: provisioned, adopted, deprovisioned, disconnected, changed, errors. Returns how many objects it looked at.
class Outbound {
 public:
  Outbound(const Context& context, Counters& counters) : context_(context), counters_(counters) {}
  std::size_t run(bool full);

 private:
  std::size_t run_pass(bool full);
  const Context& context_;
  Counters& counters_;
};

/// The rules of one metaverse object towards one connector, asked. Pure; what plan and preview share.
struct OutboundScope {
  std::vector<const rules::CompiledRule*> in_scope;
  const rules::CompiledRule* provisioning = nullptr;  ///< the first in scope that may create
};
[[nodiscard]] OutboundScope outbound_scope(const rules::RuleSet& rules, const ConnectorInfo& info, model::NameId type,
                                           const rules::Source& source);

/// What of it speaks of an object of that type: a rule writes objects of its target type and no others.
[[nodiscard]] OutboundScope of_type(const OutboundScope& scope, model::NameId type);

/// The desired image from what the rules in scope gave: explicit empties for what they cleared, and for what rules that
/// no longer apply had contributed and the directory still holds. What flows merge joins what the directory holds:
/// nothing is taken from it. Pure.
[[nodiscard]] model::Image desired_image(Folded folded, const model::Image& previous, const model::Image& actual);

/// What people call the object: dn, userName, displayName, cn or externalId, the first that has a value.
[[nodiscard]] std::string display_name(const model::Image& image, const model::Names& names);

}  // namespace linkspan::sync
