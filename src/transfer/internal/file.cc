#include "transfer/internal/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/error.h"

namespace linkspan::transfer {

void fail_file(const std::string& file, std::string_view what) {
  const int code = errno;
  if (code == ENOENT) {
    throw Error(Fault::not_found, "transfer.no_copy", fmt::format("{}: there is no such file or folder", file),
                "Check the path.");
  }
  const bool denied = code == EACCES || code == EPERM || code == EROFS;
  throw Error(
      denied ? Fault::denied : Fault::unavailable, "transfer.file",
      fmt::format("{} {}: {}", file, what, std::generic_category().message(code)),
      code == ENOSPC ? "Make room, or name another folder." : "Check owner and mode of the file and its folder.");
}

Descriptor::Descriptor(const std::string& file, int flags) : descriptor_(::open(file.c_str(), flags | O_CLOEXEC)) {
  if (descriptor_ < 0) fail_file(file, "cannot be opened");
}

Descriptor::~Descriptor() { ::close(descriptor_); }

std::size_t read_at(int descriptor, off_t place, std::string& buffer, const std::string& file) {
  std::size_t got = 0;
  while (got < buffer.size()) {
    const ssize_t one = ::pread(descriptor, buffer.data() + got, buffer.size() - got, place + static_cast<off_t>(got));
    if (one < 0 && errno == EINTR) continue;
    if (one < 0) fail_file(file, "cannot be read");
    if (one == 0) break;
    got += static_cast<std::size_t>(one);
  }
  return got;
}

Draft::Draft(std::string file) : file_(std::move(file)), path_(file_ + ".part-XXXXXX") {
  if (::access(file_.c_str(), F_OK) == 0) refuse_to_overwrite();
  const int descriptor = ::mkostemp(path_.data(), O_CLOEXEC);  // mode 0600
  if (descriptor < 0) fail_file(file_, "cannot be made");
  ::close(descriptor);
}

Draft::~Draft() {
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) ::unlink((path_ + suffix).c_str());
}

void Draft::publish() {
  {
    const Descriptor written(path_, O_RDONLY);
    if (::fsync(written.get()) != 0) fail_file(path_, "cannot be written");
  }
  if (::link(path_.c_str(), file_.c_str()) != 0) {
    if (errno == EEXIST) refuse_to_overwrite();
    fail_file(file_, "cannot be made");
  }
  const std::filesystem::path folder = std::filesystem::path(file_).parent_path();
  const Descriptor opened(folder.empty() ? "." : folder.string(), O_RDONLY | O_DIRECTORY);
  if (::fsync(opened.get()) != 0) fail_file(file_, "cannot be written");
}

void Draft::refuse_to_overwrite() const {
  throw Error(Fault::conflict, "transfer.exists", fmt::format("{} is there already", file_),
              "Nothing is overwritten. Name another file, or remove that one first.");
}

}  // namespace linkspan::transfer
