#pragma once
// What the store keeps, as plain values.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/export.h"
#include "model/ids.h"
#include "model/image.h"

namespace linkspan::store {

using model::ConnectorId;
using model::MetaverseId;
using model::NameId;
using model::ObjectId;
using model::Operation;
using model::RuleId;
using model::RunId;

enum class ObjectState : std::uint8_t {
  placeholder = 0,            ///< referenced or a parent, not itself imported
  disconnector = 1,           ///< imported, no join
  explicit_disconnector = 2,  ///< kept apart by an administrator
  filtered = 3,               ///< imported, but no rule takes it
  joined = 4,
};

/// What outbound rules say of a connector object.
enum class Desired : std::uint8_t {
  none = 0,     ///< no rule speaks of it
  present = 1,  ///< it should be as the desired image says
  absent = 2,   ///< it should not exist
};

/// Work that waits, as bits of `touched`.
enum Touched : std::uint8_t {
  touched_nothing = 0,
  touched_inbound = 1,     ///< connector object: its observation changed
  touched_outbound = 2,    ///< metaverse object: its outbound rules must be asked again
  touched_references = 4,  ///< connector object: its desired references must be computed again
};

/// A connector object without its images.
struct Object {
  ObjectId id;
  ConnectorId connector;
  std::string anchor;  ///< empty: placeholder by DN, or an add that is not exported yet
  std::string dn;
  std::string dn_key;  ///< model::dn_key(dn) where the directory goes by DN, else empty
  NameId type = 0;
  ObjectState state = ObjectState::placeholder;
  MetaverseId metaverse;      ///< set exactly when joined
  RuleId link_rule;           ///< the rule that joined, projected or provisioned it; none = an administrator
  std::string observed_hash;  ///< hash128 of the canonical observation, references included; empty = not observed
  Desired desired = Desired::none;
  Operation pending = Operation::none;  ///< derived from the images; kept for speed
  bool pending_references = false;      ///< likewise, from the reference rows
  std::uint8_t touched = touched_nothing;
  friend bool operator==(const Object&, const Object&) = default;
};

/// Images of a connector object, encoded (model::encode); empty = there is none.
struct Images {
  std::string observed;
  std::string desired;
  std::string sent;
  std::string shadow;
  friend bool operator==(const Images&, const Images&) = default;
};

/// Which images to load or to write.
enum ImageMask : std::uint8_t {
  no_images = 0,
  observed_image = 1,
  desired_image = 2,
  sent_image = 4,
  shadow_image = 8,
  all_images = 15,
};

struct ObjectWithImages {
  Object object;
  Images images;
};

/// A join key: the object can be found by `attribute` having model::join_key `key`.
struct Key {
  NameId attribute = 0;
  std::string key;
  friend auto operator<=>(const Key&, const Key&) = default;
};

struct Metaverse {
  MetaverseId id;
  NameId type = 0;
  std::string image;    ///< model::encode; reference attributes as reference sources
  std::string lineage;  ///< model::encode_lineage
  std::uint8_t touched = touched_nothing;
  friend bool operator==(const Metaverse&, const Metaverse&) = default;
};

/// One reference of a connector object, in every image at once, as bits.
enum ReferenceBits : std::uint8_t {
  reference_observed = 1,
  reference_desired = 2,
  reference_sent_add = 4,     ///< its addition was sent and is not confirmed
  reference_sent_remove = 8,  ///< its removal was sent and is not confirmed
  reference_managed = 16,     ///< outbound rules speak of this attribute of this object
};

struct Reference {
  ObjectId object;
  NameId attribute = 0;
  ObjectId target;
  std::uint8_t bits = 0;  ///< 0 in a write = remove the row
  friend auto operator<=>(const Reference&, const Reference&) = default;
};

/// Which reference, whether or not there is a row of it.
struct ReferenceKey {
  ObjectId object;
  NameId attribute = 0;
  ObjectId target;
  friend auto operator<=>(const ReferenceKey&, const ReferenceKey&) = default;
};

[[nodiscard]] constexpr ReferenceKey key_of(const Reference& row) { return {row.object, row.attribute, row.target}; }

/// Whether the reference is, as far as is known, in the directory: observed, overlaid by what was sent.
[[nodiscard]] constexpr bool reference_effective(std::uint8_t bits) {
  return (bits & reference_sent_add) != 0 || ((bits & reference_observed) != 0 && (bits & reference_sent_remove) == 0);
}

/// Whether an export has to add or remove it. The store keeps this, indexed, beside the bits.
[[nodiscard]] constexpr bool reference_pending(std::uint8_t bits) {
  return (bits & reference_managed) != 0 && ((bits & reference_desired) != 0) != reference_effective(bits);
}

/// What is wrong with one object; it does not stop a run.
struct ObjectError {
  ObjectId object;
  std::string stage;  ///< "import", "join", "flow", "plan", "export"
  std::string error;  ///< catalogue id ("ambiguous-join", "flow-error", "export-change-not-reimported", …)
  std::string message;
  Time first_at{};
  Time last_at{};
  std::int64_t count = 0;
  Time retry_at{};  ///< not tried again before
  bool quarantined = false;
};

struct RunStep {
  std::string name;    ///< "import corp", "synchronize", "export cloud"
  std::string result;  ///< "success", "completed-errors", "failed", "blocked", "cancelled"
  Time started_at{};
  Time ended_at{};
  std::vector<std::pair<std::string, std::int64_t>> counters;
  std::string message;
};

struct Run {
  RunId id;
  std::string profile;  ///< "delta", "full", "import corp", …
  std::string host;
  std::string result;  ///< as of a step; empty while it runs
  Time started_at{};
  Time ended_at{};
  std::vector<RunStep> steps;
};

/// A connector as configuration holds it.
struct ConnectorRow {
  ConnectorId id;
  std::string name;
  std::string kind;
  std::string settings;       ///< JSON object: name -> list of text
  std::int64_t position = 0;  ///< first created wins ties
};

struct RuleRow {
  RuleId id;
  std::string name;        ///< unique; the id stays with the name, so that lineage survives edits
  std::string definition;  ///< one [[rule]] in TOML
};

/// A sealed credential of a connector, as vault sealed it.
struct SecretRow {
  ConnectorId connector;
  std::string name;
  std::string sealed;
  std::string key_set;  ///< id of the key set that can open it
};

}  // namespace linkspan::store
