// What differs between images: the arithmetic behind every pending export.

#include <algorithm>

#include "base/text.h"
#include "model/image.h"

namespace linkspan::model {
namespace {

/// The value without what targets are known to rewrite: case, composition, blanks at the ends.
Values normalized(const Values& values) {
  Values out;
  out.reserve(values.size());
  for (const Value& value : values) {
    if (const auto* text = std::get_if<std::string>(&value)) {
      out.emplace_back(fold_key(trim(*text)));
    } else {
      out.push_back(value);
    }
  }
  canonicalize(out);
  return out;
}

const Values& values_of(const Image& image, NameId name) {
  static const Values none;
  const ImageAttribute* attribute = image.find(name);
  return attribute == nullptr ? none : attribute->values;
}

}  // namespace

Image effective(const Image& observed, const Image& sent, const Image& shadow) {
  Image out = observed;
  for (const ImageAttribute& attribute : sent.attributes()) {
    const ImageAttribute* rewritten = shadow.find(attribute.name);
    if (rewritten != nullptr && rewritten->values != values_of(observed, attribute.name)) continue;
    if (attribute.values.empty()) {
      out.erase(attribute.name);
    } else {
      out.set(attribute.name, attribute.values);
    }
  }
  return out;
}

Image difference(const Image& actual, const Image& desired) {
  std::vector<ImageAttribute> changed;
  for (const ImageAttribute& attribute : desired.attributes()) {
    if (!attribute.references.empty()) continue;
    if (attribute.values != values_of(actual, attribute.name)) changed.push_back(attribute);
  }
  return Image::from_sorted(std::move(changed));
}

Confirmation confirm(const Image& observed, const Image& sent, const Image& shadow) {
  Confirmation result;
  for (const ImageAttribute& attribute : sent.attributes()) {
    const Values& seen = values_of(observed, attribute.name);
    if (seen == attribute.values) continue;
    const ImageAttribute* rewritten = shadow.find(attribute.name);
    // A second identical answer to the same value is the target's way of writing it, however far from ours.
    const bool accepted = rewritten != nullptr && rewritten->values == seen;
    if (accepted || (!seen.empty() && normalized(seen) == normalized(attribute.values))) {
      result.sent.set(attribute.name, attribute.values);
      result.shadow.set(attribute.name, seen);
    } else {
      result.not_reimported.push_back(attribute.name);
    }
  }
  return result;
}

}  // namespace linkspan::model
