#include "testkit/windows_forest.h"

#include <fmt/core.h>
#include <ldap.h>

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "testkit/windows_names.h"

namespace linkspan::testkit {

namespace {

/// 1 January 2024 as the directory counts time; its clock goes on by a second with each change.
constexpr std::int64_t k_epoch_seconds = 1'704'067'200;

bool is_account(const WindowsObject& object) {
  const auto classes = object.attributes.find("objectClass");
  if (classes == object.attributes.end()) return false;
  return std::ranges::any_of(classes->second.values, [](const auto& one) { return one == "user" || one == "group"; });
}

}  // namespace

void refuse_windows(int code, std::string_view number, std::string_view kind, std::string_view problem) {
  throw WindowsRefusal(code, fmt::format("{}: {}: DSID-03190000, problem {}, data 0\n", number, kind, problem));
}

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
  return fold_name(type) + "=" + fold_name(value);
}

WindowsForest::Name WindowsForest::parse(std::string_view dn) {
  Name made;
  if (!parse_dn(dn, made.rdns)) {
    // MS-ADTS 3.1.1.3.1.2.2: what is no DN is told so.
    refuse_windows(LDAP_INVALID_DN_SYNTAX, "0000208F", "NameErr", "2006 (BAD_NAME)");
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
    const auto known = by_principal_.find(fold_name(name));
    if (known != by_principal_.end()) return known->second;
    for (Domain& domain : domains_) {
      if (!same_name(domain.dns_name, name.substr(at + 1))) continue;
      const auto found = by_account_.find(domain.sid + fold_name(name.substr(0, at)));
      if (found != by_account_.end()) return found->second;
    }
    return nullptr;
  }
  const std::string plain = name.substr(name.find('\\') == std::string::npos ? 0 : name.find('\\') + 1);
  for (Domain& domain : domains_) {
    const auto found = by_account_.find(domain.sid + fold_name(plain));
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
  if (name.rdns.empty()) refuse_windows(LDAP_NAMING_VIOLATION, "00002099", "NameErr", "2005 (NAMING_VIOLATION)");
  if (walk(name) != nullptr) refuse_windows(LDAP_ALREADY_EXISTS, "00002071", "UpdErr", "6005 (ENTRY_EXISTS)");
  const auto [type, value] = name.rdns.front();
  Name above = name;
  above.rdns.erase(above.rdns.begin());
  WindowsObject* parent = walk(above);
  if (parent == nullptr || parent->deleted)
    refuse_windows(LDAP_NO_SUCH_OBJECT, "0000208D", "NameErr", "2001 (NO_OBJECT)");
  std::string object_class;
  for (const auto& [attribute, values] : attributes) {
    if (!same_name(attribute, "objectClass")) continue;
    for (const std::string& one : values) {
      if (windows_class(one) == nullptr)
        refuse_windows(LDAP_NO_SUCH_ATTRIBUTE, "0000057", "LdapErr", "1001 (NO_ATTRIBUTE_OR_VAL)");
      if (windows_class_line(one).size() > windows_class_line(object_class).size())
        object_class = windows_class(one)->name;
    }
  }
  // MS-ADTS 3.1.1.5.2.2, constraints: a class, and the name that it asks for.
  if (object_class.empty() || object_class == "top") {
    refuse_windows(LDAP_OBJECT_CLASS_VIOLATION, "0000207B", "UpdErr", "6002 (OBJ_CLASS_VIOLATION)");
  }
  if (!same_name(windows_class(object_class)->rdn, type)) {
    refuse_windows(LDAP_NAMING_VIOLATION, "00002099", "NameErr", "2005 (NAMING_VIOLATION)");
  }
  WindowsObject& made = make(*parent, windows_class(object_class)->rdn, value);
  try {
    take_class(made, object_class);
    make_security_principal(made, object_class, attributes);
    for (const auto& [attribute, values] : attributes) {
      if (same_name(attribute, "objectClass")) continue;
      if (same_name(attribute, type)) {
        if (values.size() == 1 && same_name(values.front(), value)) continue;
        refuse_windows(LDAP_NAMING_VIOLATION, "000020B0", "NameErr", "2005 (NAMING_VIOLATION)");
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
    by_account_.erase(domain_of(*object.context).sid + fold_name(name));
  }
  for (const std::string& name : values("userPrincipalName")) by_principal_.erase(fold_name(name));
}

/// What the directory gives a new account of itself (MS-ADTS 3.1.1.5.2.6, MS-SAMR 3.1.1.8).
void WindowsForest::make_security_principal(WindowsObject& object, const std::string& object_class,
                                            const LdapAttributes& given) {
  if (!is_account(object)) return;
  Domain& domain = domain_of(*object.context);
  object.sid = sid_below(domain.sid, domain.next_rid++);
  hold(object, "objectSid", {object.sid});
  const auto says = [&](std::string_view name) {
    return std::ranges::any_of(given, [&](const auto& one) { return same_name(one.first, name); });
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

void WindowsForest::add_crowd(WindowsObject& parent, const std::string& name, std::size_t count) {
  const WindowsRequester itself;
  WindowsObject& group =
      add(fmt::format("CN={},{}", escape_rdn(name), dn_of(parent)), {{"objectClass", {"group"}}}, itself);
  Domain& domain = domain_of(*parent.context);
  for (std::size_t i = 0; i < count; ++i) {
    WindowsObject& made = make_known(parent, "CN", fmt::format("{} {}", name, i), "user");
    made.sid = sid_below(domain.sid, domain.next_rid++);
    const std::string account = fmt::format("u{}", relative_part(made.sid));
    by_account_[domain.sid + account] = &made;
    hold(made, "objectSid", {made.sid});
    hold(made, "sAMAccountName", {account});
    hold(made, "userAccountControl", {"514"});
    hold(made, "displayName", {made.rdn_value});
    link(group, "member", made);
  }
}

}  // namespace linkspan::testkit
