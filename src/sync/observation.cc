#include "sync/observation.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/error.h"
#include "base/hash.h"
#include "model/dn.h"
#include "model/image.h"

namespace linkspan::sync {
namespace {

bool leads_before(const PreparedReference& a, const PreparedReference& b) {
  return std::tie(a.attribute, a.target_key) < std::tie(b.attribute, b.target_key);
}

}  // namespace

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
  const auto same = [](const auto& a, const auto& b) {
    return a.attribute == b.attribute && a.target_key == b.target_key;
  };
  std::sort(prepared.begin(), prepared.end(), leads_before);
  prepared.erase(std::unique(prepared.begin(), prepared.end(), same), prepared.end());
  return prepared;
}

namespace {

/// A directory that names an attribute twice is taken at its first word: an image holds each name once.
void sort_by_name(std::vector<model::ImageAttribute>& attributes) {
  std::stable_sort(attributes.begin(), attributes.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  attributes.erase(
      std::unique(attributes.begin(), attributes.end(), [](const auto& a, const auto& b) { return a.name == b.name; }),
      attributes.end());
}

}  // namespace

std::vector<model::ImageAttribute> Preparer::prepare_attributes(
    std::vector<std::pair<std::string, model::Values>> attributes, bool keep_empty) {
  std::vector<model::ImageAttribute> prepared;
  prepared.reserve(attributes.size() + 2);
  std::size_t place = 0;
  for (auto& [name, values] : attributes) {
    ++place;
    if (values.empty() && !keep_empty) continue;
    model::canonicalize(values);
    prepared.push_back({id_of(name, place), std::move(values), {}});
  }
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
  if (out.kind == model::Observation::Kind::changed) {
    out.references = prepare_references(std::move(entry.references));
    out.references_gone = prepare_references(std::move(observation.references_gone));
    std::erase_if(out.references_gone, [&](const PreparedReference& gone) {  // one that went and came again is there
      return std::binary_search(out.references.begin(), out.references.end(), gone, leads_before);
    });
    out.changes = prepare_attributes(std::move(entry.attributes), true);
    sort_by_name(out.changes);
    return out;
  }
  if (out.kind != model::Observation::Kind::present) return out;

  out.type = id_of(entry.object_type, 0);
  out.references = prepare_references(std::move(entry.references));
  std::vector<model::ImageAttribute> attributes = prepare_attributes(std::move(entry.attributes), false);
  for (auto first = out.references.begin(); first != out.references.end();) {
    const auto last = std::find_if(first, out.references.end(),
                                   [&](const PreparedReference& one) { return one.attribute != first->attribute; });
    attributes.push_back(reference_count(first->attribute, last - first));
    first = last;
  }
  sort_by_name(attributes);
  out.image = model::encode(model::Image::from_sorted(std::move(attributes)));

  ObservedHash hash(out.type, out.dn, out.image);
  for (const PreparedReference& reference : out.references) hash.add(reference);
  out.hash = hash.bytes();
  return out;
}

model::ImageAttribute reference_count(model::NameId attribute, std::int64_t count) {
  return {attribute, {}, {{{}, attribute, count}}};
}

void count_more(model::Image& image, model::NameId attribute, std::int64_t more) {
  const model::ImageAttribute* held = image.find(attribute);
  const std::int64_t count = (held == nullptr || held->references.empty() ? 0 : held->references.front().count) + more;
  if (count > 0) {
    image.set_references(attribute, reference_count(attribute, count).references);
  } else {
    image.erase(attribute);
  }
}

ObservedHash::ObservedHash(model::NameId type, std::string_view dn, std::string_view image) {
  std::string canonical;
  canonical.reserve(image.size() + dn.size() + 24);
  canonical.append(image).append(1, '\0').append(std::to_string(type)).append(1, '\0').append(dn);
  *this = ObservedHash(std::string_view(hash128(canonical)));
}

ObservedHash::ObservedHash(std::string_view bytes) {
  if (bytes.size() != 16) {
    throw Error(Fault::corrupt, "sync.observed_hash",
                fmt::format("the hash of an observation has {} bytes, not 16", bytes.size()),
                "Run a full import; `linkspan database verify` says what else the database has lost.");
  }
  for (std::size_t i = 0; i < bytes.size(); ++i)
    halves_[i / 8] = halves_[i / 8] << 8 | static_cast<unsigned char>(bytes[i]);
}

std::string ObservedHash::bytes() const {
  std::string made(16, '\0');
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<char>(halves_[i / 8] >> (56 - i % 8 * 8) & 0xff);
  return made;
}

ObservedHash& ObservedHash::operator+=(const ObservedHash& other) {
  for (std::size_t i = 0; i < halves_.size(); ++i) halves_[i] += other.halves_[i];
  return *this;
}

ObservedHash& ObservedHash::operator-=(const ObservedHash& other) {
  for (std::size_t i = 0; i < halves_.size(); ++i) halves_[i] -= other.halves_[i];
  return *this;
}

ObservedHash ObservedHash::of(const PreparedReference& reference) {
  std::string canonical = std::to_string(reference.attribute);
  canonical.append(1, '=').append(reference.target_key);
  return ObservedHash(std::string_view(hash128(canonical)));
}

}  // namespace linkspan::sync
