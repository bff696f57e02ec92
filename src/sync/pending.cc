#include "sync/pending.h"

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "model/dn.h"

namespace linkspan::sync {
namespace {

constexpr std::string_view k_sent = "sent ";
/// Failures after which an object waits for a person or for its retry time.
constexpr std::int64_t k_quarantine_after = 3;

/// 30 minutes, doubled with every failure, a day at most: a permanent refusal is not knocked at every cycle.
std::chrono::minutes retry_delay(std::int64_t failures) {
  const auto doublings = std::min<std::int64_t>(failures - 1, 6);
  return std::min<std::chrono::minutes>(std::chrono::minutes(30LL << doublings), std::chrono::hours(24));
}

}  // namespace

std::string sent_mark(Time at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at.time_since_epoch());
  return std::string(k_sent) + std::to_string(seconds.count());
}

std::optional<Time> sent_at(const store::Object& object) {
  if (!object.observed_hash.starts_with(k_sent)) return std::nullopt;
  const auto seconds = to_integer(std::string_view(object.observed_hash).substr(k_sent.size()));
  if (!seconds) return std::nullopt;
  return Time{std::chrono::seconds{*seconds}};
}

void schedule_retry(store::ObjectError& error, std::int64_t failures) {
  error.retry_at = error.last_at + retry_delay(failures);
  error.quarantined = failures >= k_quarantine_after;
}

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
