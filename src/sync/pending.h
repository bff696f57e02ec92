#pragma once
// The one place that says what is pending: desired - (observed overlaid by sent).

#include "model/image.h"
#include "store/rows.h"

namespace linkspan::sync {

/// observed_hash of an object whose truth must be looked at again although nothing new may have been told: it was
/// written to and the next import has to confirm it.
inline constexpr std::string_view k_unconfirmed = "unconfirmed";
/// observed_hash of an add that may have been sent, by a process that did not live to see the answer.
inline constexpr std::string_view k_attempted = "attempted";

/// Whether an add of the object was sent whose answer nobody knows: it is there, or it is not.
[[nodiscard]] inline bool is_attempted(const store::Object& object) { return object.observed_hash == k_attempted; }

/// Whether the object, as far as is known, exists in its directory.
[[nodiscard]] bool exists(const store::Object& object, bool has_sent);

/// The pending operation of a connector object; references apart. Pure.
[[nodiscard]] store::Operation pending_operation(const store::Object& object, const model::Image& observed,
                                                 const model::Image& desired, const model::Image& sent,
                                                 const model::Image& shadow);

/// The same, from encoded images.
[[nodiscard]] store::Operation pending_operation(const store::Object& object, const store::Images& images);

}  // namespace linkspan::sync
