#pragma once
// An image: what one side holds or should hold of an object, as one compact versioned binary value.
//
// Layout, version 2 (integers are LEB128 varints, signed ones zigzag; version 1, still read, had no checksum):
//   u8 version=2, u32 lower half of the XXH3 of what follows, count, then per attribute in ascending NameId:
//     name, kind (0 values, 1 reference source), count, then values (u8 tag = index in Value, payload)
//     or reference sources (object, attribute, count).
// Equal images have equal bytes: attributes are sorted by NameId, values by model::canonicalize.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/ids.h"
#include "model/value.h"

namespace linkspan::model {

/// "All that `object` references by `attribute`": what a reference attribute flows as. The references themselves stay
/// rows, so a group of a million members is one of these. In an observed image the object is 0: the object itself.
struct ReferenceSource {
  ObjectId object;
  NameId attribute = 0;
  std::int64_t count = 0;    ///< how many there were when the image was made; 0 in desired images
  NameId referenced_by = 0;  ///< and all that reference the object by this one; 0 = no such
  bool flatten = false;      ///< in place of each that is of the object's own type, what that one leads to, and so on
  friend auto operator<=>(const ReferenceSource&, const ReferenceSource&) = default;
};

/// One attribute of an image. In a desired image an attribute with no values asks for it to be empty.
struct ImageAttribute {
  NameId name = 0;
  Values values;
  std::vector<ReferenceSource> references;
  friend bool operator==(const ImageAttribute&, const ImageAttribute&) = default;
};

/// A decoded image: attributes in ascending NameId. A plain value.
class Image {
 public:
  /// The attribute, or nullptr.
  [[nodiscard]] const ImageAttribute* find(NameId name) const;
  /// Replaces or adds; canonicalises the values.
  void set(NameId name, Values values);
  void set_references(NameId name, std::vector<ReferenceSource> references);
  void erase(NameId name);
  [[nodiscard]] const std::vector<ImageAttribute>& attributes() const& { return attributes_; }
  const std::vector<ImageAttribute>& attributes() && = delete;  // `for (… : decode(bytes).attributes())` would dangle
  [[nodiscard]] bool empty() const { return attributes_.empty(); }

  /// Builders that already hold sorted, canonical attributes (the codec) hand them over as they are.
  [[nodiscard]] static Image from_sorted(std::vector<ImageAttribute> attributes);

  friend bool operator==(const Image&, const Image&) = default;

 private:
  ImageAttribute& slot(NameId name);
  std::vector<ImageAttribute> attributes_;
};

[[nodiscard]] std::string encode(const Image& image);

/// Throws Fault::corrupt "model.image" on anything encode() does not write, one flipped bit included; never reads
/// outside `bytes`, never allocates more than a small multiple of their length.
[[nodiscard]] Image decode(std::string_view bytes);

/// Where each attribute of a metaverse object comes from: one contributor, or for merged attributes several.
struct Contribution {
  NameId attribute = 0;
  RuleId rule;
  ObjectId object;
  friend auto operator<=>(const Contribution&, const Contribution&) = default;
};
using Lineage = std::vector<Contribution>;  ///< sorted

[[nodiscard]] std::string encode_lineage(const Lineage& lineage);
[[nodiscard]] Lineage decode_lineage(std::string_view bytes);

/// What the directory is taken to hold: `observed`, overlaid by what was sent and is not confirmed yet. Where `shadow`
/// has an attribute, an import has answered what was sent with that rewritten value: as long as observed still equals
/// the shadow, what was sent counts as being there (a target's habits do not become endless exports). Pure.
[[nodiscard]] Image effective(const Image& observed, const Image& sent, const Image& shadow);

/// The attributes of `desired` (values only, not references) that `actual` lacks or holds differently; an attribute
/// without values asks for removal. Attributes that `desired` does not speak of are left alone. Pure.
[[nodiscard]] Image difference(const Image& actual, const Image& desired);

/// What became of a sent image when an import showed `observed`. Attributes seen as sent are confirmed and leave
/// `sent`; those that came back equal but for case, blanks or composition stay in `sent` with a `shadow`; the others
/// are listed as not reimported, and their difference is pending again. A text that comes back in the very same other
/// form after it was sent a second time is how the target writes it: it becomes a shadow too. Other kinds (a flag that
/// disables an account) are never taken for a habit. Pure.
struct Confirmation {
  Image sent;
  Image shadow;
  std::vector<NameId> not_reimported;
};
[[nodiscard]] Confirmation confirm(const Image& observed, const Image& sent, const Image& shadow);

/// Records in `sent` and `shadow` that `values` were sent for `name`.
void record_sent(Image& sent, Image& shadow, NameId name, const Values& values);

}  // namespace linkspan::model
