#pragma once
// A Kerberos ticket for a bind by GSSAPI (RFC 4752), kept in memory and away from everybody else's.

#include <memory>
#include <string>

#include "vault/secret.h"

namespace linkspan::connector_ldap {

/// While it lives, GSSAPI in this thread acts as `principal` ("name@REALM"). The ticket is got with the password, or
/// the keytab when that is named. Throws Fault::denied "ldap.kerberos", or for a refused password the error that a
/// refused bind has; Fault::unavailable "ldap.kerberos_unreachable" when no key server answers.
/// Destroy it in the thread that made it.
class KerberosLogin {
 public:
  KerberosLogin(const std::string& principal, const vault::Secret& password, const std::string& keytab);
  ~KerberosLogin();
  KerberosLogin(const KerberosLogin&) = delete;
  KerberosLogin& operator=(const KerberosLogin&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace linkspan::connector_ldap
