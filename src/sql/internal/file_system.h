#pragma once
// Which file systems a database file must not live on.

#include <optional>
#include <string>

namespace linkspan::sql {

/// The kind of network or cluster file system by statfs' magic number, and for FUSE by its type in mountinfo
/// ("fuse.sshfs"; one that is not known to be local counts as a network); nullopt for one whose locks are this kernel's
/// own.
[[nodiscard]] std::optional<std::string> network_file_system(unsigned long magic, const std::string& fuse_type);

/// The same, for the file system `folder` is on.
[[nodiscard]] std::optional<std::string> network_file_system_of(const std::string& folder);

}  // namespace linkspan::sql
