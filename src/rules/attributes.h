#pragma once
// Attributes that rules name, against those that are known: for the slip of a pen that would silently read nothing.

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/rule.h"
#include "rules/rule_set.h"

namespace linkspan::rules {

/// (connector, object type) -> names seen there, beyond those that every directory of its kind has.
using SeenAttributes = std::map<std::pair<std::string, std::string>, std::set<std::string, std::less<>>>;

/// What directories of this kind usually know of an object type, sorted; empty when neither is known.
[[nodiscard]] std::span<const std::string_view> usual_attributes(std::string_view kind, std::string_view type);

/// The attributes a flow reads.
[[nodiscard]] std::vector<std::string> attributes_read(const Flow& flow);

/// Warns ("rules.unknown_attribute") of each attribute that is not known where a rule reads or writes it and that is
/// nearly one that is. What is only strange stays unmentioned: schemas are extended everywhere. Metaverse attributes
/// are known when a rule flows into them.
void check_attributes(std::span<const Rule> rules, std::span<const ConnectorName> connectors,
                      const SeenAttributes& seen, std::vector<Problem>& problems);

}  // namespace linkspan::rules
