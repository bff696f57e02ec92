#pragma once
// Looking objects up by one value, and believing the service only what it can show.

#include <string_view>
#include <vector>

#include "connector_scim/internal/service.h"
#include "model/entry.h"

namespace linkspan::connector_scim {

/// The objects whose `attribute` equals `value`, at most two. Throws Fault::invalid "scim.object_type" and
/// "scim.filter_ignored", and what Service::get throws.
[[nodiscard]] std::vector<model::Entry> find_objects(Service& service, std::string_view object_type,
                                                     std::string_view attribute, const model::Value& value);

}  // namespace linkspan::connector_scim
