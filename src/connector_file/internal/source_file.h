#pragma once
// A file that must hold still while it is read.

#include <sys/stat.h>

#include <cstdint>
#include <span>
#include <string>

namespace linkspan::connector_file {

/// Not thread-safe.
class SourceFile {
 public:
  /// Throws "file.missing" (not_found), "file.unreadable" (denied) or "file.unfit" (invalid: no regular file).
  explicit SourceFile(const std::string& path);
  ~SourceFile();
  SourceFile(const SourceFile&) = delete;
  SourceFile& operator=(const SourceFile&) = delete;

  /// Fills the span; fewer bytes only at the end of the file.
  [[nodiscard]] std::size_t read(std::span<char> bytes);
  void rewind();

  /// Throws Fault::unavailable "file.changing" when it was written to since it was opened.
  void expect_unchanged() const;

  /// Throws Fault::unavailable "file.changing" when another file stands under the name by now.
  void expect_in_place() const;

  /// Of everything, in one pass from the beginning. The same bytes give the same text wherever and whenever.
  [[nodiscard]] std::string content_hash();

 private:
  std::string path_;
  int descriptor_ = -1;
  struct stat opened_{};
};

}  // namespace linkspan::connector_file
