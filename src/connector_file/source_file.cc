#include "connector_file/internal/source_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/hash.h"

namespace linkspan::connector_file {

namespace {

std::string reason(int code) { return std::generic_category().message(code); }

constexpr std::size_t k_block = std::size_t{1} << 20;

}  // namespace

SourceFile::SourceFile(const std::string& path) : path_(path) {
  // Opening a pipe would wait for its writer; it is refused below.
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) {
    const int code = errno;
    if (code == ENOENT || code == ENOTDIR) {
      throw Error(Fault::not_found, "file.missing", fmt::format("{}: there is no such file", path), "correct path");
    }
    throw Error(Fault::denied, "file.unreadable", fmt::format("{}: {}", path, reason(code)),
                "let the account of this program read it");
  }
  if (::fstat(descriptor_, &opened_) != 0 || !S_ISREG(opened_.st_mode)) {
    ::close(descriptor_);
    throw Error(Fault::invalid, "file.unfit", fmt::format("{}: this is no regular file", path), "correct path");
  }
}

SourceFile::~SourceFile() { ::close(descriptor_); }

std::size_t SourceFile::read(std::span<char> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::read(descriptor_, bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      throw Error(Fault::unavailable, "file.unreadable", fmt::format("{}: {}", path_, reason(errno)),
                  "see the file system");
    }
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

void SourceFile::rewind() {
  if (::lseek(descriptor_, 0, SEEK_SET) != 0) {
    throw Error(Fault::unavailable, "file.unreadable", fmt::format("{}: {}", path_, reason(errno)),
                "see the file system");
  }
}

void SourceFile::expect_unchanged() const {
  struct stat now{};
  const bool same = ::fstat(descriptor_, &now) == 0 && now.st_size == opened_.st_size &&
                    now.st_mtim.tv_sec == opened_.st_mtim.tv_sec && now.st_mtim.tv_nsec == opened_.st_mtim.tv_nsec;
  if (same) return;
  throw Error(Fault::unavailable, "file.changing", fmt::format("{}: it was written to while it was read", path_),
              "write the file under another name, and rename it when it is whole");
}

void SourceFile::expect_in_place() const {
  struct stat now{};
  if (::stat(path_.c_str(), &now) == 0 && now.st_dev == opened_.st_dev && now.st_ino == opened_.st_ino) return;
  throw Error(Fault::unavailable, "file.changing",
              fmt::format("{}: somebody else put another file in its place meanwhile", path_),
              "Let only one program write it. The next cycle tries again.");
}

std::string SourceFile::content_hash() {
  rewind();
  std::vector<char> block(k_block);
  std::uint64_t left = 0;
  std::uint64_t right = 1;
  std::uint64_t size = 0;
  for (;;) {
    const std::size_t got = read(block);
    const std::string_view bytes(block.data(), got);
    left = hash64(bytes, left);
    right = hash64(bytes, right);
    size += got;
    if (got < block.size()) break;
  }
  return fmt::format("{:016x}{:016x}-{}", left, right, size);
}

}  // namespace linkspan::connector_file
