#pragma once
// Looking objects up by one value, and believing the service only what it can show.

#include <string_view>
#include <vector>

#include "connector_scim/internal/service.h"
#include "model/entry.h"

namespace linkspan::connector_scim {

/// Carries the source anchor: what an account is known by, whoever made it.
inline constexpr std::string_view k_correlation_attribute = "externalId";

/// The objects whose `attribute` equals `value`, at most two. Throws Fault::invalid "scim.object_type" and
/// "scim.filter_ignored", and what Service::get throws.
[[nodiscard]] std::vector<model::Entry> find_objects(Service& service, std::string_view object_type,
                                                     std::string_view attribute, const model::Value& value);

/// One page of an answer to `attribute eq value`: what is it, at most two. `others`: the service listed what is not
/// asked for, so it does not apply the filter.
struct Matches {
  std::vector<model::Entry> entries;
  bool others = false;
};

/// The same in two halves, for whoever sends requests himself.
[[nodiscard]] net::Request find_request(const Service& service, const ResourceType& type, std::string_view attribute,
                                        const model::Value& value);
[[nodiscard]] Matches matches_in(std::string_view body, const ResourceType& type, std::string_view attribute,
                                 const model::Value& value);

}  // namespace linkspan::connector_scim
