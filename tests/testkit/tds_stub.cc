#include "testkit/tds_stub.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace linkspan::testkit {

namespace fs = std::filesystem;

TdsStub::TdsStub(const nlohmann::json& script) {
  std::string folder = (fs::temp_directory_path() / "linkspan-stub-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("mkdtemp " + folder);
  folder_ = folder;
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ == 0) {
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    ::execlp("python3", "python3", "-B", LINKSPAN_SOURCE_DIR "/tests/testkit/tds_stub.py", folder.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  input_ = in[1];  // the stub ends when this is closed, also by our death
  const std::string line = script.dump() + "\n";
  const bool written = ::write(input_, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  std::string said;
  for (char c = 0; written && ::read(out[0], &c, 1) == 1 && c != '\n';) said += c;
  ::close(out[0]);
  port_ = std::atoi(said.c_str());
  if (port_ != 0) return;
  stop();
  throw std::runtime_error("the TDS stub does not start");
}

TdsStub::~TdsStub() {
  stop();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string TdsStub::url(const std::string& more) const {
  return fmt::format("sqlserver://ada@localhost:{}/state?driver=freetds{}", port_, more);
}

std::vector<nlohmann::json> TdsStub::requests() const {
  std::vector<nlohmann::json> found;
  std::ifstream file(folder_ / "requests.jsonl");
  for (std::string line; std::getline(file, line);) {
    found.push_back(nlohmann::json::parse(line));
    if (found.back()["kind"] == "failure") throw std::runtime_error("the TDS stub: " + line);
  }
  return found;
}

std::vector<std::string> TdsStub::statements() const {
  std::vector<std::string> found;
  for (const nlohmann::json& request : requests()) {
    if (request.contains("text")) found.push_back(request["text"]);
  }
  return found;
}

void TdsStub::stop() {
  if (pid_ < 0) return;
  ::close(input_);
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

}  // namespace linkspan::testkit
