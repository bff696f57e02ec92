#pragma once
// To what an object belongs, read and explained for one object at a time: for preview and for comparing rule sets. The
// stages decide the same for whole pages.

#include <span>
#include <string>
#include <vector>

#include "sync/context.h"
#include "sync/node.h"
#include "sync/outbound.h"

namespace linkspan::sync {

/// One condition of a join group, looked up.
struct JoinTried {
  const rules::CompiledRule* rule = nullptr;
  std::size_t group = 0;  ///< from 0
  rules::CompiledJoin clause;
  std::string value;            ///< what was looked for; empty when there was nothing to look for
  bool several_values = false;  ///< then nothing was looked for
  std::size_t matches = 0;      ///< that fit this condition and those of the group before it
};

struct LinkDecision {
  enum class Kind : std::uint8_t { stays, kept_apart, joins, projects, nothing, error };
  Kind kind = Kind::nothing;
  const rules::CompiledRule* rule = nullptr;  ///< that joins or projects
  store::MetaverseId metaverse;               ///< stays, joins
  std::string problem;                        ///< error: "ambiguous-join", …
  std::vector<JoinTried> tried;               ///< also where the object stays, for show
};

/// A metaverse object that may be found though no stored key leads to it: rules may join by what nobody joined by yet.
struct KnownIdentity {
  store::MetaverseId id;
  model::NameId type = 0;
  const model::Image* image = nullptr;
};

/// `node` is prepared with `rules`. With `known`, what stays joined is not looked up any further.
[[nodiscard]] LinkDecision decide_link(store::View& view, const rules::RuleSet& rules, const Node& node,
                                       const KnownIdentity* known = nullptr);

/// The account of an identity in a target where none is linked.
struct AccountDecision {
  enum class Kind : std::uint8_t { adopts, creates, nothing, error };
  Kind kind = Kind::nothing;
  const rules::CompiledRule* rule = nullptr;
  store::ObjectId object;  ///< adopts
  std::string problem;
  std::vector<JoinTried> tried;
};

[[nodiscard]] AccountDecision decide_account(store::View& view, const ConnectorInfo& target, const OutboundScope& scope,
                                             const model::Image& identity);

/// Whether an outbound rule in scope still holds the linked account, and which would take it over.
struct AccountHold {
  bool held = false;
  bool deletes = false;  ///< not held: it is to be deleted, else only disconnected
};
[[nodiscard]] AccountHold account_hold(const rules::RuleSet& rules, const Node& account, const OutboundScope& scope);

}  // namespace linkspan::sync
