#pragma once
// Every kind of directory this program knows: one plain list.

#include <filesystem>
#include <vector>

#include "connector/connector.h"

namespace linkspan::app {

/// `profiles`: the folder with a folder of profiles for each kind that has them; empty where there is none.
[[nodiscard]] std::vector<connector::Kind> all_kinds(const std::filesystem::path& profiles);

}  // namespace linkspan::app
