#pragma once
// What the commands that carry the state share: places, progress, and what was carried as people and programs read it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/session.h"
#include "transfer/manifest.h"
#include "transfer/place.h"

namespace linkspan::cli {

/// Progress over all tables (`rows` of them, where that is known), the stop signal, and this program's version.
[[nodiscard]] transfer::Job job_of(Session& session, std::optional<std::uint64_t> rows = std::nullopt);

/// The database of the configuration file.
[[nodiscard]] transfer::Place configured(Session& session);

/// The database an option names, with --password-file or --password-env. Throws "cli.usage" for a password in the URL.
[[nodiscard]] transfer::Place named(const Arguments& arguments, std::string_view option);

[[nodiscard]] std::string size_text(std::uint64_t bytes);
[[nodiscard]] std::string count_text(std::uint64_t number);
[[nodiscard]] Json to_json(const transfer::Manifest& manifest);

}  // namespace linkspan::cli
