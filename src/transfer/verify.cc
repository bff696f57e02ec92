#include "transfer/verify.h"

#include <fmt/format.h>

#include <array>

#include "base/error.h"
#include "model/image.h"
#include "sql/inspect.h"
#include "transfer/internal/difference.h"
#include "transfer/internal/source.h"

namespace linkspan::transfer {

namespace {

// Each answers with how many rows are wrong and the key of the first. Plain SQL that every server takes.
struct Check {
  std::string_view table;
  std::string_view key;  ///< what the second column of the answer is
  std::string_view message;
  std::string_view statement;
};

constexpr std::array k_checks{
    Check{"connector_object", "id", "belongs to a connector that is not there",
          "SELECT count(*), min(id) FROM connector_object o WHERE NOT EXISTS (SELECT 1 FROM connector c WHERE c.id = "
          "o.connector_id)"},
    Check{"connector_object", "id", "is joined to a metaverse object that is not there",
          "SELECT count(*), min(id) FROM connector_object o WHERE metaverse_id IS NOT NULL AND NOT EXISTS (SELECT 1 "
          "FROM metaverse_object m WHERE m.id = o.metaverse_id)"},
    Check{
        "connector_object", "id", "is joined in one column and not in the other",
        "SELECT count(*), min(id) FROM connector_object WHERE (state = 4 AND metaverse_id IS NULL) OR (state <> 4 AND "
        "metaverse_id IS NOT NULL)"},
    Check{
        "connector_object", "id", "does not say whether its references are pending",
        "SELECT count(*), min(id) FROM connector_object o WHERE (pending_references <> 0 AND NOT EXISTS (SELECT 1 FROM "
        "connector_reference r WHERE r.object_id = o.id AND r.pending <> 0)) OR (pending_references = 0 AND EXISTS "
        "(SELECT 1 FROM connector_reference r WHERE r.object_id = o.id AND r.pending <> 0))"},
    Check{"connector_image", "object_id", "is of an object that is not there",
          "SELECT count(*), min(object_id) FROM connector_image i WHERE NOT EXISTS (SELECT 1 FROM connector_object o "
          "WHERE o.id = i.object_id)"},
    Check{
        "connector_object_key", "object_id", "leads to an object that is not there",
        "SELECT count(*), min(object_id) FROM connector_object_key k WHERE NOT EXISTS (SELECT 1 FROM connector_object "
        "o WHERE o.id = k.object_id)"},
    Check{
        "connector_reference", "object_id", "is held by an object that is not there",
        "SELECT count(*), min(object_id) FROM connector_reference r WHERE NOT EXISTS (SELECT 1 FROM connector_object o "
        "WHERE o.id = r.object_id)"},
    Check{
        "connector_reference", "target_id", "leads to an object that is not there",
        "SELECT count(*), min(target_id) FROM connector_reference r WHERE NOT EXISTS (SELECT 1 FROM connector_object o "
        "WHERE o.id = r.target_id)"},
    Check{"metaverse_key", "metaverse_id", "leads to a metaverse object that is not there",
          "SELECT count(*), min(metaverse_id) FROM metaverse_key k WHERE NOT EXISTS (SELECT 1 FROM metaverse_object m "
          "WHERE m.id = k.metaverse_id)"},
    Check{
        "object_error", "object_id", "is about an object that is not there",
        "SELECT count(*), min(object_id) FROM object_error e WHERE NOT EXISTS (SELECT 1 FROM connector_object o WHERE "
        "o.id = e.object_id)"},
    Check{
        "watermark", "connector_id", "is of a connector that is not there",
        "SELECT count(*), min(connector_id) FROM watermark w WHERE NOT EXISTS (SELECT 1 FROM connector c WHERE c.id = "
        "w.connector_id)"},
    Check{"counter", "connector_id", "has miscounted the objects",
          "SELECT count(*), min(c.id) FROM connector c WHERE COALESCE((SELECT value FROM counter k WHERE "
          "k.connector_id = c.id AND k.kind = 'objects'), 0) <> (SELECT count(*) FROM connector_object o WHERE "
          "o.connector_id = c.id AND o.state <> 0)"},
    Check{"counter", "connector_id", "has miscounted the joined objects",
          "SELECT count(*), min(c.id) FROM connector c WHERE COALESCE((SELECT value FROM counter k WHERE "
          "k.connector_id = c.id AND k.kind = 'joined'), 0) <> (SELECT count(*) FROM connector_object o WHERE "
          "o.connector_id = c.id AND o.state = 4)"},
};

void check_rows(sql::Database& database, Verification& result, Watch& watch) {
  for (const Check& check : k_checks) {
    watch.check();
    database.query(check.statement, {}, [&](const sql::Row& row) {
      if (row.integer(0) == 0) return;
      result.findings.push_back({std::string(check.table), fmt::format("{} {}", check.key, row.integer(1)),
                                 fmt::format("{} ({} rows)", check.message, row.integer(0))});
    });
  }
}

// Only the first broken row of a table is named: with one bad page there may be thousands.
class ImageCheck {
 public:
  ImageCheck(std::string_view table, std::string_view key, std::int64_t last_name)
      : table_(table), key_(key), last_name_(last_name) {}

  void image(std::int64_t id, std::string_view column, std::string_view bytes) {
    attempt(id, column, [&] {
      const model::Image decoded = model::decode(bytes);
      for (const model::ImageAttribute& attribute : decoded.attributes()) {
        if (attribute.name > last_name_) throw Error(Fault::corrupt, "model.image", "it uses a name that is not there");
      }
    });
  }
  void lineage(std::int64_t id, std::string_view bytes) {
    attempt(id, "lineage", [&] { (void)model::decode_lineage(bytes); });
  }
  void report(Verification& result) const {
    if (broken_ == 0) return;
    result.findings.push_back(
        {std::string(table_), fmt::format("{} {}", key_, first_), fmt::format("{} ({} in all)", message_, broken_)});
  }

 private:
  template <class Work>
  void attempt(std::int64_t id, std::string_view column, const Work& work) {
    try {
      work();
    } catch (const Error& error) {
      if (broken_++ != 0) return;
      first_ = id;
      message_ = fmt::format("its {} cannot be read: {}", column, error.message());
    }
  }

  std::string_view table_;
  std::string_view key_;
  std::int64_t last_name_;
  std::uint64_t broken_ = 0;
  std::int64_t first_ = 0;
  std::string message_;
};

void check_images(sql::Database& database, Verification& result, Watch& watch) {
  constexpr std::array<std::string_view, 4> k_columns{"observed", "desired", "sent", "shadow"};
  const std::int64_t last_name = sql::query_integer(database, "SELECT max(id) FROM name").value_or(0);
  ImageCheck objects("connector_image", "object_id", last_name);
  std::uint64_t rows = 0;
  const auto often = [&](std::string_view table) {
    constexpr std::uint64_t k_often = 4096;
    if (++rows % k_often != 0) return;
    watch.check();
    watch.report("decode", table, rows);
  };
  database.copy_out("SELECT object_id, observed, desired, sent, shadow FROM connector_image", [&](const sql::Row& row) {
    for (std::size_t i = 0; i < k_columns.size(); ++i) {
      if (!row.is_null(i + 1)) objects.image(row.integer(0), k_columns[i], row.blob(i + 1));
    }
    often("connector_image");
  });
  objects.report(result);
  ImageCheck metaverse("metaverse_object", "id", last_name);
  rows = 0;
  database.copy_out("SELECT id, image, lineage FROM metaverse_object", [&](const sql::Row& row) {
    metaverse.image(row.integer(0), "image", row.blob(1));
    metaverse.lineage(row.integer(0), row.blob(2));
    often("metaverse_object");
  });
  metaverse.report(result);
}

void check_sequences(sql::Database& database, Verification& result) {
  for (const std::string_view name : {"connector", "sync_rule", "connector_object", "metaverse_object", "run"}) {
    const auto given = sql::query_integer(database, fmt::format("SELECT max(id) FROM {}", quoted(name))).value_or(0);
    const auto next = sql::query_integer(database, "SELECT next_id FROM sequence WHERE name = $1", {name}).value_or(1);
    if (next > given) continue;
    result.findings.push_back({"sequence", fmt::format("name {}", name),
                               fmt::format("would give out {} again, and {} was given out", next, given)});
  }
}

std::vector<std::pair<std::string, TableSum>> ordered(const Sums& sums) {
  std::vector<std::pair<std::string, TableSum>> tables;
  for (const TableInfo& table : store_sql::all_tables()) {
    if (const auto found = sums.find(table.name); found != sums.end()) tables.emplace_back(table.name, found->second);
  }
  return tables;
}

// A database that was moved or is a copy may be looked at as well; one of another schema may not.
void check_readable(sql::Database& database) {
  auto obstacle = source_obstacle(database);
  if (obstacle && obstacle->id() != "transfer.not_in_charge") throw std::move(*obstacle);
}

}  // namespace

Verification verify(const Place& place, const Job& job) {
  Watch watch(job);
  const Connector connector = connector_of(place);
  const auto database = connector.connect();
  check_readable(*database);
  Verification result{.database = connector.url.redacted(), .tables = {}, .findings = {}};
  for (const std::string& problem : sql::integrity_problems(*database)) result.findings.push_back({"", "", problem});
  if (!result.findings.empty()) return result;  // its pages cannot be trusted to tell the rest
  const sql::Transaction snapshot(*database, sql::Mode::read);
  Sums sums;
  for (const TableInfo& table : store_sql::all_tables()) sums.emplace(table.name, sum_table(*database, table, watch));
  result.tables = ordered(sums);
  check_rows(*database, result, watch);
  check_sequences(*database, result);
  check_images(*database, result, watch);
  return result;
}

Verification verify_against(const Place& place, const Place& against, const Job& job) {
  Watch watch(job);
  const Connector left = connector_of(place);
  const Connector right = connector_of(against);
  const auto ours = left.connect();
  const auto theirs = right.connect();
  check_readable(*ours);
  check_readable(*theirs);
  const sql::Transaction our_snapshot(*ours, sql::Mode::read);
  const sql::Transaction their_snapshot(*theirs, sql::Mode::read);
  Verification result{.database = left.url.redacted(), .tables = {}, .findings = {}};
  for (const TableInfo& table : store_sql::all_tables()) {
    const TableSum mine = sum_table(*ours, table, watch);
    const TableSum other = sum_table(*theirs, table, watch);
    result.tables.emplace_back(table.name, mine);
    if (mine == other) continue;
    result.findings.push_back(
        {std::string(table.name), first_difference(*ours, *theirs, table, watch),
         fmt::format("differs from {}: {} rows here, {} there", theirs->name(), mine.rows, other.rows)});
  }
  return result;
}

PageCheck check_pages(const Place& place, bool deep, std::chrono::milliseconds limit) {
  Connector connector = connector_of(place);
  connector.options.read_only = true;
  if (!deep) connector.options.time_limit = limit;
  PageCheck check;
  try {
    check.problems = sql::integrity_problems(*connector.connect(), deep ? sql::Depth::full : sql::Depth::quick);
  } catch (const Error& error) {
    if (error.id() != "sql.cancelled") throw;
    check.finished = false;
  }
  return check;
}

}  // namespace linkspan::transfer
