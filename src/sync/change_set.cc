#include "sync/change_set.h"

#include <algorithm>
#include <unordered_map>

#include "base/hash.h"
#include "base/text.h"
#include "model/image.h"
#include "sync/pending.h"

namespace linkspan::sync {
namespace {

using store::ObjectId;
using store::Operation;

constexpr std::size_t k_page = 500;

/// Attributes whose going from true to false disables an account.
constexpr std::string_view k_disabling[] = {"active", "accountEnabled"};

const model::Values& values_of(const model::Image& image, model::NameId name) {
  static const model::Values none;
  const model::ImageAttribute* attribute = image.find(name);
  return attribute == nullptr ? none : attribute->values;
}

// Of an add the name is among the attributes, as rules flow it: whoever reviews approves it too.
std::vector<model::AttributeChange> attribute_changes(const model::Image& actual, const model::Image& desired, bool add,
                                                      model::NameId dn, const model::Names& names) {
  std::vector<model::AttributeChange> changes;
  const model::Image changed = wanted_attributes(actual, desired, add ? 0 : dn);
  for (const model::ImageAttribute& attribute : changed.attributes()) {
    if (add && attribute.values.empty()) continue;
    changes.push_back({names.name(attribute.name), values_of(actual, attribute.name), attribute.values});
  }
  std::sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return changes;
}

PendingExport attribute_part(const Context& context, const ConnectorInfo& info, std::string_view correlation_attribute,
                             const store::ObjectWithImages& one) {
  const model::Names& names = context.store.names();
  PendingExport pending;
  model::Export& change = pending.change;
  change.object = one.object.id;
  change.operation =
      one.object.pending == Operation::none && one.object.pending_references ? Operation::update : one.object.pending;
  change.object_type = one.object.type == 0 ? std::string() : names.name(one.object.type);
  change.anchor = one.object.anchor;
  change.dn = one.object.dn;
  pending.name = one.object.dn;
  const model::Image desired = model::decode(one.images.desired);
  const model::Image observed = model::decode(one.images.observed);
  if (const auto correlation = names.find(correlation_attribute); correlation) {
    const model::Values& wanted = values_of(desired, *correlation);
    const model::Values& values = wanted.empty() ? values_of(observed, *correlation) : wanted;
    if (!values.empty()) pending.correlation = model::to_text(values.front());
  }
  if (one.object.pending == Operation::remove || one.object.pending == Operation::none) return pending;
  const bool add = one.object.pending == Operation::add;
  const model::Image actual =
      add ? model::Image{}
          : model::effective(observed, model::decode(one.images.sent), model::decode(one.images.shadow));
  change.attributes = attribute_changes(actual, desired, add, info.dn, names);
  if (!add) change.new_dn = wanted_name(one.object, desired, info.dn).value_or("");
  return pending;
}

/// The objects that these references lead to, by id.
std::unordered_map<std::int64_t, store::Object> targets_of(store::View& view,
                                                           const std::vector<store::Reference>& rows) {
  std::vector<ObjectId> targets;
  targets.reserve(rows.size());
  for (const store::Reference& row : rows) targets.push_back(row.target);
  std::sort(targets.begin(), targets.end());
  targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
  std::unordered_map<std::int64_t, store::Object> target_of;
  for (store::ObjectWithImages& one : view.load_objects(targets, store::no_images)) {
    target_of.emplace(one.object.id.value, std::move(one.object));
  }
  return target_of;
}

}  // namespace

std::vector<PendingExport> pending_exports(const Context& context, const ConnectorInfo& info,
                                           std::string_view correlation_attribute, store::View& view,
                                           const std::vector<store::ObjectWithImages>& objects) {
  std::vector<PendingExport> out;
  std::vector<ObjectId> holders;
  std::unordered_map<std::int64_t, std::size_t> at;
  for (const store::ObjectWithImages& one : objects) {
    at.emplace(one.object.id.value, out.size());
    if (one.object.pending_references && one.object.pending != Operation::remove) holders.push_back(one.object.id);
    out.push_back(attribute_part(context, info, correlation_attribute, one));
  }
  const std::vector<store::Reference> rows = view.references_of(holders, true);
  const std::unordered_map<std::int64_t, store::Object> target_of = targets_of(view, rows);
  for (const store::Reference& row : rows) {
    PendingExport& pending = out[at.at(row.object.value)];
    model::ReferenceChange change;
    change.attribute = context.store.names().name(row.attribute);
    change.add = (row.bits & store::reference_desired) != 0;
    if (const auto target = target_of.find(row.target.value); target != target_of.end()) {
      change.target = target->second.anchor;
      change.target_dn = target->second.dn;
    }
    // What is not in the directory cannot be referenced; the references pass comes back to it.
    (change.target.empty() && change.add ? pending.withheld : pending.change.references).push_back(std::move(change));
  }
  return out;
}

void tell_whole(const Context& context, store::View& view, const std::vector<store::ObjectWithImages>& objects,
                std::vector<PendingExport>& pending) {
  const model::Names& names = context.store.names();
  std::vector<ObjectId> holders;
  std::unordered_map<std::int64_t, model::Entry*> whole_of;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const store::Object& object = objects[i].object;
    if (object.desired != store::Desired::present) continue;
    model::Entry& whole = pending[i].change.whole.emplace();
    whole.anchor = object.anchor;
    whole.dn = object.dn;
    whole.object_type = pending[i].change.object_type;
    const model::Image desired = model::decode(objects[i].images.desired);
    for (const model::ImageAttribute& attribute : desired.attributes()) {
      if (!attribute.values.empty()) whole.attributes.emplace_back(names.name(attribute.name), attribute.values);
    }
    holders.push_back(object.id);
    whole_of.emplace(object.id.value, &whole);
  }
  std::vector<store::Reference> rows = view.references_of(holders, false);
  std::erase_if(rows, [](const store::Reference& row) { return (row.bits & store::reference_desired) == 0; });
  const std::unordered_map<std::int64_t, store::Object> target_of = targets_of(view, rows);
  for (const store::Reference& row : rows) {
    const auto target = target_of.find(row.target.value);
    if (target == target_of.end() || target->second.anchor.empty()) continue;
    whole_of.at(row.object.value)->references.push_back({names.name(row.attribute), target->second.anchor});
  }
}

void each_pending(const Context& context, const ConnectorInfo& info, std::string_view correlation_attribute,
                  const std::function<bool(const PendingExport&)>& visit) {
  const auto view = context.store.view();
  for (store::Page at{0, k_page};;) {
    context.check_stop();
    const auto objects = view->scan_pending(info.id, at);
    if (objects.empty()) return;
    at.after = objects.back().object.id.value;
    for (const PendingExport& pending : pending_exports(context, info, correlation_attribute, *view, objects)) {
      if (!visit(pending)) return;
    }
  }
}

struct ChangeSetBuilder::State {
  ChangeCounts counts;
  Sha256 hash;
  std::string buffer;

  void field(std::string_view text) {
    buffer += std::to_string(text.size());
    buffer += ':';
    buffer += text;
  }
};

ChangeSetBuilder::ChangeSetBuilder() : state_(std::make_unique<State>()) {}
ChangeSetBuilder::~ChangeSetBuilder() = default;

void ChangeSetBuilder::add(const PendingExport& pending) {
  ChangeCounts& counts = state_->counts;
  const model::Export& change = pending.change;
  switch (change.operation) {
    case Operation::add:
      ++counts.adds;
      break;
    case Operation::update:
      ++counts.updates;
      break;
    case Operation::rename:
      ++counts.renames;
      break;
    case Operation::remove:
      ++counts.deletes;
      break;
    case Operation::none:
      break;
  }
  state_->buffer.clear();
  state_->field(model::name_of(change.operation));
  state_->field(change.object_type);
  state_->field(change.anchor);
  state_->field(change.operation == Operation::add ? std::string_view() : std::string_view(change.dn));
  if (!change.new_dn.empty()) state_->field(change.new_dn);
  state_->field(pending.correlation);
  for (const model::AttributeChange& attribute : change.attributes) {
    if (attribute.after.empty() && !attribute.before.empty()) ++counts.cleared_attributes;
    const bool was_on = attribute.before == model::Values{true};
    const bool disabling =
        std::find(std::begin(k_disabling), std::end(k_disabling), attribute.name) != std::end(k_disabling);
    if (disabling && was_on && attribute.after == model::Values{false}) ++counts.disablements;
    state_->field(attribute.name);
    for (const model::Value& value : attribute.after) {
      state_->field(std::to_string(value.index()));
      state_->field(model::to_text(value));
    }
  }
  for (const auto* references : {&change.references, &pending.withheld}) {
    for (const model::ReferenceChange& reference : *references) {
      ++(reference.add ? counts.membership_additions : counts.membership_removals);
      state_->field(reference.add ? "+" : "-");
      state_->field(reference.attribute);
      state_->field(reference.target.empty() ? reference.target_dn : reference.target);
    }
  }
  state_->buffer += '\n';
  state_->hash.update(state_->buffer);
}

ChangeSet ChangeSetBuilder::finish() { return {state_->counts, to_hex(state_->hash.finish())}; }

ChangeSet summarize(const Context& context, const ConnectorInfo& info, std::string_view correlation_attribute) {
  ChangeSetBuilder builder;
  each_pending(context, info, correlation_attribute, [&](const PendingExport& pending) {
    builder.add(pending);
    return true;
  });
  return builder.finish();
}

}  // namespace linkspan::sync
