#include "store_sql/internal/batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "sql/row_batch.h"
#include "store_sql/internal/metaverse_rows.h"
#include "store_sql/internal/object_rows.h"
#include "store_sql/internal/object_writer.h"
#include "store_sql/internal/reference_rows.h"
#include "store_sql/internal/references.h"

namespace linkspan::store_sql {

namespace {

using sql::Role;
using store::ConnectorId;
using store::MetaverseId;
using store::MetaverseWrite;
using store::ObjectError;
using store::ObjectId;
using store::ObjectWrite;
using store::Reference;
using store::ReferenceKey;

constexpr std::string_view k_object_ids = "connector_object";
constexpr std::string_view k_metaverse_ids = "metaverse_object";

const sql::Table& touched_reference() {
  static const sql::Table table{
      .name = "touched_reference",
      .columns = {{"object_id", Role::key}, {"attribute_id", Role::key}, {"target_id", Role::key}}};
  return table;
}

class SqlBatch final : public store::Batch {
 public:
  SqlBatch(Core& core, const store::Lease& lease, store::Durability durability)
      : core_(core),
        lease_(lease),
        mode_(durability == store::Durability::at_once ? sql::Mode::write : sql::Mode::write_deferred) {
    const std::lock_guard lock(core_.mutex);
    if (core_.batch_open) {
      throw Error(Fault::conflict, "store.busy", core_.pool.name() + ": another batch of this process is being written",
                  "Wait for it to end; one is written at a time.");
    }
    core_.batch_open = true;
  }
  ~SqlBatch() override {
    session_.reset();
    const std::lock_guard lock(core_.mutex);
    core_.batch_open = false;
  }

  ObjectId new_objects(std::size_t count) override { return ObjectId{take(k_object_ids, object_ids_, count)}; }
  MetaverseId new_metaverse(std::size_t count) override {
    return MetaverseId{take(k_metaverse_ids, metaverse_ids_, count)};
  }

  void put_objects(std::span<const ObjectWrite> writes) override { objects_.put(database(), writes); }
  void remove_objects(std::span<const ObjectId> ids) override { objects_.remove(database(), ids); }
  void put_metaverse(std::span<const MetaverseWrite> writes) override;
  void remove_metaverse(std::span<const MetaverseId> ids) override;
  void put_references(std::span<const Reference> references) override;
  void touch_references(std::span<const ReferenceKey> keys) override;
  void touch_references_to(std::span<const MetaverseId> targets, std::span<const ObjectId> objects) override;
  void settle_references(std::span<const ReferenceKey> keys) override;
  void touch_holders(std::span<const MetaverseId> targets, std::span<const ObjectId> objects,
                     const store::DerivedReferences& derived) override;
  void touch_objects(std::span<const ObjectId> ids, std::uint8_t set, std::uint8_t clear) override;
  void put_watermark(ConnectorId connector, std::string_view watermark) override;
  void put_errors(std::span<const ObjectError> errors) override;
  void commit() override;

 private:
  // The write lock is taken with the first write, not while its content is still being decided.
  [[nodiscard]] sql::Database& database() {
    if (!session_) session_ = core_.pool.begin(mode_);
    return session_->database();
  }

  struct Ids {
    FreshIds fresh;
    std::int64_t next = 0;
    std::int64_t end = 0;
    bool taken = false;
  };
  [[nodiscard]] std::int64_t take(std::string_view sequence, Ids& ids, std::size_t count);
  void insert_metaverse(std::span<const MetaverseWrite* const> writes);
  void write_names();

  Core& core_;
  store::Lease lease_;
  sql::Mode mode_;
  std::unique_ptr<Session> session_;
  Ids object_ids_;
  Ids metaverse_ids_;
  model::NameId last_name_ = 0;  ///< greatest this batch writes
  Tally tally_;
  ObjectWriter objects_{object_ids_.fresh, tally_};
};

// A block at a time: callers may ask for one id after the other.
std::int64_t SqlBatch::take(std::string_view sequence, Ids& ids, std::size_t count) {
  constexpr std::int64_t k_block = 256;
  const auto wanted = static_cast<std::int64_t>(count);
  if (ids.end - ids.next < wanted) {
    const std::int64_t block = std::max(wanted, ids.taken ? k_block : std::int64_t{1});
    ids.next = core_.reserve(database(), sequence, block);
    ids.end = ids.next + block;
    ids.taken = true;
  }
  const std::int64_t first = ids.next;
  ids.next += wanted;
  ids.fresh.add(first, count);
  return first;
}

void SqlBatch::insert_metaverse(std::span<const MetaverseWrite* const> writes) {
  static const sql::Table table{.name = "metaverse_object",
                                .columns = {{"id", Role::key}, {"type"}, {"touched"}, {"image"}, {"lineage"}}};
  sql::RowBatch rows(table.columns.size());
  std::vector<KeysOf> keys;
  for (const MetaverseWrite* write : writes) {
    add_metaverse(rows, write->metaverse);
    if (write->keys_given && !write->keys.empty()) keys.push_back({write->metaverse.id.value, write->keys});
  }
  database().insert(table, rows.rows());
  tally_.count_metaverse(static_cast<std::int64_t>(writes.size()));
  replace_keys(database(), "metaverse_key", "metaverse_id", keys, true);
}

void SqlBatch::put_metaverse(std::span<const MetaverseWrite> writes) {
  static const sql::Table table{.name = "metaverse_object",
                                .columns = {{"id", Role::key}, {"type"}, {"touched"}, {"image"}, {"lineage"}}};
  static const sql::Table row_of{.name = "metaverse_object", .columns = {{"id", Role::key}, {"type"}}};
  std::vector<const MetaverseWrite*> inserts;
  // By id, so that the last of those written twice wins.
  std::map<std::int64_t, const MetaverseWrite*> changes;
  for (const MetaverseWrite& write : writes) {
    check_lengths(write.keys, fmt::format("metaverse object {}", write.metaverse.id.value));
    if (metaverse_ids_.fresh.take(write.metaverse.id.value)) {
      inserts.push_back(&write);
    } else {
      changes[write.metaverse.id.value] = &write;
    }
  }
  if (!inserts.empty()) insert_metaverse(inserts);
  if (changes.empty()) return;
  sql::RowBatch ids(1);
  sql::RowBatch rows(table.columns.size());
  std::vector<KeysOf> keys;
  for (const auto& [id, write] : changes) {
    ids.integer(id);
    add_metaverse(rows, write->metaverse);
    if (write->keys_given) keys.push_back({id, write->keys});
  }
  auto missing = static_cast<std::int64_t>(changes.size());
  database().lookup(row_of, ids.rows(), [&](std::size_t, const sql::Row&) { --missing; });
  if (missing == 0) {
    database().update(table, rows.rows());
  } else {
    database().upsert(table, rows.rows());
    tally_.count_metaverse(missing);
  }
  replace_keys(database(), "metaverse_key", "metaverse_id", keys, false);
}

void SqlBatch::remove_metaverse(std::span<const MetaverseId> ids) {
  sql::RowBatch rows(1);
  for (const MetaverseId id : ids) rows.integer(id.value);
  database().erase({.name = "metaverse_key", .columns = {{"metaverse_id", Role::key}}}, rows.rows());
  tally_.count_metaverse(-database().erase({.name = "metaverse_object", .columns = {{"id", Role::key}}}, rows.rows()));
}

void SqlBatch::put_references(std::span<const Reference> references) {
  static const sql::Table table{
      .name = "connector_reference",
      .columns = {
          {"object_id", Role::key}, {"attribute_id", Role::key}, {"target_id", Role::key}, {"bits"}, {"pending"}}};
  static const sql::Table row_of{
      .name = "connector_reference",
      .columns = {{"object_id", Role::key}, {"attribute_id", Role::key}, {"target_id", Role::key}}};
  const auto same = [](const Reference& a, const Reference& b) {
    return a.object == b.object && a.attribute == b.attribute && a.target == b.target;
  };
  // In the order of the primary key, the last of those written twice standing last.
  std::vector<Reference> sorted(references.begin(), references.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const Reference& a, const Reference& b) {
    return std::tie(a.object, a.attribute, a.target) < std::tie(b.object, b.attribute, b.target);
  });
  sql::RowBatch gone(3);
  sql::RowBatch rows(5);
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const Reference& one = sorted[i];
    if (i + 1 < sorted.size() && same(one, sorted[i + 1])) continue;
    sql::RowBatch& to = one.bits == 0 ? gone : rows;
    to.integer(one.object.value);
    to.integer(one.attribute);
    to.integer(one.target.value);
    if (one.bits == 0) continue;
    to.integer(one.bits);
    to.integer(store::reference_pending(one.bits) ? 1 : 0);
  }
  database().erase(row_of, gone.rows());
  database().upsert(table, rows.rows());
}

// In lookups of many rather than one join: a holder is asked about once, however many of the targets it refers to, and
// no server can be misled by what it does not know yet of tables that were just filled.
void SqlBatch::touch_holders(std::span<const MetaverseId> targets, std::span<const ObjectId> objects,
                             const store::DerivedReferences& derived) {
  static const sql::Table joined{.name = "connector_object", .columns = {{"metaverse_id", Role::key}, {"id"}}};
  static const sql::Table identity{.name = "connector_object", .columns = {{"id", Role::key}, {"metaverse_id"}}};
  static const sql::Table touched{.name = "metaverse_object", .columns = {{"id", Role::key}, {"touched"}}};
  std::unordered_set<std::int64_t> targeted;
  for (const ObjectId id : objects) targeted.insert(id.value);
  sql::RowBatch identities(1);
  for (const MetaverseId id : targets) identities.integer(id.value);
  database().lookup(joined, identities.rows(),
                    [&](std::size_t, const sql::Row& row) { targeted.insert(row.integer(0)); });
  const std::unordered_set<std::int64_t> holders = holders_of(database(), targeted, derived);
  std::unordered_set<std::int64_t> holding;
  database().lookup(identity, number_rows(holders).rows(), [&](std::size_t, const sql::Row& row) {
    if (const auto id = row.maybe_integer(0)) holding.insert(*id);
  });
  const std::vector<std::int64_t> ids(holding.begin(), holding.end());
  sql::RowBatch rows(2);
  database().lookup(touched, number_rows(holding).rows(), [&](std::size_t key, const sql::Row& row) {
    const std::int64_t bits = row.integer(0);
    if ((bits & store::touched_outbound) != 0) return;
    rows.integer(ids[key]);
    rows.integer(bits | store::touched_outbound);
  });
  database().update(touched, rows.rows());
}

void SqlBatch::touch_references(std::span<const ReferenceKey> keys) {
  std::vector<ReferenceKey> sorted(keys.begin(), keys.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  database().upsert(touched_reference(), reference_rows(sorted).rows());
}

// In lookups of many rather than one join: no server can be misled by what it does not know yet of tables that were
// just filled.
void SqlBatch::touch_references_to(std::span<const MetaverseId> targets, std::span<const ObjectId> objects) {
  static const sql::Table joined{.name = "connector_object", .columns = {{"metaverse_id", Role::key}, {"id"}}};
  static const sql::Table references{.name = "connector_reference",
                                     .columns = {{"target_id", Role::key}, {"object_id"}, {"attribute_id"}}};
  std::set<std::int64_t> targeted;
  for (const ObjectId id : objects) targeted.insert(id.value);
  sql::RowBatch identities(1);
  for (const MetaverseId id : targets) identities.integer(id.value);
  database().lookup(joined, identities.rows(),
                    [&](std::size_t, const sql::Row& row) { targeted.insert(row.integer(0)); });
  const std::vector<std::int64_t> ids(targeted.begin(), targeted.end());
  sql::RowBatch rows(1);
  for (const std::int64_t id : ids) rows.integer(id);
  std::vector<ReferenceKey> keys;
  database().lookup(references, rows.rows(), [&](std::size_t key, const sql::Row& row) {
    keys.push_back({ObjectId{row.integer(0)}, static_cast<store::NameId>(row.integer(1)), ObjectId{ids[key]}});
  });
  touch_references(keys);
}

void SqlBatch::settle_references(std::span<const ReferenceKey> keys) {
  database().erase(touched_reference(), reference_rows(keys).rows());
}

void SqlBatch::touch_objects(std::span<const ObjectId> ids, std::uint8_t set, std::uint8_t clear) {
  static const sql::Table table{.name = "connector_object", .columns = {{"id", Role::key}, {"touched"}}};
  sql::RowBatch keys(1);
  for (const ObjectId id : ids) keys.integer(id.value);
  sql::RowBatch rows(2);
  database().lookup(table, keys.rows(), [&](std::size_t key, const sql::Row& row) {
    const auto old = static_cast<unsigned>(row.integer(0));
    const unsigned now = (old & ~static_cast<unsigned>(clear)) | set;
    if (now == old) return;
    rows.integer(ids[key].value);
    rows.integer(now);
  });
  database().update(table, rows.rows());
}

void SqlBatch::put_watermark(ConnectorId connector, std::string_view watermark) {
  static const sql::Table table{.name = "watermark", .columns = {{"connector_id", Role::key}, {"position"}}};
  const sql::ValueView row[] = {connector.value, sql::BlobView(watermark)};
  database().upsert(table, {row, std::size(row)});
}

void SqlBatch::put_errors(std::span<const ObjectError> errors) {
  static const sql::Table table{.name = "object_error",
                                .columns = {{"object_id", Role::key},
                                            {"stage", Role::key},
                                            {"error"},
                                            {"message"},
                                            {"first_at"},
                                            {"last_at"},
                                            {"count"},
                                            {"retry_at"},
                                            {"quarantined"}}};
  static const sql::Table history{.name = "object_error",
                                  .columns = {{"object_id", Role::key}, {"stage", Role::key}, {"first_at"}, {"count"}}};
  static const sql::Table row_of{.name = "object_error", .columns = {{"object_id", Role::key}, {"stage", Role::key}}};
  struct Entry {
    const ObjectError* error = nullptr;  ///< the newest
    std::int64_t first_at = 0;
    std::int64_t count = 0;
  };
  std::map<std::pair<std::int64_t, std::string_view>, Entry> entries;
  for (const ObjectError& error : errors) entries.try_emplace({error.object.value, error.stage});
  sql::RowBatch keys(2);
  std::vector<Entry*> by_key;
  for (auto& [key, entry] : entries) {
    keys.integer(key.first);
    keys.borrow(key.second);
    by_key.push_back(&entry);
  }
  database().lookup(history, keys.rows(), [&](std::size_t key, const sql::Row& row) {
    *by_key[key] = {nullptr, row.integer(0), row.integer(1)};
  });
  for (const ObjectError& error : errors) {
    Entry& entry = entries.find({error.object.value, error.stage})->second;
    if (error.error.empty()) {
      entry = {};
      continue;
    }
    if (entry.count == 0) entry.first_at = to_number(error.first_at);
    entry = {&error, entry.first_at, entry.count + 1};
  }
  sql::RowBatch gone(2);
  sql::RowBatch rows(table.columns.size());
  for (const auto& [key, entry] : entries) {
    sql::RowBatch& to = entry.error == nullptr ? gone : rows;
    to.integer(key.first);
    to.borrow(key.second);
    if (entry.error == nullptr) continue;
    to.borrow(std::string_view(entry.error->error));
    to.borrow(std::string_view(entry.error->message));
    to.integer(entry.first_at);
    to.integer(to_number(entry.error->last_at));
    to.integer(entry.count);
    to.integer(to_number(entry.error->retry_at));
    to.integer(entry.error->quarantined ? 1 : 0);
  }
  database().erase(row_of, gone.rows());
  database().upsert(table, rows.rows());
}

void SqlBatch::write_names() {
  static const sql::Table table{.name = "name", .columns = {{"id", Role::key}, {"name"}}};
  model::NameId written = 0;
  {
    const std::lock_guard lock(core_.mutex);
    written = core_.names_written;
  }
  const auto names = core_.names().after(written);
  sql::RowBatch rows(2);
  for (const auto& [id, name] : names) {
    rows.integer(id);
    rows.borrow(std::string_view(name));
    last_name_ = id;
  }
  database().insert(table, rows.rows());
}

void SqlBatch::commit() {
  write_names();
  tally_.store(database());
  if (object_ids_.taken) core_.store_sequence(database(), k_object_ids);
  if (metaverse_ids_.taken) core_.store_sequence(database(), k_metaverse_ids);
  // Last: from here to the commit nobody can take the lease.
  core_.check_in_charge(database(), lease_);
  session_->commit();
  {
    const std::lock_guard lock(core_.mutex);
    core_.names_written = std::max(core_.names_written, last_name_);
  }
  session_.reset();
}

}  // namespace

std::unique_ptr<store::Batch> make_batch(Core& core, const store::Lease& lease, store::Durability durability) {
  return std::make_unique<SqlBatch>(core, lease, durability);
}

}  // namespace linkspan::store_sql
