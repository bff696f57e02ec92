#include "testkit/windows_forest.h"

#include <fmt/core.h>
#include <ldap.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <random>

#include "testkit/windows_names.h"

namespace linkspan::testkit {

namespace {

/// 1 January 2024 as the directory counts time; its clock goes on by a second with each change.
constexpr std::int64_t k_epoch_seconds = 1'704'067'200;

[[noreturn]] void refuse(int code, const std::string& text) { throw WindowsRefusal(code, text); }

/// "00000562: UpdErr: DSID-031A1261, problem 6005 (ENTRY_EXISTS), data 0": the form of every diagnostic text.
[[noreturn]] void refuse(int code, std::string_view number, std::string_view kind, std::string_view problem) {
  refuse(code, fmt::format("{}: {}: DSID-03190000, problem {}, data 0\n", number, kind, problem));
}

bool same_text(std::string_view left, std::string_view right) { return to_lower(left) == to_lower(right); }

bool equal(const WindowsAttribute& type, std::string_view left, std::string_view right) {
  const bool bytes = type.syntax == WindowsSyntax::octets || type.syntax == WindowsSyntax::descriptor;
  return bytes ? left == right : same_text(left, right);
}

bool is_account(const WindowsObject& object) {
  const auto classes = object.attributes.find("objectClass");
  if (classes == object.attributes.end()) return false;
  return std::ranges::any_of(classes->second.values, [](const auto& one) { return one == "user" || one == "group"; });
}

bool is_of(const WindowsObject& object, std::string_view object_class) {
  const auto classes = object.attributes.find("objectClass");
  return classes != object.attributes.end() &&
         std::ranges::find(classes->second.values, object_class) != classes->second.values.end();
}

}  // namespace

WindowsForest::WindowsForest(std::vector<std::string> domains, bool recycle_bin) : recycle_bin_(recycle_bin) {
  const std::string root = dn_of_domain(domains.front());
  configuration_ = &make_root("CN=Configuration," + root, "configuration");
  schema_ = &make_root("CN=Schema,CN=Configuration," + root, "dMD");
  make_known(*schema_, "CN", "Aggregate", "subSchema");
  for (const WindowsAttribute& one : windows_attributes()) {
    WindowsObject& made = make_known(*schema_, "CN", one.name, "attributeSchema");
    hold(made, "lDAPDisplayName", {one.name});
    hold(made, "schemaIDGUID", {random_guid()});
  }
  make_known(*configuration_, "CN", "Partitions", "crossRefContainer");
  WindowsObject& sites = make_known(*configuration_, "CN", "Sites", "container");
  WindowsObject& site = make_known(sites, "CN", "Default-First-Site-Name", "container");
  make_known(site, "CN", "Servers", "container");
  for (const std::string& one : domains) make_domain(one);
}

void WindowsForest::make_domain(const std::string& dns_name) {
  Domain& domain = domains_.emplace_back();
  domain.dns_name = dns_name;
  domain.sid = random_domain_sid();
  domain.root = &make_root(dn_of_domain(dns_name), "domainDNS");
  domain.root->sid = domain.sid;
  hold(*domain.root, "objectSid", {domain.sid});
  for (const char* name : {"Users", "Computers", "System", "ForeignSecurityPrincipals", "LostAndFound"}) {
    make_known(*domain.root, "CN", name, "container");
  }
  hold(make_known(*domain.root, "CN", "Deleted Objects", "container"), "isDeleted", {"TRUE"});
  const std::string label = dns_name.substr(0, dns_name.find('.'));
  WindowsObject& servers = *find("CN=Servers,CN=Default-First-Site-Name,CN=Sites," + dn_of(*configuration_));
  WindowsObject& server = make_known(servers, "CN", "DC-" + to_upper(label), "container");
  domain.settings = &make_known(server, "CN", "NTDS Settings", "nTDSDSA");
  hold(*domain.settings, "invocationId", {random_guid()});
  WindowsObject& reference =
      make_known(*find("CN=Partitions," + dn_of(*configuration_)), "CN", to_upper(label), "crossRef");
  hold(reference, "nCName", {dn_of(*domain.root)});
  hold(reference, "dnsRoot", {dns_name});
  hold(reference, "nETBIOSName", {to_upper(label)});
  // FLAG_CR_NTDS_NC and FLAG_CR_NTDS_DOMAIN (MS-ADTS 6.1.1.2.1.1).
  hold(reference, "systemFlags", {"3"});
  const WindowsRequester itself;
  const std::string users = "CN=Users," + dn_of(*domain.root);
  const std::uint32_t ordinary = std::exchange(domain.next_rid, 513);
  add("CN=Domain Users," + users, {{"objectClass", {"group"}}, {"sAMAccountName", {"Domain Users"}}}, itself);
  domain.next_rid = ordinary;
}

WindowsForest::Domain& WindowsForest::domain_of(const WindowsObject& context) {
  for (Domain& one : domains_) {
    if (one.root == &context) return one;
  }
  return domains_.front();  // the forest's own contexts are kept with the root domain
}

WindowsObject& WindowsForest::make_root(const std::string& dn, const std::string& object_class) {
  const Name name = parse(dn);
  WindowsObject& made = objects_.emplace_back();
  made.guid = random_guid();
  made.context = &made;
  made.root_dn = dn;
  made.rdn_type = name.rdns.front().first;
  made.rdn_value = name.rdns.front().second;
  by_guid_[made.guid] = &made;
  roots_.push_back(&made);
  made.usn_created = made.usn_named = touch(made);
  take_class(made, object_class);
  return made;
}

WindowsObject& WindowsForest::make(WindowsObject& parent, const std::string& type, const std::string& value) {
  WindowsObject& made = objects_.emplace_back();
  made.guid = random_guid();
  made.parent = &parent;
  made.context = parent.context;
  made.rdn_type = type;
  made.rdn_value = value;
  by_guid_[made.guid] = &made;
  parent.children[key_of(type, value)] = &made;
  made.usn_created = made.usn_named = touch(made);
  return made;
}

WindowsObject& WindowsForest::make_known(WindowsObject& parent, const std::string& type, const std::string& value,
                                         const std::string& object_class) {
  WindowsObject& made = make(parent, type, value);
  take_class(made, object_class);
  return made;
}

void WindowsForest::take_class(WindowsObject& object, const std::string& object_class) {
  hold(object, "objectClass", windows_class_line(object_class));
  hold(object, "instanceType", {object.parent == nullptr ? "5" : "4"});
  hold(object, "objectCategory",
       {fmt::format("CN={},CN=Schema,{}", object_class, configuration_ ? dn_of(*configuration_) : std::string())});
}

WindowsObject& WindowsForest::deleted_objects(WindowsObject& context) {
  return *context.children.at(key_of("CN", "Deleted Objects"));
}

// --- names ---

std::string WindowsForest::key_of(std::string_view type, std::string_view value) {
  return to_lower(type) + "=" + to_lower(value);
}

WindowsForest::Name WindowsForest::parse(std::string_view dn) {
  Name made;
  if (!parse_dn(dn, made.rdns)) {
    // MS-ADTS 3.1.1.3.1.2.2: what is no DN is told so.
    refuse(LDAP_INVALID_DN_SYNTAX,
           "0000208F: NameErr: DSID-03100000, problem 2006 (BAD_NAME), data 8350, best match of:\n");
  }
  return made;
}

std::pair<WindowsObject*, std::size_t> WindowsForest::root_for(const Name& name) {
  WindowsObject* best = nullptr;
  std::size_t longest = 0;
  for (WindowsObject* root : roots_) {
    const Name own = parse(root->root_dn);
    if (own.rdns.size() > name.rdns.size() || own.rdns.size() <= longest) continue;
    const std::size_t skipped = name.rdns.size() - own.rdns.size();
    bool within = true;
    for (std::size_t i = 0; i < own.rdns.size() && within; ++i) {
      const auto& there = name.rdns[skipped + i];
      within = key_of(there.first, there.second) == key_of(own.rdns[i].first, own.rdns[i].second);
    }
    if (!within) continue;
    best = root;
    longest = own.rdns.size();
  }
  return {best, longest};
}

WindowsObject* WindowsForest::walk(const Name& name) {
  const auto [root, depth] = root_for(name);
  WindowsObject* at = root;
  for (std::size_t i = name.rdns.size() - depth; at != nullptr && i > 0; --i) {
    const auto& [type, value] = name.rdns[i - 1];
    const auto found = at->children.find(key_of(type, value));
    at = found == at->children.end() ? nullptr : found->second;
  }
  return at;
}

WindowsObject* WindowsForest::find(std::string_view name) {
  if (!name.starts_with('<')) return walk(parse(name));
  // "<GUID=…>", dashed or as 32 digits, and "<SID=…>" (MS-ADTS 3.1.1.3.1.2.4, alternative forms of DNs).
  const std::size_t end = name.find('>');
  if (end == std::string_view::npos) parse("=");
  const std::string_view inner = name.substr(1, end - 1);
  if (inner.starts_with("GUID=")) {
    const auto guid = guid_from_text(inner.substr(5));
    if (!guid) parse("=");
    return find_guid(*guid);
  }
  if (inner.starts_with("SID=")) {
    const auto sid = sid_from_text(inner.substr(4));
    for (WindowsObject& one : objects_) {
      if (sid && one.sid == *sid && !one.deleted) return &one;
    }
    return nullptr;
  }
  parse("=");
  return nullptr;
}

WindowsObject* WindowsForest::find_guid(const std::string& guid) {
  const auto found = by_guid_.find(guid);
  return found == by_guid_.end() ? nullptr : found->second;
}

WindowsObject* WindowsForest::find_account(const std::string& name) {
  // The forms that a simple bind takes (MS-ADTS 5.1.1.1.1).
  if (name.find('=') != std::string::npos) return find(name);
  if (const std::size_t at = name.find('@'); at != std::string::npos) {
    const auto known = by_principal_.find(to_lower(name));
    if (known != by_principal_.end()) return known->second;
    for (Domain& domain : domains_) {
      if (!same_text(domain.dns_name, name.substr(at + 1))) continue;
      const auto found = by_account_.find(domain.sid + to_lower(name.substr(0, at)));
      if (found != by_account_.end()) return found->second;
    }
    return nullptr;
  }
  const std::string plain = name.substr(name.find('\\') == std::string::npos ? 0 : name.find('\\') + 1);
  for (Domain& domain : domains_) {
    const auto found = by_account_.find(domain.sid + to_lower(plain));
    if (found != by_account_.end()) return found->second;
  }
  return nullptr;
}

WindowsObject* WindowsForest::context_of(std::string_view dn) { return root_for(parse(dn)).first; }

std::string WindowsForest::dn_of(const WindowsObject& object) {
  std::string made;
  const WindowsObject* at = &object;
  for (; at->parent != nullptr; at = at->parent) made += at->rdn_type + "=" + escape_rdn(at->rdn_value) + ",";
  return made + at->root_dn;
}

std::string WindowsForest::extended_dn_of(const WindowsObject& object, bool as_text) {
  std::string made =
      as_text ? fmt::format("<GUID={}>", text_of_guid(object.guid)) : fmt::format("<GUID={}>", to_hex(object.guid));
  if (!object.sid.empty()) {
    made += as_text ? fmt::format(";<SID={}>", text_of_sid(object.sid)) : fmt::format(";<SID={}>", to_hex(object.sid));
  }
  return made + ";" + dn_of(object);
}

std::string WindowsForest::time_of(std::int64_t usn) const {
  const std::chrono::sys_seconds time{std::chrono::seconds(k_epoch_seconds + usn)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}{:02}{:02}{:02}{:02}{:02}.0Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

// --- stamps ---

/// Every change of an object has a number of its own (MS-ADTS 3.1.1.1.9).
std::int64_t WindowsForest::touch(WindowsObject& object) {
  by_usn_.erase(object.usn_changed);
  object.usn_changed = ++usn_;
  by_usn_[usn_] = &object;
  return usn_;
}

void WindowsForest::hold(WindowsObject& object, const std::string& attribute, std::vector<std::string> values) {
  const std::int64_t usn = touch(object);
  object.attributes[attribute] = {std::move(values), usn};
}

void WindowsForest::keep(WindowsObject& object, const std::string& attribute, std::vector<std::string> values) {
  hold(object, windows_attribute(attribute)->name, std::move(values));
}

bool WindowsForest::has(const WindowsObject& object, const char* attribute) const {
  const auto found = object.attributes.find(attribute);
  return found != object.attributes.end() && !found->second.values.empty();
}

// --- add ---

WindowsObject& WindowsForest::add(const std::string& dn, const LdapAttributes& attributes, const WindowsRequester& by) {
  Name name = parse(dn);
  if (name.rdns.empty()) refuse(LDAP_NAMING_VIOLATION, "the root cannot be added");
  if (walk(name) != nullptr) refuse(LDAP_ALREADY_EXISTS, "00002071", "UpdErr", "6005 (ENTRY_EXISTS)");
  const auto [type, value] = name.rdns.front();
  Name above = name;
  above.rdns.erase(above.rdns.begin());
  WindowsObject* parent = walk(above);
  if (parent == nullptr || parent->deleted) refuse(LDAP_NO_SUCH_OBJECT, "0000208D", "NameErr", "2001 (NO_OBJECT)");
  std::string object_class;
  for (const auto& [attribute, values] : attributes) {
    if (!same_text(attribute, "objectClass")) continue;
    for (const std::string& one : values) {
      if (windows_class(one) == nullptr)
        refuse(LDAP_NO_SUCH_ATTRIBUTE, "0000057", "LdapErr", "1001 (NO_ATTRIBUTE_OR_VAL)");
      if (windows_class_line(one).size() > windows_class_line(object_class).size())
        object_class = windows_class(one)->name;
    }
  }
  // MS-ADTS 3.1.1.5.2.2, constraints: a class, and the name that it asks for.
  if (object_class.empty() || object_class == "top") {
    refuse(LDAP_OBJECT_CLASS_VIOLATION, "0000207B", "UpdErr", "6002 (OBJ_CLASS_VIOLATION)");
  }
  if (!same_text(windows_class(object_class)->rdn, type)) {
    refuse(LDAP_NAMING_VIOLATION, "00002099", "NameErr", "2005 (NAMING_VIOLATION)");
  }
  WindowsObject& made = make(*parent, windows_class(object_class)->rdn, value);
  try {
    take_class(made, object_class);
    make_security_principal(made, object_class, attributes);
    for (const auto& [attribute, values] : attributes) {
      if (same_text(attribute, "objectClass")) continue;
      if (same_text(attribute, type)) {
        if (values.size() == 1 && same_text(values.front(), value)) continue;
        refuse(LDAP_NAMING_VIOLATION, "000020B0", "NameErr", "2005 (NAMING_VIOLATION)");
      }
      change(made, {LDAP_MOD_ADD, attribute, values}, by);
    }
    expect_account(made);
  } catch (const WindowsRefusal&) {
    forget_links(made);
    forget_account(made);
    parent->children.erase(key_of(type, value));
    by_guid_.erase(made.guid);
    by_usn_.erase(made.usn_changed);
    objects_.pop_back();
    throw;
  }
  return made;
}

void WindowsForest::forget_account(const WindowsObject& object) {
  const auto values = [&](const char* name) {
    const auto found = object.attributes.find(name);
    return found == object.attributes.end() ? std::vector<std::string>{} : found->second.values;
  };
  for (const std::string& name : values("sAMAccountName")) {
    by_account_.erase(domain_of(*object.context).sid + to_lower(name));
  }
  for (const std::string& name : values("userPrincipalName")) by_principal_.erase(to_lower(name));
}

/// What the directory gives a new account of itself (MS-ADTS 3.1.1.5.2.6, MS-SAMR 3.1.1.8).
void WindowsForest::make_security_principal(WindowsObject& object, const std::string& object_class,
                                            const LdapAttributes& given) {
  if (!is_account(object)) return;
  Domain& domain = domain_of(*object.context);
  object.sid = sid_below(domain.sid, domain.next_rid++);
  hold(object, "objectSid", {object.sid});
  const auto says = [&](std::string_view name) {
    return std::ranges::any_of(given, [&](const auto& one) { return same_text(one.first, name); });
  };
  if (!says("sAMAccountName")) {
    change(
        object,
        {LDAP_MOD_ADD, "sAMAccountName", {fmt::format("${:06X}-{:012X}", domain.next_rid, domain.next_rid * 7919UL)}},
        {});
  }
  if (object_class == "group") {
    if (!says("groupType")) hold(object, "groupType", {"-2147483646"});
    hold(object, "sAMAccountType", {"268435456"});
    return;
  }
  if (!says("userAccountControl")) hold(object, "userAccountControl", {object_class == "computer" ? "4128" : "546"});
  if (!says("primaryGroupID")) hold(object, "primaryGroupID", {object_class == "computer" ? "515" : "513"});
  if (!says("accountExpires")) hold(object, "accountExpires", {"9223372036854775807"});
  if (!says("pwdLastSet")) hold(object, "pwdLastSet", {"0"});
  hold(object, "sAMAccountType", {object_class == "computer" ? "805306369" : "805306368"});
  hold(object, "badPwdCount", {"0"});
}

/// An account that may be used has a password (MS-SAMR 3.1.1.8.10).
void WindowsForest::expect_account(const WindowsObject& object) const {
  const auto control = object.attributes.find("userAccountControl");
  if (control == object.attributes.end() || control->second.values.empty() || !is_of(object, "user")) return;
  const auto flags = to_integer(control->second.values.front()).value_or(0);
  const bool disabled = (flags & 0x2) != 0;
  const bool no_password_needed = (flags & 0x20) != 0;
  if (!disabled && !no_password_needed && object.password.empty() && !is_of(object, "computer")) {
    refuse(LDAP_UNWILLING_TO_PERFORM, "0000052D", "SvcErr", "5003 (WILL_NOT_PERFORM)");
  }
}

// --- modify ---

void WindowsForest::modify(WindowsObject& object, const std::vector<WindowsChange>& changes,
                           const WindowsRequester& by) {
  // MS-ADTS 3.1.1.5.3.7: undelete is a modify that takes isDeleted away and gives a name.
  const auto names = [&](const char* attribute) {
    return std::ranges::find_if(changes, [&](const auto& one) { return same_text(one.attribute, attribute); });
  };
  if (object.deleted) {
    const auto gone = names("isDeleted");
    const auto name = names("distinguishedName");
    const bool undeletes = by.shows_deleted && gone != changes.end() && gone->operation == LDAP_MOD_DELETE &&
                           name != changes.end() && name->operation == LDAP_MOD_REPLACE && name->values.size() == 1;
    if (!undeletes) refuse(LDAP_NO_SUCH_OBJECT, "0000208D", "NameErr", "2001 (NO_OBJECT)");
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
  if (type == nullptr) refuse(LDAP_NO_SUCH_ATTRIBUTE, "00000057", "LdapErr", "1001 (NO_ATTRIBUTE_OR_VAL)");
  if (same_text(type->name, object.rdn_type))
    refuse(LDAP_NOT_ALLOWED_ON_RDN, "00002016", "UpdErr", "6004 (CANT_ON_RDN)");
  if (type->name == "objectClass") {
    refuse(LDAP_NO_OBJECT_CLASS_MODS, "000020B1", "UpdErr", "6008 (CANT_MOD_OBJ_CLASS)");
  }
  // MS-ADTS 3.1.1.5.3.2: system-only attributes, and far ends of links.
  if (type->kept) refuse(LDAP_CONSTRAINT_VIOLATION, "000020B1", "AtrErr", "1005 (CONSTRAINT_ATT_TYPE)");
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
          refuse(LDAP_TYPE_OR_VALUE_EXISTS, "00002083", "AtrErr", "1006 (ATT_OR_VALUE_EXISTS)");
        }
      }
      break;
    default:
      if (one.values.empty() && values.empty() && !by.permissive) {
        refuse(LDAP_NO_SUCH_ATTRIBUTE, "00002085", "UpdErr", "1001 (NO_ATTRIBUTE_OR_VAL)");
      }
      if (one.values.empty()) values.clear();
      for (const std::string& value : one.values) {
        const auto held = find(value);
        if (held != values.end()) {
          values.erase(held);
        } else if (!by.permissive) {
          refuse(LDAP_NO_SUCH_ATTRIBUTE, "00002085", "UpdErr", "1001 (NO_ATTRIBUTE_OR_VAL)");
        }
      }
  }
  if (type->single && values.size() > 1) {
    refuse(LDAP_CONSTRAINT_VIOLATION, "00002081", "AtrErr", "1005 (CONSTRAINT_ATT_TYPE)");
  }
  if (type->name == "sAMAccountName" || type->name == "userPrincipalName") {
    for (const std::string& value : values) expect_unique(object, *type, value);
    const bool account = type->name == "sAMAccountName";
    auto& index = account ? by_account_ : by_principal_;
    const std::string domain = account ? domain_of(*object.context).sid : std::string();
    for (const std::string& value : object.attributes[type->name].values) index.erase(domain + to_lower(value));
    for (const std::string& value : values) index[domain + to_lower(value)] = &object;
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
    if (!fits) refuse(LDAP_INVALID_SYNTAX, "00000057", "AtrErr", "1002 (INVALID_ATTRIBUTE_SYNTAX)");
  }
}

/// Names of accounts are one's own: sAMAccountName in the domain, userPrincipalName in the forest
/// (MS-ADTS 3.1.1.5.1.3).
void WindowsForest::expect_unique(const WindowsObject& object, const WindowsAttribute& type, const std::string& value) {
  const bool account = type.name == "sAMAccountName";
  const auto& index = account ? by_account_ : by_principal_;
  const auto found = index.find((account ? domain_of(*object.context).sid : std::string()) + to_lower(value));
  if (found == index.end() || found->second == &object || found->second->deleted) return;
  if (account) refuse(LDAP_ALREADY_EXISTS, "00000524", "UpdErr", "6005 (ENTRY_EXISTS)");
  refuse(LDAP_CONSTRAINT_VIOLATION, "000021C8", "AtrErr", "1005 (CONSTRAINT_ATT_TYPE)");
}

/// Quoted, UTF-16, over an encrypted connection, and never to be read again (MS-ADTS 3.1.1.3.1.5.1).
void WindowsForest::set_password(WindowsObject& object, const std::vector<std::string>& values,
                                 const WindowsRequester& by) {
  if (!by.encrypted) refuse(LDAP_UNWILLING_TO_PERFORM, "0000001F", "SvcErr", "5003 (WILL_NOT_PERFORM)");
  const auto wide = [](char c) { return std::string{c, '\0'}; };
  const bool quoted = values.size() == 1 && values.front().size() >= 4 && values.front().size() % 2 == 0 &&
                      values.front().starts_with(wide('"')) && values.front().ends_with(wide('"'));
  if (!quoted) refuse(LDAP_UNWILLING_TO_PERFORM, "0000001F", "SvcErr", "5003 (WILL_NOT_PERFORM)");
  const std::string inner = values.front().substr(2, values.front().size() - 4);
  if (inner.size() / 2 < 7) refuse(LDAP_CONSTRAINT_VIOLATION, "0000052D", "AtrErr", "1005 (CONSTRAINT_ATT_TYPE)");
  object.password = inner;
  hold(object, "pwdLastSet", {std::to_string(k_windows_now)});
}

// --- links ---

WindowsObject& WindowsForest::target(const std::string& name) {
  WindowsObject* found = find(name);
  if (found == nullptr || found->deleted) refuse(LDAP_NO_SUCH_OBJECT, "00002030", "NameErr", "2001 (NO_OBJECT)");
  return *found;
}

void WindowsForest::change_links(WindowsObject& object, const WindowsAttribute& type, const WindowsChange& one,
                                 const WindowsRequester& by) {
  std::vector<WindowsObject*> targets;
  for (const std::string& value : one.values) targets.push_back(&target(value));
  if (type.single && targets.size() > 1) {
    refuse(LDAP_CONSTRAINT_VIOLATION, "00002081", "AtrErr", "1005 (CONSTRAINT_ATT_TYPE)");
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
    if (adds) refuse(LDAP_ALREADY_EXISTS, "00000562", "UpdErr", "6005 (ENTRY_EXISTS)");
    refuse(LDAP_UNWILLING_TO_PERFORM, "00000561", "SvcErr", "5003 (WILL_NOT_PERFORM)");
  }
  if (type.single && adds && !links.values.empty()) {
    refuse(LDAP_TYPE_OR_VALUE_EXISTS, "00002083", "AtrErr", "1006 (ATT_OR_VALUE_EXISTS)");
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
  if (name.rdns.size() != 1 || !same_text(name.rdns.front().first, object.rdn_type)) {
    refuse(LDAP_NAMING_VIOLATION, "00002099", "NameErr", "2005 (NAMING_VIOLATION)");
  }
  if (!delete_old || object.parent == nullptr) {
    refuse(LDAP_UNWILLING_TO_PERFORM, "00002077", "SvcErr", "5003 (WILL_NOT_PERFORM)");
  }
  WindowsObject& parent = new_parent == nullptr ? *object.parent : *new_parent;
  if (parent.deleted) refuse(LDAP_NO_SUCH_OBJECT, "0000208D", "NameErr", "2001 (NO_OBJECT)");
  if (parent.context != object.context)
    refuse(LDAP_AFFECTS_MULTIPLE_DSAS, "00002076", "UpdErr", "6007 (AFFECTS_MULTIPLE_DSAS)");
  for (const WindowsObject* at = &parent; at != nullptr; at = at->parent) {
    if (at == &object) refuse(LDAP_UNWILLING_TO_PERFORM, "00002089", "SvcErr", "5003 (WILL_NOT_PERFORM)");
  }
  const std::string& value = name.rdns.front().second;
  const auto there = parent.children.find(key_of(object.rdn_type, value));
  if (there != parent.children.end() && there->second != &object) {
    refuse(LDAP_ALREADY_EXISTS, "00002071", "UpdErr", "6005 (ENTRY_EXISTS)");
  }
  put(object, parent, value);
}

void WindowsForest::remove(WindowsObject& object, const WindowsRequester& by) {
  if (object.parent == nullptr) refuse(LDAP_UNWILLING_TO_PERFORM, "00002077", "SvcErr", "5003 (WILL_NOT_PERFORM)");
  if (!object.children.empty()) {
    if (!by.whole_tree) refuse(LDAP_NOT_ALLOWED_ON_NONLEAF, "00002015", "UpdErr", "6003 (CANT_ON_NON_LEAF)");
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
    refuse(LDAP_UNWILLING_TO_PERFORM, "00002077", "SvcErr", "5003 (WILL_NOT_PERFORM)");
  Name name = parse(dn);
  if (walk(name) != nullptr) refuse(LDAP_ALREADY_EXISTS, "00002071", "UpdErr", "6005 (ENTRY_EXISTS)");
  const std::string value = name.rdns.front().second;
  name.rdns.erase(name.rdns.begin());
  WindowsObject* parent = walk(name);
  if (parent == nullptr || parent->deleted) refuse(LDAP_NO_SUCH_OBJECT, "0000208D", "NameErr", "2001 (NO_OBJECT)");
  object.deleted = object.recycled = false;
  for (const char* attribute : {"isDeleted", "isRecycled", "msDS-LastKnownRDN"}) {
    if (has(object, attribute)) hold(object, attribute, {});
  }
  if (recycle_bin_) wake_links(object);
  put(object, *parent, value);
  for (const std::string& account : object.attributes["sAMAccountName"].values) {
    by_account_[domain_of(*object.context).sid + to_lower(account)] = &object;
  }
  for (const std::string& principal : object.attributes["userPrincipalName"].values) {
    by_principal_[to_lower(principal)] = &object;
  }
}

}  // namespace linkspan::testkit
