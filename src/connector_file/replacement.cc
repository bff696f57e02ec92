#include "connector_file/internal/replacement.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/error.h"

namespace linkspan::connector_file {

namespace {

constexpr std::size_t k_buffer = std::size_t{1} << 20;

std::string without_links(const std::string& path) {
  std::error_code failed;
  const auto found = std::filesystem::weakly_canonical(path, failed);
  return failed ? path : found.string();
}

}  // namespace

void Replacement::fail(int code) const {
  const bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
  const bool denied = code == EACCES || code == EPERM || code == EROFS;
  throw Error(denied ? Fault::denied : Fault::unavailable, "file.unwritable",
              fmt::format("{}: {}", path_, std::generic_category().message(code)),
              full     ? "Make room there. The file is as it was."
              : denied ? "Let the account of this program write in that folder. The file is as it was."
                       : "See the file system. The file is as it was.");
}

Replacement::Replacement(const std::string& path) : path_(without_links(path)) {
  const std::filesystem::path whole(path_);
  temporary_ = (whole.parent_path() / ("." + whole.filename().string() + ".XXXXXX")).string();
  descriptor_ = ::mkostemp(temporary_.data(), O_CLOEXEC);
  if (descriptor_ < 0) {
    const int code = errno;
    if (code != ENOENT) fail(code);
    throw Error(Fault::not_found, "file.missing", fmt::format("{}: there is no such folder", path_), "correct path");
  }
  struct stat old{};
  if (::stat(path_.c_str(), &old) != 0) return;
  // Whoever reads the old file is to read the new one. Only root may give files away.
  if (::fchown(descriptor_, old.st_uid, old.st_gid) != 0 &&
      ::fchown(descriptor_, static_cast<uid_t>(-1), old.st_gid) != 0) {
    // Neither is ours to give: it stays this program's, with the mode below.
  }
  if (::fchmod(descriptor_, old.st_mode & 0777) != 0) fail(errno);
}

Replacement::~Replacement() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void Replacement::write(std::string_view bytes) {
  buffer_ += bytes;
  if (buffer_.size() >= k_buffer) flush();
}

void Replacement::flush() {
  std::string_view left = buffer_;
  while (!left.empty()) {
    const ssize_t done = ::write(descriptor_, left.data(), left.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail(errno);
    left.remove_prefix(static_cast<std::size_t>(done));
  }
  buffer_.clear();
}

void Replacement::commit(const SourceFile* replaced) {
  flush();
  if (::fsync(descriptor_) != 0) fail(errno);
  if (replaced != nullptr) {
    replaced->expect_unchanged();
    replaced->expect_in_place();
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail(errno);
  temporary_.clear();
  const std::string folder = std::filesystem::path(path_).parent_path().string();
  const int opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) fail(errno);
  const int status = ::fsync(opened);
  const int code = errno;
  ::close(opened);
  if (status != 0) fail(code);
}

}  // namespace linkspan::connector_file
