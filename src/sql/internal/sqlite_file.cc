#include "sql/internal/sqlite_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "sql/internal/file_system.h"

namespace linkspan::sql {

namespace {

// What stat, access or open said of the path.
[[noreturn]] void refuse(int why, const std::string& path) {
  const std::string message = fmt::format("{}: {}", path, std::generic_category().message(why));
  switch (why) {
    case ENOENT:
    case ENOTDIR:
      throw Error(Fault::not_found, "sql.no_folder", fmt::format("{}: the folder it is to be in is not there", path),
                  "Correct the path, or make the folder and give it to the service's user.");
    case ELOOP:
      throw Error(Fault::invalid, "sql.link_loop", fmt::format("{}: symbolic links lead round in a circle", path),
                  "Name the file itself, or mend the links (`namei PATH` shows them).");
    case ENAMETOOLONG:
      throw Error(Fault::invalid, "sql.url_path",
                  fmt::format("{}: longer than the file system takes", path.substr(0, 80)), "Name a shorter path.");
    case EROFS:
      throw Error(Fault::denied, "sql.read_only", message,
                  "Mount the file system for writing, or name a file elsewhere.");
    case EACCES:
    case EPERM:
      throw Error(Fault::denied, "sql.permission", message,
                  "Check owner and mode of the file and of each folder above it.");
    case ENOSPC:
    case EDQUOT:
      throw Error(Fault::unavailable, "sql.disk_full", message, "Make room on the file system of the database.");
    default:
      throw Error(Fault::unavailable, "sql.io", message, "Look at the system's log; the disk may be failing.");
  }
}

void refuse_network(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (const auto network = network_file_system_of(parent.empty() ? "." : parent.string())) {
    throw Error(Fault::invalid, "sql.network_file_system",
                fmt::format("{} is on a network file system ({})", path, *network),
                "SQLite's locks cannot be trusted there. Use a local disk, or a PostgreSQL database.");
  }
}

void make_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file >= 0) {
    ::close(file);
  } else if (errno != EEXIST) {  // somebody was faster
    refuse(errno, path);
  }
}

bool is_link(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
}

bool is_folder(const std::filesystem::path& path) {
  struct stat status{};
  return ::stat(path.empty() ? "." : path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

void prepare_sqlite_file(const std::string& path, const OpenOptions& options) {
  refuse_network(path);
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0) {
    if (!S_ISREG(status.st_mode)) {
      throw Error(
          Fault::invalid, "sql.not_a_file",
          fmt::format("{} is {}, not a file", path, S_ISDIR(status.st_mode) ? "a folder" : "a device or a pipe"),
          "Name the database file itself: sqlite:///var/lib/linkspan/linkspan.db");
    }
    if (::access(path.c_str(), options.read_only ? R_OK : R_OK | W_OK) != 0) refuse(errno, path);
    return;
  }
  if (errno != ENOENT) refuse(errno, path);
  if (!is_folder(std::filesystem::path(path).parent_path())) refuse(ENOENT, path);
  if (is_link(path)) {
    throw Error(Fault::not_found, "sql.dangling_link", fmt::format("{} is a symbolic link that leads nowhere", path),
                "Bring back what it leads to, or remove the link.");
  }
  if (!options.create || options.read_only) {
    throw Error(Fault::not_found, "sql.no_database", fmt::format("{}: there is no such database file", path),
                "Check the path, or set up a new database.");
  }
  make_file(path);
}

}  // namespace linkspan::sql
