#include "sync/pending.h"

#include "model/dn.h"

namespace linkspan::sync {

bool exists(const store::Object& object, bool has_sent) {
  if (object.anchor.empty() || is_attempted(object)) return false;
  return !object.observed_hash.empty() || has_sent;
}

std::optional<std::string> wanted_name(const store::Object& object, const model::Image& desired, model::NameId dn) {
  const model::ImageAttribute* wanted = dn == 0 ? nullptr : desired.find(dn);
  if (wanted == nullptr || wanted->values.empty()) return std::nullopt;
  std::string name = model::to_text(wanted->values.front());
  if (name == object.dn || model::dn_key(name) == model::dn_key(object.dn)) {
    return std::nullopt;
  }
  return name;
}

model::Image wanted_attributes(const model::Image& actual, const model::Image& desired, model::NameId dn) {
  model::Image changed = model::difference(actual, desired);
  if (dn != 0) changed.erase(dn);
  return changed;
}

store::Operation pending_operation(const store::Object& object, const model::Image& observed,
                                   const model::Image& desired, const model::Image& sent, const model::Image& shadow,
                                   model::NameId dn) {
  using store::Operation;
  const bool is_there = exists(object, !sent.empty());
  switch (object.desired) {
    case store::Desired::none:
      return Operation::none;
    case store::Desired::absent:
      return is_there || is_attempted(object) ? Operation::remove : Operation::none;
    case store::Desired::present:
      break;
  }
  if (!is_there) return Operation::add;
  if (wanted_name(object, desired, dn)) return Operation::rename;
  const bool same = wanted_attributes(model::effective(observed, sent, shadow), desired, dn).empty();
  return same ? Operation::none : Operation::update;
}

store::Operation pending_operation(const store::Object& object, const store::Images& images, model::NameId dn) {
  return pending_operation(object, model::decode(images.observed), model::decode(images.desired),
                           model::decode(images.sent), model::decode(images.shadow), dn);
}

}  // namespace linkspan::sync
