#include "sync/importer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_set>

#include "base/error.h"
#include "model/image.h"
#include "sync/named_object.h"
#include "sync/pending.h"

namespace linkspan::sync {
namespace {

using model::Observation;

/// In order, so that the database walks its index instead of jumping about in it.
std::vector<std::string> sorted(const std::unordered_set<std::string_view>& keys) {
  std::vector<std::string> list(keys.begin(), keys.end());
  std::sort(list.begin(), list.end());
  return list;
}

/// It was there under its name, and is gone; what has become of that is not decided yet.
bool has_left(const Object* object) {
  return object != nullptr && !object->anchor.empty() && object->observed_hash.empty();
}

/// A stand-in gives way to the object that a directory has shown.
void index(Known& known) {
  known.by_anchor.reserve(known.objects.size());
  known.by_dn.reserve(known.objects.size());
  for (const Object& object : known.objects) {
    if (!object.anchor.empty()) known.by_anchor.emplace(object.anchor, &object);
    if (object.dn_key.empty()) continue;
    const auto [at, fresh] = known.by_dn.emplace(object.dn_key, &object);
    if (!fresh && at->second->observed_hash.empty() && !object.observed_hash.empty()) at->second = &object;
  }
}

/// The names that objects leave in this batch.
std::unordered_set<std::string_view> names_left(const std::vector<Prepared*>& present, const Known& known) {
  std::unordered_set<std::string_view> left;
  for (const Prepared* one : present) {
    const auto found = known.by_anchor.find(one->anchor);
    if (found != known.by_anchor.end() && found->second->dn_key != one->dn_key) left.insert(found->second->dn_key);
  }
  return left;
}

bool refers_to(const Prepared& one, const std::unordered_set<std::string_view>& names) {
  if (names.empty()) return false;
  return std::ranges::any_of(one.references,
                             [&](const PreparedReference& reference) { return names.contains(reference.target_key); });
}

}  // namespace

Importer::Importer(const Context& context, const ConnectorInfo& info)
    : context_(context), info_(info), flows_in_(context.rules.has_inbound(info.name)) {
  if (context.store.view()->scan_objects(info.id, 0, store::no_images, {0, 1}).empty()) written_.emplace();
}

Known Importer::look_up(store::View& view, const std::vector<Prepared>& batch) const {
  std::unordered_set<std::string_view> anchors;
  std::unordered_set<std::string_view> dn_keys;
  for (const Prepared& one : batch) {
    if (!one.anchor.empty() && may_be_known(one.anchor)) anchors.insert(one.anchor);
    if (!one.dn_key.empty() && may_be_known(one.dn_key)) dn_keys.insert(one.dn_key);
  }
  Known known;
  known.objects = view.find_objects(info_.id, sorted(anchors), sorted(dn_keys));
  index(known);
  return known;
}

ObjectWrite Importer::write_new(ObjectId id, Prepared& prepared, const Object* stand_in) const {
  ObjectWrite write;
  if (stand_in != nullptr) write.object = *stand_in;
  Object& object = write.object;
  object.id = id;
  object.connector = info_.id;
  object.anchor = std::move(prepared.anchor);
  object.dn = std::move(prepared.dn);
  object.dn_key = std::move(prepared.dn_key);
  object.type = prepared.type;
  if (object.state == store::ObjectState::placeholder) object.state = store::ObjectState::disconnector;
  object.observed_hash = std::move(prepared.hash);
  object.touched |= store::touched_inbound;
  write.images.observed = std::move(prepared.image);
  write.mask = store::observed_image;
  return write;
}

void Importer::not_reimported(ObjectId object, std::string what) {
  store::ObjectError error;
  error.object = object;
  error.stage = "import";
  error.error = "export-change-not-reimported";
  error.message = std::move(what);
  error.first_at = error.last_at = context_.clock.now();
  error.count = 1;
  errors_.push_back(std::move(error));
  counters_.add("not_reimported");
}

ObjectWrite Importer::write_changed(store::ObjectWithImages current, const Prepared& prepared) {
  counters_.add(current.object.dn != prepared.dn && !current.object.dn.empty() ? "renames" : "updates");
  ObjectWrite write;
  write.object = std::move(current.object);
  write.images = std::move(current.images);
  Object& object = write.object;
  const std::uint8_t touched_before = object.touched;
  object.anchor = prepared.anchor;
  object.dn = prepared.dn;
  object.dn_key = prepared.dn_key;
  object.type = prepared.type;
  object.observed_hash = prepared.hash;
  object.touched |= store::touched_inbound;
  if (object.state == store::ObjectState::placeholder) object.state = store::ObjectState::disconnector;
  write.images.observed = prepared.image;
  write.mask = store::observed_image;
  if (write.images.desired.empty() && write.images.sent.empty() && object.desired != store::Desired::absent)
    return write;

  const model::Image observed = model::decode(write.images.observed);
  const model::Image sent = model::decode(write.images.sent);
  const model::Confirmation confirmation = model::confirm(observed, sent, model::decode(write.images.shadow));
  write.images.sent = confirmation.sent.empty() ? std::string() : model::encode(confirmation.sent);
  write.images.shadow = confirmation.shadow.empty() ? std::string() : model::encode(confirmation.shadow);
  write.mask = static_cast<store::ImageMask>(store::observed_image | store::sent_image | store::shadow_image);
  for (const model::NameId name : confirmation.not_reimported) {
    not_reimported(object.id, fmt::format("{}: the import shows another value of {} than was sent", prepared.dn,
                                          context_.store.names().name(name)));
  }
  const store::Operation before = object.pending;
  object.pending = pending_operation(object, observed, model::decode(write.images.desired), confirmation.sent,
                                     confirmation.shadow, info_.dn);
  const bool cleared = std::any_of(sent.attributes().begin(), sent.attributes().end(),
                                   [](const auto& attribute) { return attribute.values.empty(); });
  const bool nothing_to_conclude = object.metaverse && !context_.rules.has_inbound(info_.name) && !cleared &&
                                   before == store::Operation::none && object.pending == store::Operation::none;
  if (nothing_to_conclude) object.touched = touched_before;
  return write;
}

/// A few thousand at a time: a group of a million members must not be a million objects in memory.
void Importer::find_leads(store::View& view, Leads& leads) const {
  constexpr std::size_t k_chunk = 4000;
  std::vector<std::string_view> keys;
  keys.reserve(leads.size());
  for (const auto& [key, id] : leads) {
    if (may_be_known(key)) keys.push_back(key);
  }
  std::sort(keys.begin(), keys.end());
  for (std::size_t at = 0; at < keys.size(); at += k_chunk) {
    const std::vector<std::string> chunk(
        keys.begin() + static_cast<std::ptrdiff_t>(at),
        keys.begin() + static_cast<std::ptrdiff_t>(std::min(at + k_chunk, keys.size())));
    auto found =
        info_.references_by_anchor ? view.find_objects(info_.id, chunk, {}) : view.find_objects(info_.id, {}, chunk);
    // Of several of one name it is the one that is there, and best the one this import has seen there.
    const auto rank = [&](const Object& object) {
      const bool there =
          !object.observed_hash.empty() && !std::binary_search(leaving_.begin(), leaving_.end(), object.id);
      return there ? (seen_.has(object.id) ? 2 : 1) : 0;
    };
    std::ranges::stable_sort(found, {}, rank);
    for (const Object& object : found) leads.at(info_.references_by_anchor ? object.anchor : object.dn_key) = object.id;
  }
}

/// What changed in part says nothing of an object that is not held whole.
Importer::Work Importer::changed_in_part(Prepared& part, const Known& known) {
  const auto found = known.by_anchor.find(part.anchor);
  if (found == known.by_anchor.end() || !is_observed(*found->second)) {
    throw Error(Fault::invalid, "connector.watermark_refused",
                fmt::format("{} told of {} in part only, and it is not held whole", info_.name, part.anchor),
                "a full import follows");
  }
  const Object& object = *found->second;
  if (part.dn.empty()) {
    part.dn = object.dn;
    part.dn_key = object.dn_key;
  }
  seen_.mark(object.id);
  return {&part, object.id, &object};
}

/// The entries that say something new, each with its object: found by anchor, taken from a stand-in of that name, or
/// new.
std::vector<Importer::Work> Importer::changed(store::Batch& batch, const std::vector<Prepared*>& present,
                                              const Known& known) {
  std::vector<Work> work;
  std::size_t fresh = 0;
  // Who is still shown with a name that its object has left in the same batch does not refer to that object any more.
  const std::unordered_set<std::string_view> left =
      info_.references_by_anchor ? std::unordered_set<std::string_view>() : names_left(present, known);
  for (Prepared* one : present) {
    if (one->kind == Observation::Kind::changed) {
      work.push_back(changed_in_part(*one, known));
      continue;
    }
    const auto by_anchor = known.by_anchor.find(one->anchor);
    const auto by_dn = one->dn_key.empty() ? known.by_dn.end() : known.by_dn.find(one->dn_key);
    const Object* namesake = by_dn == known.by_dn.end() ? nullptr : by_dn->second;
    const Object* object = by_anchor == known.by_anchor.end() ? nullptr : by_anchor->second;
    if (object == nullptr && namesake != nullptr && namesake->anchor.empty()) object = namesake;
    if (object != nullptr) {
      seen_.mark(object->id);
      if (namesake != nullptr && namesake->id != object->id && is_stand_in(*namesake))
        replaced_.emplace_back(namesake->id, object->id);
      if (has_left(namesake)) heirs_.emplace(namesake->id, object->id);
      if (object->observed_hash == one->hash && !refers_to(*one, left)) {
        counters_.add("unchanged");
        continue;
      }
    }
    if (object == nullptr) ++fresh;
    work.push_back({one, object == nullptr ? ObjectId{} : object->id, object});
  }
  // Neighbours in the directory become neighbours in the database, and its indexes are walked instead of jumped about
  // in.
  std::sort(work.begin(), work.end(),
            [](const Work& a, const Work& b) { return a.prepared->dn_key < b.prepared->dn_key; });
  ObjectId next_id = fresh == 0 ? ObjectId{} : batch.new_objects(fresh);
  for (Work& one : work) {
    if (one.id) continue;
    one.id = next_id;
    ++next_id.value;
    seen_.mark(one.id);
    counters_.add("adds");
    const auto namesake = known.by_dn.find(one.prepared->dn_key);
    if (namesake != known.by_dn.end() && has_left(namesake->second)) heirs_.emplace(namesake->second->id, one.id);
  }
  return work;
}

/// Where the references of these entries lead; what is not known yet gets stand-ins.
Leads Importer::lead(store::View& view, store::Batch& batch, const std::vector<Work>& work) {
  constexpr std::size_t k_at_once = 4000;  // of a group of a million members nobody may be known yet
  std::vector<ObjectWrite> writes;
  Leads leads;
  for (const Work& one : work) {
    for (const PreparedReference& reference : one.prepared->references) leads.emplace(reference.target_key, ObjectId{});
    for (const PreparedReference& reference : one.prepared->references_gone)
      leads.emplace(reference.target_key, ObjectId{});
  }
  find_leads(view, leads);
  for (const Work& one : work) {  // a name that its object has just left leads there no more
    if (info_.references_by_anchor || one.known == nullptr || one.known->dn_key == one.prepared->dn_key) continue;
    const auto found = leads.find(one.known->dn_key);
    if (found != leads.end() && found->second == one.id) found->second = {};
  }
  for (const Work& one : work) {
    const auto found = leads.find(info_.references_by_anchor ? one.prepared->anchor : one.prepared->dn_key);
    if (found != leads.end()) found->second = one.id;
  }
  std::vector<const PreparedReference*> missing;
  for (const Work& one : work) {
    for (const PreparedReference& reference : one.prepared->references) {
      ObjectId& id = leads.at(reference.target_key);
      if (id) continue;
      id = ObjectId{-1};  // once; the real one follows
      missing.push_back(&reference);
    }
  }
  ObjectId stand_in = missing.empty() ? ObjectId{} : batch.new_objects(missing.size());
  for (const PreparedReference* reference : missing) {
    ObjectWrite write;
    write.object.id = leads[reference->target_key] = stand_in;
    write.object.connector = info_.id;
    write.object.dn = reference->target;
    (info_.references_by_anchor ? write.object.anchor : write.object.dn_key) = reference->target_key;
    if (written_) written_->add(reference->target_key);
    writes.push_back(std::move(write));
    ++stand_in.value;
    if (writes.size() < k_at_once) continue;
    batch.put_objects(writes);
    writes.clear();
  }
  batch.put_objects(writes);
  return leads;
}

void Importer::write_present(store::View& view, store::Batch& batch, const std::vector<Prepared*>& present,
                             const Known& known) {
  const std::vector<Work> work = changed(batch, present, known);
  if (!leaving_.empty() && !info_.references_by_anchor) {
    for (const Work& one : work) came_.emplace_back(one.prepared->dn_key, one.id);
  }
  for (const Work& one : work) told_.insert(one.id.value);
  std::vector<ObjectId> known_ids;
  std::vector<ObjectId> whole_ids;
  for (const Work& one : work) {
    if (one.known == nullptr) continue;
    known_ids.push_back(one.id);
    if (!one.in_part()) whole_ids.push_back(one.id);
  }
  std::unordered_map<std::int64_t, store::ObjectWithImages> current;
  for (auto& loaded : view.load_objects(known_ids, store::all_images))
    current.emplace(loaded.object.id.value, std::move(loaded));
  const std::vector<Reference> old = view.references_of(whole_ids, false);
  std::vector<ObjectWrite> writes;
  writes.reserve(work.size());
  const Leads leads = lead(view, batch, work);
  PartRows rows = rows_of_parts(view, work, leads);
  for (const Work& one : work) {
    if (written_) {
      written_->add(one.prepared->anchor);
      if (!one.prepared->dn_key.empty()) written_->add(one.prepared->dn_key);
    }
    const auto loaded = current.find(one.id.value);
    if (one.in_part()) {
      write_part(std::move(loaded->second), *one.prepared, leads, rows, writes);
      continue;
    }
    const bool observed = loaded != current.end() && !loaded->second.object.observed_hash.empty();
    if (!observed && one.known != nullptr) counters_.add("adds");
    const bool was_exported =
        loaded != current.end() && (!loaded->second.images.sent.empty() || !loaded->second.images.desired.empty());
    writes.push_back(observed || was_exported ? write_changed(std::move(loaded->second), *one.prepared)
                                              : write_new(one.id, *one.prepared, one.known));
    std::vector<ObjectId> targets;
    targets.reserve(one.prepared->references.size());
    for (const PreparedReference& reference : one.prepared->references)
      targets.push_back(leads.at(reference.target_key));
    const auto [first, last] =
        std::equal_range(old.begin(), old.end(), Reference{one.id, 0, {}, 0},
                         [](const Reference& a, const Reference& b) { return a.object < b.object; });
    merge_references(writes.back(), {first, last}, std::move(targets), *one.prepared);
  }
  batch.put_objects(writes);
  touch_namers(view, batch, work);
}

/// The rows that parts speak of, as they are held, and what else is pending of objects of which something is.
Importer::PartRows Importer::rows_of_parts(store::View& view, const std::vector<Work>& work, const Leads& leads) {
  PartRows found;
  std::vector<store::ReferenceKey> keys;
  std::vector<ObjectId> pending;
  for (const Work& one : work) {
    if (!one.in_part()) continue;
    if (one.known->pending_references) pending.push_back(one.id);
    for (const auto* list : {&one.prepared->references, &one.prepared->references_gone}) {
      for (const PreparedReference& reference : *list) {
        if (const ObjectId target = leads.at(reference.target_key))
          keys.push_back({one.id, reference.attribute, target});
      }
    }
  }
  for (const Reference& row : view.find_references(keys)) found.bits.emplace(store::key_of(row), row.bits);
  std::sort(keys.begin(), keys.end());
  for (const Reference& row : view.references_of(pending, true)) {
    if (!std::binary_search(keys.begin(), keys.end(), store::key_of(row)))
      found.pending_beside.insert(row.object.value);
  }
  return found;
}

/// An object of which only what changed was told: what it holds is put together from that and what was told before.
void Importer::write_part(store::ObjectWithImages current, Prepared& part, const Leads& leads, const PartRows& rows,
                          std::vector<ObjectWrite>& writes) {
  const Object before = current.object;
  model::Image image = model::decode(current.images.observed);
  ObservedHash hash(std::string_view(before.observed_hash));
  hash -= ObservedHash(before.type, before.dn, current.images.observed);
  for (model::ImageAttribute& change : part.changes) {
    if (change.values.empty()) {
      image.erase(change.name);
    } else {
      image.set(change.name, std::move(change.values));
    }
  }
  std::vector<std::pair<Reference, bool>> told;
  const auto take = [&](const std::vector<PreparedReference>& references, bool observed) {
    for (const PreparedReference& reference : references) {
      const ObjectId target = leads.at(reference.target_key);
      if (!target) continue;  // nobody ever referred to it
      const auto held = rows.bits.find({before.id, reference.attribute, target});
      const std::uint8_t bits = held == rows.bits.end() ? std::uint8_t{0} : held->second;
      told.push_back({{before.id, reference.attribute, target, bits}, observed});
      if (observed == ((bits & store::reference_observed) != 0)) continue;
      observed ? hash.add(reference) : hash.subtract(reference);
      count_more(image, reference.attribute, observed ? 1 : -1);
    }
  };
  take(part.references_gone, false);
  take(part.references, true);
  if (const auto lost = lost_.find(before.id); lost != lost_.end()) {
    std::set<store::ReferenceKey> gone;
    for (const auto& [row, observed] : told) {
      if (!observed) gone.insert(store::key_of(row));
    }
    for (const auto& [reference, row] : lost->second) {
      if (gone.contains(store::key_of(row))) continue;
      hash.subtract(reference);
      count_more(image, reference.attribute, -1);
    }
  }
  part.type = before.type;
  part.image = model::encode(image);
  hash += ObservedHash(part.type, part.dn, part.image);
  part.hash = hash.bytes();
  if (part.hash == before.observed_hash) {
    counters_.add("unchanged");
    return;
  }
  ObjectWrite write = write_changed(std::move(current), part);
  bool pending = rows.pending_beside.contains(before.id.value);
  for (const auto& [row, observed] : told) pending = settle_reference(write, row, observed) || pending;
  write.object.pending_references = pending;
  writes.push_back(std::move(write));
}

/// A joined object stays until the synchronization has drawn its conclusions; any other leaves at once.
void Importer::write_gone(store::View& view, store::Batch& batch, const std::vector<ObjectId>& gone) {
  if (gone.empty()) return;
  std::vector<ObjectId> removed;
  std::vector<ObjectId> kept;
  std::vector<ObjectWrite> writes;
  for (store::ObjectWithImages& one : view.load_objects(gone, store::desired_image)) {
    if (one.object.observed_hash.empty() || one.object.observed_hash == k_attempted) continue;
    counters_.add("deletes");
    if (!one.object.metaverse) {
      removed.push_back(one.object.id);
      continue;
    }
    kept.push_back(one.object.id);
    store::ObjectError forgotten;  // what failed was a change of what is no longer there
    forgotten.object = one.object.id;
    forgotten.stage = "export";
    errors_.push_back(std::move(forgotten));
    ObjectWrite write;
    write.object = std::move(one.object);
    write.object.observed_hash.clear();
    write.object.touched |= store::touched_inbound;
    write.images.desired = std::move(one.images.desired);
    write.object.pending = pending_operation(write.object, write.images, info_.dn);
    write.object.pending_references = false;
    write.mask = static_cast<store::ImageMask>(store::observed_image | store::sent_image | store::shadow_image);
    write.images.desired.clear();
    writes.push_back(std::move(write));
  }
  std::unordered_set<std::int64_t> pending;
  for (Reference row : view.references_of(kept, false)) {
    row.bits &= static_cast<std::uint8_t>(store::reference_desired | store::reference_managed);
    if ((row.bits & store::reference_desired) == 0) row.bits = 0;
    if (store::reference_pending(row.bits)) pending.insert(row.object.value);
    references_.push_back(row);
  }
  for (ObjectWrite& write : writes) write.object.pending_references = pending.contains(write.object.id.value);
  batch.put_objects(writes);
  batch.remove_objects(removed);
}

void Importer::begin_batch() {
  references_.clear();
  touched_.clear();
  errors_.clear();
  told_.clear();
  lost_.clear();
  heirs_.clear();
  leaving_.clear();
  came_.clear();
}

void Importer::apply(std::vector<Prepared> prepared, const std::string* watermark) {
  // A directory may mention an object twice (it moved between pages): the last word counts.
  std::unordered_map<std::string_view, std::size_t, HashText> last;
  last.reserve(prepared.size());
  for (std::size_t i = 0; i < prepared.size(); ++i) {
    if (!prepared[i].anchor.empty()) last[prepared[i].anchor] = i;
  }
  auto view = context_.store.view();
  Known known = look_up(*view, prepared);
  const auto batch = context_.store.batch(
      context_.lease, watermark == nullptr ? store::Durability::deferred : store::Durability::at_once);
  std::vector<Prepared*> present;
  std::vector<ObjectId> gone;
  std::vector<ObjectId> deleted;
  std::vector<Verdict> verdicts;
  for (std::size_t i = 0; i < prepared.size(); ++i) {
    Prepared& one = prepared[i];
    if (!one.anchor.empty() && last[one.anchor] != i) continue;
    if (one.kind == Observation::Kind::present || one.kind == Observation::Kind::changed) {
      present.push_back(&one);
      continue;
    }
    const auto by_anchor = known.by_anchor.find(one.anchor);
    const auto by_dn = known.by_dn.find(one.dn_key);
    const Object* object = by_anchor != known.by_anchor.end()                 ? by_anchor->second
                           : one.anchor.empty() && by_dn != known.by_dn.end() ? by_dn->second
                                                                              : nullptr;
    if (object == nullptr) continue;
    if (one.kind == Observation::Kind::gone || one.kind == Observation::Kind::deleted) {
      gone.push_back(object->id);
      if (one.kind == Observation::Kind::deleted) deleted.push_back(object->id);
    } else if (one.kind == Observation::Kind::confirmed || one.kind == Observation::Kind::refused) {
      seen_.mark(object->id);
      verdicts.push_back({&one, object->id});
    } else {
      seen_.mark(object->id);
      counters_.add("unchanged");
    }
  }
  std::sort(gone.begin(), gone.end());
  gone.erase(std::unique(gone.begin(), gone.end()), gone.end());
  begin_batch();
  leaving_ = gone;
  find_lost(*view, deleted);
  write_present(*view, *batch, present, known);
  write_verdicts(*view, *batch, verdicts);
  replace_stand_ins(*view, *batch);
  // Before anything leaves: what is still referenced stays as a stand-in.
  batch->put_references(std::exchange(references_, {}));
  touch_far_ends(*batch);
  touch_far_ends_of(*view, *batch, gone);
  drop_lost(*view, *batch);
  heirs_.merge(heirs_of(*view, gone));
  hand_over(*view, *batch);
  write_gone(*view, *batch, gone);
  batch->put_references(references_);
  batch->touch_references(touched_);
  batch->put_errors(errors_);
  if (watermark != nullptr) batch->put_watermark(info_.id, *watermark);
  view.reset();  // an open one would keep SQLite from beginning its log anew
  batch->commit();
}

void Importer::check_canaries() {
  if (info_.canaries.empty()) return;
  const auto view = context_.store.view();
  for (const std::string& canary : info_.canaries) {
    const auto found = find_named(context_.store, *view, info_, canary);
    if (found && seen_.has(found->id)) continue;
    throw Error(
        Fault::invalid, "import.canary_missing",
        fmt::format(
            "the import of {} did not see the canary object {}: it is taken as incomplete, and nothing is deleted",
            info_.name, canary),
        "Find out why the directory does not show it; if it is rightly gone, remove it from the connector's canaries.");
  }
}

/// Stand-ins that nobody refers to any more go. Few at a time: each may be referred to by many.
void Importer::prune(std::span<const ObjectId> stand_ins) {
  constexpr std::size_t k_at_once = 500;
  while (!stand_ins.empty()) {
    context_.check_stop();
    const auto some = stand_ins.first(std::min(stand_ins.size(), k_at_once));
    stand_ins = stand_ins.subspan(some.size());
    std::unordered_set<std::int64_t> wanted;
    for (const Reference& row : context_.store.view()->references_to(some)) wanted.insert(row.target.value);
    std::vector<ObjectId> unwanted;
    std::copy_if(some.begin(), some.end(), std::back_inserter(unwanted),
                 [&](ObjectId id) { return !wanted.contains(id.value); });
    if (unwanted.empty()) continue;
    const auto batch = context_.store.batch(context_.lease, store::Durability::deferred);
    batch->remove_objects(unwanted);
    batch->commit();
  }
}

void Importer::remove_unseen() {
  check_canaries();
  if (written_) return;  // all that is there, this import has seen
  std::vector<ObjectId> stand_ins;
  for (store::Page page{0, 5000};;) {
    context_.check_stop();
    const auto view = context_.store.view();
    const auto objects = view->scan_objects(info_.id, 0, store::no_images, page);
    if (objects.empty()) break;
    std::vector<ObjectId> gone;
    for (const auto& one : objects) {
      if (one.object.state == store::ObjectState::placeholder) stand_ins.push_back(one.object.id);
      if (!one.object.observed_hash.empty() && !seen_.has(one.object.id)) gone.push_back(one.object.id);
    }
    page.after = objects.back().object.id.value;
    if (gone.empty()) continue;
    begin_batch();
    const auto batch = context_.store.batch(context_.lease, store::Durability::deferred);
    touch_far_ends_of(*view, *batch, gone);
    leaving_ = gone;
    heirs_ = heirs_of(*view, gone);
    hand_over(*view, *batch);
    write_gone(*view, *batch, gone);
    batch->put_references(references_);
    batch->touch_references(touched_);
    batch->put_errors(errors_);
    batch->commit();
  }
  prune(stand_ins);
}

void Importer::put_watermark(const std::string& watermark) {
  const auto batch = context_.store.batch(context_.lease);
  batch->put_watermark(info_.id, watermark);
  batch->commit();
}

}  // namespace linkspan::sync
