#include "sync/observation.h"

#include <algorithm>

#include "base/hash.h"
#include "model/dn.h"
#include "model/image.h"

namespace linkspan::sync {
model::NameId Preparer::id_of(std::string_view name, std::size_t place) {
  if (place >= recent_.size()) recent_.resize(place + 1);
  auto& [known, id] = recent_[place];
  if (id == 0 || known != name) {
    known = name;
    id = names_.id(name);
  }
  return id;
}

std::vector<PreparedReference> Preparer::prepare_references(std::vector<model::NamedReference> references) {
  std::vector<PreparedReference> prepared;
  prepared.reserve(references.size());
  for (model::NamedReference& reference : references) {
    std::string key = by_anchor_ ? reference.target : model::dn_key(reference.target);
    prepared.push_back({names_.id(reference.attribute), std::move(reference.target), std::move(key)});
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

Prepared Preparer::prepare(model::Observation observation) {
  model::Entry& entry = observation.entry;
  Prepared out;
  out.kind = observation.kind;
  out.anchor = std::move(entry.anchor);
  out.dn = std::move(entry.dn);
  if (!by_anchor_ && !out.dn.empty()) out.dn_key = model::dn_key(out.dn);
  out.at = observation.at;
  out.reason = std::move(observation.reason);
  if (out.kind != model::Observation::Kind::present) return out;

  out.type = id_of(entry.object_type, 0);
  out.references = prepare_references(std::move(entry.references));
  std::vector<model::ImageAttribute> attributes;
  attributes.reserve(entry.attributes.size() + 2);
  std::size_t place = 0;
  for (auto& [name, values] : entry.attributes) {
    ++place;
    if (values.empty()) continue;
    model::canonicalize(values);
    attributes.push_back({id_of(name, place), std::move(values), {}});
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
