#include "sync/preview.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <deque>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "sync/link_decision.h"
#include "sync/name_claims.h"
#include "sync/named_object.h"
#include "sync/node.h"
#include "sync/outbound.h"
#include "sync/pending.h"
#include "sync/reference_names.h"

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

/// "kind NOTEQUAL system", and what the object has there instead.
std::string with_value(const std::string& clause, const CompiledRule& rule, const rules::Source& source,
                       const model::Names& names) {
  for (const auto& group : rule.rule().scope) {
    for (const rules::ScopeClause& one : group) {
      if (!clause.starts_with(one.attribute + " ") && !clause.starts_with("[" + one.attribute + "] ")) continue;
      const auto name = names.find(one.attribute);
      const model::ImageAttribute* found = name ? source.find(*name) : nullptr;
      if (found != nullptr && !found->values.empty()) {
        return fmt::format("{} (it is {})", clause,
                           printable(fmt::format("{}", fmt::join(texts(found->values), "; "))));
      }
      const std::size_t references = name ? source.count_references(*name) : 0;
      return references == 0 ? clause + " (there is no value)"
                             : fmt::format("{} (it has {} references)", clause, references);
    }
  }
  return clause;
}

PreviewRule describe(const CompiledRule& rule, const rules::Source& source, std::string_view connector,
                     const model::Names& names) {
  PreviewRule out;
  out.rule = rule.rule().name;
  out.connector = connector;
  out.direction = rule.rule().direction == rules::Direction::inbound ? "inbound" : "outbound";
  out.precedence = rule.rule().precedence;
  out.in_scope = rule.in_scope(source);
  if (out.in_scope) {
    out.because = rule.in_scope_because(source);
  } else {
    for (const std::string& clause : rule.out_of_scope_because(source))
      out.because.push_back(with_value(clause, rule, source, names));
  }
  return out;
}

std::vector<PreviewJoin> describe(const std::vector<JoinTried>& tried, const model::Names& names) {
  std::vector<PreviewJoin> out;
  for (const JoinTried& one : tried) {
    PreviewJoin join{one.rule->rule().name,
                     one.group + 1,
                     fmt::format("{} = {}{}", names.name(one.clause.source), names.name(one.clause.target),
                                 one.clause.case_sensitive ? " case" : ""),
                     one.value,
                     one.matches,
                     {}};
    if (one.several_values) join.remark = "several values";
    if (!one.several_values && one.value.empty()) join.remark = "no value";
    out.push_back(std::move(join));
  }
  return out;
}

std::string join_problem(const std::string& problem) {
  if (problem == "several-join-rules") return "several rules with join conditions are in scope";
  if (problem == "ambiguous-join") return "its join conditions fit several objects";
  return "what it would be joined by has several values";
}

class Previewer {
 public:
  Previewer(const Context& context, const ConnectorInfo& info)
      : context_(context),
        info_(info),
        names_(context.store.names()),
        view_(context.store.view()),
        references_(context, *view_) {}

  Preview run(std::string_view name);

 private:
  Node& load(std::string_view name);
  Node& add(store::ObjectWithImages loaded);
  LinkDecision decide(const Node& node);
  Node* account_in(const ConnectorInfo& target, const OutboundScope& scope, PreviewTarget& out);
  void explain_metaverse(Node& node, store::MetaverseId id, model::NameId type);
  void explain_target(const ConnectorInfo& target, model::NameId type, const rules::Source& source);
  void explain_export(const ConnectorInfo& target, const rules::Source& source, const OutboundScope& scope,
                      const Node* node, PreviewTarget& out);
  std::vector<std::string> dropped_references(const ConnectorInfo& target, const model::Image& desired);
  std::vector<PreviewFlow> flows(const std::vector<Candidate>& candidates);

  const Context& context_;
  const ConnectorInfo& info_;
  const model::Names& names_;
  std::unique_ptr<store::View> view_;
  StoredReferenceNames references_;
  std::vector<std::unique_ptr<Node>> nodes_;
  model::Image metaverse_;
  Preview out_;
};

Node& Previewer::add(store::ObjectWithImages loaded) {
  const ConnectorInfo& info = context_.connector(loaded.object.connector);
  nodes_.push_back(std::make_unique<Node>(std::move(loaded), info));
  prepare_inbound(*nodes_.back(), context_.rules, &references_);
  return *nodes_.back();
}

Node& Previewer::load(std::string_view name) {
  const auto found = find_named(context_.store, *view_, info_, name);
  if (!found) {
    throw Error(Fault::not_found, "preview.no_object",
                fmt::format("the connector space of {} does not hold \"{}\"", info_.name, printable(name)),
                "Give its DN or its anchor; `linkspan object search` finds it, and an import brings it.");
  }
  const std::vector<store::ObjectId> ids{found->id};
  auto loaded = view_->load_objects(ids, store::all_images);
  return add(std::move(loaded.front()));
}

LinkDecision Previewer::decide(const Node& node) {
  using Kind = LinkDecision::Kind;
  LinkDecision decision = decide_link(*view_, context_.rules, node);
  out_.joins = describe(decision.tried, names_);
  switch (decision.kind) {
    case Kind::stays:
      out_.decision = "stays joined";
      break;
    case Kind::kept_apart:
      out_.decision = "is kept apart by an administrator";
      break;
    case Kind::joins:
      out_.decision = fmt::format("would be joined by \"{}\"", decision.rule->rule().name);
      break;
    case Kind::projects:
      out_.decision = fmt::format("would be projected by \"{}\"", decision.rule->rule().name);
      break;
    case Kind::nothing:
      out_.decision = "stays a disconnector: no rule in scope creates or joins";
      break;
    case Kind::error:
      out_.decision = "neither joins nor projects: " + join_problem(decision.problem);
      out_.errors.push_back(decision.problem);
      break;
  }
  return decision;
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
      if (rule->writes(type)) one.rules.push_back(rule);
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

/// The account that is linked, or the one that would be; says which and why. nullptr: there is none.
Node* Previewer::account_in(const ConnectorInfo& target, const OutboundScope& scope, PreviewTarget& out) {
  const auto found = std::find_if(nodes_.begin(), nodes_.end(),
                                  [&](const auto& one) { return one->info == &target && one->object.metaverse; });
  Node* linked = found == nodes_.end() ? nullptr : found->get();
  if (linked != nullptr) {
    const CompiledRule* rule = context_.rules.find(linked->object.link_rule);
    out.decision = rule == nullptr ? "linked" : fmt::format("linked by \"{}\"", rule->rule().name);
    if (!linked->is_provisional()) return linked;
  }
  const AccountDecision decision = decide_account(*view_, target, scope, metaverse_);
  out.joins = describe(decision.tried, names_);
  switch (decision.kind) {
    case AccountDecision::Kind::adopts: {
      out.decision = fmt::format("would be adopted by \"{}\"", decision.rule->rule().name);
      const std::vector<store::ObjectId> ids{decision.object};
      return &add(std::move(view_->load_objects(ids, store::all_images).front()));
    }
    case AccountDecision::Kind::creates:
      if (linked == nullptr) out.decision = fmt::format("would be made by \"{}\"", decision.rule->rule().name);
      break;
    case AccountDecision::Kind::nothing:
      if (linked == nullptr) out.decision = "there is none, and no rule in scope makes one";
      break;
    case AccountDecision::Kind::error:
      if (linked == nullptr) out.problem = decision.problem + ": " + join_problem(decision.problem);
      break;
  }
  return linked;
}

void Previewer::explain_target(const ConnectorInfo& target, model::NameId type, const rules::Source& source) {
  const auto outbound = context_.rules.outbound(target.name, type);
  const bool linked = std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& one) {
    return one->info == &target && one->object.metaverse && one->object.desired != store::Desired::none;
  });
  if (outbound.empty() && !linked) return;
  PreviewTarget out;
  out.connector = target.name;
  for (const CompiledRule* rule : outbound) out.rules.push_back(describe(*rule, source, target.name, names_));
  const OutboundScope scope = outbound_scope(context_.rules, target, type, source);
  const Node* node = account_in(target, scope, out);
  if (node != nullptr) out.name = node->object.dn;
  const AccountHold hold = node == nullptr || !node->object.metaverse ? AccountHold{!scope.in_scope.empty(), false}
                                                                      : account_hold(context_.rules, *node, scope);
  if (!hold.held || (node == nullptr && (scope.provisioning == nullptr || !out.problem.empty()))) {
    out.operation = "none";
    if (node != nullptr) out.operation = hold.deletes ? "delete" : "disconnect";
    if (node != nullptr && hold.deletes && !exists(node->object, !node->images.sent.empty())) out.operation = "none";
  } else {
    explain_export(target, source, scope, node, out);
  }
  out_.targets.push_back(std::move(out));
}

/// Flows of the rules in scope, and what they change in the directory.
void Previewer::explain_export(const ConnectorInfo& target, const rules::Source& source, const OutboundScope& scope,
                               const Node* node, PreviewTarget& out) {
  static const store::Images nothing;
  const store::Images& images = node == nullptr ? nothing : node->images;
  store::Object object = node == nullptr ? store::Object{} : node->object;
  const model::Image observed = model::decode(images.observed);
  const model::Image sent = model::decode(images.sent);
  const model::Image shadow = model::decode(images.shadow);
  const model::Image actual = model::effective(observed, sent, shadow);
  std::vector<Candidate> candidates;
  const std::vector<Contributor> contributors{{{}, 0, &source, &metaverse_, scope.in_scope}};
  Folded folded = fold(contributors, {nullptr, nullptr, !exists(object, !images.sent.empty())}, &candidates);
  out.flows = flows(candidates);
  if (folded.failure) {
    out.operation = "none";
    out.problem = fmt::format("flow-error: rule \"{}\", attribute {}: {}", folded.failure->rule,
                              folded.failure->attribute, folded.failure->message);
    return;
  }
  const model::Image previous =
      object.desired == store::Desired::present ? model::decode(images.desired) : model::Image{};
  const model::Image desired = desired_image(std::move(folded), previous, actual);
  out.dropped_references = dropped_references(target, desired);
  object.desired = store::Desired::present;
  out.operation = model::name_of(pending_operation(object, observed, desired, sent, shadow, target.dn));
  if (out.name.empty()) out.name = display_name(desired, names_);
  if (const auto name = wanted_name(object, desired, target.dn); name && out.operation == "rename") {
    out.changes.push_back({"dn", {object.dn}, {*name}});
  }
  const model::Image changed = wanted_attributes(actual, desired, target.dn);
  for (const model::ImageAttribute& attribute : changed.attributes()) {
    const model::ImageAttribute* before = actual.find(attribute.name);
    out.changes.push_back({names_.name(attribute.name),
                           before == nullptr ? std::vector<std::string>{} : texts(before->values),
                           texts(attribute.values)});
  }
}

Preview Previewer::run(std::string_view name) {
  Node& node = load(name);
  out_.connector = info_.name;
  out_.object = node.object.dn;
  out_.type = node.object.type == 0 ? "" : names_.name(node.object.type);
  out_.state = state_name(node.object.state);
  if (node.source != nullptr) {
    for (const CompiledRule* rule : context_.rules.inbound(info_.name, node.object.type)) {
      out_.rules.push_back(describe(*rule, *node.source, info_.name, names_));
    }
  }
  const LinkDecision decision = decide(node);
  const store::MetaverseId id = decision.metaverse;
  model::NameId type = decision.kind == LinkDecision::Kind::projects ? decision.rule->target_type() : 0;
  if (id) {
    const std::vector<store::MetaverseId> ids{id};
    for (const store::Metaverse& row : view_->load_metaverse(ids)) type = row.type;
  }
  if (type == 0 || !out_.errors.empty()) return std::move(out_);
  explain_metaverse(node, id, type);
  const ImageSource source(metaverse_, metaverse_, {{}, &references_, {}});
  for (const ConnectorInfo& target : context_.connectors) explain_target(target, type, source);
  return std::move(out_);
}

}  // namespace

Preview preview(const Context& context, const ConnectorInfo& info, std::string_view name) {
  return Previewer(context, info).run(name);
}

}  // namespace linkspan::sync
