#include "connector_ldap/internal/active_directory_imports.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/text.h"
#include "connector/batch_limit.h"
#include "connector_ldap/internal/dirsync.h"
#include "connector_ldap/internal/entry_reader.h"
#include "connector_ldap/internal/guid.h"
#include "connector_ldap/internal/primary_group.h"
#include "connector_ldap/internal/quiet_pipe.h"
#include "connector_ldap/internal/searches.h"
#include "connector_ldap/internal/values.h"

namespace linkspan::connector_ldap {

using connector::Import;
using connector::ImportEnd;
using model::Observation;

namespace {

constexpr const char* k_everything = "(objectClass=*)";
constexpr const char* k_show_deleted = "1.2.840.113556.1.4.417";
constexpr std::size_t k_read_at_once = 250;        ///< objects by one filter
constexpr std::size_t k_most_changes = 1'000'000;  ///< of a delta; beyond that a full import is the better way
constexpr std::size_t k_most_ranges = 1'000'000;   ///< parts of one attribute: a server that never ends
constexpr int k_most_readings = 8;                 ///< of one attribute that changes meanwhile

const std::vector<RequestControl>& extended_names() {
  static const std::vector<RequestControl> controls{{k_extended_dn, std::string(k_extended_dn_value), true}};
  return controls;
}

Observation only_anchor(Observation::Kind kind, std::string anchor) {
  Observation made;
  made.kind = kind;
  made.entry.anchor = std::move(anchor);
  return made;
}

/// Classes that nothing of what is imported lies below (their possSuperiors say so): renaming one renames no other.
bool is_leaf(std::string_view object_class) {
  constexpr std::array<std::string_view, 6> leaves{"user",    "inetOrgPerson", "group",
                                                   "contact", "computer",      "foreignSecurityPrincipal"};
  return std::ranges::any_of(leaves, [&](std::string_view one) { return equal_ascii_case(one, object_class); });
}

/// What a changed object says of its change.
struct ChangeFacts {
  std::string guid;       ///< its bytes
  bool deleted = false;   ///< and not come back
  bool restored = false;  ///< come back: isDeleted was cleared, which DirSync tells by an attribute without values
  bool named = false;     ///< it got another name or place
  bool made = false;      ///< it is new
};

ChangeFacts read_change(Session& session, LDAPMessage* message) {
  ChangeFacts made;
  BerElement* ber = nullptr;
  berval dn{};
  int code = ldap_get_dn_ber(session.handle(), message, &ber, &dn);
  const std::unique_ptr<BerElement, void (*)(BerElement*)> owner(ber, [](BerElement* held) { ber_free(held, 0); });
  while (code == LDAP_SUCCESS) {
    berval name{};
    BerVarray values = nullptr;
    code = ldap_get_attribute_ber(session.handle(), message, ber, &name, &values);
    if (code != LDAP_SUCCESS || name.bv_val == nullptr) break;
    const std::string_view attribute(name.bv_val, name.bv_len);
    const std::string_view value = values != nullptr && values[0].bv_val != nullptr
                                       ? std::string_view(values[0].bv_val, values[0].bv_len)
                                       : std::string_view();
    if (equal_ascii_case(attribute, "objectGUID")) {
      made.guid = value;
    } else if (equal_ascii_case(attribute, "isDeleted")) {
      made.deleted = value == "TRUE";
      made.restored = value.empty();
    } else if (equal_ascii_case(attribute, "name") || equal_ascii_case(attribute, "parentGUID")) {
      made.named = true;
    } else if (equal_ascii_case(attribute, "objectClass")) {
      made.made = !value.empty();
    }
    ber_memfree(values);
  }
  if (code != LDAP_SUCCESS) {
    throw Error(Fault::unavailable, "ldap.garbled",
                fmt::format("{}: a changed object cannot be decoded", session.where()),
                "see whether an LDAP server listens there");
  }
  return made;
}

/// Which attributes a search shows to everybody who may see the object. Confidential ones (searchFlags 0x80, MS-ADTS
/// 2.2.9) want a right of their own, and DirSync shows them without: what it tells of them is not what a search tells.
class PlainAttributes {
 public:
  /// Looks up those of `names` that are not known yet. What the schema does not show is not plain.
  void learn(Session& session, const Partition& partition, const std::set<std::string>& names,
             const std::stop_token& stop) {
    std::string filter;
    for (const std::string& name : names) {
      if (plain_.emplace(name, false).second) filter += fmt::format("(lDAPDisplayName={})", escape_filter(name));
    }
    if (filter.empty()) return;
    const auto found = session.read({.base = "CN=Schema," + partition.controller.configuration,
                                     .scope = LDAP_SCOPE_ONELEVEL,
                                     .filter = fmt::format("(|{})", filter),
                                     .attributes = {"lDAPDisplayName", "searchFlags"}},
                                    stop);
    for (const Message& message : found) {
      const auto name = values_of(session.handle(), message.get(), "lDAPDisplayName");
      const auto flags = values_of(session.handle(), message.get(), "searchFlags");
      const std::int64_t bits = flags.empty() ? 0 : to_integer(flags.front()).value_or(k_confidential);
      if (!name.empty()) plain_[name.front()] = (bits & k_confidential) == 0;
    }
  }
  [[nodiscard]] bool has(const std::string& name) const {
    const auto found = plain_.find(name);
    return found != plain_.end() && found->second;
  }

 private:
  static constexpr std::int64_t k_confidential = 0x80;
  std::map<std::string, bool> plain_;
};

std::set<std::string> names_in(const Observation& part) {
  std::set<std::string> names;
  for (const auto& [name, values] : part.entry.attributes) names.insert(name);
  for (const auto* references : {&part.entry.references, &part.references_gone}) {
    for (const model::NamedReference& one : *references) names.insert(one.attribute);
  }
  return names;
}

/// What both imports do with an entry.
class Reading {
 public:
  Reading(Forest forest, const LdapSettings& settings, std::stop_token stop)
      : forest_(std::move(forest)),
        settings_(settings),
        stop_(std::move(stop)),
        reader_(*forest_.schema, settings.object_types, settings.attributes, Dialect::active_directory) {}

  Forest& forest() { return forest_; }
  const Forest& forest() const { return forest_; }
  EntryReader& reader() { return reader_; }
  const std::stop_token& stop() const { return stop_; }
  std::vector<std::string> requested() const {
    std::vector<std::string> names = reader_.requested();
    if (settings_.primary_group) names.insert(names.end(), {"primaryGroupID", "objectSid"});
    return names;
  }

  void throw_if_stopped() const {
    if (stop_.stop_requested()) throw Error(Fault::cancelled, "ldap.stopped", "the import was stopped");
  }

  std::unique_ptr<PagedSearch> pages(Session& session, Search search) const {
    return std::make_unique<PagedSearch>(session, std::move(search), settings_.page_size, stop_, extended_names());
  }

  /// The entry, whole; whether it is one that counts.
  bool read(Session& session, LDAPMessage* message, model::Entry& entry) {
    EntryFacts facts = reader_.read(session, message, {}, entry);
    if (!facts.in_scope || !forest_.scope.contains(entry.dn)) return false;
    try {
      for (const UnfinishedAttribute& one : facts.unfinished) complete(session, one.name, entry);
    } catch (const Error& error) {
      if (error.fault() != Fault::not_found) throw;
      return false;  // removed while it was read
    }
    // All values of an attribute may have gone meanwhile.
    std::erase_if(entry.attributes, [](const auto& held) { return held.second.empty(); });
    if (settings_.primary_group) primary_groups_.add(session, entry, stop_);
    return true;
  }

 private:
  /// Reads an attribute that came in part (MS-ADTS 3.1.1.3.1.3.3) from its beginning to its end. The parts are requests
  /// of their own, and a value that goes between two of them moves others past what was asked for: as long as the
  /// object is not the same from the first part to the last, all is read again.
  void complete(Session& session, const std::string& name, model::Entry& entry) {
    for (int reading = 0; reading < k_most_readings; ++reading) {
      reader_.forget(name, entry);
      if (read_parts(session, name, entry)) return;
    }
    throw Error(
        Fault::unavailable, "ldap.unsettled",
        fmt::format("{}: {} of \"{}\" changes faster than it can be read", session.where(), name, printable(entry.dn)),
        "run again when whatever changes it has come to its end");
  }

  /// False when the object changed meanwhile.
  bool read_parts(Session& session, const std::string& name, model::Entry& entry) {
    std::vector<std::string> stamp;
    std::size_t next = 0;
    for (std::size_t parts = 0; parts < k_most_ranges; ++parts) {
      std::vector<Message> found;
      try {
        found = session.read({.base = base_of(entry.anchor),
                              .scope = LDAP_SCOPE_BASE,
                              .attributes = {fmt::format("{};range={}-*", name, next), "uSNChanged"}},
                             stop_, extended_names());
      } catch (const Error& error) {
        // There are fewer values than that now.
        if (next > 0 && error.id() == "ldap.refused") return false;
        throw;
      }
      if (found.empty()) {
        throw Error(Fault::not_found, "ldap.no_object",
                    fmt::format("{}: \"{}\" is not there any more", session.where(), printable(entry.dn)));
      }
      const auto now = values_of(session.handle(), found.front().get(), "uSNChanged");
      if (parts > 0 && now != stamp) return false;
      stamp = now;
      const auto following = reader_.append(session, found.front().get(), name, entry);
      if (!following) return true;
      if (*following <= next) break;
      next = *following;
    }
    throw Error(Fault::unavailable, "ldap.garbled",
                fmt::format("{}: the values of {} of \"{}\" have no end", session.where(), name, printable(entry.dn)),
                "see whether the server keeps to MS-ADTS 3.1.1.3.1.3.3");
  }

  Forest forest_;
  const LdapSettings& settings_;
  std::stop_token stop_;
  EntryReader reader_;
  PrimaryGroups primary_groups_;
};

class FullImport final : public Import {
 public:
  FullImport(Forest forest, const LdapSettings& settings, Logger& logger, std::stop_token stop)
      : reading_(std::move(forest), settings, std::move(stop)) {
    // First where the next delta begins, then what there is: what changes meanwhile is told twice, not never.
    for (Partition& one : reading_.forest().partitions) {
      marks_.push_back(begin_series(one, settings, logger, reading_.stop()));
      if (!tells_deletions(one, marks_.back().changes, reading_.stop())) {
        logger.log(Level::warning, "ldap.deletions_unseen", "deletions will be seen by full imports only",
                   {{"partition", one.root.dn}});
      }
    }
  }

  bool next(std::vector<Observation>& batch) override {
    batch.clear();
    reading_.throw_if_stopped();
    const QuietPipe quiet;
    connector::BatchLimit limit;
    while (!limit.reached()) {
      if (!pages_ && !begin_next()) break;
      const Message message = pages_->next();
      if (!message) {
        pages_.reset();
        continue;
      }
      Observation& made = batch.emplace_back();
      if (reading_.read(*session_, message.get(), made.entry)) {
        limit.count(made.entry);
      } else {
        batch.pop_back();
      }
    }
    return !batch.empty();
  }

  ImportEnd end() override { return {make_marks(marks_, reading_.forest().fingerprint), true}; }

 private:
  bool begin_next() {
    auto& partitions = reading_.forest().partitions;
    while (partition_ < partitions.size() && container_ == partitions[partition_].containers.size()) {
      ++partition_;
      container_ = 0;
    }
    if (partition_ == partitions.size()) return false;
    const Place& container = partitions[partition_].containers[container_++];
    session_ = partitions[partition_].session.get();
    pages_ = reading_.pages(*session_, {.base = base_of(container.guid),
                                        .filter = reading_.forest().scope.filter,
                                        .attributes = reading_.requested()});
    return true;
  }

  Reading reading_;
  std::vector<PartitionMark> marks_;
  std::size_t partition_ = 0;
  std::size_t container_ = 0;
  Session* session_ = nullptr;
  std::unique_ptr<PagedSearch> pages_;
};

/// What changed is listed, in every partition. Of an object that the engine holds whole, and that DirSync says only
/// some attributes of, these are told at once; all others are noted. Then what was deleted is told, and what was noted
/// is read as it is now. So an object that went from one domain to another is not gone at the end, and no value is told
/// that is older than another that was told before.
class DeltaImport final : public Import {
 public:
  DeltaImport(Forest forest, const LdapSettings& settings, connector::ImportRequest request, std::stop_token stop,
              std::vector<PartitionMark> marks)
      : reading_(std::move(forest), settings, std::move(stop)),
        settings_(settings),
        request_(std::move(request)),
        marks_(std::move(marks)) {
    changed_.resize(marks_.size());
    moved_.resize(marks_.size());
  }

  bool next(std::vector<Observation>& batch) override {
    batch.clear();
    reading_.throw_if_stopped();
    const QuietPipe quiet;
    connector::BatchLimit limit;
    std::size_t counted = 0;
    const auto count = [&] {
      for (; counted < batch.size(); ++counted) limit.count(batch[counted].entry);
    };
    while (!limit.reached() && list_some(batch)) count();
    count();
    while (!limit.reached() && advance(batch)) count();
    return !batch.empty();
  }

  ImportEnd end() override { return {make_marks(marks_, reading_.forest().fingerprint), false}; }

 private:
  using Guid = std::array<unsigned char, 16>;
  struct Change {
    Guid guid{};
    bool renamed = false;
    bool restored = false;
    friend auto operator<=>(const Change&, const Change&) = default;
  };

  static std::string text_of(const Guid& guid) {
    return guid_text({reinterpret_cast<const char*>(guid.data()), guid.size()}).value_or(std::string());
  }
  static Guid to_guid(std::string_view bytes) {
    Guid made{};
    std::copy_n(bytes.begin(), std::min(bytes.size(), made.size()), made.begin());
    return made;
  }

  /// Lists some more of the changes, and tells parts; false when all are listed.
  bool list_some(std::vector<Observation>& batch) {
    if (listing_ == marks_.size()) return false;
    try {
      if (marks_[listing_].changes == Changes::usn) {
        list_by_usn(listing_);
      } else if (list_by_dirsync(batch)) {
        return true;
      }
    } catch (DirSyncRefused& refused) {
      throw Error(Fault::invalid, "connector.watermark_refused", refused.error.message(),
                  "a full import begins a new series");
    }
    if (++listing_ == marks_.size()) settle_lists();
    return true;
  }

  void settle_lists() {
    for (auto& changed : changed_) std::ranges::sort(changed);
    std::ranges::sort(deleted_);
    deleted_.erase(std::unique(deleted_.begin(), deleted_.end()), deleted_.end());
    told_in_part_.clear();
  }

  DirSyncRequest request_for(std::size_t at) const {
    const Partition& partition = reading_.forest().partitions[at];
    DirSyncRequest request{.partition = partition.root.dn,
                           .attributes = {},
                           .visible_only = marks_[at].changes == Changes::dirsync_visible,
                           .cookie = marks_[at].cookie};
    const bool all = std::ranges::any_of(settings_.attributes, [](const auto& name) { return name == "*"; });
    if (settings_.attributes.empty() || all) return request;
    request.attributes = settings_.attributes;
    if (settings_.primary_group) request.attributes.emplace_back("primaryGroupID");
    // An object comes only when one of these has changed: what tells of moves and deletions must be among them.
    for (const char* needed : {"objectGUID", "objectClass", "name", "parentGUID", "isDeleted", "isRecycled"}) {
      request.attributes.emplace_back(needed);
    }
    return request;
  }

  /// Some of the partition that is being listed; false at its end.
  bool list_by_dirsync(std::vector<Observation>& batch) {
    Session& session = *reading_.forest().partitions[listing_].session;
    if (!dirsync_) {
      parts_ = marks_[listing_].changes == Changes::dirsync && request_.held && reading_.reader().can_read_parts();
      dirsync_ = std::make_unique<DirSyncSearch>(session, request_for(listing_), reading_.stop());
    }
    std::vector<Observation> parts;
    std::vector<Change> changes;  // of the parts, should they not be wanted
    while (parts.size() < k_read_at_once) {
      const Message message = dirsync_->next();
      if (!message) {
        tell_parts(std::move(parts), changes, batch);
        marks_[listing_].cookie = dirsync_->cookie();
        dirsync_.reset();
        return false;
      }
      const std::optional<Change> change = list(session, message.get(), listing_);
      if (!change) continue;
      Observation part;
      const bool in_part = parts_ && !change->renamed && !change->restored &&
                           reading_.reader().read_part(session, message.get(), part) &&
                           told_in_part_.insert(change->guid).second;
      if (in_part) {
        parts.push_back(std::move(part));
        changes.push_back(*change);
      } else {
        changed_[listing_].push_back(*change);
      }
    }
    tell_parts(std::move(parts), changes, batch);
    return true;
  }

  void tell_parts(std::vector<Observation> parts, const std::vector<Change>& changes, std::vector<Observation>& batch) {
    if (parts.empty()) return;
    std::vector<std::string> anchors;
    std::vector<std::set<std::string>> names;
    std::set<std::string> all_names;
    anchors.reserve(parts.size());
    for (const Observation& part : parts) {
      anchors.push_back(part.entry.anchor);
      all_names.merge(std::set(names.emplace_back(names_in(part))));
    }
    const Partition& partition = reading_.forest().partitions[listing_];
    plain_.learn(*partition.session, partition, all_names, reading_.stop());
    const std::vector<bool> held = request_.held(anchors);
    const auto is_plain = [&](const std::string& name) {
      return plain_.has(name) && !(settings_.primary_group && equal_ascii_case(name, "primaryGroupID"));
    };
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (held[i] && std::ranges::all_of(names[i], is_plain)) {
        batch.push_back(std::move(parts[i]));
      } else {
        changed_[listing_].push_back(changes[i]);
      }
    }
  }

  void list_by_usn(std::size_t at) {
    Partition& partition = reading_.forest().partitions[at];
    if (invocation_id(partition, reading_.stop()) != marks_[at].invocation_id) {
      throw Error(Fault::invalid, "connector.watermark_refused",
                  fmt::format("{} is another controller than the last time, or was restored: its numbers are others",
                              partition.session->where()),
                  "a full import begins a new series");
    }
    const std::int64_t now = load_root_dse(*partition.session, reading_.stop()).highest_usn;
    PagedSearch pages(*partition.session,
                      {.base = partition.root.dn,
                       .filter = fmt::format("(uSNChanged>={})", marks_[at].usn + 1),
                       .attributes = {"objectGUID", "isDeleted"}},
                      settings_.page_size, reading_.stop(), {{k_show_deleted, {}, true}});
    while (const Message message = pages.next()) {
      if (const auto change = list(*partition.session, message.get(), at)) changed_[at].push_back(*change);
    }
    marks_[at].usn = now;
  }

  /// What is to be noted of an object that has changed; nothing where it was deleted, which is noted here.
  std::optional<Change> list(Session& session, LDAPMessage* message, std::size_t at) {
    const ChangeFacts facts = read_change(session, message);
    if (facts.guid.size() != sizeof(Guid)) {
      throw Error(Fault::invalid, "ldap.no_anchor",
                  fmt::format("{}: a changed object has no objectGUID", session.where()),
                  "let the account of this connector read objectGUID");
    }
    if (++listed_count_ > k_most_changes) {
      throw Error(Fault::invalid, "connector.watermark_refused",
                  fmt::format("more than {} objects have changed", k_most_changes), "a full import is the quicker way");
    }
    Change change{to_guid(facts.guid)};
    if (facts.deleted) {
      deleted_.push_back(change.guid);
      return std::nullopt;
    }
    // Without DirSync nobody tells what changed: each container may have been renamed.
    const bool by_usn = marks_[at].changes == Changes::usn;
    change.renamed = by_usn || (facts.named && !facts.made);
    change.restored = !by_usn && facts.restored;
    return change;
  }

  /// One step; false when there is none left.
  bool advance(std::vector<Observation>& batch) {
    if (told_ < deleted_.size()) {
      batch.push_back(only_anchor(Observation::Kind::deleted, text_of(deleted_[told_++])));
      return true;
    }
    for (; at_ < marks_.size(); ++at_) {
      if (pages_) {
        take_from_subtree(batch);
        return true;
      }
      if (!changed_[at_].empty()) {
        read_some(batch);
        return true;
      }
      if (!moved_[at_].empty()) {
        begin_subtree();
        return true;
      }
    }
    return false;
  }

  Session& session() { return *reading_.forest().partitions[at_].session; }

  /// Some of the changed objects, as they are now.
  void read_some(std::vector<Observation>& batch) {
    auto& changed = changed_[at_];
    std::vector<Change> some;
    std::string filter = "(|";
    while (!changed.empty() && some.size() < k_read_at_once) {
      const Change change = changed.back();
      changed.pop_back();
      if (!some.empty() && some.back().guid == change.guid) {
        some.back().renamed = some.back().renamed || change.renamed;
        some.back().restored = some.back().restored || change.restored;
        continue;
      }
      filter += guid_filter(text_of(change.guid));
      some.push_back(change);
    }
    const bool any_restored = std::ranges::any_of(some, &Change::restored);
    Search search{
        .base = reading_.forest().partitions[at_].root.dn, .filter = filter + ")", .attributes = reading_.requested()};
    std::ranges::sort(some);
    std::vector<bool> seen(some.size());
    for (const auto pages = reading_.pages(session(), std::move(search)); const Message message = pages->next();) {
      Observation made;
      const bool counts = reading_.read(session(), message.get(), made.entry);
      const Guid guid = to_guid(guid_bytes(made.entry.anchor).value_or(std::string()));
      const auto found = std::ranges::lower_bound(some, guid, {}, &Change::guid);
      if (found == some.end() || found->guid != guid) continue;
      seen[static_cast<std::size_t>(found - some.begin())] = true;
      if (found->renamed && !is_leaf(class_of(made.entry))) moved_[at_].push_back(made.entry.anchor);
      batch.push_back(counts ? std::move(made) : only_anchor(Observation::Kind::gone, std::move(made.entry.anchor)));
    }
    for (std::size_t i = 0; i < some.size(); ++i) {
      if (!seen[i]) batch.push_back(only_anchor(Observation::Kind::gone, text_of(some[i].guid)));
    }
    if (any_restored) add_holders(some);
  }

  static std::string_view class_of(const model::Entry& entry) {
    const auto classes = std::ranges::find(entry.attributes, "objectClass", [](const auto& one) { return one.first; });
    if (classes == entry.attributes.end() || classes->second.empty()) return {};
    const auto* text = std::get_if<std::string>(&classes->second.back());
    return text != nullptr ? std::string_view(*text) : std::string_view();
  }

  /// A deleted object that comes back takes up its links again, and nobody tells of those that hold them. A holder may
  /// lie in another domain: only that one knows it.
  void add_holders(const std::vector<Change>& some) {
    const Forest& forest = reading_.forest();
    std::size_t first = at_;
    for (const Change& one : some) {
      if (!one.restored) continue;
      const std::vector<const char*> links{"memberOf", "directReports", "managedObjects"};
      const auto found = session().read(
          {.base = base_of(text_of(one.guid)), .scope = LDAP_SCOPE_BASE, .attributes = {links.begin(), links.end()}},
          reading_.stop(), extended_names());
      if (found.empty()) continue;
      for (const char* link : links) {
        for (const std::string& value : values_of(session().handle(), found.front().get(), link)) {
          const ExtendedDn holder = parse_extended_dn(value);
          const auto bytes = guid_bytes(holder.guid);
          const Partition* partition = bytes ? partition_of(forest, holder.dn) : nullptr;
          if (partition == nullptr) continue;
          const auto where = static_cast<std::size_t>(partition - forest.partitions.data());
          changed_[where].push_back({to_guid(*bytes)});
          first = std::min(first, where);
        }
      }
    }
    for (auto& changed : changed_) std::ranges::sort(changed);
    at_ = first;
  }

  /// A renamed container takes all below it along, and the server tells only of the container itself.
  void begin_subtree() {
    subtree_ = std::move(moved_[at_].back());
    moved_[at_].pop_back();
    pages_ = reading_.pages(
        session(),
        {.base = base_of(subtree_), .filter = reading_.forest().scope.filter, .attributes = reading_.requested()});
  }

  void take_from_subtree(std::vector<Observation>& batch) {
    try {
      const Message message = pages_->next();
      if (!message) {
        pages_.reset();
        return;
      }
      Observation made;
      const bool counts = reading_.read(session(), message.get(), made.entry);
      batch.push_back(counts ? std::move(made) : only_anchor(Observation::Kind::gone, std::move(made.entry.anchor)));
    } catch (const Error& error) {
      // Moved or removed since: that is in the next delta.
      if (error.id() != "ldap.no_container") throw;
      pages_.reset();
    }
  }

  Reading reading_;
  const LdapSettings& settings_;
  connector::ImportRequest request_;
  std::vector<PartitionMark> marks_;
  std::size_t listing_ = 0;  ///< the partition whose changes are being listed
  std::unique_ptr<DirSyncSearch> dirsync_;
  bool parts_ = false;  ///< of it, what only changed is told at once
  PlainAttributes plain_;
  std::set<Guid> told_in_part_;
  std::size_t listed_count_ = 0;
  std::vector<Guid> deleted_;
  std::vector<std::vector<Change>> changed_;     ///< by partition, sorted
  std::vector<std::vector<std::string>> moved_;  ///< by partition: renamed containers
  std::size_t told_ = 0;
  std::size_t at_ = 0;
  std::string subtree_;
  std::unique_ptr<PagedSearch> pages_;
};

}  // namespace

std::unique_ptr<Import> active_directory_full_import(Forest forest, const LdapSettings& settings, Logger& logger,
                                                     std::stop_token stop) {
  return std::make_unique<FullImport>(std::move(forest), settings, logger, std::move(stop));
}

std::unique_ptr<Import> active_directory_delta_import(Forest forest, const LdapSettings& settings, Logger& /*logger*/,
                                                      std::stop_token stop, connector::ImportRequest request) {
  std::vector<PartitionMark> marks = read_marks(request.watermark, forest.fingerprint);
  const auto& partitions = forest.partitions;
  const bool same = std::ranges::equal(marks, partitions, [](const PartitionMark& mark, const Partition& partition) {
    return mark.partition == partition.root.guid;
  });
  if (!same) {
    throw Error(Fault::invalid, "connector.watermark_refused", "the partitions are others than the last time",
                "a full import begins a new series");
  }
  const bool other_way = settings.changes != Changes::automatic &&
                         std::ranges::any_of(marks, [&](const auto& mark) { return mark.changes != settings.changes; });
  if (other_way) {
    throw Error(Fault::invalid, "connector.watermark_refused", "changes are to be asked for in another way now",
                "a full import begins a new series");
  }
  return std::make_unique<DeltaImport>(std::move(forest), settings, std::move(request), std::move(stop),
                                       std::move(marks));
}

}  // namespace linkspan::connector_ldap
