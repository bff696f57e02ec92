#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "model/image.h"
#include "sync/importer.h"
#include "sync/pending.h"

namespace linkspan::sync {
namespace {

/// A row that the directory does not show any more.
Reference forgotten(Reference row) {
  row.bits &= static_cast<std::uint8_t>(store::reference_desired | store::reference_managed);
  if (row.bits == store::reference_managed) row.bits = 0;
  return row;
}

}  // namespace

/// What an import says of one reference: `row` as it is held, with no bits where it is not. Whether it is pending now.
bool Importer::settle_reference(const ObjectWrite& write, Reference row, bool observed) {
  const std::uint8_t before = row.bits;
  const auto contradicted =
      static_cast<std::uint8_t>(observed ? store::reference_sent_remove : store::reference_sent_add);
  if ((before & contradicted) != 0) {
    not_reimported(row.object, fmt::format("{}: the import does not show a change of {} that was sent", write.object.dn,
                                           context_.store.names().name(row.attribute)));
  }
  row.bits = static_cast<std::uint8_t>(before & (store::reference_desired | store::reference_managed));
  if (observed) row.bits |= store::reference_observed;
  if (row.bits == store::reference_managed) row.bits = 0;
  // Whether our rules speak of what somebody else referenced is for the reference stage to say.
  const bool foreign = before == 0 && observed && write.object.desired == store::Desired::present;
  const bool flows = write.object.metaverse && flows_in_ && observed != ((before & store::reference_observed) != 0);
  if (foreign || flows) touched_.push_back(store::key_of(row));
  if (row.bits == before) return store::reference_pending(row.bits);
  references_.push_back(row);
  if (((row.bits ^ before) & store::reference_observed) != 0) note_far_end(row);
  return store::reference_pending(row.bits);
}

void Importer::merge_references(ObjectWrite& write, std::span<const Reference> old, std::vector<ObjectId> targets,
                                const Prepared& prepared) {
  std::vector<std::pair<model::NameId, ObjectId>> now;
  now.reserve(targets.size());
  for (std::size_t i = 0; i < targets.size(); ++i) now.emplace_back(prepared.references[i].attribute, targets[i]);
  std::sort(now.begin(), now.end());
  bool pending = false;
  const auto settle = [&](const Reference& row, bool observed) {
    pending = settle_reference(write, row, observed) || pending;
  };
  std::size_t next = 0;
  for (const Reference& row : old) {
    const std::pair key{row.attribute, row.target};
    for (; next < now.size() && now[next] < key; ++next) {
      settle({write.object.id, now[next].first, now[next].second, 0}, true);
    }
    const bool observed = next < now.size() && now[next] == key;
    settle(row, observed);
    if (observed) ++next;
  }
  for (; next < now.size(); ++next) settle({write.object.id, now[next].first, now[next].second, 0}, true);
  write.object.pending_references = pending;
}

/// Of a reference that came or went: whom else it means something to.
void Importer::note_far_end(const Reference& row) {
  const auto is_in = [&](std::span<const model::NameId> names) {
    return std::binary_search(names.begin(), names.end(), row.attribute);
  };
  if (is_in(context_.rules.read_backwards())) far_ends_.push_back(row.target);
  if (is_in(context_.rules.read_through())) followed_.push_back(row.object);
}

/// What rules read of references at their far end, or beyond it, is another now.
void Importer::touch_far_ends(store::Batch& batch) {
  store::DerivedReferences derived = derived_references(context_.rules);
  if (derived.empty()) return;
  derived.alone = true;
  std::sort(far_ends_.begin(), far_ends_.end());
  far_ends_.erase(std::unique(far_ends_.begin(), far_ends_.end()), far_ends_.end());
  batch.touch_objects(far_ends_, store::touched_inbound, 0);
  if (!derived.through.empty()) {
    followed_.insert(followed_.end(), far_ends_.begin(), far_ends_.end());
    batch.touch_holders({}, followed_, derived);
  }
  far_ends_.clear();
  followed_.clear();
}

/// Before objects leave, with what they reference and what references them.
void Importer::touch_far_ends_of(store::View& view, store::Batch& batch, std::span<const ObjectId> gone) {
  if (derived_references(context_.rules).empty() || gone.empty()) return;
  for (const Reference& row : view.references_of(gone, false)) {
    if ((row.bits & store::reference_observed) != 0) note_far_end(row);
  }
  followed_.assign(gone.begin(), gone.end());
  touch_far_ends(batch);
}

/// Rules may look at the names of what is referenced: whoever references an object that is now called otherwise is
/// looked at again.
void Importer::touch_namers(store::View& view, store::Batch& batch, const std::vector<Work>& work) const {
  if (!info_.objects_by_dn) return;
  std::vector<ObjectId> renamed;
  for (const Work& one : work) {
    if (one.known != nullptr && one.known->dn != one.prepared->dn) renamed.push_back(one.id);
  }
  if (renamed.empty()) return;
  std::vector<ObjectId> holders;
  const std::vector<Reference> rows = view.references_to(renamed);
  holders.reserve(rows.size());
  for (const Reference& row : rows) holders.push_back(row.object);
  if (!info_.references_by_anchor) rename_in_hashes(view, batch, work, rows);
  batch.touch_objects(holders, store::touched_inbound, 0);
}

/// A reference by DN to an object that was renamed is one to its new name, as we hold it. The hash of its holder says
/// so, or a holder that the directory goes on showing with the old name, which leads nowhere any more, would be taken
/// for unchanged.
void Importer::rename_in_hashes(store::View& view, store::Batch& batch, const std::vector<Work>& work,
                                const std::vector<Reference>& rows) {
  std::unordered_map<std::int64_t, const Work*> told;
  for (const Work& one : work) told.emplace(one.id.value, &one);
  std::map<ObjectId, Correction> corrections;
  for (const Reference& row : rows) {
    const bool told_itself = told.contains(row.object.value);
    if (told_itself || (row.bits & store::reference_observed) == 0) continue;
    const Work& target = *told.at(row.target.value);
    if (is_stand_in(*target.known)) continue;  // it was called so already
    ObservedHash& change = corrections[row.object].hash;
    change.subtract({row.attribute, {}, target.known->dn_key});
    change.add({row.attribute, {}, target.prepared->dn_key});
  }
  correct(view, batch, corrections);
}

/// Corrects objects as far as they are held as their directory has shown them.
void Importer::correct(store::View& view, store::Batch& batch, const std::map<ObjectId, Correction>& corrections) {
  std::vector<ObjectId> ids;
  ids.reserve(corrections.size());
  for (const auto& [id, correction] : corrections) ids.push_back(id);
  std::vector<ObjectWrite> writes;
  for (store::ObjectWithImages& one : view.load_objects(ids, store::observed_image)) {
    if (!is_observed(one.object)) continue;
    const Correction& correction = corrections.at(one.object.id);
    ObservedHash hash(std::string_view(one.object.observed_hash));
    hash += correction.hash;
    ObjectWrite write;
    if (!correction.fewer.empty()) {
      model::Image image = model::decode(one.images.observed);
      for (const auto& [attribute, fewer] : correction.fewer) count_more(image, attribute, -fewer);
      hash -= ObservedHash(one.object.type, one.object.dn, one.images.observed);
      write.images.observed = model::encode(image);
      write.mask = store::observed_image;
      hash += ObservedHash(one.object.type, one.object.dn, write.images.observed);
    }
    write.object = std::move(one.object);
    write.object.observed_hash = hash.bytes();
    writes.push_back(std::move(write));
  }
  batch.put_objects(writes);
}

/// An object known under another DN was renamed to one that others already refer to: these references are its now.
void Importer::replace_stand_ins(store::View& view, store::Batch& batch) {
  if (replaced_.empty()) return;
  std::vector<ObjectId> stand_ins;
  std::vector<ObjectId> objects;
  std::unordered_map<std::int64_t, ObjectId> object_of;
  for (const auto& [stand_in, object] : replaced_) {
    stand_ins.push_back(stand_in);
    objects.push_back(object);
    object_of.emplace(stand_in.value, object);
  }
  std::map<std::tuple<ObjectId, model::NameId, ObjectId>, std::uint8_t> held;
  for (const Reference& row : view.references_to(objects)) held[{row.object, row.attribute, row.target}] = row.bits;
  std::vector<Reference> moved;
  for (Reference row : view.references_to(stand_ins)) {
    moved.push_back({row.object, row.attribute, row.target, 0});
    if (told_.contains(row.object.value)) row.bits &= static_cast<std::uint8_t>(~store::reference_observed);
    row.target = object_of.at(row.target.value);
    row.bits |= held[{row.object, row.attribute, row.target}];
    moved.push_back(row);
    touched_.push_back(store::key_of(row));
  }
  batch.put_references(moved);
  const store::DerivedReferences derived = derived_references(context_.rules);
  if (!derived.empty()) batch.touch_holders({}, objects, derived);
  batch.remove_objects(stand_ins);
  replaced_.clear();
}

/// A directory that keeps references right takes a deleted object out of whatever referred to it, and does not say so
/// of each. Without this, one that comes back (undeleted) would be a member again where it is none.
void Importer::find_lost(store::View& view, const std::vector<ObjectId>& deleted) {
  if (deleted.empty()) return;
  std::unordered_map<std::int64_t, std::string> key_of_target;
  for (store::ObjectWithImages& one : view.load_objects(deleted, store::no_images)) {
    key_of_target.emplace(one.object.id.value,
                          std::move(info_.references_by_anchor ? one.object.anchor : one.object.dn_key));
  }
  for (const Reference& row : view.references_to(deleted)) {
    if ((row.bits & store::reference_observed) == 0) continue;
    lost_[row.object].push_back({{row.attribute, {}, key_of_target.at(row.target.value)}, row});
  }
}

/// The hashes and counts of the holders forget who was deleted, too: one that is shown with it again, as it was, has
/// changed. What was told of itself does so already.
void Importer::drop_lost(store::View& view, store::Batch& batch) {
  if (lost_.empty()) return;
  std::vector<Reference> dropped;
  std::vector<ObjectId> holders;
  std::map<ObjectId, Correction> corrections;
  for (const auto& [holder, rows] : lost_) {
    holders.push_back(holder);
    for (const auto& [reference, held] : rows) {
      dropped.push_back(forgotten(held));
      touched_.push_back(store::key_of(held));
      if (told_.contains(holder.value)) continue;
      Correction& correction = corrections[holder];
      correction.hash.subtract(reference);
      ++correction.fewer[reference.attribute];
    }
  }
  batch.put_references(dropped);
  correct(view, batch, corrections);
  batch.touch_objects(holders, store::touched_inbound, 0);
}

/// Who has come to a name that another has left is who that name stands for, and what refers to it by name need not say
/// so: its text is what it was. Rows to the one become rows to the other, but for those of holders that the batch tells
/// of.
void Importer::hand_over(store::View& view, store::Batch& batch) {
  if (heirs_.empty()) return;
  std::vector<ObjectId> left;
  std::vector<ObjectId> came;
  for (const auto& [from, to] : heirs_) {
    left.push_back(from);
    came.push_back(to);
  }
  std::vector<Reference> moved;
  std::vector<store::ReferenceKey> keys;
  for (const Reference& row : view.references_to(left)) {
    if ((row.bits & store::reference_observed) == 0 || told_.contains(row.object.value)) continue;
    if (std::binary_search(leaving_.begin(), leaving_.end(), row.object)) continue;  // what it refers to goes with it
    keys.push_back({row.object, row.attribute, heirs_.at(row.target)});
    touched_.push_back(store::key_of(row));
    moved.push_back(forgotten(row));
  }
  std::map<store::ReferenceKey, std::uint8_t> held;
  for (const Reference& row : view.find_references(keys)) held.emplace(store::key_of(row), row.bits);
  for (const store::ReferenceKey& key : keys) {
    const auto found = held.find(key);
    const std::uint8_t bits = found == held.end() ? std::uint8_t{0} : found->second;
    moved.push_back(
        {key.object, key.attribute, key.target, static_cast<std::uint8_t>(bits | store::reference_observed)});
    touched_.push_back(key);
  }
  batch.put_references(moved);
  const store::DerivedReferences derived = derived_references(context_.rules);
  if (!derived.empty()) batch.touch_holders({}, came, derived);
}

/// Who has the names now of objects that are gone: told of in this batch, or before.
std::map<ObjectId, ObjectId> Importer::heirs_of(store::View& view, const std::vector<ObjectId>& gone) {
  std::map<ObjectId, ObjectId> heirs;
  if (info_.references_by_anchor || gone.empty()) return heirs;
  std::unordered_map<std::string, ObjectId, HashText> names;
  std::vector<std::string> keys;
  for (store::ObjectWithImages& one : view.load_objects(gone, store::no_images)) {
    if (one.object.dn_key.empty()) continue;
    keys.push_back(one.object.dn_key);
    names.emplace(std::move(one.object.dn_key), one.object.id);
  }
  const auto take = [&](const std::string& name, ObjectId id) {
    const auto found = names.find(name);
    if (found != names.end() && found->second != id) heirs.insert_or_assign(found->second, id);
  };
  std::sort(keys.begin(), keys.end());
  for (const Object& object : view.find_objects(info_.id, {}, keys)) {
    if (!object.observed_hash.empty() && !std::binary_search(gone.begin(), gone.end(), object.id))
      take(object.dn_key, object.id);
  }
  for (const auto& [name, id] : came_) take(name, id);
  return heirs;
}

}  // namespace linkspan::sync
