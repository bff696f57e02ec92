#pragma once
// Every kind of directory this program knows: one plain list.

#include <string_view>
#include <vector>

#include "connector/connector.h"
#include "connector/registrar.h"

namespace linkspan::app {

[[nodiscard]] std::vector<connector::Kind> all_kinds();

/// How a connector of this kind is registered; throws Fault::invalid "app.nothing_to_register" for a kind that is not.
[[nodiscard]] connector::Registrar registrar_of(std::string_view kind);

}  // namespace linkspan::app
