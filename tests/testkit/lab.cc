#include "testkit/lab.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace linkspan::testkit {

namespace fs = std::filesystem;

namespace {

std::string read_file(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The lines `export NAME='value'` that the lab writes.
std::map<std::string, std::string> read_environment(const fs::path& path) {
  std::map<std::string, std::string> made;
  std::istringstream lines(read_file(path));
  constexpr std::string_view k_export = "export ";
  for (std::string line; std::getline(lines, line);) {
    const std::size_t mark = line.find("='");
    if (!line.starts_with(k_export) || mark == std::string::npos || !line.ends_with('\'')) continue;
    made[line.substr(k_export.size(), mark - k_export.size())] = line.substr(mark + 2, line.size() - mark - 3);
  }
  return made;
}

}  // namespace

Lab::Lab(const std::string& script, const std::string& environment) {
  std::string pattern = (fs::temp_directory_path() / "linkspan-lab-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = pattern;
  const std::string program = std::string(LINKSPAN_SOURCE_DIR) + "/" + script;
  up_ = fmt::format("{} {} up {}/server >{}/lab.log 2>&1", environment, program, pattern, pattern);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  // Whatever becomes of this process, the other end of the pipe closes, and the lab goes.
  const std::string removal =
      fmt::format("cat >/dev/null; {} remove {}/server >/dev/null 2>&1; rm -rf {}", program, pattern, pattern);
  watcher_ = ::fork();
  if (watcher_ == 0) {
    ::setsid();
    ::dup2(ends[0], 0);
    ::execl("/bin/sh", "sh", "-c", removal.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[0]);
  lifeline_ = ends[1];
  up();
}

Lab::~Lab() {
  ::close(lifeline_);
  int status = 0;
  if (watcher_ > 0) ::waitpid(watcher_, &status, 0);
}

void Lab::up() {
  if (std::system(up_.c_str()) != 0) throw std::runtime_error("it does not start: " + read_file(folder_ / "lab.log"));
  values_ = read_environment(folder_ / "server" / "env.sh");
}

std::string Lab::file(const std::string& name) { return read_file(says(name)); }

}  // namespace linkspan::testkit
