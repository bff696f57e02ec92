#pragma once
// A private OpenLDAP server for tests: started on a free loopback port from a folder of its own, gone with the object.

#include <sys/types.h>
#include <testkit/ldap_admin.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace linkspan::testkit {

struct SlapdOptions {
  bool syncprov = true;
  int session_log = 10'000;     ///< removals remembered by syncprov; 0 = none
  bool refint = false;          ///< keeps member and manager right when objects move or go
  bool reader_writes = false;   ///< the reader may write everything too: for targets
  std::string size_limit = {};  ///< "500": of the reader, not of the administrator; empty = none
  std::string access = {};  ///< access lines before the standard ones (the reader may read everything but userPassword)
  /// Loaded with slapadd before the first start; its first entry must be base().
  std::filesystem::path ldif = {};
};

/// Throws std::runtime_error with the log's end when the server does not come up. Not thread-safe.
class Slapd {
 public:
  explicit Slapd(SlapdOptions options = {});
  ~Slapd();
  Slapd(const Slapd&) = delete;
  Slapd& operator=(const Slapd&) = delete;

  /// Whether the programs needed (slapd, openssl) are installed.
  [[nodiscard]] static bool available();

  [[nodiscard]] std::string url() const;        ///< ldap://127.0.0.1:port
  [[nodiscard]] std::string ldaps_url() const;  ///< ldaps://127.0.0.1:port
  [[nodiscard]] std::string ldapi_url() const;  ///< ldapi://path, escaped
  [[nodiscard]] std::filesystem::path ca_file() const;

  [[nodiscard]] static std::string base() { return "dc=quay,dc=example"; }
  [[nodiscard]] static std::string people() { return "ou=people,dc=quay,dc=example"; }
  [[nodiscard]] static std::string groups() { return "ou=groups,dc=quay,dc=example"; }
  [[nodiscard]] static std::string reader_dn() { return "cn=reader,dc=quay,dc=example"; }
  [[nodiscard]] static std::string admin_dn() { return "cn=admin,dc=quay,dc=example"; }
  [[nodiscard]] static std::string reader_password() { return "reader-Qu4y"; }
  [[nodiscard]] static std::string admin_password() { return "admin-Qu4y"; }

  /// Changes it as the administrator. Each throws std::runtime_error with the server's answer.
  void add(const std::string& dn, const LdapAttributes& attributes);
  /// Adds inetOrgPerson `cn=<name>` below people().
  void add_person(const std::string& name, const LdapAttributes& more = {});
  /// Replaces; no values = clear.
  void replace(const std::string& dn, const std::string& attribute, const std::vector<std::string>& values);
  void rename(const std::string& dn, const std::string& new_rdn, const std::string& new_parent = {});
  void remove(const std::string& dn);

  [[nodiscard]] LdapAdmin& admin();

  void stop();   ///< SIGTERM; the data stay
  void kill();   ///< SIGKILL
  void start();  ///< again, on the same ports
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  void copy_certificates() const;
  void configure() const;
  void load(const std::filesystem::path& ldif) const;
  bool wait_until_up();
  void reap(int signal);

  SlapdOptions options_;
  std::filesystem::path folder_;
  int port_ = 0;
  int tls_port_ = 0;
  pid_t pid_ = -1;
  std::unique_ptr<LdapAdmin> admin_;  ///< made anew after a restart
};

}  // namespace linkspan::testkit
