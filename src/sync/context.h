#pragma once
// What every stage of the pipeline works with. The stages: import -> inbound (join, flow) -> outbound (plan) ->
// references -> export; each reads a view, decides in pure functions, and writes one batch.

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/progress.h"
#include "rules/rule_set.h"
#include "store/store.h"

namespace linkspan::sync {

/// A connector as the pipeline sees it.
struct ConnectorInfo {
  store::ConnectorId id;
  std::string name;
  std::string kind;
  std::int64_t position = 0;          ///< ties in precedence: the first created wins
  bool references_by_anchor = false;  ///< as connector::Naming
  bool objects_by_dn = true;
  bool disconnect_instead_of_delete = false;
  model::NameId dn = 0;  ///< of "dn" where the directory names objects by it and rules do; else 0 (pending.h)
  std::vector<std::string> canaries;  ///< anchors or DNs that every full import must see
  /// What %Forest.Netbios% and the like are for its objects, as far as their DNs do not say it.
  std::map<std::string, std::string, std::less<>> parameters{};
};

/// Everything is borrowed and must outlive the stage; one thread, but for what a stage starts itself.
struct Context {
  store::Store& store;
  const rules::RuleSet& rules;
  const std::vector<ConnectorInfo>& connectors;
  store::Lease lease;
  const Clock& clock;
  Logger& logger;
  std::stop_token stop;
  ProgressSink progress;  ///< may be empty
  /// Whether the lease was confirmed so lately that nobody else can have it; asks no database. Empty: always.
  std::function<bool()> in_charge{};

  [[nodiscard]] const ConnectorInfo& connector(store::ConnectorId id) const;
  /// Throws Fault::cancelled once a stop is requested: called between batches.
  void check_stop() const;
  /// Throws Fault::unavailable "sync.lease_unconfirmed" where in_charge() says no: what is sent elsewhere waits for it.
  void check_in_charge() const;
  void report(std::string_view phase, std::uint64_t done, std::optional<std::uint64_t> total = {}) const;
};

/// As the store wants to know it. Borrows the rules.
[[nodiscard]] inline store::DerivedReferences derived_references(const rules::RuleSet& rules) {
  return {rules.read_backwards(), rules.read_through()};
}

/// What references to these identities or objects lead to may be another object now: each such reference is looked at
/// alone, and what rules derive from references is derived anew.
inline void touch_references_to(store::Batch& batch, const rules::RuleSet& rules,
                                std::span<const store::MetaverseId> targets, std::span<const store::ObjectId> objects) {
  batch.touch_references_to(targets, objects);
  const store::DerivedReferences derived = derived_references(rules);
  if (!derived.empty()) batch.touch_holders(targets, objects, derived);
}

/// What a stage counts, by name, in the order of first mention ("adds", "updates", …).
class Counters {
 public:
  void add(std::string_view name, std::int64_t by = 1);
  [[nodiscard]] std::int64_t get(std::string_view name) const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::int64_t>>& all() const { return counters_; }

 private:
  std::vector<std::pair<std::string, std::int64_t>> counters_;
};

}  // namespace linkspan::sync
