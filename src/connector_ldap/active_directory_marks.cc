// Where deltas begin: the watermark, and which way to ask for changes is open to the account.

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/hash.h"
#include "base/text.h"
#include "connector_ldap/internal/active_directory_imports.h"
#include "connector_ldap/internal/dirsync.h"
#include "connector_ldap/internal/guid.h"

namespace linkspan::connector_ldap {

namespace {

constexpr std::string_view k_watermark_kind = "ad-1";
constexpr const char* k_show_deleted = "1.2.840.113556.1.4.417";

/// Nothing is of a class and not of it: the answer is a cookie for what comes after.
constexpr const char* k_nothing = "(&(objectClass=user)(!(objectClass=user)))";

constexpr std::array<std::pair<Changes, std::string_view>, 3> k_names{
    {{Changes::dirsync, "dirsync"}, {Changes::dirsync_visible, "dirsync_visible"}, {Changes::usn, "usn"}}};

Error refuse(std::string why) {
  return {Fault::invalid, "connector.watermark_refused", std::move(why), "a full import begins a new series"};
}

std::optional<PartitionMark> read_mark(std::string_view text) {
  const auto parts = split(text, ',');
  if (parts.size() != 4) return std::nullopt;
  const auto name = std::ranges::find(k_names, parts[1], &std::pair<Changes, std::string_view>::second);
  if (name == k_names.end()) return std::nullopt;
  PartitionMark made{.partition = std::string(parts[0]), .changes = name->first};
  if (made.changes == Changes::usn) {
    const auto usn = to_integer(parts[3]);
    if (!usn || parts[2].empty()) return std::nullopt;
    made.invocation_id = parts[2];
    made.usn = *usn;
    return made;
  }
  auto cookie = from_base64(parts[3]);
  if (!cookie || cookie->empty()) return std::nullopt;
  made.cookie = std::move(*cookie);
  return made;
}

PartitionMark by_dirsync(Partition& partition, bool visible_only, const std::stop_token& stop) {
  DirSyncSearch search(*partition.session,
                       {.partition = partition.root.dn,
                        .filter = k_nothing,
                        .attributes = {"objectGUID"},
                        .visible_only = visible_only,
                        .cookie = {}},
                       stop);
  while (search.next()) {
  }
  return {.partition = partition.root.guid,
          .changes = visible_only ? Changes::dirsync_visible : Changes::dirsync,
          .cookie = search.cookie()};
}

PartitionMark by_usn(Partition& partition, const std::stop_token& stop) {
  PartitionMark made{.partition = partition.root.guid, .changes = Changes::usn};
  made.invocation_id = invocation_id(partition, stop);
  // Read now, not when the connection was opened: and before anything of the partition is.
  made.usn = load_root_dse(*partition.session, stop).highest_usn;
  return made;
}

}  // namespace

std::string_view describe(Changes changes) {
  switch (changes) {
    case Changes::dirsync:
      return "DirSync, under Replicating Directory Changes";
    case Changes::dirsync_visible:
      return "DirSync of what the account may see";
    case Changes::usn:
      return "uSNChanged";
    case Changes::automatic:
      break;
  }
  return "the best way that the account may use";
}

std::string make_marks(const std::vector<PartitionMark>& marks, std::string_view fingerprint) {
  std::string text = fmt::format("{} {}", k_watermark_kind, fingerprint);
  for (const PartitionMark& mark : marks) {
    const bool usn = mark.changes == Changes::usn;
    if (usn && mark.invocation_id.empty()) return {};  // another controller could not be told from this one
    const auto name = std::ranges::find(k_names, mark.changes, &std::pair<Changes, std::string_view>::first);
    text += fmt::format(" {},{},{},{}", mark.partition, name->second, mark.invocation_id,
                        usn ? std::to_string(mark.usn) : to_base64(mark.cookie));
  }
  return fmt::format("{} {:016x}", text, hash64(text));
}

std::vector<PartitionMark> read_marks(std::string_view watermark, std::string_view fingerprint) {
  const auto parts = split(watermark, ' ');
  if (parts.size() < 4 || parts[0] != k_watermark_kind) throw refuse("the watermark was not made by this connector");
  if (parts[1] != fingerprint) {
    throw refuse("base, containers, object types or attributes have changed since the last import");
  }
  const std::string_view checked = watermark.substr(0, watermark.rfind(' '));
  if (fmt::format("{:016x}", hash64(checked)) != parts.back()) throw refuse("the watermark is damaged");
  std::vector<PartitionMark> made;
  for (std::size_t i = 2; i + 1 < parts.size(); ++i) {
    auto mark = read_mark(parts[i]);
    if (!mark) throw refuse("the watermark is damaged");
    made.push_back(std::move(*mark));
  }
  return made;
}

std::string invocation_id(Partition& partition, const std::stop_token& stop) {
  if (partition.controller.controller.empty()) return {};
  try {
    const auto found = partition.session->read(
        {.base = partition.controller.controller, .scope = LDAP_SCOPE_BASE, .attributes = {"invocationId"}}, stop);
    if (found.empty()) return {};
    const auto bytes = values_of(partition.session->handle(), found.front().get(), "invocationId");
    return bytes.empty() ? std::string() : guid_text(bytes.front()).value_or(std::string());
  } catch (const Error& error) {
    if (error.fault() != Fault::not_found && error.fault() != Fault::denied) throw;
    return {};
  }
}

bool sees_deletions(Partition& partition, const std::stop_token& stop) {
  try {
    // Who may not look into the container sees it all the same, but nothing of it (MS-ADTS 3.1.1.4.4).
    const auto found = partition.session->read(
        {.base = "CN=Deleted Objects," + partition.root.dn, .scope = LDAP_SCOPE_BASE, .attributes = {"objectGUID"}},
        stop, {{k_show_deleted, {}, true}});
    return !found.empty() && !values_of(partition.session->handle(), found.front().get(), "objectGUID").empty();
  } catch (const Error& error) {
    if (error.fault() != Fault::not_found && error.fault() != Fault::denied) throw;
    return false;
  }
}

bool tells_deletions(Partition& partition, Changes changes, const std::stop_token& stop) {
  // Under its right DirSync looks past access lists (MS-ADTS 3.1.1.3.4.1.3); Samba leaves out what the account cannot
  // see.
  return (changes == Changes::dirsync && !partition.controller.is_samba()) || sees_deletions(partition, stop);
}

PartitionMark begin_series(Partition& partition, const LdapSettings& settings, Logger& logger,
                           const std::stop_token& stop) {
  std::optional<Error> first;
  for (const Changes way : {Changes::dirsync, Changes::dirsync_visible, Changes::usn}) {
    if (settings.changes != Changes::automatic && settings.changes != way) continue;
    try {
      PartitionMark made =
          way == Changes::usn ? by_usn(partition, stop) : by_dirsync(partition, way == Changes::dirsync_visible, stop);
      if (first) {
        logger.log(
            Level::info, "ldap.replication_right", "changes are asked for in another way than the best",
            {{"partition", partition.root.dn}, {"way", std::string(describe(way))}, {"reason", first->message()}});
      }
      return made;
    } catch (DirSyncRefused& refused) {
      if (!first) first = std::move(refused.error);
    }
  }
  throw Error(Fault::denied, "ldap.replication_right", first->message(),
              "give the account the right Replicating Directory Changes on the domain, or set changes = auto");
}

}  // namespace linkspan::connector_ldap
