#pragma once
// Every kind of directory this program knows: one plain list.

#include <vector>

#include "connector/connector.h"

namespace linkspan::app {

[[nodiscard]] std::vector<connector::Kind> all_kinds();

}  // namespace linkspan::app
