#include "connector_ldap/internal/modifications.h"

#include <fmt/core.h>

#include "base/text.h"
#include "connector_ldap/internal/quiet_pipe.h"

namespace linkspan::connector_ldap {

namespace {

void finish(Session& session, int code, int id, const std::string& what) {
  Done done{code, {}, nullptr};
  if (code == LDAP_SUCCESS) {
    const Message message = session.next(id);
    done = session.parse_done(message.get());
  }
  if (done.code != LDAP_SUCCESS) throw result_error(done.code, done.diagnostic, session.where(), what);
}

}  // namespace

void ModificationList::add(const Modification& change) {
  auto& held = values_.emplace_back();
  held.reserve(change.values.size());
  for (const std::string& value : change.values) held.push_back({value.size(), const_cast<char*>(value.data())});
  auto& pointers = pointers_.emplace_back();
  for (berval& value : held) pointers.push_back(&value);
  pointers.push_back(nullptr);
  LDAPMod made{};
  made.mod_op = change.operation | LDAP_MOD_BVALUES;
  made.mod_type = const_cast<char*>(change.attribute.c_str());
  made.mod_bvalues = change.values.empty() ? nullptr : pointers.data();
  mods_.push_back(made);
}

LDAPMod** ModificationList::get() {
  list_.clear();
  for (LDAPMod& one : mods_) list_.push_back(&one);
  list_.push_back(nullptr);
  return list_.data();
}

void add_entry(Session& session, const std::string& dn, const std::vector<Modification>& attributes) {
  const QuietPipe quiet;
  ModificationList list;
  for (const Modification& one : attributes) list.add(one);
  int id = 0;
  const int code = ldap_add_ext(session.handle(), dn.c_str(), list.get(), nullptr, nullptr, &id);
  finish(session, code, id, fmt::format("adding \"{}\"", printable(dn)));
}

void modify_entry(Session& session, const std::string& dn, const std::vector<Modification>& changes,
                  const std::vector<RequestControl>& controls) {
  const QuietPipe quiet;
  ModificationList list;
  for (const Modification& one : changes) list.add(one);
  ControlList held(controls);
  int id = 0;
  const int code = ldap_modify_ext(session.handle(), dn.c_str(), list.get(), held.get(), nullptr, &id);
  finish(session, code, id, fmt::format("changing \"{}\"", printable(dn)));
}

}  // namespace linkspan::connector_ldap
