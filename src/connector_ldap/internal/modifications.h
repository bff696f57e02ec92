#pragma once
// Changes of an entry in the form that libldap takes.

#include <ldap.h>

#include <deque>
#include <string>
#include <vector>

#include "connector_ldap/internal/session.h"

namespace linkspan::connector_ldap {

/// Values of one attribute. LDAP_MOD_REPLACE without values clears it.
struct Modification {
  int operation = LDAP_MOD_REPLACE;
  std::string attribute;
  std::vector<std::string> values;
};

/// Borrows what it is made of.
class ModificationList {
 public:
  void add(const Modification& change);
  [[nodiscard]] LDAPMod** get();

 private:
  std::deque<std::vector<berval>> values_;
  std::deque<std::vector<berval*>> pointers_;
  std::deque<LDAPMod> mods_;
  std::vector<LDAPMod*> list_;
};

/// One request, and its answer waited for. Each throws what result_error makes of a refusal.
void add_entry(Session& session, const std::string& dn, const std::vector<Modification>& attributes);
void modify_entry(Session& session, const std::string& dn, const std::vector<Modification>& changes,
                  const std::vector<RequestControl>& controls = {});

}  // namespace linkspan::connector_ldap
