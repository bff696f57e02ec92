#include "rules/rule_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "rules/internal/flow.h"
#include "rules/internal/rule_check.h"
#include "rules/internal/scope.h"

namespace linkspan::rules {

Time Source::now() const { return SystemClock{}.now(); }

CompiledRule::CompiledRule(Rule rule, model::RuleId id) : rule_(std::move(rule)), id_(id) {}
CompiledRule::~CompiledRule() = default;
CompiledRule::CompiledRule(CompiledRule&&) noexcept = default;

bool CompiledRule::in_scope(const Source& source) const {
  const auto& groups = scope_->groups;
  return groups.empty() || std::any_of(groups.begin(), groups.end(), [&](const auto& group) {
           return std::all_of(group.begin(), group.end(),
                              [&](const CompiledClause& clause) { return holds(clause, source); });
         });
}

std::vector<std::string> CompiledRule::out_of_scope_because(const Source& source) const {
  std::vector<std::string> failed;
  for (const auto& group : scope_->groups) {
    const auto clause =
        std::find_if(group.begin(), group.end(), [&](const CompiledClause& each) { return !holds(each, source); });
    if (clause == group.end()) return {};
    failed.push_back(clause->text);
  }
  return failed;
}

std::vector<std::string> CompiledRule::in_scope_because(const Source& source) const {
  std::vector<std::string> held;
  for (const auto& group : scope_->groups) {
    if (!std::all_of(group.begin(), group.end(), [&](const auto& clause) { return holds(clause, source); })) continue;
    for (const CompiledClause& clause : group) held.push_back(clause.text);
    break;
  }
  return held;
}

std::size_t CompiledRule::flow_count() const { return flows_.size(); }
model::NameId CompiledRule::flow_target(std::size_t flow) const { return flows_[flow].target; }
MergeType CompiledRule::flow_merge(std::size_t flow) const { return flows_[flow].merge; }
bool CompiledRule::flow_applies_once(std::size_t flow) const { return flows_[flow].once; }
Contribution CompiledRule::evaluate(std::size_t flow, const Source& source) const {
  return evaluate_flow(flows_[flow], source);
}

/// Fills a RuleSet from rules that are checked.
class RuleSetBuilder {
 public:
  RuleSetBuilder(std::span<const ConnectorName> connectors, model::Names& names)
      : connectors_(connectors), names_(names) {
    set_->dn_name_ = names.id("dn");
  }

  void add(Rule rule, model::RuleId id, std::vector<CompiledFlow> flows) {
    auto compiled = std::make_unique<CompiledRule>(std::move(rule), id);
    const Rule& source = compiled->rule_;
    compiled->source_type_ = names_.id(source.source);
    compiled->target_type_ = names_.id(source.target);
    compiled->scope_ = std::make_unique<CompiledScope>(compile_scope(source, names_));
    compiled->flows_ = std::move(flows);
    for (const CompiledFlow& flow : compiled->flows_) {
      if (flow.program == nullptr || !flow.program->claims()) continue;
      set_->unique_names_.push_back(flow.target);
      set_->metaverse_keys_.push_back(flow.target);
    }
    for (const auto& group : source.join) {
      auto& joined = compiled->join_.emplace_back();
      for (const JoinClause& clause : group) {
        joined.push_back({names_.id(clause.source), names_.id(clause.target), clause.case_sensitive});
        set_->object_keys_.push_back(joined.back().source);
        set_->metaverse_keys_.push_back(joined.back().target);
      }
    }
    set_->rules_.push_back(std::move(compiled));
  }

  /// What stays known of an outbound rule that is disabled.
  void add_outbound(const Rule& rule, model::RuleId id) {
    if (rule.link == LinkType::provision) set_->outbound_provisioning_.push_back(id);
    for (const ConnectorName& connector : connectors_) {
      if (speaks_of(rule, connector)) set_->outbound_connectors_.insert(connector.name);
    }
  }

  std::shared_ptr<const RuleSet> finish() {
    std::sort(set_->outbound_provisioning_.begin(), set_->outbound_provisioning_.end());
    std::stable_sort(set_->rules_.begin(), set_->rules_.end(), [](const auto& left, const auto& right) {
      return left->rule().precedence < right->rule().precedence;
    });
    for (const auto& rule : set_->rules_) index(*rule);
    find_derived_references();
    for (auto* keys :
         {&set_->metaverse_keys_, &set_->object_keys_, &set_->unique_names_, &set_->backwards_, &set_->through_}) {
      std::sort(keys->begin(), keys->end());
      keys->erase(std::unique(keys->begin(), keys->end()), keys->end());
    }
    return std::move(set_);
  }

 private:
  void index(const CompiledRule& rule) {
    RuleSet::ByType& table = rule.rule().direction == Direction::inbound ? set_->inbound_ : set_->outbound_;
    for (const ConnectorName& connector : connectors_) {
      if (speaks_of(rule.rule(), connector)) table[{connector.name, rule.source_type()}].push_back(&rule);
    }
  }

  void find_derived_references() {
    std::set<model::NameId> flattened;  // of the metaverse, on the way out
    for (const auto& rule : set_->rules_) {
      for (const CompiledFlow& flow : rule->flows_) {
        if (flow.flatten && rule->rule().direction == Direction::outbound) flattened.insert(flow.source);
        if (flow.referenced_by != 0) set_->backwards_.push_back(flow.referenced_by);
      }
    }
    for (const auto& rule : set_->rules_) {
      if (rule->rule().direction != Direction::inbound) continue;
      for (CompiledFlow& flow : rule->flows_) {
        flow.followed = flow.flatten || flattened.contains(flow.target);
        if (!flow.followed) continue;
        if (flow.kind == Flow::Kind::direct) set_->through_.push_back(flow.source);
        if (flow.program != nullptr) flow.program->add_attributes(set_->through_);
      }
    }
  }

  std::span<const ConnectorName> connectors_;
  model::Names& names_;
  std::shared_ptr<RuleSet> set_ = std::make_shared<RuleSet>();
};

std::shared_ptr<const RuleSet> RuleSet::compile(std::vector<Rule> rules, std::span<const model::RuleId> ids,
                                                std::span<const ConnectorName> connectors, model::Names& names,
                                                std::vector<Problem>& problems) {
  if (ids.size() != rules.size()) {
    throw Error(Fault::invalid, "rules.ids", fmt::format("{} rules came with {} ids", rules.size(), ids.size()));
  }
  const std::size_t told_before = problems.size();
  place_rules(rules, problems);
  bool failed = std::any_of(problems.begin() + static_cast<std::ptrdiff_t>(told_before), problems.end(),
                            [](const Problem& one) { return one.severity == Problem::Severity::error; });
  failed = check_rules(rules, connectors, problems) || failed;
  RuleSetBuilder builder(connectors, names);
  for (std::size_t i = 0; i < rules.size(); ++i) {
    std::vector<CompiledFlow> flows = compile_flows(rules[i], names, problems, failed);
    if (rules[i].direction == Direction::outbound) builder.add_outbound(rules[i], ids[i]);
    if (!rules[i].disabled) builder.add(std::move(rules[i]), ids[i], std::move(flows));
  }
  if (failed) return nullptr;
  return builder.finish();
}

namespace {

template <class Table>
std::span<const CompiledRule* const> look_up(const Table& table, std::string_view connector, model::NameId type) {
  const auto found = table.find(std::pair(std::string(connector), type));
  if (found == table.end()) return {};
  return found->second;
}

template <class Table>
bool has_any(const Table& table, std::string_view connector) {
  const auto found = table.lower_bound(std::pair(std::string(connector), model::NameId{0}));
  return found != table.end() && found->first.first == connector;
}

}  // namespace

std::span<const CompiledRule* const> RuleSet::inbound(std::string_view connector, model::NameId type) const {
  return look_up(inbound_, connector, type);
}
std::span<const CompiledRule* const> RuleSet::outbound(std::string_view connector, model::NameId type) const {
  return look_up(outbound_, connector, type);
}
bool RuleSet::has_outbound(std::string_view connector) const { return outbound_connectors_.contains(connector); }
bool RuleSet::has_inbound(std::string_view connector) const { return has_any(inbound_, connector); }

const CompiledRule* RuleSet::find(model::RuleId id) const {
  const auto found = std::find_if(rules_.begin(), rules_.end(), [&](const auto& rule) { return rule->id() == id; });
  return found == rules_.end() ? nullptr : found->get();
}

bool RuleSet::provisions_outbound(model::RuleId id) const {
  return std::binary_search(outbound_provisioning_.begin(), outbound_provisioning_.end(), id);
}

}  // namespace linkspan::rules
