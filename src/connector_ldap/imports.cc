#include "connector_ldap/internal/imports.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "connector/batch_limit.h"
#include "connector_ldap/internal/anchor.h"
#include "connector_ldap/internal/entry_reader.h"
#include "connector_ldap/internal/quiet_pipe.h"
#include "connector_ldap/internal/searches.h"
#include "connector_ldap/internal/values.h"
#include "model/dn.h"

namespace linkspan::connector_ldap {

using connector::Import;
using connector::ImportEnd;
using model::Observation;

namespace {

constexpr const char* k_everything = "(objectClass=*)";

Observation only_anchor(Observation::Kind kind, std::string anchor) {
  Observation made;
  made.kind = kind;
  made.entry.anchor = std::move(anchor);
  return made;
}

void throw_if_stopped(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(Fault::cancelled, "ldap.stopped", "the import was stopped");
}

int page_size(const Opened& opened, const LdapSettings& settings) {
  return opened.root.offers(LDAP_CONTROL_PAGEDRESULTS) ? settings.page_size : 0;
}

void tell_references(Logger& logger, const Session& session, std::size_t count) {
  if (count == 0) return;
  logger.log(Level::warning, "ldap.elsewhere", "parts of the tree are on other servers, and were not read",
             {{"server", session.where()}, {"references", std::to_string(count)}});
}

/// OpenLDAP's cookies are sequence numbers of the whole database ("rid=001,csn=20261130…#000000#001#000000"), whichever
/// search they come from. Those of others may be tied to it (389 Directory Server writes base and filter into it).
bool is_of_the_database(std::string_view cookie) { return cookie.find("csn=") != std::string_view::npos; }

/// The cookie of a search for the base alone, empty where the server does not synchronize it for this account.
std::string cookie_now(Session& session, const std::string& base, const std::stop_token& stop) {
  try {
    SyncSearch search(session, {.base = base, .scope = LDAP_SCOPE_BASE, .attributes = {"1.1"}}, {}, stop);
    while (search.next()) {
    }
    return search.done().cookie;
  } catch (const SyncRefused&) {
    return {};
  } catch (const Error& error) {
    if (error.fault() != Fault::not_found && error.fault() != Fault::denied) throw;
    return {};
  }
}

/// What a watermark by modifyTimestamp begins with; a time follows as LDAP writes it.
constexpr std::string_view k_modified_since = "modified since ";

/// Servers that replicate stamp by clocks of their own.
constexpr std::chrono::minutes k_clocks_differ{10};

bool shows_modifications(Session& session, const std::string& base, const std::stop_token& stop) {
  const auto read = [&](const std::string& filter) {
    return session.read({.base = base, .scope = LDAP_SCOPE_BASE, .filter = filter, .attributes = {"modifyTimestamp"}},
                        stop);
  };
  try {
    const auto entries = read(k_everything);
    if (entries.empty()) return false;
    const auto values = values_of(session.handle(), entries.front().get(), "modifyTimestamp");
    return !values.empty() && from_generalized_time(values.front()) &&
           !read(fmt::format("(modifyTimestamp>={})", escape_filter(values.front()))).empty();
  } catch (const Error& error) {
    if (error.fault() == Fault::unavailable || error.fault() == Fault::cancelled) throw;
    return false;
  }
}

/// From when on changes are to be asked for after a read that saw `take`n times. No two clocks are compared: the newest
/// time that was seen is at most the server's own at the end, which is its time at the beginning and what the read
/// took.
class ModificationTime {
 public:
  void take(const std::optional<Time>& modified) {
    if (modified && (!newest_ || *modified > *newest_)) newest_ = modified;
  }
  /// Empty = nothing was seen.
  [[nodiscard]] std::string mark() const {
    if (!newest_) return {};
    const auto took = std::chrono::steady_clock::now() - begun_;
    const Time from = *newest_ - std::chrono::ceil<std::chrono::seconds>(took) - k_clocks_differ;
    return std::string(k_modified_since) + wire_value(model::Value(std::chrono::floor<std::chrono::seconds>(from)));
  }

 private:
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::optional<Time> newest_;
};

class FullImport final : public Import {
 public:
  FullImport(Opened opened, const LdapSettings& settings, Logger& logger, std::stop_token stop)
      : opened_(std::move(opened)),
        settings_(settings),
        logger_(logger),
        stop_(std::move(stop)),
        reader_(*opened_.schema, settings.object_types, settings.attributes, Dialect::ldap,
                settings.placeholder_member),
        by_sync_(opened_.changes == ChangeSource::sync) {
    if (!by_sync_) return;
    // OpenLDAP leaves out of a refresh what was written after its sequence number was taken: what changes while we
    // read, and what changed beside something slower before that. All of it would be taken for gone. Its number is one
    // for the whole database: it is asked for first, and then everything is read in pages, whenever it was written.
    cookie_ = cookie_now(*opened_.session, opened_.scope.bases.front(), stop_);
    by_sync_ = wide_ = !is_of_the_database(cookie_);
    if (by_sync_) cookie_.clear();
  }

  bool next(std::vector<Observation>& batch) override {
    batch.clear();
    throw_if_stopped(stop_);
    const QuietPipe quiet;
    try {
      fill(batch);
    } catch (SyncRefused& refused) {
      if (delivered_) throw std::move(refused.error);
      fall_back(refused.error);
      batch.clear();
      fill(batch);
    }
    delivered_ = delivered_ || !batch.empty();
    return !batch.empty();
  }

  ImportEnd end() override {
    if (opened_.changes == ChangeSource::modification_time) cookie_ = time_.mark();
    return {make_watermark(settings_, opened_.scope, cookie_), true};
  }

 private:
  struct Item {
    Message entry;
    std::string anchor;  ///< when the server said it apart from the entry
  };

  void fall_back(const Error& error) {
    logger_.log(Level::info, "ldap.sync_refused", "the server does not synchronize for this account: reading in pages",
                {{"server", opened_.session->where()}, {"reason", error.message()}});
    by_sync_ = false;
    wide_ = false;
    sync_.reset();
    cookie_.clear();
    at_ = 0;
  }

  void fill(std::vector<Observation>& batch) {
    connector::BatchLimit limit;
    while (!limit.reached()) {
      Item item = take();
      if (!item.entry) return;
      Observation& made = batch.emplace_back();
      const EntryFacts facts = reader_.read(*opened_.session, item.entry.get(), std::move(item.anchor), made.entry);
      time_.take(facts.modified);
      const bool counts =
          facts.in_scope && (wide_ ? opened_.scope.contains(made.entry.dn) : !opened_.scope.excludes(made.entry.dn));
      if (counts) {
        limit.count(made.entry);
      } else {
        batch.pop_back();
      }
    }
  }

  /// The next entry of all searches, null at the end of the last.
  Item take() {
    for (;;) {
      if (sync_) {
        while (auto event = sync_->next()) {
          // A list of identities has no place in a first synchronization; what is not told is not there.
          if (event->entry) return {std::move(event->entry), std::move(event->state.uuid)};
        }
        if (at_ == 1) cookie_ = sync_->done().cookie;  // the oldest covers the others' changes as well
        tell_references(logger_, *opened_.session, sync_->references());
        sync_.reset();
      }
      if (pages_) {
        if (Message entry = pages_->next()) return {std::move(entry), {}};
        tell_references(logger_, *opened_.session, pages_->references());
        pages_.reset();
      }
      if (!begin_next()) return {};
    }
  }

  bool begin_next() {
    const std::vector<std::string>& bases = wide_ ? opened_.scope.bases : opened_.scope.containers;
    if (at_ == bases.size()) return false;
    Search search{
        .base = bases[at_++], .filter = wide_ ? k_everything : opened_.scope.filter, .attributes = reader_.requested()};
    if (by_sync_) {
      sync_.emplace(*opened_.session, search, std::string(), stop_);
    } else {
      if (opened_.changes == ChangeSource::modification_time) search.attributes.emplace_back("modifyTimestamp");
      pages_.emplace(*opened_.session, std::move(search), page_size(opened_, settings_), stop_);
    }
    return true;
  }

  Opened opened_;
  const LdapSettings& settings_;
  Logger& logger_;
  std::stop_token stop_;
  EntryReader reader_;
  bool by_sync_;
  bool wide_ = false;  ///< a cookie may be of the search it came from: the whole base is read, containers picked here
  bool delivered_ = false;
  std::size_t at_ = 0;
  std::string cookie_;
  ModificationTime time_;
  std::optional<SyncSearch> sync_;
  std::optional<PagedSearch> pages_;
};

/// Reads what changed anywhere below the base, so that what left a container is seen to leave it.
class DeltaImport final : public Import {
 public:
  DeltaImport(Opened opened, const LdapSettings& settings, Logger& logger, std::stop_token stop, std::string cookie)
      : opened_(std::move(opened)),
        settings_(settings),
        logger_(logger),
        stop_(std::move(stop)),
        reader_(*opened_.schema, settings.object_types, settings.attributes, Dialect::ldap,
                settings.placeholder_member),
        cookie_(std::move(cookie)) {
    if (opened_.changes == ChangeSource::sync) {
      sync_.emplace(*opened_.session, wide_search(opened_.scope.bases.front()), cookie_, stop_);
      return;
    }
    logger_.log(Level::info, "ldap.deletions_unseen", "deletions are seen by full imports only",
                {{"server", opened_.session->where()}, {"reason", "changes are found by modifyTimestamp"}});
    to_list_ = opened_.scope.bases;
  }

  bool next(std::vector<Observation>& batch) override {
    batch.clear();
    throw_if_stopped(stop_);
    const QuietPipe quiet;
    try {
      connector::BatchLimit limit;
      for (std::size_t counted = 0; !limit.reached() && advance(batch);) {
        for (; counted < batch.size(); ++counted) limit.count(batch[counted].entry);
      }
    } catch (SyncRefused& refused) {
      throw Error(Fault::invalid, "connector.watermark_refused", refused.error.message(),
                  "a full import begins a new series");
    }
    return !batch.empty();
  }

  ImportEnd end() override {
    if (opened_.changes == ChangeSource::modification_time) cookie_ = std::max(cookie_, time_.mark());
    return {make_watermark(settings_, opened_.scope, cookie_), complete_};
  }

 private:
  Search wide_search(const std::string& base) const {
    Search search{.base = base, .filter = k_everything, .attributes = reader_.requested()};
    search.attributes.emplace_back("hasSubordinates");
    return search;
  }

  /// One message; false when there is none left.
  bool advance(std::vector<Observation>& batch) {
    if (sync_) {
      if (auto event = sync_->next()) {
        take(*event, batch);
      } else {
        end_of_sync();
      }
      return true;
    }
    if (list_changed(batch)) return true;
    if (!pages_ && !begin_subtree()) return false;
    try {
      Message entry = pages_->next();
      if (!entry) {
        pages_.reset();
      } else {
        convert(entry.get(), {}, batch);
      }
    } catch (const Error& error) {
      // Moved or removed since: that is in the next delta.
      if (error.id() != "ldap.no_container") throw;
      pages_.reset();
    }
    return true;
  }

  /// One message of the search for what was modified; false when that is over.
  bool list_changed(std::vector<Observation>& batch) {
    if (!changed_ && to_list_.empty()) return false;
    if (!changed_) {
      Search search = wide_search(to_list_.back());
      search.attributes.emplace_back("modifyTimestamp");
      search.filter = fmt::format("(modifyTimestamp>={})", escape_filter(cookie_.substr(k_modified_since.size())));
      changed_.emplace(*opened_.session, std::move(search), page_size(opened_, settings_), stop_);
    }
    if (const Message entry = changed_->next()) {
      convert(entry.get(), {}, batch);
      return true;
    }
    tell_references(logger_, *opened_.session, changed_->references());
    changed_.reset();
    to_list_.pop_back();
    if (to_list_.empty()) choose_moved();
    return true;
  }

  void take(SyncSearch::Event& event, std::vector<Observation>& batch) {
    const auto kind = event.info.refresh_deletes ? Observation::Kind::gone : Observation::Kind::unchanged;
    for (std::string& uuid : event.info.uuids) batch.push_back(only_anchor(kind, std::move(uuid)));
    if (!event.entry) return;
    if (event.state.state == LDAP_SYNC_DELETE) {
      batch.push_back(only_anchor(Observation::Kind::gone, std::move(event.state.uuid)));
    } else if (event.state.state == LDAP_SYNC_PRESENT) {
      batch.push_back(only_anchor(Observation::Kind::unchanged, std::move(event.state.uuid)));
    } else {
      convert(event.entry.get(), std::move(event.state.uuid), batch);
    }
  }

  void convert(LDAPMessage* message, std::string anchor, std::vector<Observation>& batch) {
    Observation made;
    const EntryFacts facts = reader_.read(*opened_.session, message, std::move(anchor), made.entry);
    if (pages_ && made.entry.dn == subtree_) return;  // that one has been told of
    time_.take(facts.modified);
    if (facts.has_children && !pages_) moved_.push_back(made.entry.dn);
    if (facts.in_scope && opened_.scope.contains(made.entry.dn)) {
      batch.push_back(std::move(made));
    } else {
      batch.push_back(only_anchor(Observation::Kind::gone, std::move(made.entry.anchor)));
    }
  }

  void end_of_sync() {
    const SyncDone& done = sync_->done();
    if (!done.cookie.empty()) cookie_ = done.cookie;
    // 389 Directory Server lists what changed and what went, and says (RFC 4533, 3.3.2) that it had listed all that is.
    complete_ = !done.refresh_deletes && !has_unique_ids(*opened_.schema);
    tell_references(logger_, *opened_.session, sync_->references());
    sync_.reset();
    choose_moved();
  }

  /// A renamed container takes all below it along, and the server tells only of the container itself.
  void choose_moved() {
    const std::string base_key = model::dn_key(opened_.scope.bases.front());
    std::vector<std::pair<std::string, std::string>> keyed;
    keyed.reserve(moved_.size());
    for (std::string& dn : moved_) keyed.emplace_back(model::dn_key(dn), std::move(dn));
    moved_.clear();
    for (const auto& [key, dn] : keyed) {
      const bool covered = std::ranges::any_of(keyed, [&](const auto& other) {
        return other.first != key && other.first != base_key && model::is_within(key, other.first);
      });
      if (key != base_key && !covered) moved_.push_back(dn);
    }
  }

  bool begin_subtree() {
    if (moved_.empty()) return false;
    subtree_ = moved_.back();
    Search search{.base = subtree_, .filter = k_everything, .attributes = reader_.requested()};
    moved_.pop_back();
    pages_.emplace(*opened_.session, std::move(search), page_size(opened_, settings_), stop_);
    return true;
  }

  Opened opened_;
  const LdapSettings& settings_;
  Logger& logger_;
  std::stop_token stop_;
  EntryReader reader_;
  std::string cookie_;
  ModificationTime time_;
  std::vector<std::string> to_list_;    ///< bases that are still to be searched for what was modified
  std::optional<PagedSearch> changed_;  ///< in the last of them
  bool complete_ = false;
  std::vector<std::string> moved_;  ///< containers that changed: what lies below may have a new name
  std::string subtree_;             ///< the one of them that is read just now
  std::optional<SyncSearch> sync_;
  std::optional<PagedSearch> pages_;
};

}  // namespace

ChangeSource choose_changes(Session& session, const RootDse& root, const Scope& scope, const LdapSettings& settings,
                            const std::stop_token& stop) {
  if (settings.always_full) return ChangeSource::none;
  const bool offered = root.offers(LDAP_CONTROL_SYNC) && scope.bases.size() == 1;
  // A server names the control for all its databases together, and may refuse it for one of them, or for the account.
  if (offered && !cookie_now(session, scope.bases.front(), stop).empty()) return ChangeSource::sync;
  const bool shown = std::ranges::all_of(
      scope.bases, [&](const std::string& base) { return shows_modifications(session, base, stop); });
  return shown ? ChangeSource::modification_time : ChangeSource::none;
}

std::unique_ptr<Import> full_import(Opened opened, const LdapSettings& settings, Logger& logger, std::stop_token stop) {
  return std::make_unique<FullImport>(std::move(opened), settings, logger, std::move(stop));
}

std::unique_ptr<Import> delta_import(Opened opened, const LdapSettings& settings, Logger& logger, std::stop_token stop,
                                     std::string_view watermark) {
  std::string cookie = read_watermark(settings, opened.scope, watermark);
  const bool by_time = cookie.starts_with(k_modified_since);
  if (opened.changes != (by_time ? ChangeSource::modification_time : ChangeSource::sync)) {
    throw Error(Fault::invalid, "connector.watermark_refused",
                fmt::format("{}: the server is not asked for changes in the way that it was", opened.session->where()),
                "a full import begins a new series");
  }
  return std::make_unique<DeltaImport>(std::move(opened), settings, logger, std::move(stop), std::move(cookie));
}

}  // namespace linkspan::connector_ldap
