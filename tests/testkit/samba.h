#pragma once
// A private Active Directory domain controller for tests (lab/samba.sh): a real Samba on a loopback address of its own.

#include <testkit/lab.h>
#include <testkit/ldap_admin.h>

#include <memory>
#include <string>

namespace linkspan::testkit {

/// Takes some seconds to come up (the first one on a machine takes longer: it is provisioned then), so tests of one
/// program share one. Gone with the object, and with the process if that is killed. Not thread-safe.
class Samba {
 public:
  /// Throws std::runtime_error with what the lab said when it does not come up.
  Samba();

  /// Whether what it needs is there: the programs, and root for its ports.
  [[nodiscard]] static bool available();

  [[nodiscard]] const std::string& url() const { return url_; }              ///< ldap://address
  [[nodiscard]] const std::string& ldaps_url() const { return ldaps_url_; }  ///< ldaps://address
  [[nodiscard]] const std::string& host() const { return host_; }            ///< the name that Kerberos knows it by
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] const std::string& base() const { return base_; }
  [[nodiscard]] const std::string& domain() const { return domain_; }  ///< DNS name
  [[nodiscard]] const std::string& ca_file() const { return ca_file_; }
  [[nodiscard]] const std::string& krb5_config() const { return krb5_config_; }
  [[nodiscard]] const std::string& admin_name() const { return admin_name_; }
  [[nodiscard]] const std::string& admin_password() const { return admin_password_; }

  [[nodiscard]] LdapAdmin& admin() { return *admin_; }

  /// Adds an enabled account with a password that never expires, below CN=Users; answers its DN.
  std::string add_account(const std::string& name, const std::string& password);

 private:
  Lab lab_;
  std::string url_, ldaps_url_, host_, address_, base_, domain_, ca_file_, krb5_config_, admin_name_, admin_password_;
  std::unique_ptr<LdapAdmin> admin_;
};

/// A password as Active Directory takes it in unicodePwd.
[[nodiscard]] std::string unicode_password(const std::string& password);

}  // namespace linkspan::testkit
