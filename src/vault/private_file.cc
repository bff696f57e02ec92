#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/error.h"
#include "vault/internal/private_file.h"

namespace linkspan::vault {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

[[noreturn]] void throw_unreadable(const PrivateFileKind& kind, const std::string& name, int error) {
  throw Error(Fault::denied, kind.unreadable,
              fmt::format("the {} {} cannot be read: {}", kind.noun, name, std::strerror(error)),
              "check its owner and mode, and the directories above it");
}

void judge(const struct stat& status, const PrivateFileKind& kind, const std::string& name) {
  const bool fits = S_ISREG(status.st_mode) || (kind.may_be_pipe && S_ISFIFO(status.st_mode));
  if (!fits) {
    throw Error(Fault::invalid, kind.unfit, fmt::format("the {} {} is not a regular file", kind.noun, name),
                "name the file itself");
  }
  mode_t others = S_IRWXO | S_IRWXG;
  if (status.st_uid == 0 && status.st_gid == 0) others &= ~static_cast<mode_t>(S_IRGRP);
  if ((status.st_mode & others) != 0) {
    throw Error(Fault::denied, kind.exposed,
                fmt::format("the {} {} is open to others (mode {:04o})", kind.noun, name, status.st_mode & 07777U),
                fmt::format("chmod 600 {}; if others could read it, change the secret", name));
  }
  if (kind.owner_must_be_us && status.st_uid != ::geteuid() && status.st_uid != 0) {
    throw Error(
        Fault::denied, kind.exposed,
        fmt::format("the {} {} belongs to user id {}, not to the running user or root", kind.noun, name, status.st_uid),
        fmt::format("chown {} {}", ::geteuid(), name));
  }
}

/// Fills `bytes` as far as the file goes; returns how far.
std::size_t read_up_to(int fd, std::span<char> bytes, const PrivateFileKind& kind, const std::string& name) {
  std::size_t length = 0;
  while (length < bytes.size()) {
    const ssize_t got = ::read(fd, bytes.data() + length, bytes.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_unreadable(kind, name, errno);
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
  }
  return length;
}

}  // namespace

Secret read_private_file(const std::filesystem::path& path, const PrivateFileKind& kind, std::size_t longest) {
  const std::string& name = path.native();
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (file.get() < 0) {
    if (errno != ENOENT && errno != ENOTDIR) throw_unreadable(kind, name, errno);
    throw Error(Fault::not_found, kind.missing, fmt::format("the {} {} does not exist", kind.noun, name),
                "check the path");
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) throw_unreadable(kind, name, errno);
  judge(status, kind, name);
  std::size_t length = 0;
  const Secret buffer =
      Secret::filled(longest + 1, [&](std::span<char> bytes) { length = read_up_to(file.get(), bytes, kind, name); });
  if (length > longest) {
    throw Error(Fault::invalid, kind.unfit, fmt::format("the {} {} is longer than {} bytes", kind.noun, name, longest),
                "check that it is the file you meant");
  }
  return Secret::filled(length, [&](std::span<char> bytes) {
    if (length != 0) std::memcpy(bytes.data(), buffer.reveal().data(), length);
  });
}

}  // namespace linkspan::vault
