// How a forest changes: modify, links, rename, delete and undelete.

#include <fmt/core.h>
#include <ldap.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "testkit/windows_forest.h"
#include "testkit/windows_names.h"

namespace linkspan::testkit {

namespace {

bool equal(const WindowsAttribute& type, std::string_view left, std::string_view right) {
  const bool bytes = type.syntax == WindowsSyntax::octets || type.syntax == WindowsSyntax::descriptor;
  return bytes ? left == right : same_name(left, right);
}

bool is_of(const WindowsObject& object, std::string_view object_class) {
  const auto classes = object.attributes.find("objectClass");
  return classes != object.attributes.end() &&
         std::ranges::find(classes->second.values, object_class) != classes->second.values.end();
}

}  // namespace

/// An account that may be used has a password (MS-SAMR 3.1.1.8.10).
void WindowsForest::expect_account(const WindowsObject& object) const {
  const auto control = object.attributes.find("userAccountControl");
  if (control == object.attributes.end() || control->second.values.empty() || !is_of(object, "user")) return;
  const auto flags = to_integer(control->second.values.front()).value_or(0);
  const bool disabled = (flags & 0x2) != 0;
  const bool no_password_needed = (flags & 0x20) != 0;
  if (!disabled && !no_password_needed && object.password.empty() && !is_of(object, "computer")) {
    refuse_windows(LDAP_UNWILLING_TO_PERFORM, "0000052D", "SvcErr", "5003 (WILL_NOT_PERFORM)");
  }
}

// --- modify ---

void WindowsForest::modify(WindowsObject& object, const std::vector<WindowsChange>& changes,
                           const WindowsRequester& by) {
  // MS-ADTS 3.1.1.5.3.7: undelete is a modify that takes isDeleted away and gives a name.
  const auto names = [&](const char* attribute) {
    return std::ranges::find_if(changes, [&](const auto& one) { return same_name(one.attribute, attribute); });
  };
  if (object.deleted) {
    const auto gone = names("isDeleted");
    const auto name = names("distinguishedName");
    const bool undeletes = by.shows_deleted && gone != changes.end() && gone->operation == LDAP_MOD_DELETE &&
                           name != changes.end() && name->operation == LDAP_MOD_REPLACE && name->values.size() == 1;
    if (!undeletes) refuse_windows(LDAP_NO_SUCH_OBJECT, "0000208D", "NameErr", "2001 (NO_OBJECT)");
    undelete(object, name->values.front());
    return;
  }
  // All or nothing (RFC 4511, 4.6): what is changed in part is put back.
  const auto attributes = object.attributes;
  const std::string password = object.password;
  std::map<std::string, std::vector<WindowsObject*>> links;
  for (const WindowsChange& one : changes) {
    const auto held = object.links.find(one.attribute);
    if (changes.size() > 1 && held != object.links.end()) links[one.attribute] = held->second.values;
  }
  try {
    for (const WindowsChange& one : changes) change(object, one, by);
    expect_account(object);
  } catch (const WindowsRefusal&) {
    object.attributes = attributes;
    object.password = password;
    for (const auto& [attribute, values] : links) {
      const std::vector<WindowsObject*> now = object.links[attribute].values;
      for (WindowsObject* one : now) {
        if (std::ranges::find(values, one) == values.end()) unlink(object, attribute, *one);
      }
      for (WindowsObject* one : values) {
        if (!object.links[attribute].places.contains(one)) link(object, attribute, *one);
      }
    }
    throw;
  }
}

void WindowsForest::change(WindowsObject& object, const WindowsChange& one, const WindowsRequester& by) {
  const WindowsAttribute* type = windows_attribute(one.attribute.substr(0, one.attribute.find(';')));
  if (type == nullptr) refuse_windows(LDAP_NO_SUCH_ATTRIBUTE, "00000057", "LdapErr", "1001 (NO_ATTRIBUTE_OR_VAL)");
  if (same_name(type->name, object.rdn_type))
    refuse_windows(LDAP_NOT_ALLOWED_ON_RDN, "00002016", "UpdErr", "6004 (CANT_ON_RDN)");
  if (type->name == "objectClass") {
    refuse_windows(LDAP_NO_OBJECT_CLASS_MODS, "000020B1", "UpdErr", "6008 (CANT_MOD_OBJ_CLASS)");
  }
  // MS-ADTS 3.1.1.5.3.2: system-only attributes, and far ends of links.
  if (type->kept) refuse_windows(LDAP_CONSTRAINT_VIOLATION, "000020B1", "AtrErr", "1005 (CONSTRAINT_ATT_TYPE)");
  if (type->name == "unicodePwd") return set_password(object, one.values, by);
  expect_valid(*type, one.values);
  if (!type->partner.empty()) return change_links(object, *type, one, by);

  std::vector<std::string> values = object.attributes[type->name].values;
  const auto find = [&](const std::string& value) {
    return std::ranges::find_if(values, [&](const std::string& held) { return equal(*type, held, value); });
  };
  switch (one.operation) {
    case LDAP_MOD_REPLACE:
      values = one.values;
      break;
    case LDAP_MOD_ADD:
      for (const std::string& value : one.values) {
        if (find(value) == values.end()) {
          values.push_back(value);
        } else if (!by.permissive) {
          refuse_windows(LDAP_TYPE_OR_VALUE_EXISTS, "00002083", "AtrErr", "1006 (ATT_OR_VALUE_EXISTS)");
        }
      }
      break;
    default:
      if (one.values.empty() && values.empty() && !by.permissive) {
        refuse_windows(LDAP_NO_SUCH_ATTRIBUTE, "00002085", "UpdErr", "1001 (NO_ATTRIBUTE_OR_VAL)");
      }
      if (one.values.empty()) values.clear();
      for (const std::string& value : one.values) {
        const auto held = find(value);
        if (held != values.end()) {
          values.erase(held);
        } else if (!by.permissive) {
          refuse_windows(LDAP_NO_SUCH_ATTRIBUTE, "00002085", "UpdErr", "1001 (NO_ATTRIBUTE_OR_VAL)");
        }
      }
  }
  if (type->single && values.size() > 1) {
    refuse_windows(LDAP_CONSTRAINT_VIOLATION, "00002081", "AtrErr", "1005 (CONSTRAINT_ATT_TYPE)");
  }
  if (type->name == "sAMAccountName" || type->name == "userPrincipalName") {
    for (const std::string& value : values) expect_unique(object, *type, value);
    const bool account = type->name == "sAMAccountName";
    auto& index = account ? by_account_ : by_principal_;
    const std::string domain = account ? domain_of(*object.context).sid : std::string();
    for (const std::string& value : object.attributes[type->name].values) index.erase(domain + fold_name(value));
    for (const std::string& value : values) index[domain + fold_name(value)] = &object;
  }
  hold(object, type->name, std::move(values));
}

void WindowsForest::expect_valid(const WindowsAttribute& type, const std::vector<std::string>& values) const {
  for (const std::string& value : values) {
    bool fits = true;
    switch (type.syntax) {
      case WindowsSyntax::integer:
        fits = to_integer(value).has_value();
        break;
      case WindowsSyntax::boolean:
        fits = value == "TRUE" || value == "FALSE";
        break;
      case WindowsSyntax::text:
        fits = is_utf8(value) && !value.empty();
        break;
      default:
        break;
    }
    if (!fits) refuse_windows(LDAP_INVALID_SYNTAX, "00000057", "AtrErr", "1002 (INVALID_ATTRIBUTE_SYNTAX)");
  }
}

/// Names of accounts are one's own: sAMAccountName in the domain, userPrincipalName in the forest
/// (MS-ADTS 3.1.1.5.1.3).
void WindowsForest::expect_unique(const WindowsObject& object, const WindowsAttribute& type, const std::string& value) {
  const bool account = type.name == "sAMAccountName";
  const auto& index = account ? by_account_ : by_principal_;
  const auto found = index.find((account ? domain_of(*object.context).sid : std::string()) + fold_name(value));
  if (found == index.end() || found->second == &object || found->second->deleted) return;
  if (account) refuse_windows(LDAP_ALREADY_EXISTS, "00000524", "UpdErr", "6005 (ENTRY_EXISTS)");
  refuse_windows(LDAP_CONSTRAINT_VIOLATION, "000021C8", "AtrErr", "1005 (CONSTRAINT_ATT_TYPE)");
}

/// Quoted, UTF-16, over an encrypted connection, and never to be read again (MS-ADTS 3.1.1.3.1.5.1).
void WindowsForest::set_password(WindowsObject& object, const std::vector<std::string>& values,
                                 const WindowsRequester& by) {
  if (!by.encrypted) refuse_windows(LDAP_UNWILLING_TO_PERFORM, "0000001F", "SvcErr", "5003 (WILL_NOT_PERFORM)");
  const auto wide = [](char c) { return std::string{c, '\0'}; };
  const bool quoted = values.size() == 1 && values.front().size() >= 4 && values.front().size() % 2 == 0 &&
                      values.front().starts_with(wide('"')) && values.front().ends_with(wide('"'));
  if (!quoted) refuse_windows(LDAP_UNWILLING_TO_PERFORM, "0000001F", "SvcErr", "5003 (WILL_NOT_PERFORM)");
  const std::string inner = values.front().substr(2, values.front().size() - 4);
  if (inner.size() / 2 < 7)
    refuse_windows(LDAP_CONSTRAINT_VIOLATION, "0000052D", "AtrErr", "1005 (CONSTRAINT_ATT_TYPE)");
  object.password = inner;
  hold(object, "pwdLastSet", {std::to_string(k_windows_now)});
}

// --- links ---

WindowsObject& WindowsForest::target(const std::string& name) {
  WindowsObject* found = find(name);
  if (found == nullptr || found->deleted)
    refuse_windows(LDAP_NO_SUCH_OBJECT, "00002030", "NameErr", "2001 (NO_OBJECT)");
  return *found;
}

void WindowsForest::change_links(WindowsObject& object, const WindowsAttribute& type, const WindowsChange& one,
                                 const WindowsRequester& by) {
  std::vector<WindowsObject*> targets;
  for (const std::string& value : one.values) targets.push_back(&target(value));
  if (type.single && targets.size() > 1) {
    refuse_windows(LDAP_CONSTRAINT_VIOLATION, "00002081", "AtrErr", "1005 (CONSTRAINT_ATT_TYPE)");
  }
  WindowsLinks& links = object.links[type.name];
  const bool all = one.operation == LDAP_MOD_REPLACE || (one.operation == LDAP_MOD_DELETE && targets.empty());
  if (all) {
    const std::set<WindowsObject*> wanted(targets.begin(), targets.end());
    const std::vector<WindowsObject*> held = links.values;
    for (WindowsObject* other : held) {
      if (!wanted.contains(other)) unlink(object, type.name, *other);
    }
    for (WindowsObject* other : targets) link(object, type.name, *other);
    return;
  }
  const bool adds = one.operation == LDAP_MOD_ADD;
  // Before anything is done: what is as wanted already is a mistake, and for a group's members one of its own kind
  // (learn.microsoft.com, "0x562/0x561": MS-SAMR 3.1.1.8.9).
  for (const WindowsObject* other : targets) {
    const bool there = links.places.contains(const_cast<WindowsObject*>(other));
    if (there != adds || by.permissive) continue;
    if (adds) refuse_windows(LDAP_ALREADY_EXISTS, "00000562", "UpdErr", "6005 (ENTRY_EXISTS)");
    refuse_windows(LDAP_UNWILLING_TO_PERFORM, "00000561", "SvcErr", "5003 (WILL_NOT_PERFORM)");
  }
  if (type.single && adds && !links.values.empty()) {
    refuse_windows(LDAP_TYPE_OR_VALUE_EXISTS, "00002083", "AtrErr", "1006 (ATT_OR_VALUE_EXISTS)");
  }
  for (WindowsObject* other : targets) {
    if (adds) {
      link(object, type.name, *other);
    } else {
      unlink(object, type.name, *other);
    }
  }
}

void WindowsForest::link(WindowsObject& object, const std::string& attribute, WindowsObject& to) {
  WindowsLinks& links = object.links[attribute];
  if (!links.places.emplace(&to, links.values.size()).second) return;
  links.values.push_back(&to);
  to.linked_by[attribute].insert(&object);
  const std::int64_t usn = touch(object);
  if (const auto before = links.stamps.find(&to); before != links.stamps.end()) links.history.erase(before->second);
  links.stamps[&to] = usn;
  links.history[usn] = {&to, true};
}

void WindowsForest::unlink(WindowsObject& object, const std::string& attribute, WindowsObject& to) {
  WindowsLinks& links = object.links[attribute];
  if (!links.places.contains(&to)) return;
  hide(links, to);
  to.linked_by[attribute].erase(&object);
  const std::int64_t usn = touch(object);
  links.history.erase(links.stamps[&to]);
  links.stamps[&to] = usn;
  links.history[usn] = {&to, false};
}

void WindowsForest::hide(WindowsLinks& links, WindowsObject& to) {
  const auto place = links.places.find(&to);
  if (place == links.places.end()) return;
  const std::size_t at = place->second;
  links.values[at] = links.values.back();
  links.places[links.values[at]] = at;
  links.values.pop_back();
  links.places.erase(&to);
}

/// In the recycle bin an object keeps its links, and nobody sees them until it comes back (MS-ADTS 3.1.1.1.9,
/// deactivated links). The objects at their other ends are not changed by it, so nothing tells of them.
void WindowsForest::sleep_links(WindowsObject& object) {
  for (auto& [attribute, links] : object.links) {
    for (WindowsObject* other : links.values) {
      links.asleep.insert(other);
      other->linked_by[attribute].erase(&object);
    }
    links.values.clear();
    links.places.clear();
  }
  for (auto& [attribute, holders] : object.linked_by) {
    for (WindowsObject* holder : holders) {
      WindowsLinks& links = holder->links[attribute];
      hide(links, object);
      links.asleep.insert(&object);
    }
  }
}

void WindowsForest::wake_links(WindowsObject& object) {
  for (auto& [attribute, links] : object.links) {
    std::erase_if(links.asleep, [&, &name = attribute, &held = links](WindowsObject* other) {
      if (other->deleted) return false;
      if (held.places.emplace(other, held.values.size()).second) held.values.push_back(other);
      other->linked_by[name].insert(&object);
      return true;
    });
  }
  for (auto& [attribute, holders] : object.linked_by) {
    for (WindowsObject* holder : holders) {
      WindowsLinks& links = holder->links[attribute];
      links.asleep.erase(&object);
      if (!holder->deleted && links.places.emplace(&object, links.values.size()).second)
        links.values.push_back(&object);
    }
  }
}

/// Gone for good, and again nobody is told.
void WindowsForest::forget_links(WindowsObject& object) {
  for (auto& [attribute, links] : object.links) {
    for (const auto& [other, stamp] : links.stamps) other->linked_by[attribute].erase(&object);
  }
  object.links.clear();
  for (auto& [attribute, holders] : object.linked_by) {
    for (WindowsObject* holder : holders) {
      WindowsLinks& links = holder->links[attribute];
      hide(links, object);
      links.asleep.erase(&object);
      links.history.erase(links.stamps[&object]);
      links.stamps.erase(&object);
    }
  }
  object.linked_by.clear();
}

// --- rename, delete, undelete ---

void WindowsForest::put(WindowsObject& object, WindowsObject& parent, const std::string& value) {
  object.parent->children.erase(key_of(object.rdn_type, object.rdn_value));
  object.parent = &parent;
  object.rdn_value = value;
  parent.children[key_of(object.rdn_type, value)] = &object;
  object.usn_named = touch(object);
}

void WindowsForest::rename(WindowsObject& object, const std::string& new_rdn, bool delete_old,
                           WindowsObject* new_parent) {
  const Name name = parse(new_rdn);
  // MS-ADTS 3.1.1.5.4: the old name goes, the type stays, and nothing leaves its naming context this way.
  if (name.rdns.size() != 1 || !same_name(name.rdns.front().first, object.rdn_type)) {
    refuse_windows(LDAP_NAMING_VIOLATION, "00002099", "NameErr", "2005 (NAMING_VIOLATION)");
  }
  if (!delete_old || object.parent == nullptr) {
    refuse_windows(LDAP_UNWILLING_TO_PERFORM, "00002077", "SvcErr", "5003 (WILL_NOT_PERFORM)");
  }
  WindowsObject& parent = new_parent == nullptr ? *object.parent : *new_parent;
  if (parent.deleted) refuse_windows(LDAP_NO_SUCH_OBJECT, "0000208D", "NameErr", "2001 (NO_OBJECT)");
  if (parent.context != object.context)
    refuse_windows(LDAP_AFFECTS_MULTIPLE_DSAS, "00002076", "UpdErr", "6007 (AFFECTS_MULTIPLE_DSAS)");
  for (const WindowsObject* at = &parent; at != nullptr; at = at->parent) {
    if (at == &object) refuse_windows(LDAP_UNWILLING_TO_PERFORM, "00002089", "SvcErr", "5003 (WILL_NOT_PERFORM)");
  }
  const std::string& value = name.rdns.front().second;
  const auto there = parent.children.find(key_of(object.rdn_type, value));
  if (there != parent.children.end() && there->second != &object) {
    refuse_windows(LDAP_ALREADY_EXISTS, "00002071", "UpdErr", "6005 (ENTRY_EXISTS)");
  }
  put(object, parent, value);
}

void WindowsForest::remove(WindowsObject& object, const WindowsRequester& by) {
  if (object.parent == nullptr)
    refuse_windows(LDAP_UNWILLING_TO_PERFORM, "00002077", "SvcErr", "5003 (WILL_NOT_PERFORM)");
  if (!object.children.empty()) {
    if (!by.whole_tree) refuse_windows(LDAP_NOT_ALLOWED_ON_NONLEAF, "00002015", "UpdErr", "6003 (CANT_ON_NON_LEAF)");
    std::vector<WindowsObject*> below;
    for (const auto& [key, child] : object.children) below.push_back(child);
    for (WindowsObject* child : below) remove(*child, by);
  }
  forget_account(object);
  // MS-ADTS 3.1.1.5.5: a tombstone, or with the recycle bin a deleted-object, which keeps nearly everything.
  hold(object, "isDeleted", {"TRUE"});
  hold(object, "lastKnownParent", {dn_of(*object.parent)});
  if (recycle_bin_) {
    hold(object, "msDS-LastKnownRDN", {object.rdn_value});
    sleep_links(object);
  } else {
    hold(object, "isRecycled", {"TRUE"});
    strip(object);
  }
  object.deleted = true;
  put(object, deleted_objects(*object.context), object.rdn_value + "\nDEL:" + text_of_guid(object.guid));
}

void WindowsForest::recycle(WindowsObject& object) {
  hold(object, "isRecycled", {"TRUE"});
  strip(object);
}

/// What a tombstone keeps (MS-ADTS 3.1.1.5.5.1.1).
void WindowsForest::strip(WindowsObject& object) {
  constexpr std::array<std::string_view, 14> kept{
      "objectClass", "instanceType",       "objectSid",       "sAMAccountName", "groupType",
      "isDeleted",   "userAccountControl", "lastKnownParent", "isRecycled",     "nTSecurityDescriptor",
      "systemFlags", "msDS-LastKnownRDN",  "badPwdCount",     "nCName"};
  for (auto& [attribute, held] : object.attributes) {
    if (held.values.empty() || std::ranges::find(kept, attribute) != kept.end()) continue;
    held = {{}, touch(object)};
  }
  forget_links(object);
  object.recycled = true;
}

void WindowsForest::undelete(WindowsObject& object, const std::string& dn) {
  if (recycle_bin_ && object.recycled)
    refuse_windows(LDAP_UNWILLING_TO_PERFORM, "00002077", "SvcErr", "5003 (WILL_NOT_PERFORM)");
  Name name = parse(dn);
  if (walk(name) != nullptr) refuse_windows(LDAP_ALREADY_EXISTS, "00002071", "UpdErr", "6005 (ENTRY_EXISTS)");
  const std::string value = name.rdns.front().second;
  name.rdns.erase(name.rdns.begin());
  WindowsObject* parent = walk(name);
  if (parent == nullptr || parent->deleted)
    refuse_windows(LDAP_NO_SUCH_OBJECT, "0000208D", "NameErr", "2001 (NO_OBJECT)");
  object.deleted = object.recycled = false;
  for (const char* attribute : {"isDeleted", "isRecycled", "msDS-LastKnownRDN"}) {
    if (has(object, attribute)) hold(object, attribute, {});
  }
  if (recycle_bin_) wake_links(object);
  put(object, *parent, value);
  for (const std::string& account : object.attributes["sAMAccountName"].values) {
    by_account_[domain_of(*object.context).sid + fold_name(account)] = &object;
  }
  for (const std::string& principal : object.attributes["userPrincipalName"].values) {
    by_principal_[fold_name(principal)] = &object;
  }
}

}  // namespace linkspan::testkit
