#pragma once
// Files that only their owner may read: opened, judged and read as one descriptor, so nothing changes in between.

#include <cstddef>
#include <filesystem>
#include <string_view>

#include "vault/secret.h"

namespace linkspan::vault {

/// The catalogue ids under which a kind of private file reports its troubles.
struct PrivateFileKind {
  std::string_view noun;        ///< "key file"
  std::string_view missing;     ///< Fault::not_found
  std::string_view exposed;     ///< Fault::denied: others can read it, or a stranger owns it
  std::string_view unreadable;  ///< Fault::denied
  std::string_view unfit;       ///< Fault::invalid: no file, or longer than `longest`
  bool may_be_pipe = false;
  bool owner_must_be_us = false;  ///< The running user or root.
};

/// The whole content, at most `longest` bytes. Group bits are forgiven where owner and group are both root: that is how
/// systemd shows a credential that an access list opens to the service.
[[nodiscard]] Secret read_private_file(const std::filesystem::path& path, const PrivateFileKind& kind,
                                       std::size_t longest);

}  // namespace linkspan::vault
