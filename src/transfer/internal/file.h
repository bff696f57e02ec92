#pragma once
// Files that copies are: opened, made without overwriting, put in place whole.

#include <sys/types.h>

#include <string>
#include <string_view>

namespace linkspan::transfer {

/// Throws the failure errno names, about `file`.
[[noreturn]] void fail_file(const std::string& file, std::string_view what);

/// An open file, closed with the object. Throws "transfer.no_copy" where there is none, "transfer.file" otherwise.
class Descriptor {
 public:
  Descriptor(const std::string& file, int flags);
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

/// Fills `buffer` from `place` on; how many bytes there were.
[[nodiscard]] std::size_t read_at(int descriptor, off_t place, std::string& buffer, const std::string& file);

/// A file of mode 0600 beside `file`, under a name of its own, until it is put in its place. Gone with the object
/// otherwise, with what SQLite keeps beside it.
class Draft {
 public:
  /// Throws "transfer.exists" where `file` is there already.
  explicit Draft(std::string file);
  ~Draft();
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Gives it the name it was made for; never replaces another. Durable when it returns.
  void publish();

 private:
  void refuse_to_overwrite() const;

  std::string file_;
  std::string path_;
};

}  // namespace linkspan::transfer
