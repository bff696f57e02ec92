#include "sync/observation.h"

#include <algorithm>

#include "base/hash.h"
#include "model/dn.h"
#include "model/image.h"

namespace linkspan::sync {
namespace {

std::vector<PreparedReference> prepare_references(std::vector<model::NamedReference> references, bool by_anchor,
                                                  model::Names& names) {
  std::vector<PreparedReference> prepared;
  prepared.reserve(references.size());
  for (model::NamedReference& reference : references) {
    std::string key = by_anchor ? reference.target : model::dn_key(reference.target);
    prepared.push_back({names.id(reference.attribute), std::move(reference.target), std::move(key)});
  }
  const auto less = [](const auto& a, const auto& b) {
    return std::tie(a.attribute, a.target_key) < std::tie(b.attribute, b.target_key);
  };
  const auto same = [](const auto& a, const auto& b) {
    return a.attribute == b.attribute && a.target_key == b.target_key;
  };
  std::sort(prepared.begin(), prepared.end(), less);
  prepared.erase(std::unique(prepared.begin(), prepared.end(), same), prepared.end());
  return prepared;
}

}  // namespace

Prepared prepare(model::Observation observation, bool by_anchor, model::Names& names) {
  model::Entry& entry = observation.entry;
  Prepared out;
  out.kind = observation.kind;
  out.anchor = std::move(entry.anchor);
  out.dn = std::move(entry.dn);
  if (!by_anchor && !out.dn.empty()) out.dn_key = model::dn_key(out.dn);
  if (out.kind != model::Observation::Kind::present) return out;

  out.type = names.id(entry.object_type);
  out.references = prepare_references(std::move(entry.references), by_anchor, names);
  std::vector<model::ImageAttribute> attributes;
  attributes.reserve(entry.attributes.size() + 2);
  for (auto& [name, values] : entry.attributes) {
    if (values.empty()) continue;
    model::canonicalize(values);
    attributes.push_back({names.id(name), std::move(values), {}});
  }
  for (const PreparedReference& reference : out.references) {
    if (attributes.empty() || attributes.back().name != reference.attribute || attributes.back().references.empty()) {
      attributes.push_back({reference.attribute, {}, {{{}, reference.attribute, 0}}});
    }
    ++attributes.back().references.front().count;
  }
  std::stable_sort(attributes.begin(), attributes.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  // A directory that names an attribute twice is taken at its first word: an image holds each name once.
  attributes.erase(
      std::unique(attributes.begin(), attributes.end(), [](const auto& a, const auto& b) { return a.name == b.name; }),
      attributes.end());
  out.image = model::encode(model::Image::from_sorted(std::move(attributes)));

  std::string canonical = out.image;
  canonical.reserve(canonical.size() + 64 + out.dn.size() + out.references.size() * 40);
  canonical.append(1, '\0').append(std::to_string(out.type)).append(1, '\0').append(out.dn);
  for (const PreparedReference& reference : out.references) {
    canonical.append(1, '\0').append(std::to_string(reference.attribute)).append(1, '=').append(reference.target_key);
  }
  out.hash = hash128(canonical);
  return out;
}

}  // namespace linkspan::sync
