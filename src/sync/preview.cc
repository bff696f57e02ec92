#include "sync/preview.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <deque>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "model/dn.h"
#include "sync/name_claims.h"
#include "sync/node.h"
#include "sync/outbound.h"
#include "sync/pending.h"

namespace linkspan::sync {
namespace {

using rules::CompiledRule;
using rules::Contribution;

std::string state_name(store::ObjectState state) {
  switch (state) {
    case store::ObjectState::placeholder:
      return "placeholder";
    case store::ObjectState::disconnector:
      return "disconnector";
    case store::ObjectState::explicit_disconnector:
      return "explicit disconnector";
    case store::ObjectState::filtered:
      return "filtered";
    case store::ObjectState::joined:
      return "joined";
  }
  return "unknown";
}

std::vector<std::string> texts(const model::Values& values) {
  std::vector<std::string> out;
  for (const model::Value& value : values) out.push_back(printable(model::to_text(value), 2000));
  return out;
}

std::string text_of(const Contribution& contribution, const model::Names& names) {
  switch (contribution.kind) {
    case Contribution::Kind::null:
      return "NULL";
    case Contribution::Kind::authoritative_null:
      return "AuthoritativeNull";
    case Contribution::Kind::ignore:
      return "IgnoreThisFlow";
    case Contribution::Kind::failed:
      return "error: " + contribution.message;
    case Contribution::Kind::references:
      return fmt::format("(references of {})", names.name(contribution.reference));
    case Contribution::Kind::values:
      break;
  }
  return fmt::format("{}", fmt::join(texts(contribution.values), "; "));
}

PreviewRule describe(const CompiledRule& rule, const rules::Source& source, std::string_view connector) {
  PreviewRule out;
  out.rule = rule.rule().name;
  out.connector = connector;
  out.direction = rule.rule().direction == rules::Direction::inbound ? "inbound" : "outbound";
  out.precedence = rule.rule().precedence;
  out.in_scope = rule.in_scope(source);
  if (!out.in_scope) out.because = rule.out_of_scope_because(source);
  return out;
}

class Previewer {
 public:
  Previewer(const Context& context, const ConnectorInfo& info)
      : context_(context), info_(info), names_(context.store.names()), view_(context.store.view()) {}

  Preview run(std::string_view name);

 private:
  Node& load(std::string_view name);
  Node& add(store::ObjectWithImages loaded);
  void explain_joins(const Node& node);
  store::MetaverseId decide(const Node& node);
  void explain_metaverse(Node& node, store::MetaverseId id, model::NameId type);
  void explain_target(const ConnectorInfo& target, model::NameId type, const rules::Source& source);
  std::vector<std::string> dropped_references(const ConnectorInfo& target, const model::Image& desired);
  std::vector<PreviewFlow> flows(const std::vector<Candidate>& candidates);

  const Context& context_;
  const ConnectorInfo& info_;
  const model::Names& names_;
  std::unique_ptr<store::View> view_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<const CompiledRule*> joining_;
  std::vector<std::vector<store::MetaverseId>> join_matches_;  ///< by group of the joining rule
  model::Image metaverse_;
  Preview out_;
};

Node& Previewer::add(store::ObjectWithImages loaded) {
  const ConnectorInfo& info = context_.connector(loaded.object.connector);
  nodes_.push_back(std::make_unique<Node>(std::move(loaded), info));
  prepare_inbound(*nodes_.back(), context_.rules);
  return *nodes_.back();
}

Node& Previewer::load(std::string_view name) {
  const std::vector<std::string> anchors{std::string(name)};
  const std::vector<std::string> keys{model::dn_key(name)};
  const auto found = view_->find_objects(info_.id, anchors, keys);
  if (found.empty()) {
    throw Error(Fault::not_found, "preview.no_object",
                fmt::format("the connector space of {} does not hold \"{}\"", info_.name, printable(name)),
                "Give its DN or its anchor; `linkspan object search` finds it, and an import brings it.");
  }
  const std::vector<store::ObjectId> ids{found.front().id};
  auto loaded = view_->load_objects(ids, store::all_images);
  return add(std::move(loaded.front()));
}

void Previewer::explain_joins(const Node& node) {
  for (const CompiledRule* rule : node.in_scope) {
    if (!rule->join().empty()) joining_.push_back(rule);
  }
  for (const CompiledRule* rule : joining_) {
    for (const auto& group : rule->join()) {
      std::vector<store::MetaverseId> common;
      bool first = true;
      for (const rules::CompiledJoin& clause : group) {
        const model::ImageAttribute* attribute = node.image.find(clause.source);
        const bool single = attribute != nullptr && attribute->values.size() == 1;
        std::vector<store::MetaverseId> mine;
        if (single) {
          const std::vector<store::Key> keys{{clause.target, model::join_key(attribute->values.front())}};
          for (const auto& match : view_->metaverse_by_key(keys)) {
            if (match.type == rule->target_type()) mine.push_back(match.id);
          }
        }
        std::sort(mine.begin(), mine.end());
        out_.joins.push_back(
            {rule->rule().name, fmt::format("{} = {}", names_.name(clause.source), names_.name(clause.target)),
             single ? printable(model::to_text(attribute->values.front())) : std::string(), mine.size()});
        if (first) common = mine;
        std::erase_if(common, [&](auto id) { return !std::binary_search(mine.begin(), mine.end(), id); });
        first = false;
      }
      if (rule == joining_.front()) join_matches_.push_back(std::move(common));
    }
  }
}

/// The metaverse object it would be joined to; 0 = a new one, or none.
store::MetaverseId Previewer::decide(const Node& node) {
  const bool linked_in_scope = !node.object.link_rule || [&] {
    const CompiledRule* rule = context_.rules.find(node.object.link_rule);
    return rule != nullptr && (rule->rule().direction == rules::Direction::outbound ||
                               std::find(node.in_scope.begin(), node.in_scope.end(), rule) != node.in_scope.end());
  }();
  if (node.object.metaverse && linked_in_scope) {
    out_.decision = "stays joined";
    return node.object.metaverse;
  }
  if (node.object.state == store::ObjectState::explicit_disconnector) {
    out_.decision = "is kept apart by an administrator";
    return {};
  }
  if (joining_.size() > 1) {
    out_.decision = "cannot join: several rules with join conditions are in scope";
    out_.errors.emplace_back("several-join-rules");
    return {};
  }
  bool ambiguous = false;
  for (const auto& matches : join_matches_) {
    if (matches.size() == 1) {
      out_.decision = fmt::format("would be joined by \"{}\"", joining_.front()->rule().name);
      return matches.front();
    }
    ambiguous = ambiguous || matches.size() > 1;
  }
  if (ambiguous) {
    out_.decision = "neither joins nor projects: its join conditions fit several metaverse objects";
    out_.errors.emplace_back("ambiguous-join");
    return {};
  }
  const auto provisioning = std::find_if(node.in_scope.begin(), node.in_scope.end(), [](const CompiledRule* rule) {
    return rule->rule().link == rules::LinkType::provision;
  });
  out_.decision = provisioning != node.in_scope.end()
                      ? fmt::format("would be projected by \"{}\"", (*provisioning)->rule().name)
                      : "stays a disconnector: no rule in scope creates or joins";
  return {};
}

std::vector<PreviewFlow> Previewer::flows(const std::vector<Candidate>& candidates) {
  std::vector<PreviewFlow> out;
  for (const Candidate& candidate : candidates) {
    PreviewFlow flow;
    flow.attribute = names_.name(candidate.attribute);
    flow.rule = candidate.rule->rule().name;
    const auto node =
        std::find_if(nodes_.begin(), nodes_.end(), [&](const auto& one) { return one->object.id == candidate.object; });
    if (node != nodes_.end()) {
      flow.connector = (*node)->info->name;
      flow.object = (*node)->object.dn;
    }
    flow.value = text_of(candidate.contribution, names_);
    flow.won = candidate.won;
    out.push_back(std::move(flow));
  }
  return out;
}

void Previewer::explain_metaverse(Node& node, store::MetaverseId id, model::NameId type) {
  Previous previous;
  model::Image old;
  model::Lineage lineage;
  if (id) {
    const std::vector<store::MetaverseId> ids{id};
    for (const store::Metaverse& row : view_->load_metaverse(ids)) {
      old = model::decode(row.image);
      lineage = model::decode_lineage(row.lineage);
    }
    previous = {&old, &lineage, false};
    for (store::ObjectWithImages& member : view_->joined_to(ids, store::all_images)) {
      if (member.object.id != node.object.id) add(std::move(member));
    }
  }
  NameClaims claims(*view_, context_.rules.unique_names());
  std::deque<ClaimingSource> claiming;
  std::vector<Contributor> contributors;
  for (const auto& member : nodes_) {
    Contributor one{member->object.id, member->info->position, member->source.get(), &member->image, {}};
    if (one.source != nullptr) one.source = &claiming.emplace_back(*one.source, claims, id, old);
    for (const CompiledRule* rule : member->in_scope) {
      if (rule->target_type() == type) one.rules.push_back(rule);
    }
    if (!one.rules.empty()) contributors.push_back(std::move(one));
  }
  std::vector<Candidate> candidates;
  Folded folded = fold(contributors, previous, &candidates);
  out_.flows = flows(candidates);
  if (folded.failure) {
    out_.errors.push_back(fmt::format("flow-error: rule \"{}\", attribute {}: {}", folded.failure->rule,
                                      folded.failure->attribute, folded.failure->message));
  }
  metaverse_ = folded.failure ? std::move(old) : std::move(folded.image);
}

/// The first few hundred: enough to see why.
std::vector<std::string> Previewer::dropped_references(const ConnectorInfo& target, const model::Image& desired) {
  constexpr std::size_t k_most = 500;
  std::vector<std::string> out;
  for (const model::ImageAttribute& attribute : desired.attributes()) {
    for (const model::ReferenceSource& source : attribute.references) {
      std::vector<store::ObjectId> ids;
      for (const store::Reference& row : view_->references_of(std::vector{source.object}, false)) {
        const bool led = row.attribute == source.attribute && (row.bits & store::reference_observed) != 0;
        if (led && ids.size() < k_most) ids.push_back(row.target);
      }
      const auto referenced = view_->load_objects(ids, store::no_images);
      std::vector<store::MetaverseId> identities;
      for (const auto& one : referenced) {
        if (one.object.metaverse) identities.push_back(one.object.metaverse);
      }
      std::set<store::MetaverseId> there;
      for (const auto& one : view_->joined_to(identities, store::no_images)) {
        if (one.object.connector == target.id) there.insert(one.object.metaverse);
      }
      for (const auto& one : referenced) {
        if (one.object.metaverse && there.contains(one.object.metaverse)) continue;
        out.push_back(fmt::format("{}: {}", names_.name(attribute.name), printable(one.object.dn)));
      }
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

void Previewer::explain_target(const ConnectorInfo& target, model::NameId type, const rules::Source& source) {
  if (context_.rules.outbound(target.name, type).empty()) return;
  PreviewTarget out;
  out.connector = target.name;
  for (const CompiledRule* rule : context_.rules.outbound(target.name, type))
    out.rules.push_back(describe(*rule, source, target.name));
  const OutboundScope scope = outbound_scope(context_.rules, target, type, source);
  const auto found = std::find_if(nodes_.begin(), nodes_.end(),
                                  [&](const auto& one) { return one->info == &target && one->object.metaverse; });
  const Node* node = found == nodes_.end() ? nullptr : found->get();
  static const store::Images nothing;
  const store::Images& images = node == nullptr ? nothing : node->images;
  store::Object object = node == nullptr ? store::Object{} : node->object;
  const model::Image observed = model::decode(images.observed);
  const model::Image sent = model::decode(images.sent);
  const model::Image shadow = model::decode(images.shadow);
  const model::Image actual = model::effective(observed, sent, shadow);
  const bool is_there = exists(object, !images.sent.empty());
  out.name = object.dn;
  if (scope.in_scope.empty() || (node == nullptr && scope.provisioning == nullptr)) {
    out.operation = node == nullptr ? "none" : is_there ? "delete or disconnect" : "none";
    out_.targets.push_back(std::move(out));
    return;
  }
  std::vector<Candidate> candidates;
  const std::vector<Contributor> contributors{{{}, 0, &source, &metaverse_, scope.in_scope}};
  Folded folded = fold(contributors, {nullptr, nullptr, !is_there}, &candidates);
  out.flows = flows(candidates);
  if (folded.failure) {
    out.problem = fmt::format("flow-error: rule \"{}\", attribute {}: {}", folded.failure->rule,
                              folded.failure->attribute, folded.failure->message);
    out_.targets.push_back(std::move(out));
    return;
  }
  const model::Image previous =
      object.desired == store::Desired::present ? model::decode(images.desired) : model::Image{};
  const model::Image desired = desired_image(std::move(folded), previous, actual);
  out.dropped_references = dropped_references(target, desired);
  object.desired = store::Desired::present;
  out.operation = model::name_of(pending_operation(object, observed, desired, sent, shadow));
  if (out.name.empty()) out.name = display_name(desired, names_);
  const model::Image changed = model::difference(actual, desired);
  for (const model::ImageAttribute& attribute : changed.attributes()) {
    const model::ImageAttribute* before = actual.find(attribute.name);
    out.changes.push_back({names_.name(attribute.name),
                           before == nullptr ? std::vector<std::string>{} : texts(before->values),
                           texts(attribute.values)});
  }
  out_.targets.push_back(std::move(out));
}

Preview Previewer::run(std::string_view name) {
  Node& node = load(name);
  out_.connector = info_.name;
  out_.object = node.object.dn;
  out_.type = node.object.type == 0 ? "" : names_.name(node.object.type);
  out_.state = state_name(node.object.state);
  if (node.source != nullptr) {
    for (const CompiledRule* rule : context_.rules.inbound(info_.name, node.object.type)) {
      out_.rules.push_back(describe(*rule, *node.source, info_.name));
    }
  }
  explain_joins(node);
  const store::MetaverseId id = decide(node);
  model::NameId type = 0;
  if (id) {
    const std::vector<store::MetaverseId> ids{id};
    for (const store::Metaverse& row : view_->load_metaverse(ids)) type = row.type;
  } else {
    for (const CompiledRule* rule : node.in_scope) {
      if (type == 0 && rule->rule().link == rules::LinkType::provision) type = rule->target_type();
    }
  }
  if (type == 0 || !out_.errors.empty()) return std::move(out_);
  explain_metaverse(node, id, type);
  const ImageSource source(metaverse_, metaverse_, {});
  for (const ConnectorInfo& target : context_.connectors) explain_target(target, type, source);
  return std::move(out_);
}

}  // namespace

Preview preview(const Context& context, const ConnectorInfo& info, std::string_view name) {
  return Previewer(context, info).run(name);
}

}  // namespace linkspan::sync
