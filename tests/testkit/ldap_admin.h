#pragma once
// What an administrator does to a directory under test.

#include <map>
#include <string>
#include <vector>

namespace linkspan::testkit {

/// Attribute name -> values, as bytes.
using LdapAttributes = std::map<std::string, std::vector<std::string>>;

/// One bound connection. Each deed throws std::runtime_error with the server's answer. Not thread-safe.
class LdapAdmin {
 public:
  /// `ca_file` empty = the certificate is not looked at.
  LdapAdmin(const std::string& url, const std::string& name, const std::string& password,
            const std::string& ca_file = {});
  ~LdapAdmin();
  LdapAdmin(const LdapAdmin&) = delete;
  LdapAdmin& operator=(const LdapAdmin&) = delete;

  [[nodiscard]] static bool lets_in(const std::string& url, const std::string& name, const std::string& password);

  void add(const std::string& dn, const LdapAttributes& attributes);
  /// Replaces; no values = clear.
  void replace(const std::string& dn, const std::string& attribute, const std::vector<std::string>& values);
  void add_values(const std::string& dn, const std::string& attribute, const std::vector<std::string>& values);
  void remove_values(const std::string& dn, const std::string& attribute, const std::vector<std::string>& values);
  void rename(const std::string& dn, const std::string& new_rdn, const std::string& new_parent = {});
  void remove(const std::string& dn);
  /// Everything below it but those.
  void remove_below(const std::string& dn, const std::vector<std::string>& kept = {});
  /// Brings a deleted object of Active Directory back under that name.
  void undelete(const std::string& guid_text, const std::string& dn);
  /// The values of one attribute of the entry, which must be there.
  [[nodiscard]] std::vector<std::string> values(const std::string& dn, const std::string& attribute);
  [[nodiscard]] bool exists(const std::string& dn);

 private:
  /// The name that a deleted object has; `controls` (LDAPControl**) show it.
  std::string deleted_name(const std::string& guid_text, void* controls);
  void modify(int operation, const std::string& dn, const std::string& attribute,
              const std::vector<std::string>& values);
  void expect_success(int result, const std::string& what);

  void* session_ = nullptr;  ///< LDAP*
};

}  // namespace linkspan::testkit
