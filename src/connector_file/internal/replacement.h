#pragma once
// What takes a file's place, whole or not at all.

#include <string>
#include <string_view>

#include "connector_file/internal/source_file.h"

namespace linkspan::connector_file {

/// Written beside the file it is to replace, under a name of its own, with that file's mode and owner (0600 where there
/// is none). Destroying one that was not committed removes it. Not thread-safe.
class Replacement {
 public:
  /// `path` may be a link: what it leads to is replaced. Throws "file.unwritable" (denied), "file.missing" (its
  /// folder).
  explicit Replacement(const std::string& path);
  ~Replacement();
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;

  void write(std::string_view bytes);

  /// Durable when it returns: the bytes, then the name, then the folder. `replaced`, where there was a file, must have
  /// held still ("file.changing" otherwise, and nothing is replaced). Throws "file.unwritable" (unavailable).
  void commit(const SourceFile* replaced);

 private:
  void flush();
  [[noreturn]] void fail(int code) const;

  std::string path_;  ///< without links
  std::string temporary_;
  std::string buffer_;
  int descriptor_ = -1;
};

}  // namespace linkspan::connector_file
