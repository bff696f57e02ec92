#pragma once
// The durable memory of the synchronizer, as the pipeline sees it. The backend (store_sql) is named only by app/, by
// transfer and by tests, and passes store/testing/store_contract.h on every kind of database.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/names.h"
#include "store/rows.h"

namespace linkspan::store {

/// Proof that this process is in charge of the database. `fence` grows with every new holder: whoever holds an older
/// one can write nothing any more.
struct Lease {
  std::string holder;  ///< host and process, for people
  std::int64_t fence = 0;
};

/// When a commit is on the disk.
enum class Durability : std::uint8_t {
  at_once,
  /// With the next one that is at once. Until then a loss of power may take it back, with all that came after it: for
  /// work that is simply done again, while what tells that it is done (a watermark, a finished step) comes at once.
  deferred,
};

/// A scan in order of id: "the next `limit` after `after`".
struct Page {
  std::int64_t after = 0;
  std::size_t limit = 1000;
};

/// A consistent view of connector spaces and metaverse. Holding one never blocks a writer. One thread at a time.
/// Everything that takes a span of ids or keys answers for all in a fixed number of round trips, and skips what is not
/// there; answers come in no particular order unless one is named.
class View {
 public:
  virtual ~View() = default;

  /// Objects of `connector` in order of id. With `touched` != 0 only those with any of these bits; with no connector
  /// (id 0) those of all.
  [[nodiscard]] virtual std::vector<ObjectWithImages> scan_objects(ConnectorId connector, std::uint8_t touched,
                                                                   ImageMask images, Page page) = 0;
  /// Objects of `connector` with a pending export (or pending references), in order of id.
  [[nodiscard]] virtual std::vector<ObjectWithImages> scan_pending(ConnectorId connector, Page page) = 0;

  [[nodiscard]] virtual std::vector<ObjectWithImages> load_objects(std::span<const ObjectId> ids, ImageMask images) = 0;

  /// By anchor, and (for those of dn_keys that are not empty) by normalised DN, within one connector.
  [[nodiscard]] virtual std::vector<Object> find_objects(ConnectorId connector, std::span<const std::string> anchors,
                                                         std::span<const std::string> dn_keys) = 0;

  /// All objects joined to these metaverse objects, of every connector.
  [[nodiscard]] virtual std::vector<ObjectWithImages> joined_to(std::span<const MetaverseId> ids, ImageMask images) = 0;

  /// Disconnectors of `connector` (0 = of any) that have one of these keys: (object, index into keys).
  [[nodiscard]] virtual std::vector<std::pair<ObjectId, std::size_t>> objects_by_key(ConnectorId connector,
                                                                                     std::span<const Key> keys) = 0;
  /// Metaverse objects that have one of these keys: (object, its type, index into keys).
  struct MetaverseMatch {
    MetaverseId id;
    NameId type = 0;
    std::size_t key = 0;
  };
  [[nodiscard]] virtual std::vector<MetaverseMatch> metaverse_by_key(std::span<const Key> keys) = 0;

  /// Metaverse objects in order of id; with `touched` only the touched ones.
  [[nodiscard]] virtual std::vector<Metaverse> scan_metaverse(bool touched, Page page) = 0;
  [[nodiscard]] virtual std::vector<Metaverse> load_metaverse(std::span<const MetaverseId> ids) = 0;

  /// Every reference row of these objects, ordered by object, attribute, target. `pending_only`: those an export must
  /// send.
  [[nodiscard]] virtual std::vector<Reference> references_of(std::span<const ObjectId> objects, bool pending_only) = 0;

  /// The rows of these references, ordered likewise.
  [[nodiscard]] virtual std::vector<Reference> find_references(std::span<const ReferenceKey> keys) = 0;

  /// The first `limit` references, in order, of which the consequences have not been drawn (Batch::touch_references).
  [[nodiscard]] virtual std::vector<ReferenceKey> touched_references(std::size_t limit) = 0;

  /// Every reference row that leads to these objects, ordered by object, attribute, target.
  [[nodiscard]] virtual std::vector<Reference> references_to(std::span<const ObjectId> targets) = 0;

  /// For each source the observed targets, and what else the source says (referenced_by, flatten), translated: target
  /// -> its metaverse object -> the object of `connector` joined to that. (index into sources, target object in
  /// `connector`, or 0 when there is none). Flattened, a target comes once; circles end.
  struct Resolved {
    std::size_t source = 0;
    ObjectId target;
  };
  [[nodiscard]] virtual std::vector<Resolved> resolve_references(ConnectorId connector,
                                                                 std::span<const model::ReferenceSource> sources) = 0;
};

/// What can be counted; cheap enough for `status` at a million objects.
struct ConnectorCounts {
  ConnectorId connector;
  std::int64_t objects = 0;  ///< without placeholders
  std::int64_t joined = 0;
  std::int64_t adds = 0, updates = 0, renames = 0, removes = 0;  ///< pending exports
  std::int64_t errors = 0;
};

/// What people and the guard ask; the same consistency and thread rule as View.
class Summary {
 public:
  virtual ~Summary() = default;
  [[nodiscard]] virtual std::vector<ConnectorCounts> counts() = 0;
  [[nodiscard]] virtual std::int64_t metaverse_objects() = 0;
  /// Errors of one connector's objects, oldest first; connector 0 = all. `page.after` is how many to skip.
  [[nodiscard]] virtual std::vector<ObjectError> errors(ConnectorId connector, Page page) = 0;
  [[nodiscard]] virtual std::vector<ObjectError> errors_of(std::span<const ObjectId> objects) = 0;
  /// Objects whose anchor, dn or (folded) join keys equal or whose dn contains `text`; at most `limit`.
  [[nodiscard]] virtual std::vector<Object> search_objects(ConnectorId connector, std::string_view text,
                                                           std::size_t limit) = 0;
  [[nodiscard]] virtual std::vector<Metaverse> search_metaverse(std::string_view text, std::size_t limit) = 0;
  [[nodiscard]] virtual std::string watermark(ConnectorId connector) = 0;
};

/// What to write of one connector object: the row always, the images in `mask`, the join keys if given (replacing all).
struct ObjectWrite {
  Object object;
  Images images;
  ImageMask mask = no_images;
  bool keys_given = false;
  std::vector<Key> keys;
};

struct MetaverseWrite {
  Metaverse metaverse;
  bool keys_given = false;
  std::vector<Key> keys;
};

/// References whose change means something for more than their holder, as rules read them (rules::RuleSet).
struct DerivedReferences {
  std::span<const NameId> backwards{};  ///< attributes that are looked at from what they lead to
  std::span<const NameId> through{};    ///< attributes that are followed on from object to object
  bool alone = false;                   ///< no other reference has holders that count
  [[nodiscard]] bool empty() const { return backwards.empty() && through.empty(); }
};

/// All-or-nothing writes under a lease. Destroying an uncommitted Batch rolls it back; after any of its methods threw,
/// that is all that is left to do. One thread at a time. Reads through a View opened before do not see it until it is
/// committed. Anchors, DN keys and join keys have at most 2,000 bytes (Fault::invalid "store.key_too_long"); names,
/// DNs, messages and settings are UTF-8 without NUL. The larger a batch, the less an object costs: some thousands are
/// good.
class Batch {
 public:
  virtual ~Batch() = default;

  /// Fresh ids for new objects: `count` in a row, the first is returned. Never given out twice, even after a rollback.
  [[nodiscard]] virtual ObjectId new_objects(std::size_t count) = 0;
  [[nodiscard]] virtual MetaverseId new_metaverse(std::size_t count) = 0;

  /// Inserts or replaces by id. Throws Fault::conflict "store.duplicate_anchor" when (connector, anchor) is another's.
  virtual void put_objects(std::span<const ObjectWrite> writes) = 0;
  /// Removes the rows with images, keys, errors and the references they hold. Those still referenced by others stay as
  /// placeholders (without images, type or join, and with what references name them by: their dn_key, or, where they
  /// have none, their anchor); which is which is the store's to find out.
  virtual void remove_objects(std::span<const ObjectId> ids) = 0;

  virtual void put_metaverse(std::span<const MetaverseWrite> writes) = 0;
  /// Objects joined to them must have been unlinked in this batch.
  virtual void remove_metaverse(std::span<const MetaverseId> ids) = 0;

  /// Inserts, replaces, or (bits 0) removes by (object, attribute, target).
  virtual void put_references(std::span<const Reference> references) = 0;

  /// Marks as touched_outbound every metaverse object joined to an object that references (observed) an object joined
  /// to one of `targets`, or one of `objects` itself: the holders must look again at where their references lead. What
  /// is read backwards has its holder at the other end; what is read through has its holders' holders, too.
  virtual void touch_holders(std::span<const MetaverseId> targets, std::span<const ObjectId> objects,
                             const DerivedReferences& derived) = 0;

  /// References that came or went, or may lead elsewhere now: the reference stage is to draw the consequences of each
  /// alone, so that a changed member costs nothing for the others of its group.
  virtual void touch_references(std::span<const ReferenceKey> keys) = 0;

  /// Touches every reference, whatever its bits, that leads to an object joined to one of `targets` (as this batch has
  /// joined them by now), or to one of `objects` itself.
  virtual void touch_references_to(std::span<const MetaverseId> targets, std::span<const ObjectId> objects) = 0;

  /// Their consequences have been drawn.
  virtual void settle_references(std::span<const ReferenceKey> keys) = 0;

  /// Sets or clears bits of `touched` for whole spans of ids.
  virtual void touch_objects(std::span<const ObjectId> ids, std::uint8_t set, std::uint8_t clear) = 0;

  virtual void put_watermark(ConnectorId connector, std::string_view watermark) = 0;

  /// Records (count + 1, first_at kept) or, with an empty `error`, forgets the object's errors of that stage.
  virtual void put_errors(std::span<const ObjectError> errors) = 0;

  /// Makes every write above durable, or none; checks in the same transaction that the lease still holds
  /// (Fault::conflict "store.lease_lost"). Names interned meanwhile are written with it. Call once.
  virtual void commit() = 0;
};

/// Configuration: small, read whole, written item by item, each write durable when it returns and under the lease. A
/// write waits for an open Batch: never call one from the thread that holds it.
class Configuration {
 public:
  virtual ~Configuration() = default;
  [[nodiscard]] virtual std::vector<ConnectorRow> connectors() = 0;
  /// Inserts (id 0) or replaces; returns the id.
  virtual ConnectorId put_connector(const ConnectorRow& row) = 0;
  /// Removes the connector with its connector space. Identities that lose a contributor are touched; a full
  /// synchronization is due afterwards.
  virtual void remove_connector(ConnectorId id) = 0;

  [[nodiscard]] virtual std::vector<RuleRow> rules() = 0;
  /// Replaces the whole rule set at once: rules of the same name keep their id; the others go or come.
  virtual void put_rules(std::span<const RuleRow> rules) = 0;

  [[nodiscard]] virtual std::vector<SecretRow> secrets() = 0;
  /// Replaces these (connector, name) pairs; an empty `sealed` removes. All or none.
  virtual void put_secrets(std::span<const SecretRow> rows) = 0;

  /// Settings are name -> text ("staging", "full_synchronization_due", "guard.deletions.count", …).
  [[nodiscard]] virtual std::optional<std::string> setting(std::string_view name) = 0;
  [[nodiscard]] virtual std::vector<std::pair<std::string, std::string>> settings() = 0;
  virtual void put_settings(std::span<const std::pair<std::string, std::string>> values) = 0;  ///< empty text removes
};

/// Leases and run history. Writes of the history run under the lease of `use_lease`, like those of Configuration.
class Operations {
 public:
  virtual ~Operations() = default;

  /// The database's clock: the one that every server which shares it goes by.
  [[nodiscard]] virtual Time now() = 0;

  /// Takes the lease, or nullopt while another holder's has not lapsed (by the database's clock). The same holder gets
  /// it anew at once, and the greater fence shuts its earlier self out.
  [[nodiscard]] virtual std::optional<Lease> acquire(std::string_view holder, std::chrono::seconds lasts) = 0;
  /// False: lost; write nothing more.
  [[nodiscard]] virtual bool renew(const Lease& lease, std::chrono::seconds lasts) = 0;
  virtual void release(const Lease& lease) = 0;
  struct LeaseState {
    std::string holder;
    std::int64_t fence = 0;
    bool held = false;
    Time seen_at{};  ///< last renewed
  };
  [[nodiscard]] virtual LeaseState lease_state() = 0;

  [[nodiscard]] virtual RunId begin_run(const Run& run) = 0;
  /// Replaces the step of that name and start, or adds one.
  virtual void put_step(RunId run, const RunStep& step) = 0;
  virtual void end_run(RunId run, std::string_view result, Time at) = 0;
  /// Newest first.
  [[nodiscard]] virtual std::vector<Run> runs(std::size_t limit) = 0;
  /// Those that ended; one still running stays.
  virtual void prune_runs(Time before) = 0;
};

/// A running service, as it last reported itself. A holder's name, as of a lease.
struct Server {
  std::string name;
  bool leads = false;
  Time seen_at{};
  Time stands_back_until{};  ///< does not lead before; long ago for most
};

/// Which service starts cycles, where several share one database. It protects nothing: what is written is protected by
/// the lease, which whoever writes takes for as long as a run or a command lasts. All times are the database's.
class Servers {
 public:
  virtual ~Servers() = default;

  /// `name` is alive, for `lasts` unless it says so again; those whose time is over are forgotten. Where nobody leads,
  /// it leads from now on, unless it stands back. Its standing comes back. Throws "store.moved".
  virtual Server report(std::string_view name, std::chrono::seconds lasts) = 0;

  /// `name` is no longer there: it ended, or whoever knows that it died says so.
  virtual void leave(std::string_view name) = 0;

  /// Whoever leads no longer does, and stands back for `time`. Its name; empty where nobody leads.
  virtual std::string step_down(std::chrono::seconds time) = 0;

  /// Those alive, who leads first, then by name. Writes nothing.
  [[nodiscard]] virtual std::vector<Server> list() = 0;
};

/// What `status` and setup say of the database itself.
struct DatabaseInfo {
  std::string product;   ///< "SQLite 3.40.1", "PostgreSQL 15.18"
  std::string location;  ///< URL without secrets
  int schema = 0;
  std::string id;        ///< random, made with the database; a copy keeps it
  std::string moved_to;  ///< not empty: this database is no longer in charge, and where it went
};

/// Opens views and batches. Safe to share between threads; each object it hands out belongs to one thread at a time and
/// must not outlive it.
class Store {
 public:
  virtual ~Store() = default;
  [[nodiscard]] virtual std::unique_ptr<View> view() = 0;
  [[nodiscard]] virtual std::unique_ptr<Summary> summary() = 0;
  /// Waits for no one: only one Batch at a time (Fault::conflict "store.busy" otherwise).
  [[nodiscard]] virtual std::unique_ptr<Batch> batch(const Lease& lease,
                                                     Durability durability = Durability::at_once) = 0;
  /// Writes need `use_lease` first; reads do not.
  [[nodiscard]] virtual Configuration& configuration() = 0;
  [[nodiscard]] virtual Operations& operations() = 0;
  [[nodiscard]] virtual Servers& servers() = 0;
  /// The lease that writes of configuration and history run under.
  virtual void use_lease(const Lease& lease) = 0;
  /// Loaded when the store was opened and again by refresh_names().
  [[nodiscard]] virtual model::Names& names() = 0;
  /// Whoever takes the lease calls it first: names are from then on what the database holds. Those interned and never
  /// written are forgotten, since another may have given their ids away; so nothing that goes by ids of before may be
  /// under way.
  virtual void refresh_names() = 0;
  /// For the holder of the lease, after the database was away: what it lacks of the names (a failover lost it, or a
  /// commit did not arrive) is written with the next batch, and ids stay what they are. Throws Fault::corrupt
  /// "model.name_table" when another has given some of them away.
  virtual void check_names() = 0;
  [[nodiscard]] virtual DatabaseInfo info() = 0;
};

}  // namespace linkspan::store
