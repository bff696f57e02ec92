#pragma once
// What other rules would make of everything that is known, without doing it: every identity and every object without
// one, page by page, decided with both rule sets by the functions that synchronization and preview use.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sync/context.h"

namespace linkspan::sync {

/// One identity, or one object without, of which the two rule sets think differently.
struct RuleDifference {
  std::int64_t metaverse = 0;  ///< 0: an object that has none
  std::string connector;       ///< of the object it is called by
  std::string object;
  std::vector<std::string> links;  ///< "corp uid=ada,…: stays joined -> is let go"
  struct Change {
    std::string attribute;
    std::vector<std::string> before;
    std::vector<std::string> after;
  };
  std::vector<Change> metaverse_changes;
  struct Target {
    std::string connector;
    std::string
        before;  ///< the operation with the first rules: "none", "add", "update", "delete", "disconnect", "error: …"
    std::string after;
    std::vector<Change> changes;  ///< of what the account should hold
  };
  std::vector<Target> targets;
};

struct RuleDiff {
  std::int64_t identities = 0;  ///< looked at
  std::int64_t objects = 0;     ///< without an identity, looked at
  std::int64_t different = 0;
  std::int64_t appear = 0;                                   ///< identities that only the second rules make or keep
  std::int64_t disappear = 0;                                ///< that only the first keep
  std::int64_t relinked = 0;                                 ///< objects that join, leave or join elsewhere
  std::int64_t errors = 0;                                   ///< only with the second rules
  std::map<std::string, std::int64_t> metaverse_attributes;  ///< identities in which it differs
  struct Target {
    std::map<std::string, std::int64_t> operations;  ///< of the second rules, where they are not those of the first
    std::map<std::string, std::int64_t> attributes;
  };
  std::map<std::string, Target> targets;
};

/// Rules of the same name must have the same id in both, that of the database where it has them: links are by rule.
/// `visit` gets every difference. What one rule set lets come anew is judged object by
/// object: that two of them would join each other only synchronization finds out.
[[nodiscard]] RuleDiff diff_rules(const Context& context, const rules::RuleSet& before, const rules::RuleSet& after,
                                  const std::function<void(const RuleDifference&)>& visit);

}  // namespace linkspan::sync
