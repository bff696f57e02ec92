#include "testkit/samba.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdlib>

namespace linkspan::testkit {

bool Samba::available() {
  const bool installed = std::system("command -v samba samba-tool ldbmodify openssl ldapsearch >/dev/null 2>&1") == 0;
  return installed && ::geteuid() == 0;
}

Samba::Samba()
    : lab_("lab/samba.sh"),
      url_(lab_.says("LAB_AD_URL")),
      ldaps_url_(lab_.says("LAB_AD_LDAPS_URL")),
      host_(lab_.says("LAB_AD_HOST")),
      address_(lab_.says("LAB_AD_ADDRESS")),
      base_(lab_.says("LAB_AD_BASE")),
      domain_(lab_.says("LAB_AD_DOMAIN")),
      ca_file_(lab_.says("LAB_AD_CA")),
      krb5_config_(lab_.says("LAB_AD_KRB5_CONFIG")),
      admin_name_(lab_.says("LAB_AD_ADMIN")),
      admin_password_(lab_.file("LAB_AD_ADMIN_PASSWORD_FILE")),
      admin_(std::make_unique<LdapAdmin>(ldaps_url_, admin_name_, admin_password_, ca_file_)) {}

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
