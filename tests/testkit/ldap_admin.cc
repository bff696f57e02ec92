#include "testkit/ldap_admin.h"

#include <fmt/core.h>
#include <ldap.h>

#include <algorithm>
#include <deque>
#include <stdexcept>
#include <utility>

namespace linkspan::testkit {

namespace {

/// Null-terminated arrays of LDAPMod over values that the caller keeps.
class Modifications {
 public:
  void add(int operation, std::string attribute, std::vector<std::string> values) {
    const std::vector<std::string>& kept = texts_.emplace_back(std::move(values));
    auto& held = values_.emplace_back();
    for (const std::string& value : kept) held.push_back({value.size(), const_cast<char*>(value.data())});
    auto& pointers = pointers_.emplace_back();
    for (berval& value : held) pointers.push_back(&value);
    pointers.push_back(nullptr);
    LDAPMod mod{};
    mod.mod_op = operation | LDAP_MOD_BVALUES;
    mod.mod_type = const_cast<char*>(names_.emplace_back(std::move(attribute)).c_str());
    mod.mod_bvalues = kept.empty() ? nullptr : pointers.data();
    mods_.push_back(mod);
  }
  LDAPMod** get() {
    list_.clear();
    for (LDAPMod& mod : mods_) list_.push_back(&mod);
    list_.push_back(nullptr);
    return list_.data();
  }

 private:
  std::deque<std::string> names_;
  std::deque<std::vector<std::string>> texts_;
  std::deque<std::vector<berval>> values_;
  std::deque<std::vector<berval*>> pointers_;
  std::vector<LDAPMod> mods_;
  std::vector<LDAPMod*> list_;
};

LDAP* open(const std::string& url, const std::string& ca_file) {
  LDAP* session = nullptr;
  if (ldap_initialize(&session, url.c_str()) != LDAP_SUCCESS) throw std::runtime_error("ldap_initialize");
  const int version = LDAP_VERSION3;
  const int check = ca_file.empty() ? LDAP_OPT_X_TLS_NEVER : LDAP_OPT_X_TLS_DEMAND;
  const int client = 0;
  ldap_set_option(session, LDAP_OPT_PROTOCOL_VERSION, &version);
  ldap_set_option(session, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
  ldap_set_option(session, LDAP_OPT_X_TLS_REQUIRE_CERT, &check);
  if (!ca_file.empty()) ldap_set_option(session, LDAP_OPT_X_TLS_CACERTFILE, ca_file.c_str());
  if (url.starts_with("ldaps:")) ldap_set_option(session, LDAP_OPT_X_TLS_NEWCTX, &client);
  return session;
}

int bind(LDAP* session, const std::string& name, std::string password) {
  berval secret{password.size(), password.data()};
  return ldap_sasl_bind_s(session, name.c_str(), LDAP_SASL_SIMPLE, &secret, nullptr, nullptr, nullptr);
}

LDAP* as_ldap(void* session) { return static_cast<LDAP*>(session); }

}  // namespace

LdapAdmin::LdapAdmin(const std::string& url, const std::string& name, const std::string& password,
                     const std::string& ca_file)
    : session_(open(url, ca_file)) {
  const int result = bind(as_ldap(session_), name, password);
  if (result == LDAP_SUCCESS) return;
  ldap_unbind_ext_s(as_ldap(session_), nullptr, nullptr);
  throw std::runtime_error(fmt::format("{} does not let {} in: {}", url, name, ldap_err2string(result)));
}

LdapAdmin::~LdapAdmin() { ldap_unbind_ext_s(as_ldap(session_), nullptr, nullptr); }

bool LdapAdmin::lets_in(const std::string& url, const std::string& name, const std::string& password) {
  LDAP* session = open(url, {});
  const int result = bind(session, name, password);
  ldap_unbind_ext_s(session, nullptr, nullptr);
  return result == LDAP_SUCCESS;
}

void LdapAdmin::expect_success(int result, const std::string& what) {
  if (result == LDAP_SUCCESS) return;
  char* detail = nullptr;
  ldap_get_option(as_ldap(session_), LDAP_OPT_DIAGNOSTIC_MESSAGE, static_cast<void*>(&detail));
  std::string text = fmt::format("{}: {} {}", what, ldap_err2string(result), detail != nullptr ? detail : "");
  ldap_memfree(detail);
  throw std::runtime_error(text);
}

void LdapAdmin::add(const std::string& dn, const LdapAttributes& attributes) {
  Modifications mods;
  for (const auto& [name, values] : attributes) mods.add(LDAP_MOD_ADD, name, values);
  expect_success(ldap_add_ext_s(as_ldap(session_), dn.c_str(), mods.get(), nullptr, nullptr), "add " + dn);
}

void LdapAdmin::modify(int operation, const std::string& dn, const std::string& attribute,
                       const std::vector<std::string>& values) {
  Modifications mods;
  mods.add(operation, attribute, values);
  expect_success(ldap_modify_ext_s(as_ldap(session_), dn.c_str(), mods.get(), nullptr, nullptr), "modify " + dn);
}

void LdapAdmin::replace(const std::string& dn, const std::string& attribute, const std::vector<std::string>& values) {
  modify(LDAP_MOD_REPLACE, dn, attribute, values);
}

void LdapAdmin::add_values(const std::string& dn, const std::string& attribute,
                           const std::vector<std::string>& values) {
  modify(LDAP_MOD_ADD, dn, attribute, values);
}

void LdapAdmin::remove_values(const std::string& dn, const std::string& attribute,
                              const std::vector<std::string>& values) {
  modify(LDAP_MOD_DELETE, dn, attribute, values);
}

void LdapAdmin::rename(const std::string& dn, const std::string& new_rdn, const std::string& new_parent) {
  expect_success(ldap_rename_s(as_ldap(session_), dn.c_str(), new_rdn.c_str(),
                               new_parent.empty() ? nullptr : new_parent.c_str(), 1, nullptr, nullptr),
                 "rename " + dn);
}

void LdapAdmin::remove(const std::string& dn) {
  expect_success(ldap_delete_ext_s(as_ldap(session_), dn.c_str(), nullptr, nullptr), "delete " + dn);
}

void LdapAdmin::remove_below(const std::string& dn, const std::vector<std::string>& kept) {
  char none[] = "1.1";
  char* attributes[] = {none, nullptr};
  LDAPMessage* found = nullptr;
  const int result = ldap_search_ext_s(as_ldap(session_), dn.c_str(), LDAP_SCOPE_ONELEVEL, "(objectClass=*)",
                                       attributes, 0, nullptr, nullptr, nullptr, 0, &found);
  std::vector<std::string> names;
  for (LDAPMessage* entry = ldap_first_entry(as_ldap(session_), found); entry != nullptr;
       entry = ldap_next_entry(as_ldap(session_), entry)) {
    char* name = ldap_get_dn(as_ldap(session_), entry);
    names.emplace_back(name);
    ldap_memfree(name);
  }
  ldap_msgfree(found);
  expect_success(result, "read below " + dn);
  for (const std::string& name : names) {
    if (std::find(kept.begin(), kept.end(), name) != kept.end()) continue;
    remove_below(name, kept);
    remove(name);
  }
}

void LdapAdmin::undelete(const std::string& guid_text, const std::string& dn) {
  Modifications mods;
  mods.add(LDAP_MOD_DELETE, "isDeleted", {});
  mods.add(LDAP_MOD_REPLACE, "distinguishedName", {dn});
  LDAPControl* control = nullptr;
  ldap_control_create("1.2.840.113556.1.4.417", 1, nullptr, 0, &control);
  LDAPControl* controls[] = {control, nullptr};
  const std::string target = deleted_name(guid_text, controls);
  const int result = ldap_modify_ext_s(as_ldap(session_), target.c_str(), mods.get(), controls, nullptr);
  ldap_control_free(control);
  expect_success(result, "undelete " + dn);
}

std::string LdapAdmin::deleted_name(const std::string& guid_text, void* controls) {
  const std::string base = "<GUID=" + guid_text + ">";
  char none[] = "1.1";
  char* attributes[] = {none, nullptr};
  LDAPMessage* found = nullptr;
  const int result = ldap_search_ext_s(as_ldap(session_), base.c_str(), LDAP_SCOPE_BASE, "(objectClass=*)", attributes,
                                       0, static_cast<LDAPControl**>(controls), nullptr, nullptr, 0, &found);
  LDAPMessage* entry = ldap_first_entry(as_ldap(session_), found);
  char* dn = entry == nullptr ? nullptr : ldap_get_dn(as_ldap(session_), entry);
  std::string made = dn == nullptr ? "" : dn;
  ldap_memfree(dn);
  ldap_msgfree(found);
  expect_success(result, "look for " + base);
  return made;
}

std::vector<std::string> LdapAdmin::values(const std::string& dn, const std::string& attribute) {
  char* attributes[] = {const_cast<char*>(attribute.c_str()), nullptr};
  LDAPMessage* found = nullptr;
  const int result = ldap_search_ext_s(as_ldap(session_), dn.c_str(), LDAP_SCOPE_BASE, "(objectClass=*)", attributes, 0,
                                       nullptr, nullptr, nullptr, 0, &found);
  std::vector<std::string> made;
  LDAPMessage* entry = ldap_first_entry(as_ldap(session_), found);
  berval** values = entry == nullptr ? nullptr : ldap_get_values_len(as_ldap(session_), entry, attribute.c_str());
  for (berval** value = values; value != nullptr && *value != nullptr; ++value) {
    made.emplace_back((*value)->bv_val, (*value)->bv_len);
  }
  ldap_value_free_len(values);
  ldap_msgfree(found);
  expect_success(result, "read " + dn);
  return made;
}

bool LdapAdmin::exists(const std::string& dn) {
  LDAPMessage* found = nullptr;
  char none[] = "1.1";
  char* attributes[] = {none, nullptr};
  const int result = ldap_search_ext_s(as_ldap(session_), dn.c_str(), LDAP_SCOPE_BASE, "(objectClass=*)", attributes, 0,
                                       nullptr, nullptr, nullptr, 0, &found);
  ldap_msgfree(found);
  if (result != LDAP_NO_SUCH_OBJECT) expect_success(result, "read " + dn);
  return result == LDAP_SUCCESS;
}

}  // namespace linkspan::testkit
