#include "sync/fold.h"

#include <algorithm>
#include <unordered_set>

#include "base/text.h"
#include "model/dn.h"

namespace linkspan::sync {
namespace {

using rules::Contribution;
using rules::MergeType;

struct Slot {
  model::NameId attribute = 0;
  std::int64_t precedence = 0;
  const Contributor* contributor = nullptr;
  const rules::CompiledRule* rule = nullptr;
  std::size_t flow = 0;
};

bool by_attribute_then_precedence(const Slot& a, const Slot& b) {
  return std::tie(a.attribute, a.precedence, a.contributor->position, a.contributor->object, a.flow) <
         std::tie(b.attribute, b.precedence, b.contributor->position, b.contributor->object, b.flow);
}

std::vector<Slot> slots_of(std::span<const Contributor> contributors) {
  std::vector<Slot> slots;
  for (const Contributor& contributor : contributors) {
    for (const rules::CompiledRule* rule : contributor.rules) {
      for (std::size_t flow = 0; flow < rule->flow_count(); ++flow) {
        slots.push_back({rule->flow_target(flow), rule->rule().precedence, &contributor, rule, flow});
      }
    }
  }
  std::sort(slots.begin(), slots.end(), by_attribute_then_precedence);
  return slots;
}

/// A flow that applies only once keeps, after the creation, whatever it gave then.
Contribution kept(const Slot& slot, const Previous& previous) {
  Contribution contribution;
  if (previous.lineage == nullptr) {
    contribution.kind = Contribution::Kind::ignore;
    return contribution;
  }
  const model::Contribution mine{slot.attribute, slot.rule->id(), slot.contributor->object};
  const bool ours = std::find(previous.lineage->begin(), previous.lineage->end(), mine) != previous.lineage->end();
  const model::ImageAttribute* attribute =
      ours && previous.image != nullptr ? previous.image->find(slot.attribute) : nullptr;
  if (attribute == nullptr) return contribution;
  if (!attribute->values.empty()) {
    contribution.kind = Contribution::Kind::values;
    contribution.values = attribute->values;
    return contribution;
  }
  // References are rows of the object that holds them; they go on following it.
  for (const model::ReferenceSource& source : attribute->references) {
    if (source.object != slot.contributor->object) continue;
    contribution.kind = Contribution::Kind::references;
    contribution.reference = source.attribute;
    contribution.referenced_by = source.referenced_by;
    contribution.flatten = source.flatten;
  }
  return contribution;
}

std::vector<model::ReferenceSource> sources_of(const Slot& slot, const Contribution& contribution) {
  const model::ImageAttribute* attribute = slot.contributor->image->find(contribution.reference);
  std::vector<model::ReferenceSource> sources;
  if (attribute != nullptr) sources = attribute->references;
  if (sources.empty() && contribution.referenced_by != 0) sources.push_back({{}, contribution.reference});
  for (model::ReferenceSource& source : sources) {
    if (!source.object) source.object = slot.contributor->object;
    if (contribution.referenced_by != 0) source.referenced_by = contribution.referenced_by;
    source.count += static_cast<std::int64_t>(contribution.referencing);
    source.flatten = source.flatten || contribution.flatten;
  }
  return sources;
}

/// Gathers what wins for one attribute.
class Attribute {
 public:
  explicit Attribute(model::NameId name) : name_(name) {}

  [[nodiscard]] bool open() const { return open_; }

  /// True when the contribution counts.
  bool take(const Slot& slot, Contribution& contribution) {
    const MergeType merge = slot.rule->flow_merge(slot.flow);
    merging_ = merge == MergeType::merge || merge == MergeType::merge_case_insensitive;
    ignoring_case_ = merge == MergeType::merge_case_insensitive;
    switch (contribution.kind) {
      case Contribution::Kind::ignore:
        return false;
      case Contribution::Kind::null:
        spoken_ = true;
        return false;
      case Contribution::Kind::authoritative_null:
        spoken_ = true;
        open_ = false;
        return true;
      case Contribution::Kind::values:
        spoken_ = true;
        if (contribution.values.empty()) return false;
        values_.insert(values_.end(), std::make_move_iterator(contribution.values.begin()),
                       std::make_move_iterator(contribution.values.end()));
        break;
      case Contribution::Kind::references: {
        spoken_ = true;
        const auto sources = sources_of(slot, contribution);
        if (sources.empty()) return false;
        references_.insert(references_.end(), sources.begin(), sources.end());
        break;
      }
      case Contribution::Kind::failed:
        return false;
    }
    lineage_.push_back({name_, slot.rule->id(), slot.contributor->object});
    open_ = merging_;
    return true;
  }

  void finish(Folded& folded) {
    if (merging_ && open_ && references_.empty()) folded.merged.push_back({name_, ignoring_case_});
    if (!references_.empty()) {
      folded.image.set_references(name_, std::move(references_));
    } else if (!values_.empty()) {
      if (ignoring_case_) drop_same_folded();
      folded.image.set(name_, std::move(values_));
    } else if (spoken_) {
      folded.cleared.push_back(name_);
    } else {
      folded.ignored.push_back(name_);
    }
    folded.lineage.insert(folded.lineage.end(), lineage_.begin(), lineage_.end());
  }

 private:
  void drop_same_folded() {
    std::unordered_set<std::string> seen;
    std::erase_if(values_, [&](const model::Value& value) { return !seen.insert(model::join_key(value)).second; });
  }

  model::NameId name_;
  model::Values values_;
  std::vector<model::ReferenceSource> references_;
  model::Lineage lineage_;
  bool open_ = true;
  bool spoken_ = false;
  bool merging_ = false;
  bool ignoring_case_ = false;
};

}  // namespace

std::size_t ImageSource::count_references(model::NameId attribute) const {
  const model::ImageAttribute* found = image_.find(attribute);
  if (found == nullptr) return 0;
  std::int64_t count = 0;
  for (const model::ReferenceSource& source : found->references) count += source.count;
  return static_cast<std::size_t>(count);
}

std::size_t ImageSource::count_referencing(model::NameId attribute) const {
  if (parameters_.references == nullptr || !parameters_.object) return 0;
  return parameters_.references->count_referencing(parameters_.object, attribute);
}

std::vector<std::string> ImageSource::reference_names(model::NameId attribute) const {
  std::vector<std::string> names;
  const model::ImageAttribute* found = parameters_.references == nullptr ? nullptr : image_.find(attribute);
  if (found == nullptr) return names;
  for (const model::ReferenceSource& source : found->references) {
    auto some = parameters_.references->names(source.object ? source.object : parameters_.object, source.attribute);
    names.insert(names.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  return names;
}

ImageSource::ImageSource(const model::Image& image, const model::Image& imported, Parameters parameters)
    : image_(image), imported_(imported), parameters_(parameters) {
  if (parameters.dn_name == 0 || parameters.dn.empty()) return;
  dn_.name = parameters.dn_name;
  dn_.values.emplace_back(std::string(parameters.dn));
}

std::optional<std::string> ImageSource::parameter(std::string_view name) const {
  if (name == "Connector.Name") return std::string(parameters_.connector);
  if (parameters_.info == nullptr) return std::nullopt;
  if (name == "Connector.ID") return std::to_string(parameters_.info->id.value);
  return domain_parameter(name);
}

/// A DN says its domain itself, as a forest may have several; its short name and the forest's are settings.
std::optional<std::string> ImageSource::domain_parameter(std::string_view name) const {
  if (name == "Domain.FQDN" || name == "Domain.LDAP") {
    const bool dotted = name == "Domain.FQDN";
    std::string text;
    for (const auto& component : model::domain_components(parameters_.dn)) {
      text += (text.empty() ? "" : dotted ? "." : ",") + (dotted ? component : "DC=" + component);
    }
    if (!text.empty()) return text;
  }
  const auto found = parameters_.info->parameters.find(name);
  if (found == parameters_.info->parameters.end()) return std::nullopt;
  return found->second;
}

namespace {

/// Two flows in scope of one object to one attribute that merge differently: which is right nobody can say.
std::optional<FoldFailure> merge_conflict(std::span<const Slot> slots) {
  const auto merge = [](const Slot& slot) { return slot.rule->flow_merge(slot.flow); };
  const auto other =
      std::find_if(slots.begin(), slots.end(), [&](const Slot& slot) { return merge(slot) != merge(slots.front()); });
  if (other == slots.end()) return std::nullopt;
  return FoldFailure{other->contributor->object, other->rule->rule().name,
                     other->rule->rule().flows[other->flow].target,
                     "its merge type differs from that of \"" + slots.front().rule->rule().name + "\""};
}

}  // namespace

Folded fold(std::span<const Contributor> contributors, const Previous& previous, std::vector<Candidate>* explain) {
  const std::vector<Slot> slots = slots_of(contributors);
  Folded folded;
  for (std::size_t at = 0; at < slots.size();) {
    const model::NameId name = slots[at].attribute;
    const auto end = std::find_if(slots.begin() + static_cast<std::ptrdiff_t>(at), slots.end(),
                                  [&](const Slot& slot) { return slot.attribute != name; });
    if (auto conflict = merge_conflict({slots.begin() + static_cast<std::ptrdiff_t>(at), end})) {
      if (!folded.failure) folded.failure = std::move(conflict);
      if (explain == nullptr) return folded;
    }
    Attribute attribute(name);
    for (; at < slots.size() && slots[at].attribute == name; ++at) {
      if (!attribute.open() && explain == nullptr) continue;
      const Slot& slot = slots[at];
      const bool once = slot.rule->flow_applies_once(slot.flow) && !previous.created;
      Contribution contribution =
          once ? kept(slot, previous) : slot.rule->evaluate(slot.flow, *slot.contributor->source);
      if (contribution.kind == Contribution::Kind::failed && attribute.open()) {
        if (!folded.failure) {
          folded.failure = FoldFailure{slot.contributor->object, slot.rule->rule().name,
                                       slot.rule->rule().flows[slot.flow].target, contribution.message};
        }
        if (explain == nullptr) return folded;
      }
      if (explain != nullptr) explain->push_back({name, slot.contributor->object, slot.rule, contribution, false});
      if (!attribute.open()) continue;
      const bool won = attribute.take(slot, contribution);
      if (explain != nullptr) explain->back().won = won;
    }
    attribute.finish(folded);
  }
  return folded;
}

}  // namespace linkspan::sync
