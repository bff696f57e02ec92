#include "sync/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/bounded_queue.h"
#include "base/error.h"
#include "model/dn.h"
#include "model/image.h"
#include "sync/observation.h"
#include "sync/pending.h"

namespace linkspan::sync {
namespace {

using model::Observation;
using store::Object;
using store::ObjectId;
using store::ObjectWrite;
using store::Reference;

/// Objects and references that a commit covers: one flush of the disk for thousands of them.
constexpr std::size_t k_commit_weight = 16000;

std::size_t weight(const std::vector<Prepared>& batch) {
  std::size_t total = batch.size();
  for (const Prepared& one : batch) total += one.references.size();
  return total;
}

/// One bit for each object id: what a full import has seen. A million objects take 125 kB.
class Seen {
 public:
  void mark(ObjectId id) {
    const auto at = static_cast<std::size_t>(id.value);
    if (at >= bits_.size()) bits_.resize(std::max(at + 1, bits_.size() * 2));
    bits_[at] = true;
  }
  [[nodiscard]] bool has(ObjectId id) const {
    const auto at = static_cast<std::size_t>(id.value);
    return at < bits_.size() && bits_[at];
  }

 private:
  std::vector<bool> bits_;
};

/// What the store knows of the objects that one batch speaks of.
struct Known {
  std::vector<Object> objects;
  std::unordered_map<std::string_view, const Object*> by_anchor;
  std::unordered_map<std::string_view, const Object*> by_dn;
};

/// Referenced by its DN, and never seen.
bool is_stand_in(const Object& object) {
  return object.state == store::ObjectState::placeholder && object.anchor.empty();
}

/// In order, so that the database walks its index instead of jumping about in it.
std::vector<std::string> sorted(const std::unordered_set<std::string_view>& keys) {
  std::vector<std::string> list(keys.begin(), keys.end());
  std::sort(list.begin(), list.end());
  return list;
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

/// Where the references of a batch lead: by anchor or normalised DN.
using Leads = std::unordered_map<std::string_view, ObjectId>;

class Importer {
 public:
  Importer(const Context& context, const ConnectorInfo& info) : context_(context), info_(info) {}

  void apply(std::vector<Prepared> batch, const std::string* watermark);
  void remove_unseen();
  void put_watermark(const std::string& watermark);
  void check_canaries();
  Counters& counters() { return counters_; }

 private:
  Known look_up(store::View& view, const std::vector<Prepared>& batch) const;
  void find_leads(store::View& view, Leads& leads) const;
  void write_present(store::View& view, store::Batch& batch, std::vector<Prepared*>& present, Known& known);
  void replace_stand_ins(store::View& view, store::Batch& batch);
  void write_gone(store::View& view, store::Batch& batch, std::vector<ObjectId> gone);
  ObjectWrite write_new(ObjectId id, const Prepared& prepared, const Object* stand_in) const;
  ObjectWrite write_changed(store::ObjectWithImages current, const Prepared& prepared);
  void merge_references(ObjectWrite& write, std::span<const Reference> old, std::vector<ObjectId> targets,
                        const Prepared& prepared);
  void not_reimported(ObjectId object, std::string what);

  const Context& context_;
  const ConnectorInfo& info_;
  Counters counters_;
  Seen seen_;
  std::vector<std::pair<ObjectId, ObjectId>> replaced_;  ///< stand-ins, and the objects that have now come to their DN
  std::vector<Reference> references_;
  std::vector<store::ObjectError> errors_;
};

Known Importer::look_up(store::View& view, const std::vector<Prepared>& batch) const {
  std::unordered_set<std::string_view> anchors;
  std::unordered_set<std::string_view> dn_keys;
  for (const Prepared& one : batch) {
    if (!one.anchor.empty()) anchors.insert(one.anchor);
    if (!one.dn_key.empty()) dn_keys.insert(one.dn_key);
  }
  Known known;
  known.objects = view.find_objects(info_.id, sorted(anchors), sorted(dn_keys));
  index(known);
  return known;
}

ObjectWrite Importer::write_new(ObjectId id, const Prepared& prepared, const Object* stand_in) const {
  ObjectWrite write;
  if (stand_in != nullptr) write.object = *stand_in;
  Object& object = write.object;
  object.id = id;
  object.connector = info_.id;
  object.anchor = prepared.anchor;
  object.dn = prepared.dn;
  object.dn_key = prepared.dn_key;
  object.type = prepared.type;
  if (object.state == store::ObjectState::placeholder) object.state = store::ObjectState::disconnector;
  object.observed_hash = prepared.hash;
  object.touched |= store::touched_inbound;
  write.images.observed = prepared.image;
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
  object.pending =
      pending_operation(object, observed, model::decode(write.images.desired), confirmation.sent, confirmation.shadow);
  const bool cleared = std::any_of(sent.attributes().begin(), sent.attributes().end(),
                                   [](const auto& attribute) { return attribute.values.empty(); });
  const bool nothing_to_conclude = object.metaverse && !context_.rules.has_inbound(info_.name) && !cleared &&
                                   before == store::Operation::none && object.pending == store::Operation::none;
  if (nothing_to_conclude) object.touched = touched_before;
  return write;
}

void Importer::merge_references(ObjectWrite& write, std::span<const Reference> old, std::vector<ObjectId> targets,
                                const Prepared& prepared) {
  std::vector<std::pair<model::NameId, ObjectId>> now;
  now.reserve(targets.size());
  for (std::size_t i = 0; i < targets.size(); ++i) now.emplace_back(prepared.references[i].attribute, targets[i]);
  std::sort(now.begin(), now.end());
  bool pending = false;
  const auto settle = [&](Reference row, bool observed) {
    const std::uint8_t before = row.bits;
    const auto contradicted =
        static_cast<std::uint8_t>(observed ? store::reference_sent_remove : store::reference_sent_add);
    if ((before & contradicted) != 0) {
      not_reimported(row.object, fmt::format("{}: the import does not show a change of {} that was sent", prepared.dn,
                                             context_.store.names().name(row.attribute)));
    }
    row.bits = static_cast<std::uint8_t>(before & (store::reference_desired | store::reference_managed));
    if (observed) row.bits |= store::reference_observed;
    if (row.bits == store::reference_managed) row.bits = 0;
    pending = pending || store::reference_pending(row.bits);
    // Whether our rules speak of what somebody else referenced is for the references stage to say.
    if (before == 0 && write.object.desired == store::Desired::present)
      write.object.touched |= store::touched_references;
    if (row.bits != before) references_.push_back(row);
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

/// A few thousand at a time: a group of a million members must not be a million objects in memory.
void Importer::find_leads(store::View& view, Leads& leads) const {
  constexpr std::size_t k_chunk = 4000;
  std::vector<std::string_view> keys;
  keys.reserve(leads.size());
  for (const auto& [key, id] : leads) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  for (std::size_t at = 0; at < keys.size(); at += k_chunk) {
    const std::vector<std::string> chunk(
        keys.begin() + static_cast<std::ptrdiff_t>(at),
        keys.begin() + static_cast<std::ptrdiff_t>(std::min(at + k_chunk, keys.size())));
    const auto found =
        info_.references_by_anchor ? view.find_objects(info_.id, chunk, {}) : view.find_objects(info_.id, {}, chunk);
    for (const Object& object : found) {
      ObjectId& id = leads.at(info_.references_by_anchor ? object.anchor : object.dn_key);
      if (!id || !object.observed_hash.empty()) id = object.id;
    }
  }
}

/// The objects that a batch of present entries becomes: found by anchor, taken from a stand-in of that name, or new.
void Importer::write_present(store::View& view, store::Batch& batch, std::vector<Prepared*>& present, Known& known) {
  struct Target {
    Prepared* prepared;
    ObjectId id;
    const Object* known;
  };
  std::vector<Target> work;
  std::vector<ObjectId> changed_ids;
  std::size_t fresh = 0;
  for (Prepared* one : present) {
    const auto by_anchor = known.by_anchor.find(one->anchor);
    const Object* object = by_anchor == known.by_anchor.end() ? nullptr : by_anchor->second;
    if (object == nullptr && !one->dn_key.empty()) {
      const auto by_dn = known.by_dn.find(one->dn_key);
      if (by_dn != known.by_dn.end() && by_dn->second->anchor.empty()) object = by_dn->second;
    }
    if (object != nullptr && !one->dn_key.empty()) {
      const auto by_dn = known.by_dn.find(one->dn_key);
      if (by_dn != known.by_dn.end() && by_dn->second->id != object->id && is_stand_in(*by_dn->second))
        replaced_.emplace_back(by_dn->second->id, object->id);
    }
    if (object != nullptr) seen_.mark(object->id);
    if (object != nullptr && object->observed_hash == one->hash) {
      counters_.add("unchanged");
      continue;
    }
    work.push_back({one, object == nullptr ? ObjectId{} : object->id, object});
    if (object == nullptr) {
      ++fresh;
    } else {
      changed_ids.push_back(object->id);
    }
  }
  ObjectId next_id = fresh == 0 ? ObjectId{} : batch.new_objects(fresh);
  for (Target& target : work) {
    if (!target.id) {
      target.id = next_id;
      ++next_id.value;
      seen_.mark(target.id);
      counters_.add("adds");
    }
  }

  std::unordered_map<std::int64_t, store::ObjectWithImages> current;
  for (auto& loaded : view.load_objects(changed_ids, store::all_images))
    current.emplace(loaded.object.id.value, std::move(loaded));
  const std::vector<Reference> old = view.references_of(changed_ids, false);

  Leads leads;
  for (const Target& target : work) {
    for (const PreparedReference& reference : target.prepared->references)
      leads.emplace(reference.target_key, ObjectId{});
  }
  find_leads(view, leads);
  for (const Target& target : work) {
    const auto found = leads.find(info_.references_by_anchor ? target.prepared->anchor : target.prepared->dn_key);
    if (found != leads.end()) found->second = target.id;
  }
  // Stand-ins for what is referenced and not known yet.
  std::vector<const PreparedReference*> missing;
  for (const Target& target : work) {
    for (const PreparedReference& reference : target.prepared->references) {
      ObjectId& id = leads.at(reference.target_key);
      if (id) continue;
      id = ObjectId{-1};  // once; the real one follows
      missing.push_back(&reference);
    }
  }
  std::vector<ObjectWrite> writes;
  writes.reserve(work.size() + missing.size());
  ObjectId placeholder = missing.empty() ? ObjectId{} : batch.new_objects(missing.size());
  for (const PreparedReference* reference : missing) {
    ObjectWrite write;
    write.object.id = leads[reference->target_key] = placeholder;
    write.object.connector = info_.id;
    write.object.dn = reference->target;
    (info_.references_by_anchor ? write.object.anchor : write.object.dn_key) = reference->target_key;
    writes.push_back(std::move(write));
    ++placeholder.value;
  }

  for (Target& target : work) {
    const auto loaded = current.find(target.id.value);
    const bool changed = loaded != current.end() && !loaded->second.object.observed_hash.empty();
    if (!changed && target.known != nullptr) counters_.add("adds");
    const bool was_exported =
        loaded != current.end() && (!loaded->second.images.sent.empty() || !loaded->second.images.desired.empty());
    writes.push_back(changed || was_exported ? write_changed(std::move(loaded->second), *target.prepared)
                                             : write_new(target.id, *target.prepared, target.known));
    std::vector<ObjectId> targets;
    targets.reserve(target.prepared->references.size());
    for (const PreparedReference& reference : target.prepared->references) {
      targets.push_back(leads.at(reference.target_key));
    }
    const auto [first, last] =
        std::equal_range(old.begin(), old.end(), Reference{target.id, 0, {}, 0},
                         [](const Reference& a, const Reference& b) { return a.object < b.object; });
    merge_references(writes.back(), {first, last}, std::move(targets), *target.prepared);
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
  std::vector<ObjectId> holders;
  std::map<std::tuple<ObjectId, model::NameId, ObjectId>, std::uint8_t> held;
  for (const Reference& row : view.references_to(objects)) held[{row.object, row.attribute, row.target}] = row.bits;
  std::vector<Reference> moved;
  for (Reference row : view.references_to(stand_ins)) {
    moved.push_back({row.object, row.attribute, row.target, 0});
    row.target = object_of.at(row.target.value);
    row.bits |= held[{row.object, row.attribute, row.target}];
    moved.push_back(row);
    holders.push_back(row.object);
  }
  batch.put_references(moved);
  batch.touch_objects(holders, store::touched_references, 0);
  batch.touch_holders({}, objects);
  batch.remove_objects(stand_ins);
  replaced_.clear();
}

/// A joined object stays until the synchronization has drawn its conclusions; any other leaves at once.
void Importer::write_gone(store::View& view, store::Batch& batch, std::vector<ObjectId> gone) {
  if (gone.empty()) return;
  std::sort(gone.begin(), gone.end());
  gone.erase(std::unique(gone.begin(), gone.end()), gone.end());
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
    write.object.pending = pending_operation(write.object, write.images);
    write.object.pending_references = false;
    write.mask = static_cast<store::ImageMask>(store::observed_image | store::sent_image | store::shadow_image);
    write.images.desired.clear();
    writes.push_back(std::move(write));
  }
  for (Reference row : view.references_of(kept, false)) {
    row.bits &= static_cast<std::uint8_t>(store::reference_desired | store::reference_managed);
    if ((row.bits & store::reference_desired) == 0) row.bits = 0;
    references_.push_back(row);
  }
  batch.put_objects(writes);
  batch.remove_objects(removed);
}

void Importer::apply(std::vector<Prepared> prepared, const std::string* watermark) {
  // A directory may mention an object twice (it moved between pages): the last word counts.
  std::unordered_map<std::string_view, std::size_t> last;
  for (std::size_t i = 0; i < prepared.size(); ++i) {
    if (!prepared[i].anchor.empty()) last[prepared[i].anchor] = i;
  }
  const auto view = context_.store.view();
  Known known = look_up(*view, prepared);
  const auto batch = context_.store.batch(context_.lease);
  std::vector<Prepared*> present;
  std::vector<ObjectId> gone;
  for (std::size_t i = 0; i < prepared.size(); ++i) {
    Prepared& one = prepared[i];
    if (!one.anchor.empty() && last[one.anchor] != i) continue;
    if (one.kind == Observation::Kind::present) {
      present.push_back(&one);
      continue;
    }
    const auto by_anchor = known.by_anchor.find(one.anchor);
    const auto by_dn = known.by_dn.find(one.dn_key);
    const Object* object = by_anchor != known.by_anchor.end()                 ? by_anchor->second
                           : one.anchor.empty() && by_dn != known.by_dn.end() ? by_dn->second
                                                                              : nullptr;
    if (object == nullptr) continue;
    if (one.kind == Observation::Kind::gone) {
      gone.push_back(object->id);
    } else {
      seen_.mark(object->id);
      counters_.add("unchanged");
    }
  }
  references_.clear();
  errors_.clear();
  write_present(*view, *batch, present, known);
  replace_stand_ins(*view, *batch);
  // Before anything leaves: what is still referenced stays as a stand-in.
  batch->put_references(std::exchange(references_, {}));
  write_gone(*view, *batch, std::move(gone));
  batch->put_references(references_);
  batch->put_errors(errors_);
  if (watermark != nullptr) batch->put_watermark(info_.id, *watermark);
  batch->commit();
}

void Importer::check_canaries() {
  if (info_.canaries.empty()) return;
  std::vector<std::string> keys;
  for (const std::string& canary : info_.canaries) keys.push_back(model::dn_key(canary));
  const auto view = context_.store.view();
  const std::vector<Object> found = view->find_objects(info_.id, info_.canaries, keys);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const bool there = std::any_of(found.begin(), found.end(), [&](const Object& object) {
      return (object.anchor == info_.canaries[i] || object.dn_key == keys[i]) && seen_.has(object.id);
    });
    if (there) continue;
    throw Error(
        Fault::invalid, "import.canary_missing",
        fmt::format(
            "the import of {} did not see the canary object {}: it is taken as incomplete, and nothing is deleted",
            info_.name, info_.canaries[i]),
        "Find out why the directory does not show it; if it is rightly gone, remove it from the connector's canaries.");
  }
}

void Importer::remove_unseen() {
  check_canaries();
  for (store::Page page{0, 5000};;) {
    context_.check_stop();
    const auto view = context_.store.view();
    const auto objects = view->scan_objects(info_.id, 0, store::no_images, page);
    if (objects.empty()) return;
    std::vector<ObjectId> gone;
    for (const auto& one : objects) {
      if (!one.object.observed_hash.empty() && !seen_.has(one.object.id)) gone.push_back(one.object.id);
    }
    page.after = objects.back().object.id.value;
    if (gone.empty()) continue;
    references_.clear();
    errors_.clear();
    const auto batch = context_.store.batch(context_.lease);
    write_gone(*view, *batch, std::move(gone));
    batch->put_references(references_);
    batch->put_errors(errors_);
    batch->commit();
  }
}

void Importer::put_watermark(const std::string& watermark) {
  const auto batch = context_.store.batch(context_.lease);
  batch->put_watermark(info_.id, watermark);
  batch->commit();
}

/// Reads and prepares on two threads of its own, writes on this one.
void run_pipeline(const Context& context, const ConnectorInfo& info, connector::Connector& directory,
                  const std::string& watermark, Importer& importer) {
  std::stop_source source;
  const std::stop_callback forward(context.stop, [&] { source.request_stop(); });
  BoundedQueue<std::vector<Observation>> read(4);
  BoundedQueue<std::vector<Prepared>> ready(4);
  connector::ImportEnd end;
  model::Names& names = context.store.names();

  const std::jthread reader([&] {
    try {
      const auto stream = directory.import({watermark}, source.get_token());
      std::vector<Observation> batch;
      while (stream->next(batch)) {
        if (!read.push(std::exchange(batch, {}))) return;
      }
      end = stream->end();
      read.close();
    } catch (...) {
      read.fail(std::current_exception());
    }
  });
  const std::jthread preparer([&] {
    try {
      while (auto batch = read.pop()) {
        std::vector<Prepared> prepared;
        prepared.reserve(batch->size());
        for (Observation& one : *batch) prepared.push_back(prepare(std::move(one), info.references_by_anchor, names));
        if (!ready.push(std::move(prepared))) return read.cancel();
      }
      ready.close();
    } catch (...) {
      ready.fail(std::current_exception());
    }
  });
  struct Unwind {
    std::stop_source& source;
    BoundedQueue<std::vector<Observation>>& read;
    BoundedQueue<std::vector<Prepared>>& ready;
    ~Unwind() {
      source.request_stop();
      read.cancel();
      ready.cancel();
    }
  } const unwind{source, read, ready};

  std::uint64_t done = 0;
  std::size_t pending_weight = 0;
  std::vector<Prepared> pending;
  while (auto batch = ready.pop()) {
    context.check_stop();
    done += batch->size();
    pending_weight += weight(*batch);
    pending.insert(pending.end(), std::make_move_iterator(batch->begin()), std::make_move_iterator(batch->end()));
    if (pending_weight < k_commit_weight) continue;
    pending_weight = 0;
    importer.apply(std::exchange(pending, {}), nullptr);
    context.report("import " + info.name, done);
  }
  context.check_stop();
  if (end.complete) {
    importer.apply(std::move(pending), nullptr);
    importer.remove_unseen();
    importer.put_watermark(end.watermark);
  } else {
    importer.apply(std::move(pending), &end.watermark);
  }
  context.report("import " + info.name, done, done);
}

}  // namespace

ImportResult import_connector(const Context& context, const ConnectorInfo& info, connector::Connector& directory,
                              bool full) {
  ImportResult result;
  std::string watermark = full ? std::string() : context.store.summary()->watermark(info.id);
  result.full = watermark.empty();
  if (result.full && !full) result.note = "there was no watermark to begin from";
  for (;;) {
    Importer importer(context, info);
    try {
      run_pipeline(context, info, directory, watermark, importer);
      result.counters = importer.counters();
      return result;
    } catch (const Error& error) {
      if (watermark.empty() || error.id() != "connector.watermark_refused") throw;
      result.note = fmt::format("the directory no longer accepts the watermark: {}", error.message());
      context.logger.log(Level::warning, "import.watermark_refused", result.note, {{"connector", info.name}});
    }
    watermark.clear();
    result.full = true;
  }
}

}  // namespace linkspan::sync
