#pragma once
// Where a move begun by this server takes its database: noted beside linkspan.toml before the move, forgotten when
// linkspan.toml itself says it. Whoever starts after a kill in between finishes by it.

#include <filesystem>
#include <optional>
#include <string>

#include "setup/server_file.h"

namespace linkspan::setup {

struct Destination {
  std::string url;  ///< without secrets, as the old database names it in moved_to
  std::filesystem::path password_file{};
};

/// Durable when it returns; replaces an earlier note. Throws Fault::unavailable "setup.file_write".
void note_destination(const ServerFile& file, const Destination& destination);

/// nullopt where nothing is noted. Throws what load_server_file throws.
[[nodiscard]] std::optional<Destination> noted_destination(const ServerFile& file);

void forget_destination(const ServerFile& file);

/// The same server on that database.
[[nodiscard]] ServerFile pointed_at(ServerFile file, const Destination& destination);

/// linkspan.toml says so from now on: replaced, all or nothing, and then the note forgotten. Throws Fault::unavailable
/// "setup.file_write".
void switch_to(const ServerFile& file);

}  // namespace linkspan::setup
