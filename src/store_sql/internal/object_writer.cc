#include "store_sql/internal/object_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "base/text.h"
#include "store_sql/internal/object_rows.h"

namespace linkspan::store_sql {

namespace {

using sql::Role;
using store::ImageMask;
using store::Object;
using store::ObjectId;
using store::ObjectWrite;

constexpr std::array<std::string_view, 4> k_image_columns{"observed", "desired", "sent", "shadow"};

const std::string& image_of(const store::Images& images, std::size_t which) {
  switch (which) {
    case 0:
      return images.observed;
    case 1:
      return images.desired;
    case 2:
      return images.sent;
    default:
      return images.shadow;
  }
}

Tally::Counted counted(const Object& object) {
  return {object.connector, object.state, object.pending, object.pending_references};
}

// What is looked at of the row that an object has before it is written again.
struct Before {
  bool there = false;
  bool same_identity = false;  ///< connector, anchor, dn and dn_key: the columns with the costly indexes
};

const sql::Table& identity_lookup() {
  static const sql::Table table{.name = "connector_object",
                                .columns = {{"id", Role::key},
                                            {"connector_id"},
                                            {"anchor"},
                                            {"dn"},
                                            {"dn_key"},
                                            {"state"},
                                            {"pending"},
                                            {"pending_references"}}};
  return table;
}

Tally::Counted counted(const sql::Row& row) {
  return {store::ConnectorId{row.integer(0)}, static_cast<store::ObjectState>(row.integer(4)),
          static_cast<store::Operation>(row.integer(5)), row.integer(6) != 0};
}

bool has_identity(const sql::Row& row, const Object& object) {
  return row.integer(0) == object.connector.value && row.maybe_blob(1).value_or("") == object.anchor &&
         row.text(2) == object.dn && row.maybe_blob(3).value_or("") == object.dn_key;
}

// The id, and the columns from `first` on.
sql::Table table_of(std::size_t first) {
  sql::Table table{.name = "connector_object", .columns = {{"id", Role::key}}};
  for (std::size_t i = first; i < k_object_columns; ++i) {
    table.columns.push_back({std::string(object_columns()[i])});
  }
  return table;
}

void check_length(const std::string& bytes, std::string_view what, std::string_view owner) {
  if (bytes.size() <= k_longest_key) return;
  throw Error(Fault::invalid, "store.key_too_long",
              fmt::format("{} of {} has {} bytes", what, printable(owner), bytes.size()),
              fmt::format("At most {} can be indexed.", k_longest_key));
}

// What is left of an object that others refer to: its id, its connector and its name. Where references go by anchor
// (there is no dn_key) the anchor is that name.
void make_placeholders(sql::Database& database, const std::vector<ObjectId>& by_dn,
                       const std::vector<ObjectId>& by_anchor) {
  static const sql::Table kept = table_of(k_state_from);
  static const sql::Table nameless = [] {
    sql::Table made = table_of(k_state_from);
    made.columns.push_back({"anchor"});
    return made;
  }();
  const auto empty = [](const sql::Table& table, const std::vector<ObjectId>& ids, bool clear_anchor) {
    sql::RowBatch rows(table.columns.size());
    for (const ObjectId id : ids) {
      Object nothing;
      nothing.id = id;
      add_object_state(rows, nothing);
      if (clear_anchor) rows.null();
    }
    return rows;
  };
  database.update(nameless, empty(nameless, by_dn, true).rows());
  database.update(kept, empty(kept, by_anchor, false).rows());
}

// Runs a write that may break the unique (connector, anchor).
template <class Write>
void guard_anchor(const std::vector<const ObjectWrite*>& writes, const Write& write) {
  try {
    write();
  } catch (const Error& error) {
    if (error.id() != "sql.constraint") throw;
    const Object& one = writes.front()->object;
    throw Error(Fault::conflict, "store.duplicate_anchor",
                fmt::format("of the {} objects of connector {} from {} on, one has an anchor that is another's",
                            writes.size(), one.connector.value, printable(one.dn)),
                fmt::format("Nothing of the batch was written. The database says: {}", error.message()));
  }
}

}  // namespace

void check_lengths(std::span<const store::Key> keys, std::string_view owner) {
  for (const store::Key& key : keys) check_length(key.key, "a join key", owner);
}

void replace_keys(sql::Database& database, const std::string& table, const std::string& owner_column,
                  std::span<const KeysOf> wanted, bool fresh) {
  if (wanted.empty()) return;
  const sql::Table rows_table{.name = table,
                              .columns = {{"key", Role::key}, {"attribute_id", Role::key}, {owner_column, Role::key}}};
  std::vector<std::vector<store::Key>> old(fresh ? 0 : wanted.size());
  if (!fresh) {
    const sql::Table lookup{.name = table, .columns = {{owner_column, Role::key}, {"key"}, {"attribute_id"}}};
    sql::RowBatch owners(1);
    for (const KeysOf& one : wanted) owners.integer(one.owner);
    database.lookup(lookup, owners.rows(), [&](std::size_t owner, const sql::Row& row) {
      old[owner].push_back({static_cast<store::NameId>(row.integer(1)), std::string(row.blob(0))});
    });
  }
  // In the order of the primary key: neighbours in a batch are neighbours in the tree.
  struct Row {
    const store::Key* key;
    std::int64_t owner;
    bool operator<(const Row& other) const {
      return std::tie(key->key, key->attribute, owner) < std::tie(other.key->key, other.key->attribute, other.owner);
    }
  };
  std::vector<Row> gone;
  std::vector<Row> added;
  const auto holds = [](std::span<const store::Key> keys, const store::Key& key) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  };
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto [owner, keys] = wanted[i];
    for (std::size_t j = 0; j < keys.size(); ++j) {
      // Values that fold to one key make it twice.
      if (holds(keys.first(j), keys[j]) || (!fresh && holds(old[i], keys[j]))) continue;
      added.push_back({&keys[j], owner});
    }
    if (fresh) continue;
    for (const store::Key& key : old[i]) {
      if (!holds(keys, key)) gone.push_back({&key, owner});
    }
  }
  const auto rows_of = [](std::vector<Row>& list) {
    std::sort(list.begin(), list.end());
    sql::RowBatch rows(3);
    for (const Row& row : list) {
      rows.borrow(sql::BlobView(row.key->key));
      rows.integer(row.key->attribute);
      rows.integer(row.owner);
    }
    return rows;
  };
  database.erase(rows_table, rows_of(gone).rows());
  database.insert(rows_table, rows_of(added).rows());
}

void ObjectWriter::put(sql::Database& database, std::span<const ObjectWrite> writes) {
  Pointers inserts;
  Pointers changes;
  std::unordered_set<std::int64_t> seen;
  inserts.reserve(writes.size());
  seen.reserve(writes.size());
  // Changes first: one may give up an anchor that a new object has.
  const auto flush = [&] {
    change(database, changes);
    insert(database, inserts);
    changes.clear();
    inserts.clear();
    seen.clear();
  };
  for (const ObjectWrite& write : writes) {
    check_length(write.object.anchor, "the anchor", write.object.dn);
    check_length(write.object.dn_key, "the DN", write.object.dn);
    check_lengths(write.keys, write.object.dn);
    const std::int64_t id = write.object.id.value;
    if (seen.contains(id)) flush();  // written twice in one call: the second follows the first
    seen.insert(id);
    (fresh_.take(id) ? inserts : changes).push_back(&write);
  }
  flush();
}

void ObjectWriter::insert(sql::Database& database, const Pointers& writes) {
  static const sql::Table objects = table_of(1);
  static const sql::Table images{
      .name = "connector_image",
      .columns = {{"object_id", Role::key}, {"observed"}, {"desired"}, {"sent"}, {"shadow"}}};
  if (writes.empty()) return;
  sql::RowBatch object_rows(k_object_columns);
  sql::RowBatch image_rows(1 + k_image_columns.size());
  std::vector<KeysOf> keys;
  for (const ObjectWrite* write : writes) {
    add_object(object_rows, write->object);
    tally_.count(counted(write->object), 1);
    if (write->mask != store::no_images) {
      image_rows.integer(write->object.id.value);
      for (std::size_t i = 0; i < k_image_columns.size(); ++i) {
        image_rows.borrow((write->mask >> i & 1) != 0 ? blob_or_null(image_of(write->images, i)) : sql::ValueView());
      }
    }
    if (write->keys_given && !write->keys.empty()) keys.push_back({write->object.id.value, write->keys});
  }
  guard_anchor(writes, [&] { database.insert(objects, object_rows.rows()); });
  database.insert(images, image_rows.rows());
  replace_keys(database, "connector_object_key", "object_id", keys, true);
}

void ObjectWriter::change(sql::Database& database, const Pointers& writes) {
  static const sql::Table whole = table_of(1);
  // Identity hardly ever changes, and leaving it alone leaves its indexes alone.
  static const sql::Table state = table_of(k_state_from);
  if (writes.empty()) return;
  std::vector<Before> before(writes.size());
  sql::RowBatch ids(1);
  for (const ObjectWrite* write : writes) ids.integer(write->object.id.value);
  database.lookup(identity_lookup(), ids.rows(), [&](std::size_t key, const sql::Row& row) {
    before[key] = {true, has_identity(row, writes[key]->object)};
    tally_.count(counted(row), -1);
  });
  sql::RowBatch whole_rows(k_object_columns);
  sql::RowBatch state_rows(state.columns.size());
  std::vector<KeysOf> keys;
  for (std::size_t i = 0; i < writes.size(); ++i) {
    const Object& object = writes[i]->object;
    tally_.count(counted(object), 1);
    if (before[i].there && before[i].same_identity) {
      add_object_state(state_rows, object);
    } else {
      add_object(whole_rows, object);
    }
    if (writes[i]->keys_given) keys.push_back({object.id.value, writes[i]->keys});
  }
  database.update(state, state_rows.rows());
  guard_anchor(writes, [&] { database.upsert(whole, whole_rows.rows()); });
  put_images(database, writes);
  replace_keys(database, "connector_object_key", "object_id", keys, false);
}

void ObjectWriter::put_images(sql::Database& database, const Pointers& writes) {
  for (unsigned mask = 1; mask <= store::all_images; ++mask) {
    sql::Table table{.name = "connector_image", .columns = {{"object_id", Role::key}}};
    for (std::size_t i = 0; i < k_image_columns.size(); ++i) {
      if ((mask >> i & 1) != 0) table.columns.push_back({std::string(k_image_columns[i])});
    }
    sql::RowBatch rows(table.columns.size());
    for (const ObjectWrite* write : writes) {
      if (write->mask != mask) continue;
      rows.integer(write->object.id.value);
      for (std::size_t i = 0; i < k_image_columns.size(); ++i) {
        if ((mask >> i & 1) != 0) rows.borrow(blob_or_null(image_of(write->images, i)));
      }
    }
    database.upsert(table, rows.rows());
  }
}

void ObjectWriter::remove(sql::Database& database, std::span<const ObjectId> ids) {
  static const sql::Table referenced{.name = "referenced_object", .columns = {{"id", Role::key}, {"connector_id"}}};
  static const sql::Table row_of{.name = "connector_object", .columns = {{"id", Role::key}}};
  std::vector<ObjectId> once(ids.begin(), ids.end());
  std::sort(once.begin(), once.end());
  once.erase(std::unique(once.begin(), once.end()), once.end());
  sql::RowBatch rows(1);
  for (const ObjectId id : once) rows.integer(id.value);
  std::vector<bool> has_dn_key(once.size());
  database.lookup(identity_lookup(), rows.rows(), [&](std::size_t key, const sql::Row& row) {
    tally_.count(counted(row), -1);
    has_dn_key[key] = !row.maybe_blob(3).value_or("").empty();
  });
  for (const std::string_view table :
       {"connector_image", "connector_object_key", "object_error", "connector_reference"}) {
    database.erase({.name = std::string(table), .columns = {{"object_id", Role::key}}}, rows.rows());
  }
  // Asked after their own references went: those among themselves hold nothing.
  std::vector<bool> stays(once.size());
  database.lookup(referenced, rows.rows(), [&](std::size_t key, const sql::Row&) { stays[key] = true; });
  sql::RowBatch gone(1);
  std::vector<ObjectId> by_dn;
  std::vector<ObjectId> by_anchor;
  for (std::size_t i = 0; i < once.size(); ++i) {
    if (stays[i]) {
      (has_dn_key[i] ? by_dn : by_anchor).push_back(once[i]);
    } else {
      gone.integer(once[i].value);
    }
  }
  database.erase(row_of, gone.rows());
  make_placeholders(database, by_dn, by_anchor);
}

}  // namespace linkspan::store_sql
