#pragma once
// What an import does to the store, batch by batch. Internal to the import stage.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "sync/context.h"
#include "sync/observation.h"

namespace linkspan::sync {

using store::Object;
using store::ObjectId;
using store::ObjectWrite;
using store::Reference;

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

/// Keys that this import has written, for one that began with an empty connector space: what is not in here need not be
/// looked up. A Bloom filter of a fixed size: it may take a key for a written one, never a written one for new.
class Written {
 public:
  void add(std::string_view key) {
    for (const std::size_t bit : bits_of(key)) words_[bit / 64] |= std::uint64_t{1} << (bit % 64);
  }
  [[nodiscard]] bool may_have(std::string_view key) const {
    for (const std::size_t bit : bits_of(key)) {
      if ((words_[bit / 64] >> (bit % 64) & 1) == 0) return false;
    }
    return true;
  }

 private:
  static constexpr std::size_t k_bits = std::size_t{1} << 26;  // 8 MiB: of 5 million keys one in fifty is in doubt
  [[nodiscard]] static std::array<std::size_t, 2> bits_of(std::string_view key) {
    const std::uint64_t hash = hash64(key);
    return {hash % k_bits, (hash >> 32) % k_bits};
  }
  std::vector<std::uint64_t> words_ = std::vector<std::uint64_t>(k_bits / 64);
};

/// What the store knows of the objects that one batch speaks of.
struct Known {
  std::vector<Object> objects;
  std::unordered_map<std::string_view, const Object*> by_anchor;
  std::unordered_map<std::string_view, const Object*> by_dn;
};

/// Anchors and DNs are long, and asked for often.
struct HashText {
  std::size_t operator()(std::string_view text) const noexcept { return hash64(text); }
};

/// Where the references of a batch lead: by anchor or normalised DN.
using Leads = std::unordered_map<std::string_view, ObjectId, HashText>;

/// Referenced by its DN, and never seen.
inline bool is_stand_in(const Object& object) {
  return object.state == store::ObjectState::placeholder && object.anchor.empty();
}

/// Applies prepared observations of one import. One thread.
class Importer {
 public:
  Importer(const Context& context, const ConnectorInfo& info);

  void apply(std::vector<Prepared> batch, const std::string* watermark);
  /// What a complete import has not mentioned leaves, and then the stand-ins that nobody refers to any more.
  void remove_unseen();
  void put_watermark(const std::string& watermark);
  void check_canaries();
  Counters& counters() { return counters_; }

 private:
  void begin_batch();
  void prune(std::span<const ObjectId> stand_ins);
  [[nodiscard]] bool may_be_known(std::string_view key) const { return !written_ || written_->may_have(key); }
  Known look_up(store::View& view, const std::vector<Prepared>& batch) const;
  void find_leads(store::View& view, Leads& leads) const;
  /// What becomes of one entry that is new or has changed.
  struct Work {
    Prepared* prepared;
    ObjectId id;
    const Object* known;  ///< nullptr: it is new
    [[nodiscard]] bool in_part() const { return prepared->kind == model::Observation::Kind::changed; }
  };
  /// Of objects that were told in part.
  struct PartRows {
    std::map<store::ReferenceKey, std::uint8_t> bits;  ///< of the rows they speak of
    std::unordered_set<std::int64_t> pending_beside;   ///< objects with pending references among the others
  };
  Work changed_in_part(Prepared& part, const Known& known);
  static PartRows rows_of_parts(store::View& view, const std::vector<Work>& work, const Leads& leads);
  void write_part(store::ObjectWithImages current, Prepared& part, const Leads& leads, const PartRows& rows,
                  std::vector<ObjectWrite>& writes);
  bool settle_reference(const ObjectWrite& write, Reference row, bool observed);
  std::vector<Work> changed(store::Batch& batch, const std::vector<Prepared*>& present, const Known& known);
  Leads lead(store::View& view, store::Batch& batch, const std::vector<Work>& work);
  void write_present(store::View& view, store::Batch& batch, const std::vector<Prepared*>& present, const Known& known);
  void note_far_end(const Reference& row);
  void touch_far_ends(store::Batch& batch);
  void touch_far_ends_of(store::View& view, store::Batch& batch, std::span<const ObjectId> gone);
  void touch_namers(store::View& view, store::Batch& batch, const std::vector<Work>& work) const;
  /// What the references of objects that are not told of come to, because of what became of who they refer to.
  struct Correction {
    ObservedHash hash;                            ///< to be added
    std::map<model::NameId, std::int64_t> fewer;  ///< references, by attribute
  };
  static void correct(store::View& view, store::Batch& batch, const std::map<ObjectId, Correction>& corrections);
  static void rename_in_hashes(store::View& view, store::Batch& batch, const std::vector<Work>& work,
                               const std::vector<Reference>& rows);
  void replace_stand_ins(store::View& view, store::Batch& batch);
  void find_lost(store::View& view, const std::vector<ObjectId>& deleted);
  void drop_lost(store::View& view, store::Batch& batch);
  void hand_over(store::View& view, store::Batch& batch);
  std::map<ObjectId, ObjectId> heirs_of(store::View& view, const std::vector<ObjectId>& gone);
  void write_gone(store::View& view, store::Batch& batch, const std::vector<ObjectId>& gone);
  /// Takes what `prepared` has but for its references.
  ObjectWrite write_new(ObjectId id, Prepared& prepared, const Object* stand_in) const;
  ObjectWrite write_changed(store::ObjectWithImages current, const Prepared& prepared);
  void merge_references(ObjectWrite& write, std::span<const Reference> old, std::vector<ObjectId> targets,
                        const Prepared& prepared);
  void not_reimported(ObjectId object, std::string what);
  /// A directory that shows no values says what became of what an object was sent.
  struct Verdict {
    const Prepared* told;
    ObjectId object;
  };
  void write_verdicts(store::View& view, store::Batch& batch, const std::vector<Verdict>& verdicts);
  void confirm_sent(ObjectWrite& write, std::span<const Reference> rows);
  void take_back_sent(ObjectWrite& write, std::span<const Reference> rows);
  [[nodiscard]] store::ObjectError refusal(const Object& object, const Prepared& told, std::int64_t failures);

  const Context& context_;
  const ConnectorInfo& info_;
  const bool flows_in_;  ///< inbound rules read this connector: what its objects refer to has consequences elsewhere
  Counters counters_;
  Seen seen_;
  std::optional<Written> written_;                       ///< when the connector space was empty at the beginning
  std::vector<std::pair<ObjectId, ObjectId>> replaced_;  ///< stand-ins, and the objects that have now come to their DN
  /// Objects that are gone, and those that have come to their DN since.
  std::map<ObjectId, ObjectId> heirs_;
  std::vector<ObjectId> leaving_;  ///< what the batch tells is gone, sorted
  /// Where it tells of such, and references go by name: the names of what it has written.
  std::vector<std::pair<std::string, ObjectId>> came_;
  std::vector<Reference> references_;
  std::vector<ObjectId> far_ends_;  ///< of references that came or went and that rules read backwards
  std::vector<ObjectId> followed_;  ///< holders of those that rules read through
  std::vector<store::ReferenceKey> touched_;
  std::unordered_set<std::int64_t> told_;  ///< objects that the batch writes as it was told of them
  /// References to what the batch tells was deleted, with the rows as they were before it, by holder.
  std::map<ObjectId, std::vector<std::pair<PreparedReference, Reference>>> lost_;
  std::vector<store::ObjectError> errors_;
};

}  // namespace linkspan::sync
