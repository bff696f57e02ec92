// Precedence by place: "before this rule", "after that one".

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/text.h"
#include "rules/rule.h"

namespace linkspan::rules {
namespace {

bool is_placed(const Rule& rule) { return rule.precedence_before.empty() && rule.precedence_after.empty(); }

class Placer {
 public:
  Placer(std::vector<Rule>& rules, std::vector<Problem>& problems) : rules_(rules), problems_(problems) {
    for (std::size_t i = 0; i < rules.size(); ++i) by_name_.emplace(fold_key(rules[i].name), i);
  }

  /// Those whose neighbour has a number, until none is left; what is left then stands in a circle.
  void run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t i = 0; i < rules_.size(); ++i) {
        if (!is_placed(rules_[i])) moved = place(i) || moved;
      }
    }
    for (Rule& rule : rules_) {
      if (is_placed(rule)) continue;
      refuse(rule, "its place leads back to itself", "Give one of the rules a number.");
    }
  }

 private:
  void refuse(Rule& rule, std::string_view why, std::string hint) {
    problems_.push_back({rule.disabled ? Problem::Severity::warning : Problem::Severity::error,
                         rule.file,
                         rule.position,
                         "rules.placement",
                         fmt::format("rule \"{}\": {}", printable(rule.name, 80), why),
                         std::move(hint),
                         {},
                         {}});
    rule.precedence_before.clear();
    rule.precedence_after.clear();
  }

  bool place(std::size_t i) {
    Rule& rule = rules_[i];
    const bool after = rule.precedence_before.empty();
    const std::string& wanted = after ? rule.precedence_after : rule.precedence_before;
    const auto found = by_name_.find(fold_key(wanted));
    if (found == by_name_.end() || rules_[found->second].direction != rule.direction) {
      std::vector<std::string> names;
      for (const Rule& one : rules_) {
        if (one.direction == rule.direction && &one != &rule) names.push_back(one.name);
      }
      const auto near = nearest(wanted, names);
      refuse(rule, fmt::format("there is no rule \"{}\" of its direction to stand beside", printable(wanted, 80)),
             near ? fmt::format("Did you mean \"{}\"?", *near) : "");
      return true;
    }
    std::size_t beside = found->second;
    if (!is_placed(rules_[beside])) return false;
    if (after) {  // rules after the same one keep the order in which they were written
      if (const auto last = last_after_.find(beside); last != last_after_.end()) beside = last->second;
      last_after_[found->second] = i;
    }
    const std::int64_t neighbour = rules_[beside].precedence;
    if (after) {
      rule.precedence = make_room(i, neighbour + 1);
    } else {
      const bool free = neighbour > 0 && !taken(rule.direction, neighbour - 1);
      rule.precedence = free ? neighbour - 1 : make_room(i, neighbour);
    }
    rule.precedence_before.clear();
    rule.precedence_after.clear();
    return true;
  }

  [[nodiscard]] bool taken(Direction direction, std::int64_t number) const {
    return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
      return is_placed(rule) && rule.direction == direction && rule.precedence == number;
    });
  }

  /// Frees `number`: the rules that stand on it and right behind it move up by one.
  std::int64_t make_room(std::size_t i, std::int64_t number) {
    std::int64_t gap = number;
    while (taken(rules_[i].direction, gap)) ++gap;
    for (Rule& rule : rules_) {
      const bool in_the_way = is_placed(rule) && rule.direction == rules_[i].direction && rule.precedence >= number &&
                              rule.precedence < gap;
      if (in_the_way) ++rule.precedence;
    }
    return number;
  }

  std::vector<Rule>& rules_;
  std::vector<Problem>& problems_;
  std::map<std::string, std::size_t> by_name_;
  std::map<std::size_t, std::size_t> last_after_;  ///< by a rule: the last that was placed after it
};

}  // namespace

void place_rules(std::vector<Rule>& rules, std::vector<Problem>& problems) {
  if (std::all_of(rules.begin(), rules.end(), is_placed)) return;
  Placer(rules, problems).run();
}

}  // namespace linkspan::rules
