#include "rules/internal/rule_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "base/text.h"
#include "rules/internal/scope.h"

namespace linkspan::rules {
namespace {

constexpr std::size_t k_longest_name = 400;

class Checker {
 public:
  Checker(std::span<const ConnectorName> connectors, std::vector<Problem>& problems)
      : connectors_(connectors), problems_(problems) {}

  bool run(std::span<const Rule> rules) {
    for (const Rule& rule : rules) check(rule);
    names(rules);
    precedence(rules);
    merge_types(rules);
    join_rules(rules);
    return failed_;
  }

 private:
  void report(const Rule& rule, Position position, std::string_view id, std::string message, std::string hint,
              bool error = true) {
    error = error && !rule.disabled;
    failed_ = failed_ || error;
    problems_.push_back({error ? Problem::Severity::error : Problem::Severity::warning,
                         rule.file,
                         position.line == 0 ? rule.position : position,
                         std::string(id),
                         fmt::format("rule \"{}\": {}", printable(rule.name, 80), message),
                         std::move(hint),
                         {}});
  }

  void check(const Rule& rule) {
    if (trim(rule.name).empty() || rule.name.size() > k_longest_name)
      report(rule, {}, "rules.name", "a rule has a name of at most 400 bytes", "");
    if (rule.connector.empty() == rule.kind.empty())
      report(rule, {}, "rules.connector", "a rule names either a connector or a kind of connectors", "");
    if (rule.source.empty() || rule.target.empty())
      report(rule, {}, "rules.type_name", "a rule names the object types it reads and writes", "");
    if (rule.target == "*" && (rule.direction == Direction::outbound || rule.link == LinkType::provision)) {
      report(rule, {}, "rules.any_type", "it would create objects of any type", "Name the type, or let it only join.");
    }
    const bool known = std::any_of(connectors_.begin(), connectors_.end(),
                                   [&](const ConnectorName& connector) { return speaks_of(rule, connector); });
    if (!known && rule.connector.empty() != rule.kind.empty()) unknown_connector(rule);
    for (const auto& group : rule.scope) {
      if (group.empty())
        report(rule, {}, "rules.empty_group", "a group of scope has no clause",
               "Remove the group; no groups at all means always.");
      for (const ScopeClause& clause : group) check(rule, clause);
    }
    for (const auto& group : rule.join) {
      if (group.empty())
        report(rule, {}, "rules.empty_group", "a group of join conditions has no condition", "Remove the group.");
      for (const JoinClause& clause : group) {
        if (clause.source.empty() || clause.target.empty())
          report(rule, clause.position, "rules.join", "a join condition compares two attributes", "");
      }
    }
    flows(rule);
  }

  void unknown_connector(const Rule& rule) {
    std::vector<std::string> names;
    for (const ConnectorName& connector : connectors_)
      names.push_back(rule.connector.empty() ? connector.kind : connector.name);
    const std::string& wanted = rule.connector.empty() ? rule.kind : rule.connector;
    const std::optional<std::string> near = nearest(wanted, names);
    report(rule, {}, "rules.unknown_connector",
           rule.connector.empty() ? fmt::format("there is no connector of kind {}, so it is never asked", wanted)
                                  : fmt::format("there is no connector {}, so it is never asked", wanted),
           near ? fmt::format("Did you mean {}?", *near) : "", false);
  }

  void check(const Rule& rule, const ScopeClause& clause) {
    if (clause.attribute.empty())
      report(rule, clause.position, "rules.scope", "a clause of scope names an attribute", "");
    if (!takes_value(clause.operation) && !clause.value.empty()) {
      report(rule, clause.position, "rules.scope", fmt::format("{} takes no value", name_of(clause.operation)), "");
    }
    const bool bits =
        clause.operation == ScopeOperator::is_bit_set || clause.operation == ScopeOperator::is_bit_not_set;
    if (bits && bits_in(clause.value).value_or(0) == 0) {
      report(rule, clause.position, "rules.scope",
             fmt::format("{} takes a number other than 0", name_of(clause.operation)), "Write it like 2 or &H2.");
    }
  }

  void flows(const Rule& rule) {
    std::set<std::string_view> targets;
    for (const Flow& flow : rule.flows) {
      if (flow.target.empty()) report(rule, flow.position, "rules.flow", "a flow names the attribute it writes", "");
      if (flow.kind == Flow::Kind::direct && flow.text.empty())
        report(rule, flow.position, "rules.flow", fmt::format("the flow to {} names no attribute to read", flow.target),
               "");
      if (!flow.referenced_by.empty() && rule.direction == Direction::outbound) {
        report(rule, flow.position, "rules.flow",
               fmt::format("the flow to {} asks who references an identity", flow.target),
               "referenced_by speaks of a directory's objects: let an inbound rule have it.");
      }
      const bool merges = flow.merge == MergeType::merge || flow.merge == MergeType::merge_case_insensitive;
      if (flow.apply_once && merges) {
        report(rule, flow.position, "rules.merge_once",
               fmt::format("the flow to {} applies once and merges: it keeps what others gave then, too", flow.target),
               "Let it update, or apply always.", false);
      }
      if (!targets.insert(flow.target).second) {
        report(rule, flow.position, "rules.duplicate_flow", fmt::format("two flows write {}", flow.target),
               "Keep one, or move the other to a rule of its own.");
      }
    }
  }

  void names(std::span<const Rule> rules) {
    std::map<std::string, const Rule*> seen;
    for (const Rule& rule : rules) {
      const auto [first, fresh] = seen.emplace(fold_key(rule.name), &rule);
      if (fresh) continue;
      report(rule, {}, "rules.duplicate_name", fmt::format("the name is taken{}", standing(*first->second)),
             "Names of rules are unique, case ignored.");
    }
  }

  /// " by the rule in corp.toml, line 12", as far as that is known.
  static std::string standing(const Rule& rule) {
    if (rule.position.line == 0) return "";
    return fmt::format(" by the rule in {}, line {}", rule.file, rule.position.line);
  }

  /// Names of the connectors that a rule speaks of; where there is none yet, what the rule itself says.
  [[nodiscard]] std::vector<std::string> spheres(const Rule& rule) const {
    std::vector<std::string> out;
    for (const ConnectorName& connector : connectors_) {
      if (speaks_of(rule, connector)) out.push_back(connector.name);
    }
    if (out.empty()) out.push_back(rule.connector.empty() ? "kind " + rule.kind : rule.connector);
    return out;
  }

  void precedence(std::span<const Rule> rules) {
    std::map<std::tuple<Direction, std::string, std::int64_t>, const Rule*> seen;
    for (const Rule& rule : rules) {
      if (rule.disabled) continue;
      const Rule* twin = nullptr;
      for (const std::string& sphere : spheres(rule)) {
        const auto [first, fresh] = seen.emplace(std::tuple(rule.direction, sphere, rule.precedence), &rule);
        if (!fresh) twin = first->second;
      }
      if (twin == nullptr) continue;
      report(rule, {}, "rules.duplicate_precedence",
             fmt::format("precedence {} is also that of \"{}\"{}", rule.precedence, twin->name, standing(*twin)),
             "Give each rule of a connector and direction a number of its own; the lower one wins.");
    }
  }

  /// Flows that can meet in one object agree on their merge type. Where scopes may keep them apart it is the
  /// synchronization that finds them together.
  void merge_types(std::span<const Rule> rules) {
    struct Seen {
      const Rule* rule;
      MergeType merge;
    };
    std::map<std::tuple<Direction, std::string, std::string, std::string>, std::vector<Seen>> seen;
    for (const Rule& rule : rules) {
      if (rule.disabled) continue;
      const bool inbound = rule.direction == Direction::inbound;
      const std::vector<std::string> where = inbound ? std::vector<std::string>{""} : spheres(rule);
      for (const Flow& flow : rule.flows) {
        for (const std::string& sphere : where) {
          auto& others = seen[std::tuple(rule.direction, sphere, rule.target, flow.target)];
          const auto other = std::find_if(others.begin(), others.end(), [&](const Seen& one) {
            return one.rule != &rule && one.merge != flow.merge && may_meet(*one.rule, rule);
          });
          if (other != others.end()) {
            report(rule, flow.position, "rules.merge_type",
                   fmt::format("{} is written with merge type {} here and {} by \"{}\"", flow.target,
                               name_of(flow.merge), name_of(other->merge), other->rule->name),
                   "All flows to an attribute agree on its merge type.",
                   rule.scope.empty() && other->rule->scope.empty());
            break;
          }
          others.push_back({&rule, flow.merge});
        }
      }
    }
  }

  /// Outbound rules that read different object types never speak of one object.
  static bool may_meet(const Rule& one, const Rule& other) {
    return one.direction == Direction::inbound || one.source == other.source;
  }

  /// A rule with join conditions and no scope leaves no room for another on the same objects.
  void join_rules(std::span<const Rule> rules) {
    std::map<std::tuple<Direction, std::string, std::string>, const Rule*> always;
    for (const Rule& rule : rules) {
      if (rule.disabled || rule.join.empty() || !rule.scope.empty()) continue;
      for (const std::string& sphere : spheres(rule))
        always.emplace(std::tuple(rule.direction, sphere, rule.source), &rule);
    }
    for (const Rule& rule : rules) {
      if (rule.disabled || rule.join.empty()) continue;
      for (const std::string& sphere : spheres(rule)) {
        const auto found = always.find(std::tuple(rule.direction, sphere, rule.source));
        if (found == always.end() || found->second == &rule) continue;
        const bool certain = rule.scope.empty();
        report(rule, {}, "rules.two_join_rules",
               fmt::format("\"{}\" has join conditions too, and {} {}", found->second->name,
                           certain ? "both apply to every" : "applies to every", rule.source),
               "One rule with join conditions may apply to an object: give them scopes that exclude each other, or "
               "join in one.",
               certain);
        break;
      }
    }
  }

  std::span<const ConnectorName> connectors_;
  std::vector<Problem>& problems_;
  bool failed_ = false;
};

}  // namespace

bool speaks_of(const Rule& rule, const ConnectorName& connector) {
  return rule.connector.empty() ? rule.kind == connector.kind : rule.connector == connector.name;
}

bool check_rules(std::span<const Rule> rules, std::span<const ConnectorName> connectors,
                 std::vector<Problem>& problems) {
  return Checker(connectors, problems).run(rules);
}

std::string_view name_of(Direction direction) noexcept {
  return direction == Direction::inbound ? "inbound" : "outbound";
}

std::string_view name_of(LinkType link) noexcept {
  switch (link) {
    case LinkType::provision:
      return "provision";
    case LinkType::join:
      return "join";
    case LinkType::sticky_join:
      return "sticky_join";
  }
  return "";
}

std::string_view name_of(MergeType merge) noexcept {
  switch (merge) {
    case MergeType::update:
      return "update";
    case MergeType::replace:
      return "replace";
    case MergeType::merge:
      return "merge";
    case MergeType::merge_case_insensitive:
      return "merge_case_insensitive";
  }
  return "";
}

}  // namespace linkspan::rules
