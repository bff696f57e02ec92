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

/// Stand among the values of a shadow: the value was sent and came back as this, so it is pending again …
const Value k_rejected = Binary{"rejected"};
/// … and this time it was sent again.
const Value k_resent = Binary{"resent"};

bool has_mark(const ImageAttribute& shadow, const Value& mark) {
  return std::find(shadow.values.begin(), shadow.values.end(), mark) != shadow.values.end();
}

Values without_marks(Values values) {
  std::erase_if(values, [](const Value& value) { return value == k_rejected || value == k_resent; });
  return values;
}

Values with_mark(Values values, const Value& mark) {
  values = without_marks(std::move(values));
  values.push_back(mark);
  return values;
}

bool is_text(const Values& values) {
  return std::all_of(values.begin(), values.end(),
                     [](const Value& value) { return std::holds_alternative<std::string>(value); });
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
    const bool resent = rewritten != nullptr && has_mark(*rewritten, k_resent);
    if (rewritten != nullptr && !resent && rewritten->values != values_of(observed, attribute.name)) continue;
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
    const bool accepted =
        rewritten != nullptr && without_marks(rewritten->values) == seen && !has_mark(*rewritten, k_rejected);
    if (accepted || (!seen.empty() && normalized(seen) == normalized(attribute.values))) {
      result.sent.set(attribute.name, attribute.values);
      result.shadow.set(attribute.name, seen);
      continue;
    }
    result.not_reimported.push_back(attribute.name);
    if (seen.empty() || attribute.values.empty() || !is_text(seen) || !is_text(attribute.values)) continue;
    result.sent.set(attribute.name, attribute.values);
    result.shadow.set(attribute.name, with_mark(seen, k_rejected));
  }
  return result;
}

void record_sent(Image& sent, Image& shadow, NameId name, const Values& values) {
  const ImageAttribute* before = sent.find(name);
  const ImageAttribute* answer = shadow.find(name);
  if (before != nullptr && answer != nullptr && before->values == values) {
    shadow.set(name, with_mark(answer->values, k_resent));
  } else {
    shadow.erase(name);
  }
  sent.set(name, values);
}

}  // namespace linkspan::model
