#pragma once
// An observation made ready for the store, off the writing thread: names interned, image encoded, hash taken. Pure.
//
// The hash of an observation is that of the object (type, DN, image) plus those of its references, so that one changed
// reference changes it without the others being read.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/entry.h"
#include "model/image.h"
#include "model/names.h"
#include "store/rows.h"

namespace linkspan::sync {

struct PreparedReference {
  model::NameId attribute = 0;
  std::string target;      ///< anchor, or DN
  std::string target_key;  ///< anchor, or normalised DN
  friend auto operator<=>(const PreparedReference&, const PreparedReference&) = default;
};

struct Prepared {
  model::Observation::Kind kind = model::Observation::Kind::present;
  std::string anchor;
  std::string dn;
  std::string dn_key;  ///< empty where references go by anchor
  model::NameId type = 0;
  std::string image;
  std::string hash;
  std::vector<PreparedReference> references;  ///< sorted, each once
  Time at{};                                  ///< as model::Observation
  std::string reason{};
  // Of what changed in part, instead of image and hash; `references` are those that came.
  std::vector<model::ImageAttribute> changes;      ///< no values: it has none any more
  std::vector<PreparedReference> references_gone;  ///< sorted, each once
};

/// 16 bytes, for sums of hashes.
class ObservedHash {
 public:
  ObservedHash() = default;
  /// Of an object without its references.
  ObservedHash(model::NameId type, std::string_view dn, std::string_view image);
  /// As it was stored. Throws Fault::corrupt "sync.observed_hash" on anything but 16 bytes.
  explicit ObservedHash(std::string_view bytes);
  [[nodiscard]] std::string bytes() const;

  void add(const PreparedReference& reference) { *this += of(reference); }
  void subtract(const PreparedReference& reference) { *this -= of(reference); }
  ObservedHash& operator+=(const ObservedHash& other);
  ObservedHash& operator-=(const ObservedHash& other);

 private:
  [[nodiscard]] static ObservedHash of(const PreparedReference& reference);
  std::array<std::uint64_t, 2> halves_{};
};

/// The image attribute that says how many references of that name an object has.
[[nodiscard]] model::ImageAttribute reference_count(model::NameId attribute, std::int64_t count);

/// Lets an image say that there are so many more references of that name than it says (fewer: negative).
void count_more(model::Image& image, model::NameId attribute, std::int64_t more);

/// Prepares what one connector observes. One thread.
class Preparer {
 public:
  /// `by_anchor`: the connector's references (and placeholders) go by anchor instead of DN.
  Preparer(bool by_anchor, model::Names& names) : by_anchor_(by_anchor), names_(names) {}
  [[nodiscard]] Prepared prepare(model::Observation observation);

 private:
  [[nodiscard]] std::vector<PreparedReference> prepare_references(std::vector<model::NamedReference> references);
  [[nodiscard]] std::vector<model::ImageAttribute> prepare_attributes(
      std::vector<std::pair<std::string, model::Values>> attributes, bool keep_empty);
  [[nodiscard]] model::NameId id_of(std::string_view name, std::size_t place);

  bool by_anchor_;
  model::Names& names_;
  std::vector<std::pair<std::string, model::NameId>> recent_;  ///< by place: entries name their attributes alike
};

}  // namespace linkspan::sync
