#pragma once
// The readers of the kinds of foreign files. Each marks what it reads on the tree.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rules/foreign.h"
#include "rules/internal/foreign_tree.h"

namespace linkspan::rules {

/// "{AE4D…}" as lower case without braces; empty for the GUID of zeros.
[[nodiscard]] std::string foreign_guid(std::string_view text);
/// "True", "1"; false for everything else.
[[nodiscard]] bool foreign_truth(std::string_view text);

/// One synchronization rule as read, before names and numbers are settled.
struct RawRule {
  std::string id;
  std::string tag;
  std::string connector;  ///< GUID
  std::string before;     ///< GUID of the rule it is to be inserted before, after; usually empty
  std::string after;
  Rule rule;
  std::set<std::string> targets;                                 ///< that its flows write
  std::vector<std::pair<std::string, ForeignElement*>> sources;  ///< attributes said to be read, for checks
  ForeignElement* root = nullptr;
  ForeignElement* name = nullptr;
  ForeignElement* precedence = nullptr;
};

/// nullopt: `root` is marked as not understood, with the reason.
[[nodiscard]] std::optional<RawRule> read_xml_rule(ForeignElement& root);
/// A rule of a settings file. `connector` is the GUID of the directory it stands under.
[[nodiscard]] std::optional<RawRule> read_json_rule(ForeignElement& root, std::string_view connector);

/// Flows hold constants as text until the type of their target is known.
void type_constants(Rule& rule, const ForeignSchema& target);

/// A connector file (ma-data).
[[nodiscard]] ForeignConnector read_connector(ForeignElement& root, std::string_view cloud_kind);

/// The metaverse file: schema and the engine's parameters.
void read_metaverse(ForeignElement& root, ForeignConfiguration& out);

/// DSML below `element`.
[[nodiscard]] ForeignSchema read_foreign_schema(ForeignElement& element);

/// Containers that are read and left out, of the engine's inclusions and exclusions below one partition, where the
/// most specific one counts. `deep`: an inclusion within an exclusion within an inclusion, which ours cannot say.
struct ForeignContainers {
  std::vector<std::string> included;
  std::vector<std::string> excluded;
  std::vector<std::string> deep;
};
[[nodiscard]] ForeignContainers settle_containers(const std::string& partition,
                                                  const std::vector<std::string>& inclusions,
                                                  const std::vector<std::string>& exclusions);

/// A settings file (JSON): directories and rules are appended.
void read_policy(ForeignElement& root, std::string_view cloud_kind, ForeignConfiguration& out,
                 std::vector<RawRule>& rules);

/// Numbers for rules that are to be inserted before or after another; the others keep theirs where that is possible.
void settle_precedence(std::vector<RawRule>& rules);

}  // namespace linkspan::rules
