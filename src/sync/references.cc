#include "sync/references.h"

#include <algorithm>

#include "model/image.h"
#include "sync/single_references.h"

namespace linkspan::sync {
namespace {

using store::ObjectId;
using store::Reference;

constexpr std::size_t k_page = 4000;

/// What one object's desired image says of references.
struct Wanted {
  std::vector<model::NameId> managed;                          ///< sorted
  std::vector<std::pair<model::NameId, ObjectId>> references;  ///< sorted, each once
};

/// What the desired images of these objects say, each reference led to its target in this connector.
std::vector<Wanted> wanted_of(store::View& view, const ConnectorInfo& info,
                              const std::vector<store::ObjectWithImages>& objects, Counters& counters) {
  std::vector<Wanted> wanted(objects.size());
  std::vector<model::ReferenceSource> sources;
  std::vector<std::pair<std::size_t, model::NameId>> asked;  // by source: which object, which attribute
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (objects[i].object.desired != store::Desired::present) continue;
    const model::Image desired = model::decode(objects[i].images.desired);
    for (const model::ImageAttribute& attribute : desired.attributes()) {
      if (attribute.references.empty() && !attribute.values.empty()) continue;
      wanted[i].managed.push_back(attribute.name);
      for (const model::ReferenceSource& source : attribute.references) {
        sources.push_back(source);
        asked.emplace_back(i, attribute.name);
      }
    }
  }
  for (const store::View::Resolved& found : view.resolve_references(info.id, sources)) {
    const auto& [object, attribute] = asked[found.source];
    if (found.target) {
      wanted[object].references.emplace_back(attribute, found.target);
    } else {
      counters.add("references_withheld");
    }
  }
  for (Wanted& want : wanted) {
    std::sort(want.references.begin(), want.references.end());
    want.references.erase(std::unique(want.references.begin(), want.references.end()), want.references.end());
  }
  return wanted;
}

}  // namespace

bool is_derived(const model::ImageAttribute& attribute) {
  return std::ranges::any_of(attribute.references, [](const model::ReferenceSource& source) {
    return source.referenced_by != 0 || source.flatten;
  });
}

bool has_derived_references(const model::Image& desired) {
  return std::ranges::any_of(desired.attributes(), is_derived);
}

std::uint8_t reference_bits(std::uint8_t old, bool managed, bool desired) {
  auto bits = static_cast<std::uint8_t>(old & ~(store::reference_desired | store::reference_managed));
  if (managed && (bits != 0 || desired)) bits |= store::reference_managed;
  if (desired) bits |= store::reference_desired;
  return bits;
}

void References::write_page(const ConnectorInfo& info, std::vector<store::ObjectWithImages> objects) {
  auto view = context_.store.view();
  const std::vector<Wanted> wanted = wanted_of(*view, info, objects, counters_);
  std::vector<ObjectId> ids;
  ids.reserve(objects.size());
  for (const auto& one : objects) ids.push_back(one.object.id);
  const std::vector<Reference> rows = view->references_of(ids, false);

  std::vector<Reference> changed;
  std::vector<store::ObjectWrite> writes;
  auto row = rows.begin();
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const Wanted& want = wanted[i];
    store::Object object = objects[i].object;
    bool pending = false;
    const auto settle = [&](Reference one, bool desired) {
      const bool managed = std::binary_search(want.managed.begin(), want.managed.end(), one.attribute);
      const std::uint8_t bits = reference_bits(one.bits, managed, desired);
      pending = pending || store::reference_pending(bits);
      if (bits == one.bits) return;
      counters_.add(desired ? "references_added" : "references_removed");
      one.bits = bits;
      changed.push_back(one);
    };
    auto next = want.references.begin();
    row = std::lower_bound(rows.begin(), rows.end(), object.id,
                           [](const Reference& a, ObjectId id) { return a.object < id; });
    for (; row != rows.end() && row->object == object.id; ++row) {
      const std::pair key{row->attribute, row->target};
      for (; next != want.references.end() && *next < key; ++next)
        settle({object.id, next->first, next->second, 0}, true);
      const bool desired = next != want.references.end() && *next == key;
      settle(*row, desired);
      if (desired) ++next;
    }
    for (; next != want.references.end(); ++next) settle({object.id, next->first, next->second, 0}, true);
    object.pending_references = pending;
    object.touched &= static_cast<std::uint8_t>(~store::touched_references);
    if (object == objects[i].object) continue;
    store::ObjectWrite write;
    write.object = std::move(object);
    writes.push_back(std::move(write));
  }
  if (changed.empty() && writes.empty()) return;
  const auto batch = context_.store.batch(context_.lease, store::Durability::deferred);
  batch->put_references(changed);
  batch->put_objects(writes);
  view.reset();  // an open one would keep SQLite from beginning its log anew
  batch->commit();
}

std::size_t References::run_connector(const ConnectorInfo& info, bool full) {
  std::size_t done = 0;
  const std::uint8_t touched = full ? store::touched_nothing : store::touched_references;
  for (store::Page at{0, k_page};;) {
    context_.check_stop();
    auto objects = context_.store.view()->scan_objects(info.id, touched, store::desired_image, at);
    if (objects.empty()) return done;
    at.after = objects.back().object.id.value;
    done += objects.size();
    write_page(info, std::move(objects));
    context_.report("synchronize references", done);
  }
}

std::size_t References::run(bool full) {
  std::size_t done = 0;
  for (const ConnectorInfo& info : context_.connectors) {
    if (full && context_.rules.has_outbound(info.name)) {
      done += run_connector(info, true);
    } else {
      done += run_connector(info, false);
    }
  }
  return done + settle_touched_references(context_, counters_, full);
}

}  // namespace linkspan::sync
