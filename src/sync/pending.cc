#include "sync/pending.h"

namespace linkspan::sync {

bool exists(const store::Object& object, bool has_sent) {
  if (object.anchor.empty() || is_attempted(object)) return false;
  return !object.observed_hash.empty() || has_sent;
}

store::Operation pending_operation(const store::Object& object, const model::Image& observed,
                                   const model::Image& desired, const model::Image& sent, const model::Image& shadow) {
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
  return model::difference(model::effective(observed, sent, shadow), desired).empty() ? Operation::none
                                                                                      : Operation::update;
}

store::Operation pending_operation(const store::Object& object, const store::Images& images) {
  return pending_operation(object, model::decode(images.observed), model::decode(images.desired),
                           model::decode(images.sent), model::decode(images.shadow));
}

}  // namespace linkspan::sync
