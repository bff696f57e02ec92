#include "testkit/scim_service.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/log.h"
#include "net/http_client.h"

extern char** environ;

namespace linkspan::testkit {

namespace fs = std::filesystem;

namespace {

const std::string k_script = LINKSPAN_SOURCE_DIR "/lab/scim.sh";

/// The exit status of `command`, its output in `log`.
int run(const std::vector<std::string>& command, const fs::path& log) {
  std::vector<char*> arguments;
  for (const std::string& part : command) arguments.push_back(const_cast<char*>(part.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  pid_t pid = -1;
  const int problem = posix_spawn(&pid, command.front().c_str(), &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (problem != 0) return -1;
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string content_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The value of `export NAME=...` as lab/scim.sh writes it.
std::string exported(const std::string& text, const std::string& name) {
  const std::string start = "export " + name + "=";
  const std::size_t at = text.find(start);
  if (at == std::string::npos) throw std::runtime_error("env.sh has no " + name);
  std::string value = text.substr(at + start.size(), text.find('\n', at) - at - start.size());
  std::erase(value, '\'');
  return value;
}

}  // namespace

bool ScimService::available() {
  static const bool is_available = run({"/bin/bash", k_script, "install"}, "/dev/null") == 0;
  return is_available;
}

ScimService::ScimService() {
  std::string name = (fs::temp_directory_path() / "linkspan-scim-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = name;
  run_script("up");
  const std::string environment = content_of(folder_ / "env.sh");
  url_ = exported(environment, "LAB_SCIM_URL");
  control_url_ = exported(environment, "LAB_SCIM_CONTROL_URL");
  token_ = content_of(exported(environment, "LAB_SCIM_TOKEN_FILE"));
  while (token_.ends_with('\n')) token_.pop_back();
}

ScimService::~ScimService() { (void)run({"/bin/bash", k_script, "remove", folder_.string()}, "/dev/null"); }

void ScimService::run_script(const std::string& verb) const {
  const fs::path log = folder_ / "script.log";
  if (run({"/bin/bash", k_script, verb, folder_.string()}, log) == 0) return;
  throw std::runtime_error("lab/scim.sh " + verb + " failed: " + content_of(log));
}

std::string ScimService::control(const std::string& path, const std::string* body) const {
  const SystemClock clock;
  QuietLogger logger;
  net::HttpClient client({}, clock, logger);
  net::Request request;
  request.url = control_url_ + path;
  if (body != nullptr) {
    request.method = net::Method::post;
    request.headers.add("Content-Type", "application/json");
    request.body = *body;
  }
  const net::Response response = client.perform(request, {});
  if (response.status != 200) throw std::runtime_error(path + " answers " + std::to_string(response.status));
  return response.body;
}

ScimService::Counts ScimService::count() const {
  const auto counts = nlohmann::json::parse(control("/__count"));
  return {counts.at("users").get<std::size_t>(), counts.at("groups").get<std::size_t>()};
}

std::vector<std::string> ScimService::all() const {
  std::vector<std::string> found;
  const std::string text = control("/__all");
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    found.push_back(text.substr(at, end - at));
    at = end == std::string::npos ? text.size() : end + 1;
  }
  return found;
}

std::size_t ScimService::requests(std::string_view kind) const {
  const auto stats = nlohmann::json::parse(control("/__stats"));
  return stats.at("requests").value(std::string(kind), std::size_t{0});
}

void ScimService::fault(const std::string& json) { (void)control("/__fault", &json); }

void ScimService::reset() {
  const std::string nothing = "{}";
  (void)control("/__reset", &nothing);
}

}  // namespace linkspan::testkit
