#include "sync/rule_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <memory>

#include "base/text.h"
#include "sync/inbound.h"
#include "sync/link_decision.h"
#include "sync/name_claims.h"
#include "sync/outbound.h"
#include "sync/pending.h"
#include "sync/reference_names.h"

namespace linkspan::sync {
namespace {

using rules::CompiledRule;

constexpr std::size_t k_page = 1000;

/// What one rule set makes of an identity.
struct Outcome {
  bool alive = false;
  model::NameId type = 0;
  model::Image image;
  std::map<std::int64_t, std::string> links;  ///< by object
  struct Account {
    std::string operation = "none";
    model::Image desired;
  };
  std::map<std::string, Account> accounts;  ///< by connector
  std::string error;
};

std::vector<std::string> texts(const model::ImageAttribute* attribute) {
  std::vector<std::string> out;
  if (attribute == nullptr) return out;
  for (const model::Value& value : attribute->values) out.push_back(printable(model::to_text(value)));
  for (const model::ReferenceSource& source : attribute->references)
    out.push_back(source.object ? fmt::format("(references of object {})", source.object.value) : "(references)");
  return out;
}

std::vector<RuleDifference::Change> changes_between(const model::Image& before, const model::Image& after,
                                                    const model::Names& names) {
  std::vector<model::NameId> ids;
  for (const model::ImageAttribute& one : before.attributes()) ids.push_back(one.name);
  for (const model::ImageAttribute& one : after.attributes()) ids.push_back(one.name);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::vector<RuleDifference::Change> out;
  for (const model::NameId id : ids) {
    const model::ImageAttribute* left = before.find(id);
    const model::ImageAttribute* right = after.find(id);
    const bool same = left == nullptr || right == nullptr ? left == right : *left == *right;
    if (!same) out.push_back({names.name(id), texts(left), texts(right)});
  }
  return out;
}

/// Decides with one rule set; reads only the view.
class Side {
 public:
  Side(const Context& context, const rules::RuleSet& rules, store::View& view, StoredReferenceNames& references)
      : context_(context), rules_(rules), view_(view), references_(references) {}

  /// Of an identity with what is joined to it, or (row.id 0) of an object that has none.
  Outcome evaluate(const store::Metaverse& row, const std::vector<store::ObjectWithImages>& members) {
    Outcome out;
    out.type = row.type;
    const model::Image stored = model::decode(row.image);
    const KnownIdentity known{row.id, row.type, &stored};
    std::vector<std::unique_ptr<Node>> nodes;
    std::vector<Node*> inside;
    for (const store::ObjectWithImages& member : members) {
      nodes.push_back(std::make_unique<Node>(member, context_.connector(member.object.connector)));
      Node& node = *nodes.back();
      prepare_inbound(node, rules_, &references_);
      if (node.participates ? is_inside(node, row.id ? &known : nullptr, out) : row.id.value != 0)
        inside.push_back(&node);
    }
    fold_metaverse(row, stored, inside, out);
    for (const ConnectorInfo& target : context_.connectors) decide_target(target, inside, out);
    return out;
  }

 private:
  /// Whether the object belongs to this identity; says in `out` what becomes of its link.
  bool is_inside(const Node& node, const KnownIdentity* known, Outcome& out) {
    using Kind = LinkDecision::Kind;
    const LinkDecision decision = decide_link(view_, rules_, node, known);
    std::string& says = out.links[node.object.id.value];
    switch (decision.kind) {
      case Kind::stays:
        says = "joined";
        return true;
      case Kind::joins:
        if (known != nullptr && decision.metaverse == known->id) {
          says = "joined";
          return true;
        }
        says = fmt::format("joins metaverse object {}", decision.metaverse.value);
        return false;
      case Kind::projects:
        says = "makes an identity";
        if (known == nullptr) out.type = decision.rule->target_type();
        return known == nullptr;
      case Kind::kept_apart:
      case Kind::nothing:
        says = "no identity";
        return false;
      case Kind::error:
        says = "error: " + decision.problem;
        out.error = decision.problem;
        return false;
    }
    return false;
  }

  void fold_metaverse(const store::Metaverse& row, const model::Image& stored, const std::vector<Node*>& inside,
                      Outcome& out) {
    NameClaims claims(view_, rules_.unique_names());
    std::deque<ClaimingSource> claiming;
    std::vector<Contributor> contributors;
    for (const Node* node : inside) {
      if (out.type != 0 && holds_alive(*node, out.type)) out.alive = true;
      Contributor one{node->object.id, node->info->position, node->source.get(), &node->image, {}};
      if (one.source != nullptr) one.source = &claiming.emplace_back(*one.source, claims, row.id, stored);
      for (const CompiledRule* rule : node->in_scope) {
        if (rule->writes(out.type)) one.rules.push_back(rule);
      }
      if (!one.rules.empty()) contributors.push_back(std::move(one));
    }
    if (!out.alive) return;
    const model::Lineage lineage = model::decode_lineage(row.lineage);
    Folded folded = fold(contributors, row.id ? Previous{&stored, &lineage, false} : Previous{&stored, &lineage, true});
    if (folded.failure) {
      out.error = fmt::format("flow-error: rule \"{}\", attribute {}", folded.failure->rule, folded.failure->attribute);
      out.image = stored;
      if (!row.id) out.alive = false;
    } else {
      out.image = std::move(folded.image);
    }
  }

  void decide_target(const ConnectorInfo& target, const std::vector<Node*>& inside, Outcome& out) {
    const auto found =
        std::find_if(inside.begin(), inside.end(), [&](const Node* node) { return node->info == &target; });
    const Node* account = found == inside.end() ? nullptr : *found;
    const bool was_ours = account != nullptr && account->object.desired != store::Desired::none;
    if (!rules_.has_outbound(target.name) && !was_ours) return;
    const ImageSource source(out.image, out.image, {{}, &references_, {}});
    OutboundScope scope;
    if (out.alive) scope = outbound_scope(rules_, target, out.type, source);
    Outcome::Account result;
    if (account != nullptr) {
      const AccountHold hold = account_hold(rules_, *account, scope);
      if (hold.held) {
        plan(target, source, scope, account, out, result);
      } else if (was_ours) {
        const bool is_there = exists(account->object, !account->images.sent.empty());
        result.operation = hold.deletes && is_there ? "delete" : hold.deletes ? "none" : "disconnect";
      }
    } else if (!scope.in_scope.empty()) {
      find_account(target, source, scope, out, result);
    }
    out.accounts.emplace(target.name, std::move(result));
  }

  void find_account(const ConnectorInfo& target, const rules::Source& source, const OutboundScope& scope, Outcome& out,
                    Outcome::Account& result) {
    const AccountDecision decision = decide_account(view_, target, scope, out.image);
    using Kind = AccountDecision::Kind;
    if (decision.kind == Kind::adopts) {
      const std::vector<store::ObjectId> ids{decision.object};
      Node adopted(std::move(view_.load_objects(ids, store::all_images).front()), target);
      plan(target, source, scope, &adopted, out, result);
    } else if (decision.kind == Kind::creates) {
      plan(target, source, scope, nullptr, out, result);
    } else if (decision.kind == Kind::error) {
      result.operation = "error: " + decision.problem;
    }
  }

  void plan(const ConnectorInfo& target, const rules::Source& source, const OutboundScope& scope, const Node* account,
            const Outcome& out, Outcome::Account& result) {
    static const store::Images nothing;
    const store::Images& images = account == nullptr ? nothing : account->images;
    store::Object object = account == nullptr ? store::Object{} : account->object;
    const model::Image observed = model::decode(images.observed);
    const model::Image sent = model::decode(images.sent);
    const model::Image shadow = model::decode(images.shadow);
    const bool is_there = exists(object, !images.sent.empty());
    const std::vector<Contributor> contributors{{{}, 0, &source, &out.image, scope.in_scope}};
    Folded folded = fold(contributors, {nullptr, nullptr, !is_there});
    if (folded.failure) {
      result.operation =
          fmt::format("error: rule \"{}\", attribute {}", folded.failure->rule, folded.failure->attribute);
      return;
    }
    const model::Image previous =
        object.desired == store::Desired::present ? model::decode(images.desired) : model::Image{};
    result.desired = desired_image(std::move(folded), previous, model::effective(observed, sent, shadow));
    object.desired = store::Desired::present;
    result.operation = model::name_of(pending_operation(object, observed, result.desired, sent, shadow, target.dn));
  }

  const Context& context_;
  const rules::RuleSet& rules_;
  store::View& view_;
  StoredReferenceNames& references_;
};

class Differ {
 public:
  Differ(const Context& context, const rules::RuleSet& before, const rules::RuleSet& after,
         const std::function<void(const RuleDifference&)>& visit)
      : context_(context), before_(before), after_(after), visit_(visit), names_(context.store.names()) {}

  RuleDiff run() {
    std::uint64_t done = 0;
    for (store::Page at{0, k_page};;) {
      context_.check_stop();
      const auto view = context_.store.view();
      const auto rows = view->scan_metaverse(false, at);
      if (rows.empty()) break;
      at.after = rows.back().id.value;
      identities(*view, rows);
      done += rows.size();
      context_.report("compare identities", done);
    }
    done = 0;
    for (store::Page at{0, k_page};;) {
      context_.check_stop();
      const auto view = context_.store.view();
      const auto objects = view->scan_objects({}, 0, store::all_images, at);
      if (objects.empty()) break;
      at.after = objects.back().object.id.value;
      loose(*view, objects);
      done += objects.size();
      context_.report("compare objects", done);
    }
    return std::move(out_);
  }

 private:
  void identities(store::View& view, const std::vector<store::Metaverse>& rows) {
    std::vector<store::MetaverseId> ids;
    for (const store::Metaverse& row : rows) ids.push_back(row.id);
    std::map<std::int64_t, std::vector<store::ObjectWithImages>> members;
    for (store::ObjectWithImages& one : view.joined_to(ids, store::all_images))
      members[one.object.metaverse.value].push_back(std::move(one));
    for (const store::Metaverse& row : rows) {
      ++out_.identities;
      compare(view, row, members[row.id.value]);
    }
  }

  void loose(store::View& view, const std::vector<store::ObjectWithImages>& objects) {
    for (const store::ObjectWithImages& one : objects) {
      if (one.object.metaverse || one.images.observed.empty() || one.object.state == store::ObjectState::placeholder)
        continue;
      const std::string& connector = context_.connector(one.object.connector).name;
      if (!before_.has_inbound(connector) && !after_.has_inbound(connector)) continue;
      ++out_.objects;
      compare(view, store::Metaverse{}, {one});
    }
  }

  void compare(store::View& view, const store::Metaverse& row, const std::vector<store::ObjectWithImages>& members) {
    StoredReferenceNames references(context_, view);
    references.expect(members);
    const Outcome left = Side(context_, before_, view, references).evaluate(row, members);
    const Outcome right = Side(context_, after_, view, references).evaluate(row, members);
    RuleDifference difference;
    difference.metaverse = row.id.value;
    difference.metaverse_changes = changes_between(left.image, right.image, names_);
    compare_links(members, left, right, difference);
    compare_accounts(left, right, difference);
    const bool same = left.alive == right.alive && left.error == right.error && difference.links.empty() &&
                      difference.metaverse_changes.empty() && difference.targets.empty();
    if (same) return;
    ++out_.different;
    if (right.alive && !left.alive) ++out_.appear;
    if (left.alive && !right.alive) ++out_.disappear;
    if (!right.error.empty() && left.error.empty()) ++out_.errors;
    for (const auto& change : difference.metaverse_changes) ++out_.metaverse_attributes[change.attribute];
    name(members, difference);
    if (left.error != right.error)
      difference.links.push_back(fmt::format("{} -> {}", left.error.empty() ? "no error" : left.error,
                                             right.error.empty() ? "no error" : right.error));
    if (visit_) visit_(difference);
  }

  /// Called by the first object that gives values; another if there is none.
  void name(const std::vector<store::ObjectWithImages>& members, RuleDifference& difference) const {
    const store::ObjectWithImages* chosen = nullptr;
    for (const store::ObjectWithImages& one : members) {
      const std::string& connector = context_.connector(one.object.connector).name;
      if (chosen == nullptr || before_.has_inbound(connector)) chosen = &one;
      if (before_.has_inbound(connector)) break;
    }
    if (chosen == nullptr) return;
    difference.connector = context_.connector(chosen->object.connector).name;
    difference.object = chosen->object.dn.empty() ? chosen->object.anchor : chosen->object.dn;
  }

  void compare_links(const std::vector<store::ObjectWithImages>& members, const Outcome& left, const Outcome& right,
                     RuleDifference& difference) {
    for (const store::ObjectWithImages& one : members) {
      const auto before = left.links.find(one.object.id.value);
      const auto after = right.links.find(one.object.id.value);
      if (before == left.links.end() || after == right.links.end() || before->second == after->second) continue;
      ++out_.relinked;
      difference.links.push_back(fmt::format("{} {}: {} -> {}", context_.connector(one.object.connector).name,
                                             one.object.dn.empty() ? one.object.anchor : one.object.dn, before->second,
                                             after->second));
    }
  }

  void compare_accounts(const Outcome& left, const Outcome& right, RuleDifference& difference) {
    static const Outcome::Account none;
    for (const ConnectorInfo& info : context_.connectors) {
      const auto before = left.accounts.find(info.name);
      const auto after = right.accounts.find(info.name);
      if (before == left.accounts.end() && after == right.accounts.end()) continue;
      const Outcome::Account& was = before == left.accounts.end() ? none : before->second;
      const Outcome::Account& is = after == right.accounts.end() ? none : after->second;
      RuleDifference::Target target{info.name, was.operation, is.operation,
                                    changes_between(was.desired, is.desired, names_)};
      if (was.operation == is.operation && target.changes.empty()) continue;
      RuleDiff::Target& sum = out_.targets[info.name];
      if (was.operation != is.operation)
        ++sum.operations[is.operation.starts_with("error") ? std::string("error") : is.operation];
      for (const auto& change : target.changes) ++sum.attributes[change.attribute];
      difference.targets.push_back(std::move(target));
    }
  }

  const Context& context_;
  const rules::RuleSet& before_;
  const rules::RuleSet& after_;
  const std::function<void(const RuleDifference&)>& visit_;
  const model::Names& names_;
  RuleDiff out_;
};

}  // namespace

RuleDiff diff_rules(const Context& context, const rules::RuleSet& before, const rules::RuleSet& after,
                    const std::function<void(const RuleDifference&)>& visit) {
  return Differ(context, before, after, visit).run();
}

}  // namespace linkspan::sync
