#pragma once
// The one place that says what is pending: desired - (observed overlaid by sent).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "model/image.h"
#include "store/rows.h"

namespace linkspan::sync {

/// observed_hash of an object whose truth must be looked at again although nothing new may have been told: it was
/// written to and the next import has to confirm it.
inline constexpr std::string_view k_unconfirmed = "unconfirmed";
/// observed_hash of an add that may have been sent, by a process that did not live to see the answer.
inline constexpr std::string_view k_attempted = "attempted";

/// observed_hash of an object whose last changes a directory refused after it had taken them on: nobody knows what it
/// is now.
inline constexpr std::string_view k_refused = "refused";

/// observed_hash of an object that was sent at that time to a directory which tells later what became of it.
[[nodiscard]] std::string sent_mark(Time at);
/// The time in that mark, to the second; nullopt for any other observed_hash.
[[nodiscard]] std::optional<Time> sent_at(const store::Object& object);

/// Says when an export that failed for good is tried again, after `failures` failures in all: later each time, and from
/// the third on in quarantine, out of everybody's way. Of `error` last_at is set.
void schedule_retry(store::ObjectError& error, std::int64_t failures);

/// Whether an add of the object was sent whose answer nobody knows: it is there, or it is not.
[[nodiscard]] inline bool is_attempted(const store::Object& object) { return object.observed_hash == k_attempted; }

/// Whether it is held as its directory has shown it, and nothing was sent to it since: none of the marks above has the
/// length of a hash.
[[nodiscard]] inline bool is_observed(const store::Object& object) { return object.observed_hash.size() == 16; }

/// Whether the object, as far as is known, exists in its directory.
[[nodiscard]] bool exists(const store::Object& object, bool has_sent);

// In a directory that names objects by DN, what rules flow to `dn` is no attribute: it is the name. Its id is `dn` in
// the functions below; 0 where the directory names by anchor, and a `dn` that rules speak of is an attribute like
// others.

/// The name an existing object is to get: nullopt where it may keep the one it has, or where rules speak of none.
[[nodiscard]] std::optional<std::string> wanted_name(const store::Object& object, const model::Image& desired,
                                                     model::NameId dn);

/// The attributes of `desired` that `actual` lacks or holds differently, without the name.
[[nodiscard]] model::Image wanted_attributes(const model::Image& actual, const model::Image& desired, model::NameId dn);

/// The pending operation of a connector object; references apart. A rename may change attributes too. Pure.
[[nodiscard]] store::Operation pending_operation(const store::Object& object, const model::Image& observed,
                                                 const model::Image& desired, const model::Image& sent,
                                                 const model::Image& shadow, model::NameId dn);

/// The same, from encoded images.
[[nodiscard]] store::Operation pending_operation(const store::Object& object, const store::Images& images,
                                                 model::NameId dn);

}  // namespace linkspan::sync
