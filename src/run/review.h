#pragma once
// What people look at before anything is sent: pending exports with the guard's verdict, and the preview of one object.
// Writes nothing, needs no lease.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "run/engine.h"
#include "sync/change_set.h"
#include "sync/guard.h"
#include "sync/preview.h"
#include "sync/rule_diff.h"

namespace linkspan::run {

struct Review {
  std::string connector;
  sync::ChangeSet changes;   ///< its fingerprint is empty when `unsure` says why
  sync::Verdict verdict;     ///< what the guard would say of an export now
  std::int64_t objects = 0;  ///< that exist in the connector now
  std::string unsure;        ///< the directory could not be opened: names may lack, and there is no fingerprint
};

/// Names of connectors that rules write to, in the order in which they were created.
[[nodiscard]] std::vector<std::string> targets(const Environment& environment);

/// Visits every pending export of `connector` (if there is a visitor), and sums up. Throws Fault::not_found
/// "run.no_connector".
[[nodiscard]] Review review(const Environment& environment, std::string_view connector,
                            const std::function<void(const sync::PendingExport&)>& visit = {});

/// What would happen to one object. `name` is a DN or an anchor. Throws "run.no_connector", "preview.no_object".
[[nodiscard]] sync::Preview preview(const Environment& environment, std::string_view connector, std::string_view name);

/// What `after` would make of all that is known where `before` makes something else of it. Both must compile
/// (Fault::invalid "run.rules" otherwise).
[[nodiscard]] sync::RuleDiff diff_rules(const Environment& environment, std::vector<rules::Rule> before,
                                        std::vector<rules::Rule> after,
                                        const std::function<void(const sync::RuleDifference&)>& visit);

}  // namespace linkspan::run
