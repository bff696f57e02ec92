#include "sync/inbound.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "base/error.h"
#include "sync/name_claims.h"
#include "sync/pending.h"
#include "sync/reference_names.h"

namespace linkspan::sync {
namespace {

using rules::CompiledRule;
using store::Key;
using store::MetaverseId;
using store::ObjectId;

constexpr std::size_t k_page = 4000;
/// A change that travels through joins and write-backs settles in a few rounds; more are rules that contradict each
/// other.
constexpr int k_most_rounds = 20;
/// The attributes that metaverse objects had join keys of at the last full synchronization.
constexpr std::string_view k_keys_setting = "engine.join_keys";

struct KeyHash {
  std::size_t operator()(const Key& key) const noexcept {
    return std::hash<std::string>{}(key.key) * 31 + key.attribute;
  }
};

/// The first condition of a group whose attribute has several values here: by which of them to join nobody can say.
const rules::CompiledJoin* several_values(const std::vector<rules::CompiledJoin>& group, const model::Image& image) {
  for (const rules::CompiledJoin& clause : group) {
    const model::ImageAttribute* attribute = image.find(clause.source);
    if (attribute != nullptr && attribute->values.size() > 1) return &clause;
  }
  return nullptr;
}

}  // namespace

const CompiledRule* first_provisioning(const Node& node) {
  for (const CompiledRule* rule : node.in_scope) {
    if (rule->rule().link != rules::LinkType::provision) continue;
    const auto has_value = [&](const rules::CompiledJoin& clause) {
      const model::ImageAttribute* attribute = node.image.find(clause.source);
      return attribute != nullptr && !attribute->values.empty();
    };
    const auto any = [&](const auto& group) { return std::any_of(group.begin(), group.end(), has_value); };
    if (rule->join().empty() || std::any_of(rule->join().begin(), rule->join().end(), any)) return rule;
  }
  return nullptr;
}

bool holds_alive(const Node& node, model::NameId type) {
  return std::any_of(node.in_scope.begin(), node.in_scope.end(), [&](const CompiledRule* rule) {
    return rule->writes(type) && rule->rule().link != rules::LinkType::join;
  });
}

/// A metaverse object while the page works on it.
struct Inbound::Working {
  store::Metaverse row;
  model::Image image;
  model::Lineage lineage;
  std::vector<Node*> members;
  bool created = false;
  bool dirty = false;
  bool judged = false;  ///< its flows were asked anew
  bool folded = false;
  bool deleted = false;
  bool left = false;  ///< a member went: its place is free
  std::vector<Key> keys;
};

/// One page: read, decide, write.
class Inbound::Page {
 public:
  Page(const Inbound& stage, bool full, bool errors_exist)
      : stage_(stage), context_(stage.context_), full_(full), errors_exist_(errors_exist) {}

  void read(std::vector<store::ObjectWithImages> objects);
  void decide();
  void write();
  Counters counters;

 private:
  Node& add(store::ObjectWithImages loaded, bool in_page);
  void load_candidates();
  void load_metaverse(store::View& view, std::vector<MetaverseId> ids);
  void decide_link(Node& node);
  void decide_gone(Node& node);
  bool keeps_link(const Node& node) const;
  bool is_passive(const Node& node) const;
  void try_join(Node& node);
  void join(Node& node, const CompiledRule& rule, Working& target);
  void project(Node& node, const CompiledRule& rule);
  std::vector<Working*> matches(const Node& node, const std::vector<rules::CompiledJoin>& group,
                                const CompiledRule& rule);
  void fold(Working& target);
  std::vector<Working*> in_order();
  void remove_metaverse(Working& target);
  void leave(Node& node);
  void forget_errors();
  std::vector<store::MetaverseWrite> metaverse_writes();
  void touch_waiting();
  void retry_joins(const std::vector<Key>& keys);
  void error(const Node& node, std::string_view stage, std::string_view id, std::string message);

  const Inbound& stage_;
  const Context& context_;
  bool full_;
  bool errors_exist_;
  std::unique_ptr<store::View> view_;
  std::unique_ptr<store::Batch> batch_;
  std::unique_ptr<StoredReferenceNames> names_;
  std::unique_ptr<NameClaims> claims_;  ///< where rules use UniqueName()
  std::vector<std::unique_ptr<Node>> nodes_;
  std::unordered_map<std::int64_t, Node*> by_id_;
  std::unordered_map<std::int64_t, std::unique_ptr<Working>> working_;
  std::unordered_map<Key, std::vector<MetaverseId>, KeyHash> candidates_;  ///< by key of the metaverse
  std::unordered_map<Key, std::vector<Node*>, KeyHash> loose_;  ///< disconnectors of this page, by their keys
  std::vector<Key> retry_keys_;                                 ///< of disconnectors that may now join
  std::vector<MetaverseId> adopt_;  ///< outbound rules may now find an existing account for these
  std::vector<store::ObjectError> errors_;
  std::set<std::pair<std::int64_t, std::string>> failed_;
  MetaverseId next_metaverse_{};
};

Node& Inbound::Page::add(store::ObjectWithImages loaded, bool in_page) {
  if (const auto known = by_id_.find(loaded.object.id.value); known != by_id_.end()) return *known->second;
  const ConnectorInfo& info = context_.connector(loaded.object.connector);
  auto& node = nodes_.emplace_back(std::make_unique<Node>(std::move(loaded), info));
  node->in_page = in_page;
  by_id_.emplace(node->object.id.value, node.get());
  prepare_inbound(*node, context_.rules, names_.get());
  return *node;
}

void Inbound::Page::load_metaverse(store::View& view, std::vector<MetaverseId> ids) {
  std::erase_if(ids, [&](MetaverseId id) { return working_.contains(id.value); });
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  if (ids.empty()) return;
  for (store::Metaverse& row : view.load_metaverse(ids)) {
    auto working = std::make_unique<Working>();
    working->image = model::decode(row.image);
    working->lineage = model::decode_lineage(row.lineage);
    working->keys = keys_of(working->image, context_.rules.metaverse_keys());
    std::sort(working->keys.begin(), working->keys.end());
    working->row = std::move(row);
    working_.emplace(working->row.id.value, std::move(working));
  }
  for (store::ObjectWithImages& member : view.joined_to(ids, store::all_images)) {
    Node& node = add(std::move(member), false);
    working_.at(node.object.metaverse.value)->members.push_back(&node);
  }
}

void Inbound::Page::load_candidates() {
  std::vector<Key> keys;
  std::vector<Key> adoption_keys;
  const auto collect = [&](const Node& node, const CompiledRule* rule, std::vector<Key>& into) {
    for (const auto& group : rule->join()) {
      for (const rules::CompiledJoin& clause : group) {
        const model::ImageAttribute* attribute = node.image.find(clause.source);
        if (attribute == nullptr) continue;
        for (const model::Value& value : attribute->values) into.push_back({clause.target, model::join_key(value)});
      }
    }
  };
  for (const auto& node : nodes_) {
    if (!node->in_page || !node->participates || (node->object.metaverse && keeps_link(*node))) continue;
    for (const CompiledRule* rule : node->in_scope) collect(*node, rule, keys);
    if (full_) continue;
    for (const auto& rule : context_.rules.rules()) {
      const bool mine = rule->rule().direction == rules::Direction::outbound &&
                        rule->target_type() == node->object.type &&
                        (rule->rule().connector.empty() ? rule->rule().kind == node->info->kind
                                                        : rule->rule().connector == node->info->name);
      if (mine) collect(*node, rule.get(), adoption_keys);
    }
  }
  std::vector<MetaverseId> ids;
  for (const auto& match : view_->metaverse_by_key(keys)) {
    candidates_[keys[match.key]].push_back(match.id);
    ids.push_back(match.id);
  }
  for (auto& [key, found] : candidates_) {
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
  }
  for (const auto& match : view_->metaverse_by_key(adoption_keys)) adopt_.push_back(match.id);
  load_metaverse(*view_, std::move(ids));
}

void Inbound::Page::read(std::vector<store::ObjectWithImages> objects) {
  view_ = context_.store.view();
  batch_ = context_.store.batch(context_.lease, store::Durability::deferred);
  names_ = std::make_unique<StoredReferenceNames>(context_, *view_);
  names_->expect(objects);
  if (const auto unique = context_.rules.unique_names(); !unique.empty())
    claims_ = std::make_unique<NameClaims>(*view_, unique);
  std::vector<MetaverseId> ids;
  for (store::ObjectWithImages& one : objects) {
    const Node& node = add(std::move(one), true);
    if (!node.object.metaverse) continue;
    if (!is_passive(node)) {
      ids.push_back(node.object.metaverse);
    } else if (!full_ && (node.object.touched & store::touched_inbound) != 0) {
      adopt_.push_back(node.object.metaverse);
    }
  }
  load_metaverse(*view_, std::move(ids));
  load_candidates();
  next_metaverse_ = batch_->new_metaverse(objects.size());
}

/// Joined, and of a connector that gives nothing: its metaverse object need not be looked at here.
bool Inbound::Page::is_passive(const Node& node) const {
  return node.participates && node.object.metaverse && !context_.rules.has_inbound(node.info->name);
}

bool Inbound::Page::keeps_link(const Node& node) const {
  if (!node.object.link_rule) return true;  // an administrator's
  const CompiledRule* rule = context_.rules.find(node.object.link_rule);
  if (rule == nullptr) return false;
  if (rule->rule().direction == rules::Direction::outbound) return true;  // the outbound stage's to judge
  return std::find(node.in_scope.begin(), node.in_scope.end(), rule) != node.in_scope.end();
}

void Inbound::Page::error(const Node& node, std::string_view stage, std::string_view id, std::string message) {
  store::ObjectError one;
  one.object = node.object.id;
  one.stage = stage;
  one.error = id;
  one.message = std::move(message);
  one.first_at = one.last_at = context_.clock.now();
  one.count = 1;
  failed_.emplace(node.object.id.value, std::string(stage));
  errors_.push_back(std::move(one));
  counters.add("errors");
}

void Inbound::Page::leave(Node& node) {
  const auto found = working_.find(node.object.metaverse.value);
  if (found == working_.end()) return;
  std::erase(found->second->members, &node);
  found->second->dirty = true;
  found->second->left = true;
  counters.add("unlinked");
}

void Inbound::Page::decide_gone(Node& node) {
  if (node.object.state == store::ObjectState::placeholder) return;
  if (node.object.desired == store::Desired::absent) return;  // an add without an answer, to be looked up
  const bool provisioned = context_.rules.provisions_outbound(node.object.link_rule);
  // What we made is made again; what was only joined is not ours to bring back.
  if (provisioned && node.object.desired == store::Desired::present) return;
  leave(node);
  node.link_changed = true;
  node.object.metaverse = {};
  node.removed = true;
}

void Inbound::Page::decide_link(Node& node) {
  node.object.touched &= static_cast<std::uint8_t>(~store::touched_inbound);
  if (is_passive(node)) return;
  if (const auto found = working_.find(node.object.metaverse.value); found != working_.end())
    found->second->dirty = true;
  if (!node.participates) return decide_gone(node);
  if (node.object.state == store::ObjectState::explicit_disconnector) return;
  if (node.object.metaverse) {
    if (keeps_link(node)) return;
    leave(node);
    node.unlink(store::Desired::none);
  }
  try_join(node);
  if (node.object.metaverse) return;
  const bool has_rules = !context_.rules.inbound(node.info->name, node.object.type).empty();
  node.object.state =
      has_rules && node.in_scope.empty() ? store::ObjectState::filtered : store::ObjectState::disconnector;
  if (node.object.state == store::ObjectState::filtered) counters.add("filtered");
  node.give_keys(context_.rules);
  for (const Key& key : node.keys) loose_[key].push_back(&node);
}

std::vector<Inbound::Working*> Inbound::Page::matches(const Node& node, const std::vector<rules::CompiledJoin>& group,
                                                      const CompiledRule& rule) {
  std::vector<MetaverseId> common;
  for (std::size_t i = 0; i < group.size(); ++i) {
    const model::ImageAttribute* attribute = node.image.find(group[i].source);
    if (attribute == nullptr || attribute->values.size() != 1) return {};
    const auto found = candidates_.find(Key{group[i].target, model::join_key(attribute->values.front())});
    if (found == candidates_.end()) return {};
    std::vector<MetaverseId> mine;
    for (const MetaverseId id : found->second) {
      const Working& candidate = *working_.at(id.value);
      if (candidate.deleted || !rule.writes(candidate.row.type)) continue;
      const model::ImageAttribute* other = candidate.image.find(group[i].target);
      const bool exact = other != nullptr && std::find(other->values.begin(), other->values.end(),
                                                       attribute->values.front()) != other->values.end();
      if (!group[i].case_sensitive || exact) mine.push_back(id);
    }
    std::sort(mine.begin(), mine.end());
    if (i == 0) {
      common = std::move(mine);
    } else {
      std::erase_if(common, [&](MetaverseId id) { return !std::binary_search(mine.begin(), mine.end(), id); });
    }
  }
  std::vector<Working*> result;
  result.reserve(common.size());
  for (const MetaverseId id : common) result.push_back(working_.at(id.value).get());
  return result;
}

void Inbound::Page::try_join(Node& node) {
  std::vector<const CompiledRule*> joining;
  for (const CompiledRule* rule : node.in_scope) {
    if (!rule->join().empty()) joining.push_back(rule);
  }
  if (joining.size() > 1) {
    return error(node, "join", "several-join-rules",
                 fmt::format("{}: the rules \"{}\" and \"{}\" both want to decide its join", node.object.dn,
                             joining[0]->rule().name, joining[1]->rule().name));
  }
  if (!joining.empty()) {
    bool ambiguous = false;
    const rules::CompiledJoin* several = nullptr;
    for (const auto& group : joining.front()->join()) {
      const std::vector<Working*> found = matches(node, group, *joining.front());
      if (found.size() == 1) return join(node, *joining.front(), *found.front());
      ambiguous = ambiguous || found.size() > 1;
      if (several == nullptr) several = several_values(group, node.image);
    }
    if (ambiguous) {
      return error(node, "join", "ambiguous-join",
                   fmt::format("{}: the join conditions of \"{}\" fit several metaverse objects", node.object.dn,
                               joining.front()->rule().name));
    }
    if (several != nullptr) {
      return error(node, "join", "join-object-id-must-be-single-valued",
                   fmt::format("{}: \"{}\" joins by {}, which has several values here", node.object.dn,
                               joining.front()->rule().name, context_.store.names().name(several->source)));
    }
  }
  if (const CompiledRule* rule = first_provisioning(node)) project(node, *rule);
}

void Inbound::Page::join(Node& node, const CompiledRule& rule, Working& target) {
  const auto rival = std::find_if(target.members.begin(), target.members.end(), [&](const Node* member) {
    return member != &node && member->info == node.info && member->participates;
  });
  if (rival != target.members.end()) {
    return error(
        node, "join", "already-joined",
        fmt::format("{}: its join leads to the same identity as that of {}, and one connector can give only one object",
                    node.object.dn, (*rival)->object.dn));
  }
  // An add that waits for its export gives way to the account that is already there.
  std::erase_if(target.members, [&](Node* member) {
    if (member->info != node.info) return false;
    member->release(false);
    return true;
  });
  node.link(target.row.id, rule.id());
  target.members.push_back(&node);
  target.dirty = true;
  counters.add("joined");
}

void Inbound::Page::project(Node& node, const CompiledRule& rule) {
  auto fresh = std::make_unique<Working>();
  fresh->row.id = next_metaverse_;
  fresh->row.type = rule.target_type();
  fresh->created = true;
  fresh->dirty = true;
  fresh->members.push_back(&node);
  node.object.metaverse = fresh->row.id;
  fold(*fresh);
  if (!fresh->folded) {  // a flow failed: what is half known is not projected
    node.object.metaverse = {};
    return;
  }
  ++next_metaverse_.value;
  node.link(fresh->row.id, rule.id());
  counters.add("projected");
  for (const Key& key : fresh->keys) candidates_[key].push_back(fresh->row.id);
  working_.emplace(fresh->row.id.value, std::move(fresh));
}

void Inbound::Page::fold(Working& target) {
  target.judged = true;
  std::vector<Contributor> contributors;
  std::deque<ClaimingSource> claiming;
  for (const Node* member : target.members) {
    Contributor one{member->object.id, member->info->position, member->source.get(), &member->image, {}};
    if (claims_ != nullptr && one.source != nullptr)
      one.source = &claiming.emplace_back(*one.source, *claims_, target.row.id, target.image);
    for (const CompiledRule* rule : member->in_scope) {
      if (rule->writes(target.row.type)) one.rules.push_back(rule);
    }
    if (!one.rules.empty()) contributors.push_back(std::move(one));
  }
  Folded folded = sync::fold(contributors, {&target.image, &target.lineage, target.created});
  counters.add("flows", static_cast<std::int64_t>(folded.lineage.size()));
  if (folded.failure) {
    if (std::exchange(target.left, false)) {
      // The identity stays as it was, but a place in it is free, and where its references lead may be another now.
      for (Node* member : target.members) member->object.touched |= store::touched_references;
      retry_joins(target.keys);
    }
    const Node& blamed = *by_id_.at(folded.failure->object.value);
    return error(blamed, "flow", "flow-error",
                 fmt::format("{}: rule \"{}\", attribute {}: {}", blamed.object.dn, folded.failure->rule,
                             folded.failure->attribute, folded.failure->message));
  }
  target.image = std::move(folded.image);
  target.lineage = std::move(folded.lineage);
  target.folded = true;
  std::vector<Key> keys = keys_of(target.image, context_.rules.metaverse_keys());
  std::sort(keys.begin(), keys.end());
  std::vector<Key> changed;
  if (std::exchange(target.left, false)) {
    std::set_union(keys.begin(), keys.end(), target.keys.begin(), target.keys.end(), std::back_inserter(changed));
  } else {
    std::set_symmetric_difference(keys.begin(), keys.end(), target.keys.begin(), target.keys.end(),
                                  std::back_inserter(changed));
  }
  target.keys = std::move(keys);
  if (claims_ != nullptr) claims_->hold(target.row.id, target.keys);
  retry_joins(changed);
}

/// Disconnectors that look for these keys may find now what they did not, or find one where there were several.
void Inbound::Page::retry_joins(const std::vector<Key>& keys) {
  for (const Key& key : keys) {
    for (const auto& [source, metaverse] : stage_.join_pairs_) {
      if (metaverse != key.attribute) continue;
      Key other{source, key.key};
      if (const auto found = loose_.find(other); found != loose_.end()) {
        for (Node* node : found->second) node->object.touched |= store::touched_inbound;
      }
      retry_keys_.push_back(std::move(other));
    }
  }
}

void Inbound::Page::remove_metaverse(Working& target) {
  target.deleted = true;
  counters.add("metaverse_deleted");
  retry_joins(target.keys);
  for (Node* member : target.members) {
    const bool provisioned =
        context_.rules.provisions_outbound(member->object.link_rule) && !member->info->disconnect_instead_of_delete;
    member->release(provisioned);
    if (member->participates) {
      member->object.touched |= store::touched_inbound;
      member->give_keys(context_.rules);
    }
  }
  target.members.clear();
}

/// By id where names are given first come, first served; else as they lie.
std::vector<Inbound::Working*> Inbound::Page::in_order() {
  std::vector<Working*> all;
  all.reserve(working_.size());
  for (auto& [id, target] : working_) all.push_back(target.get());
  if (claims_ != nullptr)
    std::sort(all.begin(), all.end(), [](const Working* a, const Working* b) { return a->row.id < b->row.id; });
  return all;
}

void Inbound::Page::decide() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i]->in_page) decide_link(*nodes_[i]);
  }
  for (Working* target : in_order()) {
    if (!target->dirty || target->deleted) continue;
    const bool alive = std::any_of(target->members.begin(), target->members.end(),
                                   [&](const Node* member) { return holds_alive(*member, target->row.type); });
    if (!alive) {
      remove_metaverse(*target);
    } else if (!target->created || target->members.size() > 1) {
      fold(*target);
    }
  }
}

/// Errors of objects that were looked at again and did not fail this time; flows are asked of all who came along, too.
void Inbound::Page::forget_errors() {
  if (!errors_exist_) return;
  for (const auto& node : nodes_) {
    const auto identity = working_.find(node->object.metaverse.value);
    const bool flowed = node->in_page || (identity != working_.end() && identity->second->judged);
    for (const auto& [stage, looked_at] : {std::pair("join", node->in_page), std::pair("flow", flowed)}) {
      if (!looked_at || failed_.contains({node->object.id.value, stage})) continue;
      store::ObjectError forgotten;
      forgotten.object = node->object.id;
      forgotten.stage = stage;
      errors_.push_back(std::move(forgotten));
    }
  }
}

std::vector<store::MetaverseWrite> Inbound::Page::metaverse_writes() {
  for (const MetaverseId id : adopt_) {
    if (const auto known = working_.find(id.value); known != working_.end()) known->second->dirty = true;
  }
  std::vector<store::MetaverseWrite> metaverse;
  for (auto& [id, target] : working_) {
    if (target->deleted || !target->dirty) continue;
    store::MetaverseWrite write{target->row, false, {}};
    if (target->folded) {
      write.metaverse.image = model::encode(target->image);
      write.metaverse.lineage = model::encode_lineage(target->lineage);
      write.keys_given = target->created || stage_.rewrite_keys_ || write.metaverse.image != target->row.image;
      write.keys = target->keys;
    }
    if (!full_) write.metaverse.touched |= store::touched_outbound;
    if (write.keys_given || write.metaverse != target->row) metaverse.push_back(std::move(write));
  }
  return metaverse;
}

/// Marks what others may do now: disconnectors join, outbound rules adopt accounts.
void Inbound::Page::touch_waiting() {
  std::vector<ObjectId> retry;
  for (const auto& [object, key] : view_->objects_by_key({}, retry_keys_)) {
    if (const auto known = by_id_.find(object.value); known != by_id_.end() && known->second->object.metaverse)
      continue;
    retry.push_back(object);
  }
  batch_->touch_objects(retry, store::touched_inbound, 0);
  std::erase_if(adopt_, [&](MetaverseId id) { return working_.contains(id.value); });
  std::vector<store::MetaverseWrite> adopting;
  for (store::Metaverse& row : view_->load_metaverse(adopt_)) {
    row.touched |= store::touched_outbound;
    adopting.push_back({std::move(row), false, {}});
  }
  batch_->put_metaverse(adopting);
}

void Inbound::Page::write() {
  std::vector<store::ObjectWrite> objects;
  std::vector<ObjectId> removed;
  std::vector<ObjectId> relinked;
  std::vector<MetaverseId> found_or_lost;  // what references to it lead to, in some connector, is another object now
  for (const auto& node : nodes_) {
    if (node->link_changed) {
      relinked.push_back(node->object.id);
      if (node->original.metaverse) found_or_lost.push_back(node->original.metaverse);
      if (node->object.metaverse && context_.rules.has_outbound(node->info->name))
        found_or_lost.push_back(node->object.metaverse);
    }
    if (node->removed) {
      removed.push_back(node->object.id);
    } else if (auto write = write_of(*node)) {
      objects.push_back(std::move(*write));
    }
  }
  std::vector<MetaverseId> deleted;
  for (const auto& [id, target] : working_) {
    if (target->deleted && !target->created) deleted.push_back(target->row.id);
  }
  batch_->put_objects(objects);
  batch_->put_metaverse(metaverse_writes());
  batch_->remove_metaverse(deleted);
  if (!full_) touch_references_to(*batch_, context_.rules, found_or_lost, relinked);
  batch_->remove_objects(removed);
  touch_waiting();
  forget_errors();
  batch_->put_errors(errors_);
  view_.reset();  // an open one would keep SQLite from beginning its log anew
  batch_->commit();
}

Inbound::Inbound(const Context& context, Counters& counters) : context_(context), counters_(counters) {
  for (const auto& rule : context.rules.rules()) {
    if (rule->rule().direction != rules::Direction::inbound) continue;
    for (const auto& group : rule->join()) {
      for (const rules::CompiledJoin& clause : group) join_pairs_.emplace_back(clause.source, clause.target);
    }
  }
  std::sort(join_pairs_.begin(), join_pairs_.end());
  join_pairs_.erase(std::unique(join_pairs_.begin(), join_pairs_.end()), join_pairs_.end());
}

std::size_t Inbound::run_pass(bool full) {
  const bool errors_exist = !context_.store.summary()->errors({}, {0, 1}).empty();
  std::size_t done = 0;
  for (store::Page at{0, k_page};;) {
    context_.check_stop();
    const std::uint8_t touched = full ? store::touched_nothing : store::touched_inbound;
    auto objects = context_.store.view()->scan_objects({}, touched, store::all_images, at);
    if (objects.empty()) return done;
    at.after = objects.back().object.id.value;
    done += objects.size();
    Page page(*this, full, errors_exist);
    page.read(std::move(objects));
    page.decide();
    page.write();
    for (const auto& [name, count] : page.counters.all()) counters_.add(name, count);
    context_.report("synchronize inbound", done);
  }
}

std::string Inbound::key_attributes() const {
  std::string attributes;
  for (const model::NameId name : context_.rules.metaverse_keys())
    attributes += context_.store.names().name(name) + "\n";
  return attributes;
}

/// Names are free or taken by the keys in the store, so these must be there before the first one is given.
void Inbound::write_keys() {
  const std::string attributes = key_attributes();
  if (context_.store.configuration().setting(k_keys_setting) == attributes) return;
  for (store::Page at{0, k_page};;) {
    context_.check_stop();
    const std::vector<store::Metaverse> rows = context_.store.view()->scan_metaverse(false, at);
    if (rows.empty()) break;
    at.after = rows.back().id.value;
    std::vector<store::MetaverseWrite> writes;
    writes.reserve(rows.size());
    for (const store::Metaverse& row : rows)
      writes.push_back({row, true, keys_of(model::decode(row.image), context_.rules.metaverse_keys())});
    const auto batch = context_.store.batch(context_.lease);
    batch->put_metaverse(writes);
    batch->commit();
  }
  const std::vector<std::pair<std::string, std::string>> written{{std::string(k_keys_setting), attributes}};
  context_.store.configuration().put_settings(written);
}

void Inbound::run(bool full) {
  if (!context_.rules.unique_names().empty()) write_keys();
  if (full) {
    // Rules may have come that join by attributes whose keys nobody has written yet.
    const std::string attributes = key_attributes();
    rewrite_keys_ = context_.store.configuration().setting(k_keys_setting) != attributes;
    (void)run_pass(true);
    const std::vector<std::pair<std::string, std::string>> written{{std::string(k_keys_setting), attributes}};
    if (std::exchange(rewrite_keys_, false)) context_.store.configuration().put_settings(written);
  }
  for (int round = 0; run_pass(false) != 0; ++round) {
    if (round == k_most_rounds) {
      throw Error(Fault::invalid, "sync.no_fixpoint", "the joins do not settle: objects keep touching each other",
                  "Two rules undo each other's joins or values; find them with `linkspan preview`.");
    }
  }
}

}  // namespace linkspan::sync
