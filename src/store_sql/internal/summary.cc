#include "store_sql/internal/summary.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "model/dn.h"
#include "model/value.h"
#include "store_sql/internal/metaverse_rows.h"
#include "store_sql/internal/object_rows.h"
#include "store_sql/internal/tally.h"

namespace linkspan::store_sql {

namespace {

using sql::Role;
using store::ConnectorCounts;
using store::ConnectorId;
using store::Metaverse;
using store::MetaverseId;
using store::Object;
using store::ObjectError;
using store::ObjectId;
using store::Page;

ObjectError read_error(const sql::Row& row) {
  return {.object = ObjectId{row.integer(0)},
          .stage = std::string(row.text(1)),
          .error = std::string(row.text(2)),
          .message = std::string(row.text(3)),
          .first_at = to_time(row.integer(4)),
          .last_at = to_time(row.integer(5)),
          .count = row.integer(6),
          .retry_at = to_time(row.integer(7)),
          .quarantined = row.integer(8) != 0};
}

// `text` anywhere, as a LIKE pattern that has no wildcard of the user's.
std::string like_pattern(std::string_view text) {
  std::string pattern = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '[' || c == '\\') pattern += '\\';  // '[': SQL Server's
    pattern += c;
  }
  return pattern + '%';
}

std::int64_t* slot_of(ConnectorCounts& counts, std::string_view kind) {
  if (kind == k_counts_objects) return &counts.objects;
  if (kind == k_counts_joined) return &counts.joined;
  if (kind == pending_counter(store::Operation::add, false)) return &counts.adds;
  if (kind == pending_counter(store::Operation::update, false)) return &counts.updates;
  if (kind == pending_counter(store::Operation::rename, false)) return &counts.renames;
  if (kind == pending_counter(store::Operation::remove, false)) return &counts.removes;
  return nullptr;
}

class SqlSummary final : public store::Summary {
 public:
  explicit SqlSummary(Core& core) : session_(core.pool.begin(sql::Mode::read)), database_(session_->database()) {}

  std::vector<ConnectorCounts> counts() override;
  std::int64_t metaverse_objects() override {
    return sql::query_integer(database_, "SELECT value FROM counter WHERE connector_id = 0 AND kind = $1",
                              {k_counts_objects})
        .value_or(0);
  }
  std::vector<ObjectError> errors(ConnectorId connector, Page page) override;
  std::vector<ObjectError> errors_of(std::span<const ObjectId> objects) override;
  std::vector<Object> search_objects(ConnectorId connector, std::string_view text, std::size_t limit) override;
  std::vector<Metaverse> search_metaverse(std::string_view text, std::size_t limit) override;
  std::string watermark(ConnectorId connector) override;

 private:
  // Ids of `owner` in `table` that have a join key made of `text`, whatever the attribute.
  void find_by_key(std::string_view statement, std::string_view text, std::set<std::int64_t>& ids);
  [[nodiscard]] std::vector<Object> load(const std::set<std::int64_t>& ids, ConnectorId connector, std::size_t limit);

  std::unique_ptr<Session> session_;
  sql::Database& database_;
};

std::vector<ConnectorCounts> SqlSummary::counts() {
  std::map<std::int64_t, ConnectorCounts> found;
  const auto of = [&](std::int64_t id) -> ConnectorCounts& {
    ConnectorCounts& counts = found[id];
    counts.connector.value = id;
    return counts;
  };
  database_.query("SELECT id FROM connector", {}, [&](const sql::Row& row) { of(row.integer(0)); });
  database_.query("SELECT connector_id, kind, value FROM counter WHERE connector_id <> 0", {},
                  [&](const sql::Row& row) {
                    if (std::int64_t* slot = slot_of(of(row.integer(0)), row.text(1))) *slot = row.integer(2);
                  });
  // Not as a join: SQLite would pass over all objects rather than over the few errors.
  database_.query(
      "SELECT connector_id, count(*) FROM (SELECT (SELECT o.connector_id FROM connector_object o WHERE o.id = "
      "e.object_id) AS connector_id FROM object_error e) AS error_of GROUP BY connector_id",
      {}, [&](const sql::Row& row) {
        if (const auto connector = row.maybe_integer(0)) of(*connector).errors = row.integer(1);
      });
  std::vector<ConnectorCounts> counts;
  for (const auto& [id, one] : found) counts.push_back(one);
  return counts;
}

std::vector<ObjectError> SqlSummary::errors(ConnectorId connector, Page page) {
  std::vector<ObjectError> found;
  if (page.limit == 0) return found;
  const auto limit = static_cast<std::int64_t>(page.limit);
  const auto read = [&](const sql::Row& row) { found.push_back(read_error(row)); };
  if (!connector) {
    database_.query(
        "SELECT object_id, stage, error, message, first_at, last_at, count, retry_at, quarantined FROM object_error "
        "ORDER BY first_at, object_id, stage LIMIT $1 OFFSET $2",
        {limit, page.after}, read);
    return found;
  }
  database_.query(
      "SELECT e.object_id, e.stage, e.error, e.message, e.first_at, e.last_at, e.count, e.retry_at, e.quarantined "
      "FROM object_error e WHERE (SELECT o.connector_id FROM connector_object o WHERE o.id = e.object_id) = $1 "
      "ORDER BY e.first_at, e.object_id, e.stage LIMIT $2 OFFSET $3",
      {connector.value, limit, page.after}, read);
  return found;
}

std::vector<ObjectError> SqlSummary::errors_of(std::span<const ObjectId> objects) {
  static const sql::Table table{.name = "object_error",
                                .columns = {{"object_id", Role::key},
                                            {"stage"},
                                            {"error"},
                                            {"message"},
                                            {"first_at"},
                                            {"last_at"},
                                            {"count"},
                                            {"retry_at"},
                                            {"quarantined"}}};
  sql::RowBatch keys(1);
  for (const ObjectId id : objects) keys.integer(id.value);
  std::vector<ObjectError> found;
  database_.lookup(table, keys.rows(), [&](std::size_t key, const sql::Row& row) {
    std::vector<sql::ValueView> cells{objects[key].value};
    cells.insert(cells.end(), row.cells().begin(), row.cells().end());
    found.push_back(read_error(sql::Row(cells)));
  });
  std::sort(found.begin(), found.end(), [](const ObjectError& a, const ObjectError& b) {
    return std::tie(a.first_at, a.object, a.stage) < std::tie(b.first_at, b.object, b.stage);
  });
  return found;
}

void SqlSummary::find_by_key(std::string_view statement, std::string_view text, std::set<std::int64_t>& ids) {
  constexpr std::int64_t k_most = 1000;  // a key that many share is no help in a search
  const std::string key = model::join_key(std::string(text));
  database_.query(statement, {sql::BlobView(key), k_most}, [&](const sql::Row& row) { ids.insert(row.integer(0)); });
}

std::vector<Object> SqlSummary::load(const std::set<std::int64_t>& ids, ConnectorId connector, std::size_t limit) {
  std::vector<std::int64_t> list(ids.begin(), ids.end());
  sql::RowBatch keys(1);
  for (const std::int64_t id : list) keys.integer(id);
  std::vector<Object> found;
  database_.lookup(object_lookup(known_id, store::no_images), keys.rows(), [&](std::size_t key, const sql::Row& row) {
    Object object;
    object.id.value = list[key];
    read_object(row, known_id, object);
    if (!connector || object.connector == connector) found.push_back(std::move(object));
  });
  std::sort(found.begin(), found.end(), [](const Object& a, const Object& b) { return a.id < b.id; });
  if (found.size() > limit) found.resize(limit);
  return found;
}

std::vector<Object> SqlSummary::search_objects(ConnectorId connector, std::string_view text, std::size_t limit) {
  std::set<std::int64_t> ids;
  if (text.empty() || limit == 0 || !is_utf8(text) || text.find('\0') != std::string_view::npos) return {};
  find_by_key("SELECT object_id FROM connector_object_key WHERE \"key\" = $1 LIMIT $2", text, ids);
  std::vector<ConnectorId> connectors;
  if (connector) {
    connectors.push_back(connector);
  } else {
    // The indexes of anchor and dn_key begin with the connector.
    for (const ConnectorCounts& one : counts()) connectors.push_back(one.connector);
  }
  const std::string dn_key = model::dn_key(text);
  const auto keep = [&](const sql::Row& row) { ids.insert(row.integer(0)); };
  for (const ConnectorId one : connectors) {
    database_.query("SELECT id FROM connector_object WHERE connector_id = $1 AND anchor = $2",
                    {one.value, sql::BlobView(text)}, keep);
    database_.query("SELECT id FROM connector_object WHERE connector_id = $1 AND dn_key = $2",
                    {one.value, sql::BlobView(dn_key)}, keep);
  }
  const std::string pattern = like_pattern(to_lower(text));
  const auto wanted = static_cast<std::int64_t>(limit);
  if (connector) {
    database_.query(
        "SELECT id FROM connector_object WHERE connector_id = $1 AND lower(dn) LIKE $2 ESCAPE '\\' LIMIT $3",
        {connector.value, std::string_view(pattern), wanted}, keep);
  } else {
    database_.query("SELECT id FROM connector_object WHERE lower(dn) LIKE $1 ESCAPE '\\' LIMIT $2",
                    {std::string_view(pattern), wanted}, keep);
  }
  return load(ids, connector, limit);
}

std::vector<Metaverse> SqlSummary::search_metaverse(std::string_view text, std::size_t limit) {
  std::set<std::int64_t> ids;
  if (text.empty() || limit == 0 || !is_utf8(text) || text.find('\0') != std::string_view::npos) return {};
  find_by_key("SELECT metaverse_id FROM metaverse_key WHERE \"key\" = $1 LIMIT $2", text, ids);
  for (const Object& object : search_objects({}, text, limit)) {
    if (object.metaverse) ids.insert(object.metaverse.value);
  }
  std::vector<MetaverseId> list;
  for (const std::int64_t id : ids) {
    if (list.size() < limit) list.push_back(MetaverseId{id});
  }
  std::vector<Metaverse> found = lookup_metaverse(database_, list);
  std::sort(found.begin(), found.end(), [](const Metaverse& a, const Metaverse& b) { return a.id < b.id; });
  return found;
}

std::string SqlSummary::watermark(ConnectorId connector) {
  std::string found;
  database_.query("SELECT position FROM watermark WHERE connector_id = $1", {connector.value},
                  [&](const sql::Row& row) { found = row.blob(0); });
  return found;
}

}  // namespace

std::unique_ptr<store::Summary> make_summary(Core& core) { return std::make_unique<SqlSummary>(core); }

}  // namespace linkspan::store_sql
