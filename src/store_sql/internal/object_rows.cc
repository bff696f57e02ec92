#include "store_sql/internal/object_rows.h"

#include <utility>

namespace linkspan::store_sql {

namespace {

constexpr std::array<std::string_view, k_object_columns> k_columns{"id",
                                                                   "connector_id",
                                                                   "anchor",
                                                                   "dn",
                                                                   "dn_key",
                                                                   "type",
                                                                   "state",
                                                                   "metaverse_id",
                                                                   "link_rule",
                                                                   "observed_hash",
                                                                   "desired",
                                                                   "pending",
                                                                   "pending_references",
                                                                   "touched"};

constexpr std::array<std::string_view, 4> k_images{"observed", "desired", "sent", "shadow"};

constexpr std::size_t k_known_kinds = 32;
constexpr std::size_t k_image_kinds = 16;

bool knows(unsigned known, std::string_view column) {
  return ((known & known_id) != 0 && column == "id") || ((known & known_connector) != 0 && column == "connector_id") ||
         ((known & known_anchor) != 0 && column == "anchor") || ((known & known_dn_key) != 0 && column == "dn_key") ||
         ((known & known_metaverse) != 0 && column == "metaverse_id");
}

sql::Table make_lookup(unsigned known, unsigned images) {
  sql::Table table{.name = images == 0 ? "connector_object" : "connector_object_full", .columns = {}};
  for (const std::string_view column : k_columns) {
    if (knows(known, column)) table.columns.push_back({std::string(column), sql::Role::key});
  }
  for (const std::string_view column : k_columns) {
    if (!knows(known, column)) table.columns.push_back({std::string(column)});
  }
  for (std::size_t i = 0; i < k_images.size(); ++i) {
    if ((images >> i & 1U) != 0) table.columns.push_back({std::string(k_images[i]) + "_image"});
  }
  return table;
}

std::string bytes_at(const sql::Row& row, std::size_t column) {
  return std::string(row.maybe_blob(column).value_or(""));
}

// Everything from `type` on.
void add_state(sql::RowBatch& rows, const store::Object& object) {
  rows.integer(object.type);
  rows.integer(static_cast<std::int64_t>(object.state));
  if (object.metaverse) {
    rows.integer(object.metaverse.value);
  } else {
    rows.null();
  }
  rows.integer(object.link_rule.value);
  rows.borrow(blob_or_null(object.observed_hash));
  rows.integer(static_cast<std::int64_t>(object.desired));
  rows.integer(static_cast<std::int64_t>(object.pending));
  rows.integer(object.pending_references ? 1 : 0);
  rows.integer(object.touched);
}

}  // namespace

const std::array<std::string_view, k_object_columns>& object_columns() { return k_columns; }

const sql::Table& object_lookup(Known known, store::ImageMask images) {
  static const auto tables = [] {
    std::array<std::array<sql::Table, k_image_kinds>, k_known_kinds> made;
    for (unsigned i = 0; i < k_known_kinds; ++i) {
      for (unsigned j = 0; j < k_image_kinds; ++j) made[i][j] = make_lookup(i, j);
    }
    return made;
  }();
  return tables.at(known).at(images);
}

std::string object_select(std::string_view from, store::ImageMask images) {
  std::string text = "SELECT ";
  for (const std::string_view column : k_columns) text.append(column == "id" ? "o." : ", o.").append(column);
  for (std::size_t i = 0; i < k_images.size(); ++i) {
    if ((images >> i & 1) != 0) text.append(", i.").append(k_images[i]);
  }
  text.append(" FROM ").append(from).append(" o");
  if (images != store::no_images) text += " LEFT JOIN connector_image i ON i.object_id = o.id";
  return text;
}

void read_object(const sql::Row& row, Known known, store::Object& into) {
  std::size_t at = 0;
  if ((known & known_id) == 0) into.id.value = row.integer(at++);
  if ((known & known_connector) == 0) into.connector.value = row.integer(at++);
  if ((known & known_anchor) == 0) into.anchor = bytes_at(row, at++);
  into.dn = row.text(at++);
  if ((known & known_dn_key) == 0) into.dn_key = bytes_at(row, at++);
  into.type = static_cast<store::NameId>(row.integer(at++));
  into.state = static_cast<store::ObjectState>(row.integer(at++));
  if ((known & known_metaverse) == 0) into.metaverse.value = row.maybe_integer(at++).value_or(0);
  into.link_rule.value = row.integer(at++);
  into.observed_hash = bytes_at(row, at++);
  into.desired = static_cast<store::Desired>(row.integer(at++));
  into.pending = static_cast<store::Operation>(row.integer(at++));
  into.pending_references = row.integer(at++) != 0;
  into.touched = static_cast<std::uint8_t>(row.integer(at));
}

void read_object(const sql::Row& row, Known known, store::ImageMask images, store::ObjectWithImages& into) {
  read_object(row, known, into.object);
  std::size_t at = k_object_columns;
  for (unsigned bit = known; bit != 0; bit &= bit - 1) --at;
  if ((images & store::observed_image) != 0) into.images.observed = bytes_at(row, at++);
  if ((images & store::desired_image) != 0) into.images.desired = bytes_at(row, at++);
  if ((images & store::sent_image) != 0) into.images.sent = bytes_at(row, at++);
  if ((images & store::shadow_image) != 0) into.images.shadow = bytes_at(row, at);
}

void add_object(sql::RowBatch& rows, const store::Object& object) {
  rows.integer(object.id.value);
  rows.integer(object.connector.value);
  rows.borrow(blob_or_null(object.anchor));
  rows.borrow(std::string_view(object.dn));
  rows.borrow(blob_or_null(object.dn_key));
  add_state(rows, object);
}

void add_object_state(sql::RowBatch& rows, const store::Object& object) {
  rows.integer(object.id.value);
  add_state(rows, object);
}

}  // namespace linkspan::store_sql
