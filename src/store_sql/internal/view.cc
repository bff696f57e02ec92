#include "store_sql/internal/view.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <unordered_map>

#include "store_sql/internal/metaverse_rows.h"
#include "store_sql/internal/object_rows.h"
#include "store_sql/internal/reference_rows.h"
#include "store_sql/internal/references.h"

namespace linkspan::store_sql {

namespace {

using sql::Role;
using store::ConnectorId;
using store::ImageMask;
using store::Key;
using store::Metaverse;
using store::MetaverseId;
using store::Object;
using store::ObjectId;
using store::ObjectWithImages;
using store::Page;
using store::Reference;
using store::ReferenceKey;

// A statement for each set of images, made once: drivers keep prepared statements by their text.
using ByImages = std::array<std::string, store::all_images + 1>;

ByImages statements(std::string_view from, std::string_view condition) {
  ByImages made;
  for (unsigned mask = 0; mask < made.size(); ++mask) {
    made[mask] = object_select(from, static_cast<ImageMask>(mask)).append(" WHERE ").append(condition);
  }
  return made;
}

std::int64_t limit_of(Page page) { return static_cast<std::int64_t>(page.limit); }

sql::RowBatch id_rows(auto ids) {
  sql::RowBatch rows(1);
  for (const auto id : ids) rows.integer(id.value);
  return rows;
}

sql::RowBatch key_rows(std::span<const Key> keys) {
  sql::RowBatch rows(2);
  for (const Key& key : keys) {
    rows.borrow(sql::BlobView(key.key));
    rows.integer(key.attribute);
  }
  return rows;
}

class SqlView final : public store::View {
 public:
  explicit SqlView(Core& core) : session_(core.pool.begin(sql::Mode::read)), database_(session_->database()) {}

  std::vector<ObjectWithImages> scan_objects(ConnectorId connector, std::uint8_t touched, ImageMask images,
                                             Page page) override;
  std::vector<ObjectWithImages> scan_pending(ConnectorId connector, Page page) override;
  std::vector<ObjectWithImages> load_objects(std::span<const ObjectId> ids, ImageMask images) override;
  std::vector<Object> find_objects(ConnectorId connector, std::span<const std::string> anchors,
                                   std::span<const std::string> dn_keys) override;
  std::vector<ObjectWithImages> joined_to(std::span<const MetaverseId> ids, ImageMask images) override;
  std::vector<std::pair<ObjectId, std::size_t>> objects_by_key(ConnectorId connector,
                                                               std::span<const Key> keys) override;
  std::vector<MetaverseMatch> metaverse_by_key(std::span<const Key> keys) override;
  std::vector<Metaverse> scan_metaverse(bool touched, Page page) override;
  std::vector<Metaverse> load_metaverse(std::span<const MetaverseId> ids) override;
  std::vector<Reference> references_of(std::span<const ObjectId> objects, bool pending_only) override;
  std::vector<Reference> find_references(std::span<const ReferenceKey> keys) override;
  std::vector<ReferenceKey> touched_references(std::size_t limit) override;
  std::vector<Reference> references_to(std::span<const ObjectId> targets) override;
  std::vector<Resolved> resolve_references(ConnectorId connector,
                                           std::span<const model::ReferenceSource> sources) override {
    return store_sql::resolve_references(database_, connector, sources);
  }

 private:
  [[nodiscard]] std::vector<ObjectWithImages> select(const std::string& statement, sql::Params params,
                                                     ImageMask images);
  void find_by(Known known, ConnectorId connector, std::span<const std::string> keys, std::vector<Object>& found);

  std::unique_ptr<Session> session_;
  sql::Database& database_;
};

std::vector<ObjectWithImages> SqlView::select(const std::string& statement, sql::Params params, ImageMask images) {
  std::vector<ObjectWithImages> found;
  database_.query(statement, params,
                  [&](const sql::Row& row) { read_object(row, known_nothing, images, found.emplace_back()); });
  return found;
}

std::vector<ObjectWithImages> SqlView::scan_objects(ConnectorId connector, std::uint8_t touched, ImageMask images,
                                                    Page page) {
  static const ByImages all = statements("connector_object", "o.id > $1 ORDER BY o.id LIMIT $2");
  static const ByImages of_one =
      statements("connector_object", "o.connector_id = $1 AND o.id > $2 ORDER BY o.id LIMIT $3");
  static const ByImages all_touched =
      statements("touched_object", "o.id > $1 AND (o.touched & $2) <> 0 ORDER BY o.id LIMIT $3");
  static const ByImages touched_of_one = statements(
      "touched_object", "o.id > $1 AND (o.touched & $2) <> 0 AND o.connector_id = $3 ORDER BY o.id LIMIT $4");
  const std::int64_t limit = limit_of(page);
  const std::int64_t bits = touched;
  if (touched == 0) {
    return connector ? select(of_one[images], {connector.value, page.after, limit}, images)
                     : select(all[images], {page.after, limit}, images);
  }
  return connector ? select(touched_of_one[images], {page.after, bits, connector.value, limit}, images)
                   : select(all_touched[images], {page.after, bits, limit}, images);
}

std::vector<ObjectWithImages> SqlView::scan_pending(ConnectorId connector, Page page) {
  static const ByImages pending =
      statements("pending_object", "o.connector_id = $1 AND o.id > $2 ORDER BY o.id LIMIT $3");
  return select(pending[store::all_images], {connector.value, page.after, limit_of(page)}, store::all_images);
}

std::vector<ObjectWithImages> SqlView::load_objects(std::span<const ObjectId> ids, ImageMask images) {
  std::vector<ObjectWithImages> found;
  found.reserve(ids.size());
  database_.lookup(object_lookup(known_id, images), id_rows(ids).rows(), [&](std::size_t key, const sql::Row& row) {
    found.emplace_back().object.id = ids[key];
    read_object(row, known_id, images, found.back());
  });
  return found;
}

void SqlView::find_by(Known known, ConnectorId connector, std::span<const std::string> keys,
                      std::vector<Object>& found) {
  sql::RowBatch rows(2);
  std::vector<std::size_t> asked;
  asked.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].empty()) continue;
    rows.integer(connector.value);
    rows.borrow(sql::BlobView(keys[i]));
    asked.push_back(i);
  }
  const auto columns = static_cast<Known>(known_connector | known);
  database_.lookup(object_lookup(columns, store::no_images), rows.rows(), [&](std::size_t key, const sql::Row& row) {
    Object& object = found.emplace_back();
    object.connector = connector;
    (known == known_anchor ? object.anchor : object.dn_key) = keys[asked[key]];
    read_object(row, columns, object);
  });
}

std::vector<Object> SqlView::find_objects(ConnectorId connector, std::span<const std::string> anchors,
                                          std::span<const std::string> dn_keys) {
  std::vector<Object> found;
  found.reserve(anchors.size());
  find_by(known_anchor, connector, anchors, found);
  if (dn_keys.empty()) return found;
  find_by(known_dn_key, connector, dn_keys, found);
  // Most are found by both, and an answer holds an object once.
  std::sort(found.begin(), found.end(), [](const Object& a, const Object& b) { return a.id < b.id; });
  found.erase(std::unique(found.begin(), found.end(), [](const Object& a, const Object& b) { return a.id == b.id; }),
              found.end());
  return found;
}

std::vector<ObjectWithImages> SqlView::joined_to(std::span<const MetaverseId> ids, ImageMask images) {
  std::vector<ObjectWithImages> found;
  found.reserve(ids.size() * 2);
  database_.lookup(object_lookup(known_metaverse, images), id_rows(ids).rows(),
                   [&](std::size_t key, const sql::Row& row) {
                     found.emplace_back().object.metaverse = ids[key];
                     read_object(row, known_metaverse, images, found.back());
                   });
  return found;
}

std::vector<std::pair<ObjectId, std::size_t>> SqlView::objects_by_key(ConnectorId connector,
                                                                      std::span<const Key> keys) {
  static const sql::Table any{
      .name = "disconnector_key",
      .columns = {{"key", Role::key}, {"attribute_id", Role::key}, {"object_id"}, {"connector_id"}}};
  std::vector<std::pair<ObjectId, std::size_t>> found;
  database_.lookup(any, key_rows(keys).rows(), [&](std::size_t key, const sql::Row& row) {
    if (connector && row.integer(1) != connector.value) return;
    found.emplace_back(ObjectId{row.integer(0)}, key);
  });
  return found;
}

std::vector<store::View::MetaverseMatch> SqlView::metaverse_by_key(std::span<const Key> keys) {
  static const sql::Table table{
      .name = "metaverse_match",
      .columns = {{"key", Role::key}, {"attribute_id", Role::key}, {"metaverse_id"}, {"type"}}};
  std::vector<MetaverseMatch> found;
  database_.lookup(table, key_rows(keys).rows(), [&](std::size_t key, const sql::Row& row) {
    found.push_back({MetaverseId{row.integer(0)}, static_cast<store::NameId>(row.integer(1)), key});
  });
  return found;
}

std::vector<Metaverse> SqlView::scan_metaverse(bool touched, Page page) {
  std::vector<Metaverse> found;
  database_.query(touched ? "SELECT id, type, touched, image, lineage FROM touched_metaverse WHERE id > $1 ORDER BY id "
                            "LIMIT $2"
                          : "SELECT id, type, touched, image, lineage FROM metaverse_object WHERE id > $1 ORDER BY id "
                            "LIMIT $2",
                  {page.after, limit_of(page)},
                  [&](const sql::Row& row) { read_metaverse(row, found.emplace_back()); });
  return found;
}

std::vector<Metaverse> SqlView::load_metaverse(std::span<const MetaverseId> ids) {
  return lookup_metaverse(database_, ids);
}

std::vector<Reference> SqlView::references_of(std::span<const ObjectId> objects, bool pending_only) {
  const auto table = [](std::string name) {
    return sql::Table{.name = std::move(name),
                      .columns = {{"object_id", Role::key}, {"attribute_id"}, {"target_id"}, {"bits"}}};
  };
  static const sql::Table all = table("connector_reference");
  static const sql::Table pending = table("pending_reference");
  std::vector<Reference> found;
  database_.lookup(pending_only ? pending : all, id_rows(objects).rows(), [&](std::size_t key, const sql::Row& row) {
    found.push_back({objects[key], static_cast<store::NameId>(row.integer(0)), ObjectId{row.integer(1)},
                     static_cast<std::uint8_t>(row.integer(2))});
  });
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::vector<Reference> SqlView::find_references(std::span<const ReferenceKey> keys) {
  static const sql::Table table{
      .name = "connector_reference",
      .columns = {{"object_id", Role::key}, {"attribute_id", Role::key}, {"target_id", Role::key}, {"bits"}}};
  std::vector<Reference> found;
  database_.lookup(table, reference_rows(keys).rows(), [&](std::size_t key, const sql::Row& row) {
    const ReferenceKey& one = keys[key];
    found.push_back({one.object, one.attribute, one.target, static_cast<std::uint8_t>(row.integer(0))});
  });
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::vector<ReferenceKey> SqlView::touched_references(std::size_t limit) {
  std::vector<ReferenceKey> found;
  database_.query(
      "SELECT object_id, attribute_id, target_id FROM touched_reference ORDER BY object_id, attribute_id, target_id "
      "LIMIT $1",
      {static_cast<std::int64_t>(limit)}, [&](const sql::Row& row) {
        found.push_back(
            {ObjectId{row.integer(0)}, static_cast<store::NameId>(row.integer(1)), ObjectId{row.integer(2)}});
      });
  return found;
}

std::vector<Reference> SqlView::references_to(std::span<const ObjectId> targets) {
  static const sql::Table table{.name = "connector_reference",
                                .columns = {{"target_id", Role::key}, {"object_id"}, {"attribute_id"}, {"bits"}}};
  std::vector<Reference> found;
  database_.lookup(table, id_rows(targets).rows(), [&](std::size_t key, const sql::Row& row) {
    found.push_back({ObjectId{row.integer(0)}, static_cast<store::NameId>(row.integer(1)), targets[key],
                     static_cast<std::uint8_t>(row.integer(2))});
  });
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace

std::unique_ptr<store::View> make_view(Core& core) { return std::make_unique<SqlView>(core); }

}  // namespace linkspan::store_sql
