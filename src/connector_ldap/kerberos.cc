#include "connector_ldap/internal/kerberos.h"

#include <fmt/core.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>

#include <string_view>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::connector_ldap {

struct KerberosLogin::State {
  krb5_context context = nullptr;
  krb5_principal principal = nullptr;
  krb5_ccache cache = nullptr;
  krb5_keytab keytab = nullptr;
  krb5_creds credentials{};

  ~State() {
    if (context == nullptr) return;
    krb5_free_cred_contents(context, &credentials);
    if (keytab != nullptr) krb5_kt_close(context, keytab);
    if (cache != nullptr) krb5_cc_destroy(context, cache);
    if (principal != nullptr) krb5_free_principal(context, principal);
    krb5_free_context(context);
  }

  [[nodiscard]] std::string text_of(krb5_error_code code) const {
    const char* message = krb5_get_error_message(context, code);
    std::string made = printable(message, 300);
    krb5_free_error_message(context, message);
    return made;
  }
};

namespace {

Error kerberos_error(krb5_error_code code, const std::string& text) {
  const auto made = [&](Fault fault, std::string_view id, std::string_view hint) {
    return Error(fault, id, text, std::string(hint));
  };
  switch (code) {
    case KRB5KDC_ERR_PREAUTH_FAILED:
    case KRB5KRB_AP_ERR_BAD_INTEGRITY:
    case KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN:
      return made(Fault::denied, "ldap.credentials", "check account and the password of this connector");
    case KRB5KDC_ERR_KEY_EXP:
      return made(Fault::denied, "ldap.password_expired", "set a new password, and let it never expire");
    case KRB5KDC_ERR_CLIENT_REVOKED:
      return made(Fault::denied, "ldap.account_disabled", "enable or unlock the account, or name another");
    case KRB5_KDC_UNREACH:
    case KRB5_REALM_UNKNOWN:
    case KRB5_REALM_CANT_RESOLVE:
      return made(Fault::unavailable, "ldap.kerberos_unreachable",
                  "see that DNS or /etc/krb5.conf name a key server of the realm, and that it answers");
    case KRB5KRB_AP_ERR_SKEW:
      return made(Fault::denied, "ldap.kerberos", "set the clock of this machine by that of the domain");
    default:
      return made(Fault::denied, "ldap.kerberos", "see /etc/krb5.conf, and write account as name@REALM");
  }
}

}  // namespace

KerberosLogin::KerberosLogin(const std::string& principal, const vault::Secret& password, const std::string& keytab)
    : state_(std::make_unique<State>()) {
  State& state = *state_;
  const auto check = [&](krb5_error_code code, const char* what) {
    if (code == 0) return;
    throw kerberos_error(code, fmt::format("Kerberos: {} as {}: {}", what, printable(principal), state.text_of(code)));
  };
  if (krb5_init_context(&state.context) != 0) {
    throw Error(Fault::denied, "ldap.kerberos", "Kerberos does not start on this machine", "see /etc/krb5.conf");
  }
  check(krb5_parse_name(state.context, principal.c_str(), &state.principal), "reading the name");
  check(krb5_cc_new_unique(state.context, "MEMORY", nullptr, &state.cache), "making room for a ticket");
  if (keytab.empty()) {
    const std::string_view bytes = password.reveal();
    // The library wants an end mark, which a secret does not have; the copy is a secret again.
    const vault::Secret ended = vault::Secret::filled(
        bytes.size() + 1, [&](std::span<char> to) { std::copy(bytes.begin(), bytes.end(), to.begin()); });
    check(krb5_get_init_creds_password(state.context, &state.credentials, state.principal, ended.reveal().data(),
                                       nullptr, nullptr, 0, nullptr, nullptr),
          "asking for a ticket");
  } else {
    check(krb5_kt_resolve(state.context, keytab.c_str(), &state.keytab), "opening the keytab");
    check(krb5_get_init_creds_keytab(state.context, &state.credentials, state.principal, state.keytab, 0, nullptr,
                                     nullptr),
          "asking for a ticket");
  }
  check(krb5_cc_initialize(state.context, state.cache, state.principal), "keeping the ticket");
  check(krb5_cc_store_cred(state.context, state.cache, &state.credentials), "keeping the ticket");
  const std::string name = fmt::format("MEMORY:{}", krb5_cc_get_name(state.context, state.cache));
  OM_uint32 minor = 0;
  if (gss_krb5_ccache_name(&minor, name.c_str(), nullptr) != GSS_S_COMPLETE) {
    throw Error(Fault::denied, "ldap.kerberos", "Kerberos: the ticket cannot be handed to GSSAPI");
  }
}

KerberosLogin::~KerberosLogin() {
  OM_uint32 minor = 0;
  gss_krb5_ccache_name(&minor, nullptr, nullptr);
}

}  // namespace linkspan::connector_ldap
