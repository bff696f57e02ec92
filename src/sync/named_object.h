#pragma once
// Objects as administrators name them.

#include <optional>
#include <string_view>

#include "sync/context.h"

namespace linkspan::sync {

/// The object of that anchor or DN in a connector space; nullopt where there is none. Where references go by anchor and
/// objects by DN (Active Directory) no index knows the DN: that takes a scan, so it is for what a person asks.
[[nodiscard]] std::optional<store::Object> find_named(store::Store& store, store::View& view, const ConnectorInfo& info,
                                                      std::string_view name);

}  // namespace linkspan::sync
