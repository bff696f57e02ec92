#include "testkit/postgresql.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>

namespace linkspan::testkit {

namespace fs = std::filesystem;

namespace {

// The newest of Debian's /usr/lib/postgresql/<version>/bin, or the folder LINKSPAN_POSTGRESQL_BIN names.
fs::path programs() {
  if (const char* named = std::getenv("LINKSPAN_POSTGRESQL_BIN")) return named;
  fs::path best;
  int newest = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    const int version = std::atoi(entry.path().filename().c_str());
    if (version > newest && fs::exists(entry.path() / "bin/initdb")) {
      newest = version;
      best = entry.path() / "bin";
    }
  }
  return best;
}

// The server refuses to run as root, so then it runs as the account its package made.
const passwd* server_account() {
  if (::geteuid() != 0) return nullptr;
  const passwd* account = ::getpwnam("postgres");
  if (account == nullptr) throw std::runtime_error("there is no account 'postgres' to run the server as");
  return account;
}

std::string tail(const fs::path& log) {
  std::ifstream file(log);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  return text.size() > 2000 ? text.substr(text.size() - 2000) : text;
}

// Starts a program in the server's account, its output in `log`; it is told to stop if this process dies.
pid_t spawn(const std::vector<std::string>& command, const fs::path& log) {
  std::vector<char*> arguments;
  for (const std::string& part : command) arguments.push_back(const_cast<char*>(part.c_str()));
  arguments.push_back(nullptr);
  const passwd* account = server_account();
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("fork");
  if (pid > 0) return pid;
  const int null = ::open("/dev/null", O_RDONLY);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::dup2(null, 0);
  ::dup2(out, 1);
  ::dup2(out, 2);
  if (account != nullptr &&
      (::setgroups(0, nullptr) != 0 || ::setgid(account->pw_gid) != 0 || ::setuid(account->pw_uid) != 0)) {
    ::_exit(126);
  }
  ::prctl(PR_SET_PDEATHSIG, SIGINT);  // after setuid, which clears it
  if (::getppid() != parent || ::chdir("/") != 0) ::_exit(126);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

void run(const std::vector<std::string>& command, const fs::path& log) {
  int status = 0;
  ::waitpid(spawn(command, log), &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw std::runtime_error(command.front() + ": " + tail(log));
}

// Below the ephemeral range, so that no client socket takes it between our look and the server's bind.
int free_port() {
  static std::mt19937 random{std::random_device{}()};
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const int port = std::uniform_int_distribution(15'000, 32'000)(random);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool free = ::bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(probe);
    if (free) return port;
  }
  throw std::runtime_error("no free port");
}

fs::path make_folder() {
  std::string name = (fs::temp_directory_path() / "linkspan-pg-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
  if (const passwd* account = server_account()) {
    if (::chown(name.c_str(), account->pw_uid, account->pw_gid) != 0) throw std::runtime_error("chown " + name);
  }
  return name;
}

}  // namespace

bool Postgresql::available() { return !programs().empty(); }

Postgresql& Postgresql::shared() {
  static Postgresql cluster;
  return cluster;
}

Postgresql::Postgresql(std::vector<std::string> settings) : settings_(std::move(settings)), folder_(make_folder()) {
  const fs::path data = folder_ / "data";
  run({programs() / "initdb", "-D", data, "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8",
       "--auth=trust", "--no-instructions"},
      folder_ / "initdb.log");
  std::ofstream(data / "pg_hba.conf") << "local all postgres trust\n"
                                         "host all postgres 127.0.0.1/32 trust\n"
                                         "host all all 127.0.0.1/32 scram-sha-256\n";
  start();
}

Postgresql::~Postgresql() {
  try {
    stop();
  } catch (const std::exception&) {  // the folder goes all the same
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string Postgresql::url(const std::string& database) const {
  return fmt::format("postgresql://postgres@127.0.0.1:{}/{}", port_, database);
}

std::string Postgresql::fresh_database() {
  std::string name = fmt::format("test_{}", ++databases_);
  execute("CREATE DATABASE " + name);
  return url(name);
}

void Postgresql::execute(const std::string& script, const std::string& database) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> session(PQconnectdb(url(database).c_str()), &PQfinish);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(session.get(), script.c_str()), &PQclear);
  const auto status = PQresultStatus(result.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return;
  throw std::runtime_error(script + ": " + PQerrorMessage(session.get()));
}

void Postgresql::start() {
  for (int attempt = 0; attempt < 5; ++attempt) {
    if (port_ == 0) port_ = free_port();
    if (try_start()) return;
    if (databases_ == 0) port_ = 0;  // someone took it; once URLs were given out it must stay
  }
  throw std::runtime_error("the PostgreSQL server does not start: " + tail(folder_ / "server.log"));
}

bool Postgresql::try_start() {
  std::vector<std::string> command{programs() / "postgres", "-D", folder_ / "data"};
  std::vector<std::string> settings{"listen_addresses=127.0.0.1",
                                    fmt::format("port={}", port_),
                                    fmt::format("unix_socket_directories={}", folder_.string()),
                                    "fsync=off",
                                    "full_page_writes=off",
                                    "shared_buffers=64MB",
                                    "max_wal_size=1GB",
                                    "max_connections=60",
                                    "jit=off"};
  settings.insert(settings.end(), settings_.begin(), settings_.end());
  for (const std::string& setting : settings) {
    command.emplace_back("-c");
    command.push_back(setting);
  }
  pid_ = spawn(command, folder_ / "server.log");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < deadline) {
    if (PQping(url().c_str()) == PQPING_OK) return true;
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  stop();
  return false;
}

void Postgresql::stop() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGINT);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > deadline) ::kill(pid_, SIGQUIT);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  pid_ = -1;
}

}  // namespace linkspan::testkit
