#include "sync/link_decision.h"

#include <algorithm>
#include <functional>

#include "base/text.h"
#include "sync/inbound.h"

namespace linkspan::sync {
namespace {

using rules::CompiledRule;

bool holds_value(const model::Image& image, const rules::CompiledJoin& clause, model::NameId attribute,
                 const model::Value& value) {
  const model::ImageAttribute* found = image.find(attribute);
  if (found == nullptr) return false;
  return std::any_of(found->values.begin(), found->values.end(), [&](const model::Value& each) {
    return clause.case_sensitive ? each == value : model::join_key(each) == model::join_key(value);
  });
}

bool same_conditions(const CompiledRule& one, const CompiledRule& other) {
  const auto same_clause = [](const rules::CompiledJoin& a, const rules::CompiledJoin& b) {
    return a.source == b.source && a.target == b.target && a.case_sensitive == b.case_sensitive;
  };
  return std::equal(
      one.join().begin(), one.join().end(), other.join().begin(), other.join().end(),
      [&](const auto& a, const auto& b) { return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_clause); });
}

/// The rule of these with join conditions; `problem` when there are several that differ.
const CompiledRule* joining_rule(std::span<const CompiledRule* const> in_scope, std::string& problem) {
  const CompiledRule* joining = nullptr;
  for (const CompiledRule* rule : in_scope) {
    if (rule->join().empty()) continue;
    if (joining != nullptr && !same_conditions(*joining, *rule)) problem = "several-join-rules";
    if (joining == nullptr) joining = rule;
  }
  return joining;
}

/// What fits one condition, sorted ids.
using Finder = std::function<std::vector<std::int64_t>(const rules::CompiledJoin&, const model::Value&)>;

/// Tries the groups from the top; the id that the first group with exactly one match gives, or 0 with a problem or not.
std::int64_t try_groups(const CompiledRule& rule, const model::Image& image, bool by_source, const Finder& find,
                        std::vector<JoinTried>& tried, std::string& problem) {
  bool ambiguous = false;
  bool several = false;
  for (std::size_t group = 0; group < rule.join().size(); ++group) {
    std::vector<std::int64_t> common;
    for (std::size_t i = 0; i < rule.join()[group].size(); ++i) {
      const rules::CompiledJoin& clause = rule.join()[group][i];
      JoinTried one{&rule, group, clause, {}, false, 0};
      const model::ImageAttribute* attribute = image.find(by_source ? clause.source : clause.target);
      std::vector<std::int64_t> mine;
      one.several_values = attribute != nullptr && attribute->values.size() > 1;
      if (attribute != nullptr && attribute->values.size() == 1) {
        one.value = printable(model::to_text(attribute->values.front()));
        mine = find(clause, attribute->values.front());
      }
      several = several || one.several_values;
      if (i == 0) common = mine;
      std::erase_if(common, [&](std::int64_t id) { return !std::binary_search(mine.begin(), mine.end(), id); });
      one.matches = common.size();
      tried.push_back(std::move(one));
    }
    if (common.size() == 1) return common.front();
    ambiguous = ambiguous || common.size() > 1;
  }
  if (ambiguous) {
    problem = "ambiguous-join";
  } else if (several) {
    problem = "join-object-id-must-be-single-valued";
  }
  return 0;
}

std::vector<std::int64_t> identities(store::View& view, const CompiledRule& rule, const rules::CompiledJoin& clause,
                                     const model::Value& value, const KnownIdentity* known) {
  std::vector<std::int64_t> ids;
  const std::vector<store::Key> keys{{clause.target, model::join_key(value)}};
  std::vector<store::MetaverseId> matches;
  for (const auto& match : view.metaverse_by_key(keys)) {
    if (rule.writes(match.type)) matches.push_back(match.id);
  }
  if (clause.case_sensitive && !matches.empty()) {
    for (const store::Metaverse& row : view.load_metaverse(matches)) {
      if (holds_value(model::decode(row.image), clause, clause.target, value)) ids.push_back(row.id.value);
    }
  } else {
    for (const store::MetaverseId id : matches) ids.push_back(id.value);
  }
  if (known != nullptr && rule.writes(known->type) && holds_value(*known->image, clause, clause.target, value))
    ids.push_back(known->id.value);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

bool stays(const rules::RuleSet& rules, const Node& node) {
  if (!node.object.link_rule) return true;
  const CompiledRule* rule = rules.find(node.object.link_rule);
  if (rules.provisions_outbound(node.object.link_rule)) return true;
  return rule != nullptr && (rule->rule().direction == rules::Direction::outbound ||
                             std::find(node.in_scope.begin(), node.in_scope.end(), rule) != node.in_scope.end());
}

}  // namespace

LinkDecision decide_link(store::View& view, const rules::RuleSet& rules, const Node& node, const KnownIdentity* known) {
  LinkDecision out;
  const bool stays_joined = node.object.metaverse && (!rules.has_inbound(node.info->name) || stays(rules, node));
  if (stays_joined && known != nullptr) {  // nobody asks what else was tried
    out.kind = LinkDecision::Kind::stays;
    out.metaverse = node.object.metaverse;
    return out;
  }
  const CompiledRule* joining = joining_rule(node.in_scope, out.problem);
  std::int64_t found = 0;
  if (joining != nullptr && out.problem.empty()) {
    const Finder find = [&](const rules::CompiledJoin& clause, const model::Value& value) {
      return identities(view, *joining, clause, value, known);
    };
    found = try_groups(*joining, node.image, true, find, out.tried, out.problem);
  }
  using Kind = LinkDecision::Kind;
  if (stays_joined) {
    out.kind = Kind::stays;
    out.metaverse = node.object.metaverse;
    out.problem.clear();
  } else if (node.object.state == store::ObjectState::explicit_disconnector) {
    out.kind = Kind::kept_apart;
    out.problem.clear();
  } else if (found != 0) {
    out.kind = Kind::joins;
    out.rule = joining;
    out.metaverse = {found};
  } else if (!out.problem.empty()) {
    out.kind = Kind::error;
  } else if (const CompiledRule* rule = first_provisioning(node)) {
    out.kind = Kind::projects;
    out.rule = rule;
  }
  return out;
}

AccountDecision decide_account(store::View& view, const ConnectorInfo& target, const OutboundScope& scope,
                               const model::Image& identity) {
  AccountDecision out;
  using Kind = AccountDecision::Kind;
  const CompiledRule* joining = joining_rule(scope.in_scope, out.problem);
  std::int64_t found = 0;
  if (joining != nullptr && out.problem.empty()) {
    const Finder find = [&](const rules::CompiledJoin& clause, const model::Value& value) {
      std::vector<store::ObjectId> ids;
      const std::vector<store::Key> keys{{clause.source, model::join_key(value)}};
      for (const auto& [object, key] : view.objects_by_key(target.id, keys)) ids.push_back(object);
      std::vector<std::int64_t> fit;
      for (const store::ObjectWithImages& one : view.load_objects(ids, store::observed_image)) {
        const bool free = !one.object.metaverse && one.object.type == joining->target_type() &&
                          one.object.state != store::ObjectState::explicit_disconnector &&
                          one.object.state != store::ObjectState::placeholder && !one.images.observed.empty();
        if (free && holds_value(model::decode(one.images.observed), clause, clause.source, value))
          fit.push_back(one.object.id.value);
      }
      std::sort(fit.begin(), fit.end());
      return fit;
    };
    found = try_groups(*joining, identity, false, find, out.tried, out.problem);
  }
  if (found != 0) {
    out.kind = Kind::adopts;
    out.rule = joining;
    out.object = {found};
  } else if (!out.problem.empty()) {
    out.kind = Kind::error;
  } else if (scope.provisioning != nullptr) {
    out.kind = Kind::creates;
    out.rule = scope.provisioning;
  }
  return out;
}

AccountHold account_hold(const rules::RuleSet& rules, const Node& account, const OutboundScope& scope) {
  const store::RuleId link = account.object.link_rule;
  const CompiledRule* rule = rules.find(link);
  const bool by_outbound = link && (rule == nullptr || rule->rule().direction == rules::Direction::outbound);
  const auto holds = [&](const CompiledRule* one) {
    if (account.object.type != 0 && one->target_type() != account.object.type) return false;
    return !by_outbound || one == rule || one->rule().link == rules::LinkType::provision;
  };
  AccountHold hold;
  hold.held = std::any_of(scope.in_scope.begin(), scope.in_scope.end(), holds);
  hold.deletes = !hold.held && rules.provisions_outbound(link) && !account.info->disconnect_instead_of_delete;
  return hold;
}

}  // namespace linkspan::sync
