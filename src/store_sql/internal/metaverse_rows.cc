#include "store_sql/internal/metaverse_rows.h"

namespace linkspan::store_sql {

void read_metaverse(const sql::Row& row, store::Metaverse& into) {
  into.id.value = row.integer(0);
  into.type = static_cast<store::NameId>(row.integer(1));
  into.touched = static_cast<std::uint8_t>(row.integer(2));
  into.image = row.blob(3);
  into.lineage = row.blob(4);
}

void add_metaverse(sql::RowBatch& rows, const store::Metaverse& object) {
  rows.integer(object.id.value);
  rows.integer(object.type);
  rows.integer(object.touched);
  rows.borrow(sql::BlobView(object.image));
  rows.borrow(sql::BlobView(object.lineage));
}

std::vector<store::Metaverse> lookup_metaverse(sql::Database& database, std::span<const store::MetaverseId> ids) {
  static const sql::Table table{.name = "metaverse_object",
                                .columns = {{"id", sql::Role::key}, {"type"}, {"touched"}, {"image"}, {"lineage"}}};
  sql::RowBatch keys(1);
  for (const store::MetaverseId id : ids) keys.integer(id.value);
  std::vector<store::Metaverse> found;
  found.reserve(ids.size());
  database.lookup(table, keys.rows(), [&](std::size_t key, const sql::Row& row) {
    store::Metaverse& one = found.emplace_back();
    one.id = ids[key];
    one.type = static_cast<store::NameId>(row.integer(0));
    one.touched = static_cast<std::uint8_t>(row.integer(1));
    one.image = row.blob(2);
    one.lineage = row.blob(3);
  });
  return found;
}

}  // namespace linkspan::store_sql
