#pragma once
// Preview: what would happen to one object, step by step, and why. Reads and decides; writes nothing.

#include <string>
#include <vector>

#include "sync/change_set.h"

namespace linkspan::sync {

struct PreviewRule {
  std::string rule;
  std::string connector;
  std::string direction;  ///< "inbound", "outbound"
  std::int64_t precedence = 0;
  bool in_scope = false;
  std::vector<std::string>
      because;  ///< in scope: the clauses of the group that held; else the first that failed of each
};

struct PreviewJoin {
  std::string rule;
  std::size_t group = 1;  ///< the first is 1
  std::string condition;  ///< "mail = mail"
  std::string value;
  std::size_t matches = 0;  ///< that fit this condition and those of the group before it
  std::string remark;       ///< "no value", "several values"
};

struct PreviewFlow {
  std::string attribute;
  std::string rule;
  std::string connector;  ///< of the contributing object
  std::string object;     ///< its name
  std::string value;  ///< text, "NULL", "AuthoritativeNull", "IgnoreThisFlow", "(references of member)", or the error
  bool won = false;
};

struct PreviewTarget {
  std::string connector;
  std::string operation;  ///< "add", "update", "delete", "disconnect", "none", …
  std::string decision;   ///< "linked by …", "would be adopted by …", "would be made by …", "no rule makes one", …
  std::string name;
  std::vector<PreviewRule> rules;
  std::vector<PreviewJoin> joins;  ///< by which an existing account was looked for
  std::vector<PreviewFlow> flows;
  /// attribute, old values, new values
  struct Change {
    std::string attribute;
    std::vector<std::string> before;
    std::vector<std::string> after;
  };
  std::vector<Change> changes;
  /// "member: uid=ada,…": references that are dropped because their target is not in this connector.
  std::vector<std::string> dropped_references;
  std::string problem;  ///< flow-error or ambiguous-join, if any
};

struct Preview {
  std::string connector;
  std::string object;
  std::string type;
  std::string state;     ///< "joined", "disconnector", … as it is now
  std::string decision;  ///< "stays joined", "would join", "would be projected by …", "no rule takes it", …
  std::vector<PreviewRule> rules;
  std::vector<PreviewJoin> joins;
  std::vector<PreviewFlow> flows;  ///< metaverse attributes
  std::vector<PreviewTarget> targets;
  std::vector<std::string> errors;
};

/// Throws Fault::not_found "preview.no_object" when the connector space does not hold `name` (a DN or an anchor).
[[nodiscard]] Preview preview(const Context& context, const ConnectorInfo& info, std::string_view name);

}  // namespace linkspan::sync
