#include "connector_ldap/internal/service_account.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/text.h"
#include "connector_ldap/internal/active_directory.h"
#include "connector_ldap/internal/exporter.h"
#include "connector_ldap/internal/guid.h"
#include "connector_ldap/internal/modifications.h"
#include "connector_ldap/internal/security_descriptor.h"
#include "connector_ldap/internal/values.h"
#include "model/dn.h"

namespace linkspan::connector_ldap {

using connector::AccountRight;

namespace {

// The owner, group and SACL of a descriptor stay out of it (MS-ADTS 3.1.1.3.4.1.11: DACL_SECURITY_INFORMATION).
const RequestControl k_dacl_only{"1.2.840.113556.1.4.801", std::string("\x30\x03\x02\x01\x04", 5), true};

const RequestControl k_owner_only{"1.2.840.113556.1.4.801", std::string("\x30\x03\x02\x01\x01", 5), true};
const RequestControl k_show_deleted{"1.2.840.113556.1.4.417", {}, true};

constexpr const char* k_enabled_for_good = "66048";  // NORMAL_ACCOUNT, DONT_EXPIRE_PASSWORD
constexpr const char* k_disabled = "514";
constexpr const char* k_description = "Account of the directory synchronization (Linkspan)";

constexpr std::uint32_t k_create_child = 0x1;
constexpr std::uint32_t k_delete_child = 0x2;
constexpr std::uint32_t k_list = 0x4;
constexpr std::uint32_t k_read_property = 0x10;
constexpr std::uint32_t k_write_property = 0x20;
constexpr std::uint32_t k_control_access = 0x100;
constexpr std::uint32_t k_read_permissions = 0x20000;

constexpr std::string_view k_administrators{"\x01\x02\0\0\0\0\0\x05\x20\0\0\0\x20\x02\0\0", 16};  // S-1-5-32-544

constexpr std::string_view k_user = "bf967aba-0de6-11d0-a285-00aa003049e2";
constexpr std::string_view k_inet_org_person = "4828cc14-1437-45bc-9b07-ad6f015e5f28";
constexpr std::string_view k_group = "bf967a9c-0de6-11d0-a285-00aa003049e2";
constexpr std::string_view k_replicate = "1131f6aa-9c07-11d1-f79f-00c04fc2dcd2";
constexpr std::string_view k_replicate_all = "1131f6ad-9c07-11d1-f79f-00c04fc2dcd2";
constexpr std::string_view k_reset_password = "00299570-246d-11d0-a768-00aa006e0529";
constexpr std::string_view k_consistency_guid = "23773dc2-b63a-11d2-90e1-00c04fd91ab1";

/// A right as an entry of an access list, and where that list is.
struct Grant {
  std::string name;
  std::string where;  ///< DN
  AccessEntry entry;
};

AccessEntry entry_of(std::uint32_t mask, std::string_view object_type, std::string_view of_class, bool inherits) {
  AccessEntry made;
  made.type = object_type.empty() && of_class.empty() ? AccessEntry::allowed : AccessEntry::allowed_object;
  made.flags = inherits ? AccessEntry::container_inherit : std::uint8_t{0};
  if (!of_class.empty()) made.flags |= AccessEntry::inherit_only;
  made.mask = mask;
  made.object_type = object_type;
  made.inherited_object_type = of_class;
  return made;
}

/// Where a domain keeps what was deleted (MS-ADTS 6.1.1.4.2).
std::string deleted_objects(const std::string& root) { return "CN=Deleted Objects," + root; }

bool is_deleted_objects(const std::string& dn) { return dn.starts_with("CN=Deleted Objects,"); }

/// What each name of a right stands for at one container.
class Grants {
 public:
  Grants(const Forest& forest) : forest_(forest) {}

  std::vector<Grant> of(std::span<const std::string> rights) {
    for (const std::string& right : rights) {
      for (const Partition& partition : forest_.partitions) add(right, partition);
    }
    return std::move(made_);
  }

 private:
  void add(const std::string& right, const Partition& partition) {
    constexpr std::string_view k_write = "write:";
    const std::string& root = partition.root.dn;
    if (right == "replicate") {
      grant("Replicating Directory Changes", root, entry_of(k_control_access, k_replicate, {}, false));
    } else if (right == "read") {
      for (const Place& one : partition.containers) {
        grant("list and read all properties", one.dn, entry_of(k_list | k_read_property, {}, {}, true));
      }
    } else if (right == "read_deleted") {
      // With the list itself, so that the account can see that it has the right.
      grant("list what was deleted", deleted_objects(root),
            entry_of(k_list | k_read_property | k_read_permissions, {}, {}, false));
    } else if (right == "write_anchor") {
      for (const Place& one : partition.containers) write("mS-DS-ConsistencyGuid", k_consistency_guid, one.dn);
    } else if (right == "manage_users" || right == "manage_groups") {
      for (const Place& one : partition.containers) manage(right == "manage_users", one.dn);
    } else if (right.starts_with(k_write)) {
      const std::string name = right.substr(k_write.size());
      const std::string guid = schema_guid(partition, name);
      for (const Place& one : partition.containers) write(name, guid, one.dn);
    } else {
      throw Error(Fault::invalid, "ldap.no_right", fmt::format("there is no right \"{}\"", printable(right)),
                  "name replicate, read, read_deleted, write_anchor, manage_users, manage_groups, or write:ATTRIBUTE");
    }
  }

  void grant(std::string name, std::string where, AccessEntry entry) {
    made_.push_back({std::move(name), std::move(where), std::move(entry)});
  }

  void write(const std::string& attribute, std::string_view guid, const std::string& where) {
    for (const auto& [name, of_class] :
         {std::pair<std::string_view, std::string_view>{"user", k_user}, {"inetOrgPerson", k_inet_org_person}}) {
      grant(fmt::format("write {} of {}", attribute, name), where, entry_of(k_write_property, guid, of_class, true));
    }
  }

  void manage(bool users, const std::string& where) {
    const std::string_view of_class = users ? k_user : k_group;
    const char* const name = users ? "user" : "group";
    grant(fmt::format("create and delete {}", name), where,
          entry_of(k_create_child | k_delete_child, of_class, {}, true));
    grant(fmt::format("write all properties of {}", name), where, entry_of(k_write_property, {}, of_class, true));
    // Renaming and deleting want rights on the object itself (MS-ADTS 3.1.1.5.4.1, 3.1.1.5.5).
    grant(fmt::format("delete {}", name), where, entry_of(0x10000, {}, of_class, true));
    if (users) grant("reset password of user", where, entry_of(k_control_access, k_reset_password, of_class, true));
  }

  /// What access lists know an attribute by.
  std::string schema_guid(const Partition& partition, const std::string& attribute) const {
    if (!is_descriptor(attribute)) {
      throw Error(Fault::invalid, "ldap.no_right", fmt::format("\"{}\" is no attribute", printable(attribute)));
    }
    const auto found = partition.session->read(
        {.base = "CN=Schema," + partition.controller.configuration,
         .scope = LDAP_SCOPE_ONELEVEL,
         .filter = fmt::format("(&(objectClass=attributeSchema)(lDAPDisplayName={}))", escape_filter(attribute)),
         .attributes = {"schemaIDGUID"}});
    const auto bytes = found.empty() ? std::vector<std::string>{}
                                     : values_of(partition.session->handle(), found.front().get(), "schemaIDGUID");
    auto guid = bytes.empty() ? std::nullopt : guid_text(bytes.front());
    if (!guid) {
      throw Error(Fault::invalid, "ldap.no_right",
                  fmt::format("the directory's schema has no attribute {}", printable(attribute)),
                  "correct the name after write:");
    }
    return std::move(*guid);
  }

  const Forest& forest_;
  std::vector<Grant> made_;
};

/// Rights that a synchronization has no need of but a thief has, and some more that are worth a name.
std::string name_of(const AccessEntry& entry) {
  const auto is = [&](std::string_view guid) { return entry.object_type == guid; };
  if ((entry.mask & k_control_access) != 0) {
    if (is(k_replicate)) return "Replicating Directory Changes";
    if (is(k_replicate_all)) return "Replicating Directory Changes All (password hashes)";
    if (is(k_reset_password)) return "reset password";
    if (entry.object_type.empty()) return "all extended rights (password hashes and resets among them)";
    return fmt::format("extended right {}", entry.object_type);
  }
  const std::string what = entry.object_type.empty() ? std::string("everything") : entry.object_type;
  return fmt::format("access {:#x} to {}{}", entry.mask, what,
                     entry.inherited_object_type.empty() ? "" : " of class " + entry.inherited_object_type);
}

/// Whether what `held` allows has all of `wanted` in it.
bool covers(const AccessEntry& held, const AccessEntry& wanted) {
  const bool allows = held.type == AccessEntry::allowed || held.type == AccessEntry::allowed_object;
  const bool here = (held.flags & AccessEntry::inherit_only) == 0 || (wanted.flags & AccessEntry::inherit_only) != 0;
  const bool below =
      (held.flags & AccessEntry::container_inherit) != 0 || (wanted.flags & AccessEntry::container_inherit) == 0;
  return allows && here && below && (held.mask & wanted.mask) == wanted.mask &&
         (held.object_type.empty() || held.object_type == wanted.object_type) &&
         (held.inherited_object_type.empty() || held.inherited_object_type == wanted.inherited_object_type);
}

SecurityDescriptor load_descriptor(Session& session, const std::string& dn) {
  const auto found = session.read({.base = dn, .scope = LDAP_SCOPE_BASE, .attributes = {"nTSecurityDescriptor"}}, {},
                                  {k_dacl_only, k_show_deleted});
  const auto bytes = found.empty() ? std::vector<std::string>{}
                                   : values_of(session.handle(), found.front().get(), "nTSecurityDescriptor");
  if (bytes.empty()) {
    throw Error(Fault::denied, "ldap.access",
                fmt::format("{}: the access list of \"{}\" cannot be read", session.where(), dn),
                "an account needs the right to read permissions there");
  }
  auto made = parse_security_descriptor(bytes.front());
  if (!made) {
    throw Error(Fault::unavailable, "ldap.garbled",
                fmt::format("{}: the access list of \"{}\" cannot be decoded", session.where(), dn));
  }
  return std::move(*made);
}

/// Who may not read the list of what was deleted has no right in it.
std::vector<AccessEntry> load_list(Session& session, const std::string& dn) {
  try {
    return load_descriptor(session, dn).dacl;
  } catch (const Error& error) {
    const bool unseen = error.fault() == Fault::denied || error.fault() == Fault::not_found;
    if (!unseen || !is_deleted_objects(dn)) throw;
    return {};
  }
}

/// Each right that is wanted, whether it is there, and those that are there and not wanted. An account's own entries
/// count, not what it has through groups.
std::vector<AccountRight> compare_rights(const Forest& forest, const std::vector<Grant>& wanted, std::string_view sid) {
  std::vector<AccountRight> made;
  std::vector<std::pair<std::string, Session*>> places;
  for (const Partition& partition : forest.partitions) {
    places.emplace_back(partition.root.dn, partition.session.get());
    places.emplace_back(deleted_objects(partition.root.dn), partition.session.get());
    for (const Place& one : partition.containers) {
      if (one.guid != partition.root.guid) places.emplace_back(one.dn, partition.session.get());
    }
  }
  for (const auto& [dn, session] : places) {
    std::vector<AccessEntry> held = load_list(*session, dn);
    std::erase_if(held, [&](const AccessEntry& one) { return one.sid != sid; });
    const auto denies = [](const AccessEntry& one) {
      return one.type == AccessEntry::denied || one.type == AccessEntry::denied_object;
    };
    for (const Grant& grant : wanted) {
      if (grant.where != dn) continue;
      const bool has = std::ranges::any_of(held, [&](const AccessEntry& one) { return covers(one, grant.entry); });
      made.push_back({grant.name, dn, true, has});
    }
    for (const AccessEntry& one : held) {
      if (denies(one) || (one.flags & AccessEntry::inherited) != 0) continue;
      const bool needed = std::ranges::any_of(wanted, [&](const Grant& grant) {
        return grant.where == dn && covers(one, grant.entry) && covers(grant.entry, one);
      });
      if (!needed) made.push_back({name_of(one), dn, false, true});
    }
  }
  return made;
}

/// The account while it is made.
class Account {
 public:
  Account(const Forest& forest, const std::string& name, Logger& logger)
      : forest_(forest), logger_(logger), home_(forest.partitions.front()), session_(*home_.session), name_(name) {}

  /// Finds it by its logon name. Empty = it is not there. Throws Fault::conflict "ldap.account_taken" when it is one
  /// that was not made here: somebody's account must not get another password.
  std::string find() {
    const auto found =
        session_.read({.base = home_.root.dn,
                       .filter = fmt::format("(&(objectClass=user)(sAMAccountName={}))", escape_filter(name_)),
                       .attributes = {"objectSid", "description"}});
    if (found.empty()) return {};
    if (values_of(session_.handle(), found.front().get(), "description") != std::vector<std::string>{k_description}) {
      throw Error(Fault::conflict, "ldap.account_taken",
                  fmt::format("{}: the account {} is there, and was not made by this program", session_.where(), name_),
                  "take another name; or give the password of that account with `linkspan connector credentials`");
    }
    const auto sids = values_of(session_.handle(), found.front().get(), "objectSid");
    sid_ = sids.empty() ? std::string() : sids.front();
    return dn_of(session_.handle(), found.front().get());
  }

  /// Disabled until it has a password, so that there is no moment at which it lets anybody in.
  std::string add() {
    const std::string dn = fmt::format("CN={},CN=Users,{}", model::escape_dn_value(name_), home_.root.dn);
    add_entry(session_, dn,
              {{LDAP_MOD_ADD, "objectClass", {"user"}},
               {LDAP_MOD_ADD, "sAMAccountName", {name_}},
               {LDAP_MOD_ADD, "userPrincipalName", {principal()}},
               {LDAP_MOD_ADD, "userAccountControl", {k_disabled}},
               {LDAP_MOD_ADD, "description", {k_description}}});
    return dn;
  }

  vault::Secret set_password(const std::string& dn) {
    vault::Secret password = random_password();
    std::vector<Modification> changes{{LDAP_MOD_REPLACE, "unicodePwd", {unicode_password(password.reveal())}}};
    modify_entry(session_, dn, changes);
    for (std::string& value : changes.front().values) explicit_bzero(value.data(), value.size());
    modify_entry(session_, dn, {{LDAP_MOD_REPLACE, "userAccountControl", {k_enabled_for_good}}});
    return password;
  }

  /// Adds what is missing, before the inherited entries (MS-DTYP 2.4.5: explicit ones come first).
  void grant(const std::vector<Grant>& wanted) {
    std::set<std::string> places;
    for (const Grant& one : wanted) places.insert(one.where);
    for (const std::string& dn : places) {
      Session& session = *partition_of(forest_, dn)->session;
      SecurityDescriptor descriptor = load_to_change(session, dn);
      std::vector<AccessEntry> missing;
      for (const Grant& one : wanted) {
        AccessEntry entry = one.entry;
        entry.sid = sid_;
        const bool has = std::ranges::any_of(
            descriptor.dacl, [&](const AccessEntry& held) { return held.sid == sid_ && covers(held, entry); });
        if (one.where == dn && !has) missing.push_back(std::move(entry));
      }
      if (missing.empty()) continue;
      auto place = std::ranges::find_if(descriptor.dacl, [](const AccessEntry& one) {
        const bool denies = one.type == AccessEntry::denied || one.type == AccessEntry::denied_object;
        return !denies || (one.flags & AccessEntry::inherited) != 0;
      });
      descriptor.dacl.insert(place, missing.begin(), missing.end());
      modify_entry(session, dn, {{LDAP_MOD_REPLACE, "nTSecurityDescriptor", {encode_dacl(descriptor)}}},
                   {k_dacl_only, k_show_deleted});
    }
  }

  [[nodiscard]] std::string principal() const { return fmt::format("{}@{}", name_, home_.dns_name); }
  [[nodiscard]] const std::string& sid() const { return sid_; }

 private:
  /// What was deleted belongs to the system until an administrator takes it over, which administrators may.
  SecurityDescriptor load_to_change(Session& session, const std::string& dn) {
    try {
      return load_descriptor(session, dn);
    } catch (const Error& error) {
      if (error.fault() != Fault::denied || !is_deleted_objects(dn)) throw;
    }
    modify_entry(session, dn, {{LDAP_MOD_REPLACE, "nTSecurityDescriptor", {encode_owner(k_administrators)}}},
                 {k_owner_only, k_show_deleted});
    logger_.log(Level::warning, "ldap.taken_over", "the group Administrators owns this now", {{"object", dn}});
    return load_descriptor(session, dn);
  }

  const Forest& forest_;
  Logger& logger_;
  const Partition& home_;
  Session& session_;
  std::string name_;
  std::string sid_;
};

/// A logon name may not be longer than 20 characters, nor hold these (MS-SAMR 3.1.1.6).
void check_name(const std::string& name) {
  const bool fits = !name.empty() && name.size() <= 20 &&
                    name.find_first_of("\"/\\[]:;|=,+*?<>@") == std::string::npos &&
                    std::ranges::all_of(name, [](char c) { return c > ' ' && c < 127; });
  if (fits) return;
  throw Error(Fault::invalid, "ldap.bad_name", fmt::format("\"{}\" is no name for an account", printable(name)),
              "at most 20 letters, digits, dashes and dots");
}

/// name@REALM: a realm is the domain in capitals (MS-KILE 3.1.5.1.1).
std::string kerberos_name(std::string name) {
  for (std::size_t i = std::min(name.find('@'), name.size()); i < name.size(); ++i) {
    if (name[i] >= 'a' && name[i] <= 'z') name[i] = static_cast<char>(name[i] - 'a' + 'A');
  }
  return name;
}

/// What an import needs, where nothing is named. A Samba tells deletions only to who may look at them.
std::vector<std::string> or_standard(std::span<const std::string> rights, const Forest& forest) {
  if (!rights.empty()) return {rights.begin(), rights.end()};
  std::vector<std::string> made{"replicate", "read"};
  if (std::ranges::any_of(forest.partitions, [](const Partition& one) { return one.controller.is_samba(); })) {
    made.emplace_back("read_deleted");
  }
  return made;
}

}  // namespace

connector::CreatedAccount create_service_account(const LdapSettings& settings, const connector::AccountOrder& order,
                                                 Logger& logger) {
  check_name(order.name);
  LdapSettings as_administrator = settings;
  as_administrator.bind = Bind::simple;
  as_administrator.keytab.clear();
  as_administrator.bind_dn = order.administrator;
  const Forest forest = open_forest(as_administrator, order.administrator_password, logger, {}, false);
  const std::vector<Grant> wanted = Grants(forest).of(or_standard(order.rights, forest));
  Account account(forest, order.name, logger);
  connector::CreatedAccount made;
  std::string dn = account.find();
  made.made = dn.empty();
  if (dn.empty()) {
    dn = account.add();
    static_cast<void>(account.find());
  }
  made.password = account.set_password(dn);
  account.grant(wanted);
  made.name = account.principal();
  if (settings.bind == Bind::gssapi) made.name = kerberos_name(made.name);
  made.rights = compare_rights(forest, wanted, account.sid());
  logger.log(Level::info, "ldap.account_made", made.made ? "an account was made" : "an account got a new password",
             {{"account", made.name}, {"server", forest.partitions.front().session->where()}});
  return made;
}

std::vector<AccountRight> check_service_account(const LdapSettings& settings, const vault::Secret& password,
                                                std::span<const std::string> wanted, Logger& logger) {
  const Forest forest = open_forest(settings, password, logger, {}, false);
  Session& session = *forest.partitions.front().session;
  // tokenGroups would tell what groups add; an account of the synchronization should have what it has by itself.
  const std::string& name = settings.bind_dn;
  const std::size_t backslash = name.find('\\');
  const std::string filter = name.find('=') != std::string::npos
                                 ? fmt::format("(distinguishedName={})", escape_filter(name))
                             : backslash != std::string::npos
                                 ? fmt::format("(sAMAccountName={})", escape_filter(name.substr(backslash + 1)))
                                 : fmt::format("(|(userPrincipalName={})(sAMAccountName={}))", escape_filter(name),
                                               escape_filter(name.substr(0, name.find('@'))));
  const auto found = session.read(
      {.base = forest.partitions.front().root.dn, .filter = filter, .attributes = {"objectSid"}, .size_limit = 2});
  const auto sids =
      found.size() == 1 ? values_of(session.handle(), found.front().get(), "objectSid") : std::vector<std::string>{};
  if (sids.empty()) {
    throw Error(Fault::not_found, "ldap.no_account",
                fmt::format("{}: the account {} is not found in its domain", session.where(), printable(name)),
                "write account as name@domain");
  }
  return compare_rights(forest, Grants(forest).of(or_standard(wanted, forest)), sids.front());
}

}  // namespace linkspan::connector_ldap
