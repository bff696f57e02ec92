#pragma once
// Sync rules as people write them: plain data, not yet checked against anything.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/value.h"

namespace linkspan::rules {

enum class Direction : std::uint8_t { inbound, outbound };
enum class LinkType : std::uint8_t { provision, join, sticky_join };
enum class MergeType : std::uint8_t { update, replace, merge, merge_case_insensitive };

/// Where in a file something stands; 1-based, 0 = unknown.
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

/// One thing that is wrong, or dubious (a lint). All of a file's are reported at once.
struct Problem {
  enum class Severity : std::uint8_t { error, warning };
  Severity severity = Severity::error;
  std::string file;
  Position position;
  std::string id;  ///< catalogue id, "rules.unknown_function"
  std::string message;
  std::string hint;    ///< "Did you mean Trim?"
  std::string source;  ///< the line it stands in, for underlining; may be empty
  std::string text{};  ///< what is wrong, as that line writes it; empty = the word at the position
};

enum class ScopeOperator : std::uint8_t {
  equal,
  not_equal,
  less_than,
  less_than_or_equal,
  greater_than,
  greater_than_or_equal,
  contains,
  not_contains,
  starts_with,
  not_starts_with,
  ends_with,
  not_ends_with,
  is_null,
  is_not_null,
  is_in,
  is_not_in,
  is_bit_set,
  is_bit_not_set,
  is_member_of,
  is_not_member_of,
};

struct ScopeClause {
  std::string attribute;
  ScopeOperator operation = ScopeOperator::equal;
  std::string value;
  Position position;
};

struct JoinClause {
  std::string source;  ///< connector attribute inbound and outbound alike: connector = metaverse
  std::string target;  ///< metaverse attribute
  bool case_sensitive = false;
  Position position;
};

struct Flow {
  enum class Kind : std::uint8_t { direct, constant, expression };
  std::string target;
  Kind kind = Kind::direct;
  std::string text;  ///< source attribute, or expression
  model::Values constant;
  MergeType merge = MergeType::update;
  bool apply_once = false;
  // Of a direct flow of references:
  std::string referenced_by{};  ///< with those that reference the object by this attribute; inbound only
  bool flatten = false;  ///< in place of referenced objects of the object's own type, what these lead to, and so on
  Position position;
};

struct Rule {
  std::string name;
  std::string description;
  Direction direction = Direction::inbound;
  std::string connector;  ///< a connector's name, or empty: every connector of `kind`
  std::string kind;       ///< "ldap", "scim", …; empty when `connector` is given
  std::string source;     ///< object type read (connector's inbound, metaverse's outbound)
  std::string target;     ///< object type written
  LinkType link = LinkType::join;
  std::int64_t precedence = 0;      ///< lower wins
  std::string precedence_before{};  ///< a rule's name: place_rules() gives a number just before it
  std::string precedence_after{};   ///< likewise, just after it
  bool disabled = false;
  std::vector<std::vector<ScopeClause>> scope;  ///< groups OR-ed, clauses AND-ed; none = always
  std::vector<std::vector<JoinClause>> join;
  std::vector<Flow> flows;
  std::string file;
  Position position;
};

/// Reads one TOML rule file; problems go to `problems`, all of them, and what could be read is returned. Never throws
/// for what the file says. At most 4 MiB and 10,000 rules.
[[nodiscard]] std::vector<Rule> parse_rules(std::string_view toml, std::string_view file,
                                            std::vector<Problem>& problems);

/// Gives rules that stand before or after another by its name a number there, and moves those of the same direction up
/// that are in the way. Afterwards every rule goes by its number alone. Problems: "rules.placement".
void place_rules(std::vector<Rule>& rules, std::vector<Problem>& problems);

/// Fills in the source line of problems found in `file` that have none, from its text: for those of RuleSet::compile.
void attach_source(std::vector<Problem>& problems, std::string_view file, std::string_view text);

/// How many characters of its line are wrong, from its column on: at least 1.
[[nodiscard]] std::size_t underlined(const Problem& problem);

/// "corp.toml:12:8: error: there is no function Trimm [rules.unknown_function]", then the line with what is wrong
/// underlined, then the hint.
[[nodiscard]] std::string to_text(const Problem& problem);

/// One rule as a [[rule]] table in TOML; parse_rules(print_rule(r)) gives r again but for positions.
[[nodiscard]] std::string print_rule(const Rule& rule);

}  // namespace linkspan::rules
