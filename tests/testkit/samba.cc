#include "testkit/samba.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

namespace linkspan::testkit {

namespace fs = std::filesystem;

namespace {

std::string lab() { return LINKSPAN_SOURCE_DIR "/lab/samba.sh"; }

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

bool Samba::available() {
  const bool installed = std::system("command -v samba samba-tool ldbmodify openssl ldapsearch >/dev/null 2>&1") == 0;
  return installed && ::geteuid() == 0;
}

Samba::Samba() {
  std::string pattern = (fs::temp_directory_path() / "linkspan-samba-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = pattern;
  const std::string log = (folder_ / "lab.log").string();
  const std::string command = fmt::format("{} up {}/dc >{} 2>&1", lab(), pattern, log);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  // Whatever becomes of this process, the other end of the pipe closes, and the lab goes.
  const std::string removal =
      fmt::format("cat >/dev/null; {} remove {}/dc >/dev/null 2>&1; rm -rf {}", lab(), pattern, pattern);
  watcher_ = ::fork();
  if (watcher_ == 0) {
    ::setsid();
    ::dup2(ends[0], 0);
    ::execl("/bin/sh", "sh", "-c", removal.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[0]);
  lifeline_ = ends[1];
  if (std::system(command.c_str()) != 0) throw std::runtime_error("samba does not start: " + read_file(log));
  auto lab_says = read_environment(folder_ / "dc" / "env.sh");
  url_ = lab_says["LAB_AD_URL"];
  ldaps_url_ = lab_says["LAB_AD_LDAPS_URL"];
  host_ = lab_says["LAB_AD_HOST"];
  address_ = lab_says["LAB_AD_ADDRESS"];
  base_ = lab_says["LAB_AD_BASE"];
  domain_ = lab_says["LAB_AD_DOMAIN"];
  ca_file_ = lab_says["LAB_AD_CA"];
  krb5_config_ = lab_says["LAB_AD_KRB5_CONFIG"];
  admin_name_ = lab_says["LAB_AD_ADMIN"];
  admin_password_ = read_file(lab_says["LAB_AD_ADMIN_PASSWORD_FILE"]);
  admin_ = std::make_unique<LdapAdmin>(ldaps_url_, admin_name_, admin_password_, ca_file_);
}

Samba::~Samba() {
  admin_.reset();
  ::close(lifeline_);
  int status = 0;
  if (watcher_ > 0) ::waitpid(watcher_, &status, 0);
}

std::string Samba::add_account(const std::string& name, const std::string& password) {
  const std::string dn = fmt::format("CN={},CN=Users,{}", name, base_);
  admin().add(dn, {{"objectClass", {"user"}},
                   {"sAMAccountName", {name}},
                   {"userPrincipalName", {name + "@" + domain_}},
                   {"userAccountControl", {"66048"}},
                   {"unicodePwd", {unicode_password(password)}}});
  return dn;
}

std::string unicode_password(const std::string& password) {
  std::string made;
  for (const char c : "\"" + password + "\"") {
    made += c;
    made += '\0';
  }
  return made;
}

}  // namespace linkspan::testkit
