// What an import does with the word of a directory that shows no values, and says later what became of what it was
// sent (capability confirms_later): what is confirmed is taken for observed, what is refused is pending again.

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "model/image.h"
#include "sync/importer.h"
#include "sync/pending.h"

namespace linkspan::sync {
namespace {

/// The directory's clock is not ours. A word that is older than the last sending by more than this is about an earlier
/// one.
constexpr std::chrono::seconds k_clocks_differ{60};

constexpr std::uint8_t k_sent_bits = store::reference_sent_add | store::reference_sent_remove;

/// What remains of a row when nothing, or only `observed`, is known of the directory.
std::uint8_t settled(std::uint8_t bits, bool observed) {
  auto made = static_cast<std::uint8_t>(bits & (store::reference_desired | store::reference_managed));
  if (observed) made |= store::reference_observed;
  return made == store::reference_managed ? std::uint8_t{0} : made;
}

}  // namespace

void Importer::write_verdicts(store::View& view, store::Batch& batch, const std::vector<Verdict>& verdicts) {
  if (verdicts.empty()) return;
  std::unordered_map<std::int64_t, const Prepared*> told_of;
  std::vector<ObjectId> ids;
  for (const Verdict& verdict : verdicts) {
    told_of.emplace(verdict.object.value, verdict.told);
    ids.push_back(verdict.object);
  }
  std::sort(ids.begin(), ids.end());
  const std::vector<Reference> rows = view.references_of(ids, false);
  std::unordered_map<std::int64_t, std::int64_t> failures;
  for (const store::ObjectError& error : context_.store.summary()->errors_of(ids)) {
    if (error.stage == "export") failures[error.object.value] = error.count;
  }
  std::vector<ObjectWrite> writes;
  for (store::ObjectWithImages& one : view.load_objects(ids, store::all_images)) {
    const Prepared& told = *told_of.at(one.object.id.value);
    const auto [first, last] =
        std::equal_range(rows.begin(), rows.end(), Reference{one.object.id, 0, {}, 0},
                         [](const Reference& a, const Reference& b) { return a.object < b.object; });
    const std::span<const Reference> own(first, last);
    const std::optional<Time> sent = sent_at(one.object);
    const bool is_confirmed = told.kind == model::Observation::Kind::confirmed;
    const bool is_open = !one.images.sent.empty() ||
                         std::any_of(first, last, [](const auto& row) { return (row.bits & k_sent_bits) != 0; });
    if (!sent || told.at + k_clocks_differ < *sent || (is_confirmed && !is_open)) {
      counters_.add("unchanged");
      continue;
    }
    ObjectWrite write;
    write.object = std::move(one.object);
    write.images = std::move(one.images);
    write.mask = static_cast<store::ImageMask>(store::observed_image | store::sent_image | store::shadow_image);
    if (is_confirmed) {
      confirm_sent(write, own);
    } else {
      errors_.push_back(refusal(write.object, told, failures[write.object.id.value] + 1));
      take_back_sent(write, own);
    }
    write.object.pending = pending_operation(write.object, write.images, info_.dn);
    if (context_.rules.has_inbound(info_.name)) write.object.touched |= store::touched_inbound;
    writes.push_back(std::move(write));
  }
  batch.put_objects(writes);
}

void Importer::confirm_sent(ObjectWrite& write, std::span<const Reference> rows) {
  counters_.add("confirmed");
  const model::Image now = model::effective(model::decode(write.images.observed), model::decode(write.images.sent),
                                            model::decode(write.images.shadow));
  write.images.observed = model::encode(now);
  write.images.sent.clear();
  write.images.shadow.clear();
  write.object.pending_references = false;
  for (Reference row : rows) {
    const std::uint8_t before = row.bits;
    row.bits = settled(before, store::reference_effective(before));
    write.object.pending_references = write.object.pending_references || store::reference_pending(row.bits);
    if (row.bits != before) references_.push_back(row);
  }
  store::ObjectError forgotten;
  forgotten.object = write.object.id;
  forgotten.stage = "export";
  errors_.push_back(std::move(forgotten));
}

/// Several sendings may have been under way: nothing is sure of the object any more, so all of it is pending again. One
/// that nobody ever confirmed is to be made anew.
void Importer::take_back_sent(ObjectWrite& write, std::span<const Reference> rows) {
  counters_.add("refused");
  const bool was_there = !write.images.observed.empty();
  write.images.observed.clear();
  write.images.sent.clear();
  write.images.shadow.clear();
  write.object.observed_hash = was_there ? std::string(k_refused) : std::string();
  if (!was_there) write.object.anchor.clear();
  write.object.pending_references = false;
  for (Reference row : rows) {
    const std::uint8_t before = row.bits;
    row.bits = settled(before, false);
    write.object.pending_references = write.object.pending_references || store::reference_pending(row.bits);
    if (row.bits != before) references_.push_back(row);
  }
}

store::ObjectError Importer::refusal(const Object& object, const Prepared& told, std::int64_t failures) {
  store::ObjectError record;
  record.object = object.id;
  record.stage = "export";
  record.error = "export.refused_later";
  record.message = fmt::format("{}: {} took the change on and then refused it: {}",
                               object.dn.empty() ? object.anchor : object.dn, info_.name, told.reason);
  record.first_at = record.last_at = context_.clock.now();
  record.count = 1;
  schedule_retry(record, failures);
  if (record.quarantined) counters_.add("quarantined");
  return record;
}

}  // namespace linkspan::sync
