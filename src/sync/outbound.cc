#include "sync/outbound.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/error.h"
#include "sync/pending.h"
#include "sync/reference_names.h"
#include "sync/references.h"

namespace linkspan::sync {
namespace {

using rules::CompiledRule;
using store::Key;
using store::MetaverseId;
using store::ObjectId;

constexpr std::size_t k_page = 4000;
constexpr int k_most_rounds = 20;

/// A disconnector that an import has shown, and that nobody keeps apart.
bool may_be_adopted(const Node& node, model::NameId type) {
  return !node.object.metaverse && node.participates && node.object.type == type &&
         node.object.state != store::ObjectState::explicit_disconnector;
}

bool has_value(const Node& node, model::NameId attribute, const model::Value& value) {
  const model::Image image = model::decode(node.images.observed);
  const model::ImageAttribute* found = image.find(attribute);
  return found != nullptr && std::find(found->values.begin(), found->values.end(), value) != found->values.end();
}

/// Whether two desired images speak of the same references, of the same attributes.
bool same_references(const model::Image& a, const model::Image& b) {
  const auto speaks = [](const model::ImageAttribute& attribute) {
    return !attribute.references.empty() || attribute.values.empty();
  };
  const auto part_of = [&](const model::Image& image) {
    std::vector<std::pair<model::NameId, std::span<const model::ReferenceSource>>> part;
    for (const model::ImageAttribute& attribute : image.attributes()) {
      if (speaks(attribute)) part.emplace_back(attribute.name, attribute.references);
    }
    return part;
  };
  return std::ranges::equal(part_of(a), part_of(b), [](const auto& one, const auto& other) {
    return one.first == other.first && std::ranges::equal(one.second, other.second);
  });
}

/// One metaverse object of the page, decoded, with what is joined to it.
struct Identity {
  store::Metaverse row;
  model::Image image;
  std::unique_ptr<ImageSource> source;
  std::vector<Node*> members;
};

class Page {
 public:
  Page(const Context& context, bool full, bool errors_exist)
      : context_(context), full_(full), errors_exist_(errors_exist) {}

  void read(std::vector<store::Metaverse> rows);
  void decide();
  void write();
  Counters counters;

 private:
  /// One metaverse object towards one connector.
  struct Pair {
    Identity* identity;
    const ConnectorInfo* info;
    OutboundScope scope;
    Node* node;
    bool retyped = false;  ///< the rules in scope speak of objects of another type than that of `node`
  };
  Node& add(store::ObjectWithImages loaded);
  void find_existing();
  void decide_pair(Pair& pair);
  bool settle_link(Pair& pair);
  bool link(Pair& pair);
  void detach(Node& node);
  Node* existing_for(const Pair& pair, std::string& problem);
  void refuse_join(const Pair& pair, const std::string& problem);
  Node* provision(const Pair& pair);
  void plan(const Pair& pair);
  void error(const Node& node, std::string_view id, std::string message);

  const Context& context_;
  bool full_;
  bool errors_exist_;
  std::unique_ptr<store::View> view_;
  std::unique_ptr<store::Batch> batch_;
  std::unique_ptr<StoredReferenceNames> names_;
  std::vector<std::unique_ptr<Identity>> identities_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::unordered_map<std::int64_t, Node*> by_id_;
  std::vector<Pair> pairs_;
  std::map<std::pair<std::int64_t, Key>, std::vector<Node*>> existing_;  ///< disconnectors by connector and key
  std::vector<MetaverseId> relinked_;
  std::vector<store::ObjectError> errors_;
  std::set<std::int64_t> failed_;
  ObjectId next_object_{};
};

Node& Page::add(store::ObjectWithImages loaded) {
  if (const auto known = by_id_.find(loaded.object.id.value); known != by_id_.end()) return *known->second;
  const ConnectorInfo& info = context_.connector(loaded.object.connector);
  auto& node = nodes_.emplace_back(std::make_unique<Node>(std::move(loaded), info));
  by_id_.emplace(node->object.id.value, node.get());
  return *node;
}

void Page::read(std::vector<store::Metaverse> rows) {
  view_ = context_.store.view();
  batch_ = context_.store.batch(context_.lease, store::Durability::deferred);
  names_ = std::make_unique<StoredReferenceNames>(context_, *view_);
  std::unordered_map<std::int64_t, Identity*> by_metaverse;
  std::vector<MetaverseId> ids;
  for (store::Metaverse& row : rows) {
    auto& one = identities_.emplace_back(std::make_unique<Identity>());
    one->image = model::decode(row.image);
    one->row = std::move(row);
    one->source = std::make_unique<ImageSource>(one->image, one->image, ImageSource::Parameters{{}, names_.get(), {}});
    by_metaverse.emplace(one->row.id.value, one.get());
    ids.push_back(one->row.id);
  }
  for (store::ObjectWithImages& member : view_->joined_to(ids, store::all_images)) {
    Node& node = add(std::move(member));
    by_metaverse.at(node.object.metaverse.value)->members.push_back(&node);
  }
  for (const auto& identity : identities_) {
    for (const ConnectorInfo& info : context_.connectors) {
      Pair pair{identity.get(), &info, outbound_scope(context_.rules, info, identity->row.type, *identity->source),
                nullptr};
      for (Node* member : identity->members) {
        if (member->info == &info) pair.node = member;
      }
      if (pair.node != nullptr && pair.node->object.type != 0) {
        OutboundScope mine = of_type(pair.scope, pair.node->object.type);
        pair.retyped = mine.in_scope.empty() && pair.scope.provisioning != nullptr;
        if (!pair.retyped) pair.scope = std::move(mine);
      }
      const bool was_ours = pair.node != nullptr && pair.node->object.desired != store::Desired::none;
      if (!pair.scope.in_scope.empty() || was_ours) pairs_.push_back(std::move(pair));
    }
  }
  find_existing();
  const auto fresh = std::count_if(pairs_.begin(), pairs_.end(),
                                   [](const Pair& pair) { return pair.node == nullptr || pair.retyped; });
  if (fresh > 0) next_object_ = batch_->new_objects(static_cast<std::size_t>(fresh));
}

/// Looks up, in one go for each connector, the accounts that those without one might adopt.
void Page::find_existing() {
  std::map<std::int64_t, std::set<Key>> wanted;
  for (const Pair& pair : pairs_) {
    if (pair.node != nullptr && !pair.node->is_provisional()) continue;
    for (const CompiledRule* rule : pair.scope.in_scope) {
      for (const auto& group : rule->join()) {
        for (const rules::CompiledJoin& clause : group) {
          const model::ImageAttribute* attribute = pair.identity->image.find(clause.target);
          if (attribute == nullptr) continue;
          for (const model::Value& value : attribute->values) {
            wanted[pair.info->id.value].insert({clause.source, model::join_key(value)});
          }
        }
      }
    }
  }
  for (const auto& [connector, key_set] : wanted) {
    const std::vector<Key> keys(key_set.begin(), key_set.end());
    const auto found = view_->objects_by_key({connector}, keys);
    std::vector<ObjectId> ids;
    ids.reserve(found.size());
    for (const auto& [object, key] : found) ids.push_back(object);
    for (store::ObjectWithImages& one : view_->load_objects(ids, store::all_images)) add(std::move(one));
    for (const auto& [object, key] : found) {
      const auto node = by_id_.find(object.value);
      if (node != by_id_.end()) existing_[{connector, keys[key]}].push_back(node->second);
    }
  }
}

Node* Page::existing_for(const Pair& pair, std::string& problem) {
  const CompiledRule* joining = nullptr;
  for (const CompiledRule* rule : pair.scope.in_scope) {
    if (rule->join().empty()) continue;
    if (joining == nullptr) {
      joining = rule;
    } else if (!std::ranges::equal(joining->join(), rule->join())) {
      problem = "several-join-rules";
      return nullptr;
    }
  }
  if (joining == nullptr) return nullptr;
  for (const auto& group : joining->join()) {
    std::vector<Node*> common;
    for (std::size_t i = 0; i < group.size(); ++i) {
      const model::ImageAttribute* attribute = pair.identity->image.find(group[i].target);
      std::vector<Node*> mine;
      if (attribute != nullptr && attribute->values.size() > 1 && problem.empty())
        problem = "join-object-id-must-be-single-valued";
      if (attribute != nullptr && attribute->values.size() == 1) {
        const auto found =
            existing_.find({pair.info->id.value, Key{group[i].source, model::join_key(attribute->values.front())}});
        if (found != existing_.end()) mine = found->second;
        std::erase_if(mine, [&](const Node* node) {
          return !may_be_adopted(*node, joining->target_type()) ||
                 (group[i].case_sensitive && !has_value(*node, group[i].source, attribute->values.front()));
        });
      }
      std::sort(mine.begin(), mine.end());
      mine.erase(std::unique(mine.begin(), mine.end()), mine.end());
      if (i == 0) {
        common = std::move(mine);
      } else {
        std::erase_if(common, [&](Node* node) { return !std::binary_search(mine.begin(), mine.end(), node); });
      }
    }
    if (common.size() == 1) {
      problem.clear();
      common.front()->link(pair.identity->row.id, joining->id());
      return common.front();
    }
    if (common.size() > 1) problem = "ambiguous-join";
  }
  return nullptr;
}

/// Said of an object of the identity, for in the target there is none.
void Page::refuse_join(const Pair& pair, const std::string& problem) {
  if (pair.identity->members.empty()) return;
  const Node& blamed = *pair.identity->members.front();
  std::string why = "the join conditions fit several objects";
  if (problem == "several-join-rules") why = "several rules with join conditions are in scope";
  if (problem == "join-object-id-must-be-single-valued") why = "what it would be found by has several values";
  error(blamed, problem,
        fmt::format("{}: towards {} {}; none is adopted and none is created", blamed.object.dn, pair.info->name, why));
}

void Page::error(const Node& node, std::string_view id, std::string message) {
  store::ObjectError one;
  one.object = node.object.id;
  one.stage = "plan";
  one.error = id;
  one.message = std::move(message);
  one.first_at = one.last_at = context_.clock.now();
  one.count = 1;
  failed_.insert(node.object.id.value);
  errors_.push_back(std::move(one));
  counters.add("errors");
}

/// The rule that linked the object has left scope: a provisioned account goes, a joined one is let go as it is.
void Page::detach(Node& node) {
  const CompiledRule* rule = context_.rules.find(node.object.link_rule);
  const bool linked_outbound =
      node.object.link_rule && (rule == nullptr || rule->rule().direction == rules::Direction::outbound);
  if (!linked_outbound) {  // joined by an inbound rule or an administrator: only our wishes are withdrawn
    node.object.desired = store::Desired::none;
    node.desired = {};
    node.desired_given = true;
    node.object.touched |= store::touched_references;
    if (node.participates) node.object.touched |= store::touched_inbound;  // inbound rules read our wishes, too
    return;
  }
  const bool provisioned =
      context_.rules.provisions_outbound(node.object.link_rule) && !node.info->disconnect_instead_of_delete;
  relinked_.push_back(node.object.metaverse);
  node.release(provisioned);
  counters.add(provisioned ? "deprovisioned" : "disconnected");
  if (!node.removed && node.participates) {
    node.give_keys(context_.rules);
    node.object.touched |= store::touched_inbound;
  }
}

Node* Page::provision(const Pair& pair) {
  store::ObjectWithImages fresh;
  fresh.object.id = next_object_;
  fresh.object.connector = pair.info->id;
  fresh.object.type = pair.scope.provisioning->target_type();
  ++next_object_.value;
  Node& node = add(std::move(fresh));
  node.original.id = {};  // so that it differs from what is stored: nothing
  node.link(pair.identity->row.id, pair.scope.provisioning->id());
  node.keys_given = false;
  return &node;
}

/// Finds, keeps, changes or cuts the link; false when there is nothing to plan.
bool Page::settle_link(Pair& pair) {
  if (pair.node != nullptr && pair.retyped) {
    // It is to be an object of another type from now on: if it is ours this one goes, and one of that type comes.
    if (pair.node->object.desired == store::Desired::none) return false;
    detach(*pair.node);
    if (pair.node->object.metaverse) return false;
    pair.node = nullptr;
  }
  const bool linked = link(pair);
  if (linked) pair.scope = of_type(pair.scope, pair.node->object.type);
  return linked;
}

/// The same, once only rules that may speak of the linked object are left.
bool Page::link(Pair& pair) {
  if (pair.node != nullptr && !pair.scope.in_scope.empty()) {
    const CompiledRule* rule = context_.rules.find(pair.node->object.link_rule);
    const bool outbound =
        pair.node->object.link_rule && (rule == nullptr || rule->rule().direction == rules::Direction::outbound);
    const bool held = !outbound || std::find(pair.scope.in_scope.begin(), pair.scope.in_scope.end(), rule) !=
                                       pair.scope.in_scope.end();
    if (!held && pair.scope.provisioning != nullptr) {
      pair.node->object.link_rule = pair.scope.provisioning->id();
    } else if (!held) {
      detach(*pair.node);
      return false;
    }
  } else if (pair.node != nullptr) {
    detach(*pair.node);
    return false;
  }
  if (pair.node != nullptr && !pair.node->is_provisional()) return true;

  std::string problem;
  if (Node* existing = existing_for(pair, problem)) {
    if (pair.node != nullptr) {
      pair.node->release(false);
    }
    pair.node = existing;
    relinked_.push_back(pair.identity->row.id);
    counters.add("adopted");
    return true;
  }
  if (pair.node != nullptr) return true;
  if (!problem.empty()) {
    refuse_join(pair, problem);
    return false;
  }
  if (pair.scope.provisioning == nullptr) return false;
  pair.node = provision(pair);
  return true;
}

void Page::plan(const Pair& pair) {
  Node& node = *pair.node;
  const bool created = !node.original.id;
  const model::Image observed = model::decode(node.images.observed);
  const model::Image actual = node.images.sent.empty() ? observed
                                                       : model::effective(observed, model::decode(node.images.sent),
                                                                          model::decode(node.images.shadow));
  const bool is_there = exists(node.object, !node.images.sent.empty());
  const std::vector<Contributor> contributors{
      {{}, 0, pair.identity->source.get(), &pair.identity->image, pair.scope.in_scope}};
  Folded folded = fold(contributors, {nullptr, nullptr, !is_there});
  if (folded.failure) {
    const bool blame_source = created && !pair.identity->members.empty();
    const Node& blamed = blame_source ? *pair.identity->members.front() : node;
    error(blamed, "flow-error",
          fmt::format("{}: rule \"{}\", attribute {}: {}", blamed.object.dn, folded.failure->rule,
                      folded.failure->attribute, folded.failure->message));
    if (created) node.removed = true;
    return;
  }
  if (created) {
    relinked_.push_back(pair.identity->row.id);
    counters.add("provisioned");
  }
  const model::Image previous =
      node.original.desired == store::Desired::present ? model::decode(node.images.desired) : model::Image{};
  node.desired = desired_image(std::move(folded), previous, actual);
  node.desired_given = true;
  node.object.desired = store::Desired::present;
  if (node.images.observed.empty()) {
    const std::string name = display_name(node.desired, context_.store.names());
    if (!name.empty()) node.object.dn = name;
  }
  // Where each single reference leads is the touched references' to say; what is derived of many is looked at whole.
  if (!full_ && (!same_references(node.desired, previous) || has_derived_references(node.desired)))
    node.object.touched |= store::touched_references;
  if (node.desired == previous && node.original.desired == store::Desired::present) return;
  counters.add("changed");
  if (context_.rules.has_inbound(node.info->name) && node.participates) node.object.touched |= store::touched_inbound;
}

void Page::decide() {
  for (Pair& pair : pairs_) {
    if (settle_link(pair)) plan(pair);
  }
}

void Page::write() {
  std::vector<store::ObjectWrite> objects;
  std::vector<ObjectId> removed;
  std::vector<ObjectId> relinked;
  for (const auto& node : nodes_) {
    if (node->link_changed && node->original.id) relinked.push_back(node->object.id);
    if (node->removed) {
      if (node->original.id) removed.push_back(node->object.id);
      continue;
    }
    if (auto write = write_of(*node)) objects.push_back(std::move(*write));
    if (!errors_exist_ || failed_.contains(node->object.id.value)) continue;
    store::ObjectError forgotten;
    forgotten.object = node->object.id;
    forgotten.stage = "plan";
    errors_.push_back(std::move(forgotten));
  }
  std::vector<store::MetaverseWrite> metaverse;
  for (const auto& identity : identities_) {
    if (identity->row.touched == store::touched_nothing) continue;
    store::MetaverseWrite write{identity->row, false, {}};
    write.metaverse.touched = store::touched_nothing;
    metaverse.push_back(std::move(write));
  }
  batch_->put_metaverse(metaverse);
  batch_->put_objects(objects);
  if (!full_) touch_references_to(*batch_, context_.rules, relinked_, relinked);
  batch_->remove_objects(removed);
  batch_->put_errors(errors_);
  view_.reset();  // an open one would keep SQLite from beginning its log anew
  batch_->commit();
}

}  // namespace

OutboundScope outbound_scope(const rules::RuleSet& rules, const ConnectorInfo& info, model::NameId type,
                             const rules::Source& source) {
  OutboundScope scope;
  for (const CompiledRule* rule : rules.outbound(info.name, type)) {
    if (!rule->in_scope(source)) continue;
    scope.in_scope.push_back(rule);
    if (scope.provisioning == nullptr && rule->rule().link == rules::LinkType::provision) scope.provisioning = rule;
  }
  return scope;
}

OutboundScope of_type(const OutboundScope& scope, model::NameId type) {
  OutboundScope out;
  for (const CompiledRule* rule : scope.in_scope) {
    if (rule->target_type() != type) continue;
    out.in_scope.push_back(rule);
    if (out.provisioning == nullptr && rule->rule().link == rules::LinkType::provision) out.provisioning = rule;
  }
  return out;
}

namespace {

/// A directory's own values of an attribute that rules merge into stay; a rule without a value says nothing of it.
void merge_actual(Folded& folded, const model::Image& actual) {
  for (const Folded::Merged& merged : folded.merged) {
    const model::ImageAttribute* given = folded.image.find(merged.name);
    if (given == nullptr) {
      std::erase(folded.cleared, merged.name);
      folded.ignored.push_back(merged.name);
      continue;
    }
    const model::ImageAttribute* there = actual.find(merged.name);
    if (there == nullptr) continue;
    model::Values values = there->values;
    std::set<std::string> keys;
    for (const model::Value& value : values) keys.insert(model::join_key(value));
    for (const model::Value& value : given->values) {
      const bool known = merged.ignoring_case ? keys.contains(model::join_key(value))
                                              : std::find(values.begin(), values.end(), value) != values.end();
      if (!known) values.push_back(value);
    }
    folded.image.set(merged.name, std::move(values));
  }
}

}  // namespace

model::Image desired_image(Folded folded, const model::Image& previous, const model::Image& actual) {
  merge_actual(folded, actual);
  model::Image image = std::move(folded.image);
  // Counts are the metaverse's; a desired image must not differ because of them.
  for (const model::ImageAttribute& attribute : std::vector<model::ImageAttribute>(image.attributes())) {
    if (attribute.references.empty()) continue;
    std::vector<model::ReferenceSource> sources = attribute.references;
    for (model::ReferenceSource& source : sources) source.count = 0;
    image.set_references(attribute.name, std::move(sources));
  }
  for (const model::NameId name : folded.cleared) image.set(name, {});
  for (const model::ImageAttribute& attribute : previous.attributes()) {
    const bool spoken = image.find(attribute.name) != nullptr ||
                        std::find(folded.ignored.begin(), folded.ignored.end(), attribute.name) != folded.ignored.end();
    if (!spoken && actual.find(attribute.name) != nullptr) image.set(attribute.name, {});
  }
  return image;
}

std::string display_name(const model::Image& image, const model::Names& names) {
  for (const char* candidate : {"dn", "userName", "displayName", "cn", "externalId"}) {
    const auto name = names.find(candidate);
    const model::ImageAttribute* attribute = name ? image.find(*name) : nullptr;
    if (attribute != nullptr && !attribute->values.empty()) return model::to_text(attribute->values.front());
  }
  return {};
}

std::size_t Outbound::run_pass(bool full) {
  const bool errors_exist = !context_.store.summary()->errors({}, {0, 1}).empty();
  std::size_t done = 0;
  for (store::Page at{0, k_page};;) {
    context_.check_stop();
    auto rows = context_.store.view()->scan_metaverse(!full, at);
    if (rows.empty()) return done;
    at.after = rows.back().id.value;
    done += rows.size();
    Page page(context_, full, errors_exist);
    page.read(std::move(rows));
    page.decide();
    page.write();
    for (const auto& [name, count] : page.counters.all()) counters_.add(name, count);
    context_.report("synchronize outbound", done);
  }
}

std::size_t Outbound::run(bool full) {
  std::size_t done = full ? run_pass(true) : 0;
  for (int round = 0;; ++round) {
    const std::size_t more = run_pass(false);
    done += more;
    if (more == 0) return done;
    if (round == k_most_rounds) {
      throw Error(Fault::invalid, "sync.no_fixpoint",
                  "the outbound plan does not settle: metaverse objects keep touching each other",
                  "Two rules undo each other; find them with `linkspan preview`.");
    }
  }
}

}  // namespace linkspan::sync
