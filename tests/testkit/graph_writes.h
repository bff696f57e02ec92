#pragma once
// What the Graph fake takes as a write: its own table of properties, checked name by name and type by type.

#include <string>

#include <nlohmann/json.hpp>

#include "testkit/graph_fake.h"

namespace linkspan::testkit {

/// Throws GraphRefusal for a property that type does not have, that is read-only, of a wrong type, or too long.
/// `declared` are the directory extensions.
void check_graph_properties(const std::string& type, const nlohmann::json& body, bool is_new,
                            const std::map<std::string, nlohmann::json>& declared);

/// Whether $select may name it.
[[nodiscard]] bool is_graph_property(const std::string& type, const std::string& name,
                                     const std::map<std::string, nlohmann::json>& declared);

/// `userPrincipalName eq 'x'` or `otherMails/any(x:x eq 'y')`: what is compared, with which value.
struct GraphFilter {
  std::string property;
  std::string value;
  bool any = false;
};
/// Throws GraphRefusal for a filter this fake's Graph does not take (graph/aad-advanced-queries); `advanced`:
/// ConsistencyLevel eventual and $count were given.
[[nodiscard]] GraphFilter parse_graph_filter(const std::string& filter, bool advanced,
                                             const std::map<std::string, nlohmann::json>& declared);
[[nodiscard]] bool graph_filter_matches(const GraphFilter& filter, const nlohmann::json& properties,
                                        const std::string& id);

}  // namespace linkspan::testkit
