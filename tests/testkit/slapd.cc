#include "testkit/slapd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <thread>

extern char** environ;

namespace linkspan::testkit {

namespace fs = std::filesystem;

namespace {

std::string find_program(const std::string& name) {
  std::string path = std::getenv("PATH") != nullptr ? std::getenv("PATH") : "";
  path += ":/usr/sbin:/usr/bin";
  std::istringstream folders(path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string program = folder + "/" + name;
    if (::access(program.c_str(), X_OK) == 0) return program;
  }
  return {};
}

/// Starts a program with its output in `log`.
pid_t spawn(const std::vector<std::string>& command, const fs::path& log) {
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
  if (problem != 0) throw std::runtime_error("cannot start " + command.front());
  return pid;
}

std::string tail(const fs::path& log) {
  std::ifstream file(log);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  return text.size() > 2000 ? text.substr(text.size() - 2000) : text;
}

void run(const std::vector<std::string>& command, const fs::path& log) {
  int status = 0;
  const pid_t pid = spawn(command, log);
  ::waitpid(pid, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw std::runtime_error(command.front() + ": " + tail(log));
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// Below the ephemeral range, so that no client socket takes it between our look and the server's bind.
int free_port() {
  static std::mt19937 random{std::random_device{}()};
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const int port = std::uniform_int_distribution(15'000, 32'000)(random);
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    const bool free = ::bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(probe);
    if (free) return port;
  }
  throw std::runtime_error("no free port");
}

constexpr std::string_view k_first_entries = R"(dn: dc=quay,dc=example
objectClass: dcObject
objectClass: organization
o: Quay
dc: quay

dn: ou=people,dc=quay,dc=example
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=quay,dc=example
objectClass: organizationalUnit
ou: groups

dn: cn=reader,dc=quay,dc=example
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: reader-Qu4y
)";

// One attribute of each syntax that the standard schema has no settable one for.
constexpr std::string_view k_schema = R"(
attributetype ( 1.3.6.1.4.1.4203.666.11.99.1 NAME 'quayBlob' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
attributetype ( 1.3.6.1.4.1.4203.666.11.99.2 NAME 'quayFlag' EQUALITY booleanMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.7 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.11.99.3 NAME 'quayNumber' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 )
attributetype ( 1.3.6.1.4.1.4203.666.11.99.4 NAME 'quayTime' EQUALITY generalizedTimeMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.11.99.5 NAME 'quayCode' EQUALITY caseExactMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.3.6.1.4.1.4203.666.11.99.10 NAME 'quayExtras' SUP top AUXILIARY MAY ( quayBlob $ quayFlag $ quayNumber $ quayTime $ quayCode ) )
objectclass ( 1.3.6.1.4.1.4203.666.11.99.11 NAME 'quayPilot' SUP inetOrgPerson STRUCTURAL MAY quayCode )
)";

}  // namespace

bool Slapd::available() { return !find_program("slapd").empty() && !find_program("openssl").empty(); }

Slapd::Slapd(SlapdOptions options) : options_(std::move(options)) {
  std::string pattern = (fs::temp_directory_path() / "linkspan-slapd-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = pattern;
  try {
    fs::create_directory(folder_ / "db");
    copy_certificates();
    configure();
    if (options_.ldif.empty()) {
      std::ofstream(folder_ / "first.ldif") << k_first_entries;
      load(folder_ / "first.ldif");
    } else {
      load(options_.ldif);
    }
    start();
  } catch (...) {
    fs::remove_all(folder_);
    throw;
  }
}

Slapd::~Slapd() {
  reap(SIGKILL);
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string Slapd::url() const { return fmt::format("ldap://127.0.0.1:{}", port_); }
std::string Slapd::ldaps_url() const { return fmt::format("ldaps://127.0.0.1:{}", tls_port_); }

std::string Slapd::ldapi_url() const {
  std::string escaped;
  for (const char c : (folder_ / "ldapi").string()) escaped += c == '/' ? "%2F" : std::string(1, c);
  return "ldapi://" + escaped;
}

fs::path Slapd::ca_file() const { return folder_ / "ca.pem"; }

namespace {

/// An own authority and a server certificate for loopback, made once for a process.
class Certificates {
 public:
  Certificates() {
    std::string pattern = (fs::temp_directory_path() / "linkspan-slapd-tls-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = pattern;
    make();
  }
  ~Certificates() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  void copy_to(const fs::path& folder) const {
    for (const char* name : {"ca.pem", "server.pem", "server.key"}) fs::copy_file(folder_ / name, folder / name);
  }

 private:
  void make() const {
    const std::string openssl = find_program("openssl");
    const auto file = [&](const char* name) { return (folder_ / name).string(); };
    const std::string log = file("openssl.log");
    run({openssl,
         "req",
         "-x509",
         "-newkey",
         "ec",
         "-pkeyopt",
         "ec_paramgen_curve:P-256",
         "-nodes",
         "-days",
         "30",
         "-subj",
         "/CN=Linkspan test authority",
         "-addext",
         "basicConstraints=critical,CA:TRUE",
         "-addext",
         "keyUsage=critical,keyCertSign,cRLSign",
         "-keyout",
         file("ca.key"),
         "-out",
         file("ca.pem")},
        log);
    run({openssl, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
         "-keyout", file("server.key"), "-out", file("server.csr")},
        log);
    std::ofstream(folder_ / "server.ext") << "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n";
    run({openssl, "x509", "-req", "-in", file("server.csr"), "-CA", file("ca.pem"), "-CAkey", file("ca.key"),
         "-CAcreateserial", "-days", "30", "-extfile", file("server.ext"), "-out", file("server.pem")},
        log);
  }

  fs::path folder_;
};

}  // namespace

void Slapd::copy_certificates() const {
  static const Certificates certificates;
  certificates.copy_to(folder_);
}

void Slapd::configure() const {
  std::ofstream conf(folder_ / "slapd.conf");
  conf << "include /etc/ldap/schema/core.schema\n"
          "include /etc/ldap/schema/cosine.schema\n"
          "include /etc/ldap/schema/inetorgperson.schema\n"
       << k_schema << "modulepath /usr/lib/ldap\nmoduleload back_mdb\nmoduleload syncprov\nmoduleload refint\n"
       << fmt::format("TLSCACertificateFile {0}/ca.pem\nTLSCertificateFile {0}/server.pem\n", folder_.string())
       << fmt::format("TLSCertificateKeyFile {}/server.key\n", folder_.string())
       << "sizelimit unlimited\ntimelimit unlimited\n"
          "access to dn.base=\"\" by * read\naccess to dn.subtree=\"cn=Subschema\" by * read\n"
       << fmt::format("database mdb\nsuffix \"{}\"\nrootdn \"{}\"\nrootpw {}\n", base(), admin_dn(), admin_password())
       << fmt::format("directory \"{}/db\"\nmaxsize 2147483648\ndbnosync\n", folder_.string())
       << "index objectClass,entryCSN,entryUUID,cn,uid,mail,member,manager eq\n";
  if (!options_.size_limit.empty())
    conf << fmt::format("limits dn.exact=\"{}\" size={}\n", reader_dn(), options_.size_limit);
  conf << options_.access << "access to attrs=userPassword by anonymous auth by * none\n"
       << fmt::format("access to * by dn.exact=\"{}\" {} by * none\n", reader_dn(),
                      options_.reader_writes ? "write" : "read");
  if (options_.refint) conf << "overlay refint\nrefint_attributes member manager\nrefint_nothing \"cn=nobody\"\n";
  if (options_.syncprov) conf << "overlay syncprov\n";
  if (options_.syncprov && options_.session_log > 0)
    conf << fmt::format("syncprov-sessionlog {}\n", options_.session_log);
}

void Slapd::load(const fs::path& ldif) const {
  run({find_program("slapd"), "-T", "add", "-q", "-f", (folder_ / "slapd.conf").string(), "-b", base(), "-l",
       ldif.string()},
      folder_ / "slapadd.log");
}

void Slapd::start() {
  const bool again = port_ != 0;
  for (int attempt = 0; attempt < 5; ++attempt) {
    if (!again) {
      port_ = free_port();
      do tls_port_ = free_port();
      while (tls_port_ == port_);
    }
    std::vector<std::string> command{find_program("slapd"),
                                     "-d",
                                     "none",
                                     "-f",
                                     (folder_ / "slapd.conf").string(),
                                     "-h",
                                     fmt::format("{}/ {}/ {}", url(), ldaps_url(), ldapi_url())};
    // A test that is killed takes its server along. setpriv becomes slapd: the pid stays.
    if (const std::string setpriv = find_program("setpriv"); !setpriv.empty()) {
      command.insert(command.begin(), {setpriv, "--pdeathsig", "KILL"});
    }
    pid_ = spawn(command, folder_ / "slapd.log");
    if (wait_until_up()) return;
    reap(SIGKILL);
  }
  throw std::runtime_error("slapd does not start: " + tail(folder_ / "slapd.log"));
}

/// False when it ended (a port was taken meanwhile), or does not answer within 30 seconds.
bool Slapd::wait_until_up() {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < end) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return false;
    }
    if (LdapAdmin::lets_in(url(), admin_dn(), admin_password())) {
      // Another server may have taken the port in the same moment: only ours knows our folder's socket.
      if (fs::exists(folder_ / "ldapi")) return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

void Slapd::stop() { reap(SIGTERM); }
void Slapd::kill() { reap(SIGKILL); }

void Slapd::reap(int signal) {
  admin_.reset();
  if (pid_ <= 0) return;
  ::kill(pid_, signal);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
}

LdapAdmin& Slapd::admin() {
  if (!admin_) admin_ = std::make_unique<LdapAdmin>(url(), admin_dn(), admin_password());
  return *admin_;
}

void Slapd::add(const std::string& dn, const LdapAttributes& attributes) { admin().add(dn, attributes); }

void Slapd::add_person(const std::string& name, const LdapAttributes& more) {
  LdapAttributes attributes = more;
  attributes.try_emplace("objectClass", std::vector<std::string>{"inetOrgPerson", "quayExtras"});
  attributes.try_emplace("cn", std::vector<std::string>{name});
  attributes.try_emplace("sn", std::vector<std::string>{name});
  add("cn=" + name + "," + people(), attributes);
}

void Slapd::replace(const std::string& dn, const std::string& attribute, const std::vector<std::string>& values) {
  admin().replace(dn, attribute, values);
}

void Slapd::rename(const std::string& dn, const std::string& new_rdn, const std::string& new_parent) {
  admin().rename(dn, new_rdn, new_parent);
}

void Slapd::remove(const std::string& dn) { admin().remove(dn); }

}  // namespace linkspan::testkit
