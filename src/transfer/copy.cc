#include "transfer/copy.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"
#include "sql/inspect.h"
#include "transfer/internal/carry.h"
#include "transfer/internal/file.h"
#include "transfer/internal/source.h"
#include "transfer/internal/target.h"

namespace linkspan::transfer {

namespace {

constexpr std::string_view k_copy_guard = "a copy, to be attached with `linkspan database attach`";

// SQLite writes the copy itself, from a read snapshot that no writer waits for.
Sums copy_file(sql::Database& source, const std::string& path, Watch& watch) {
  std::string name = "'";
  for (const char c : path) name += c == '\'' ? "''" : std::string(1, c);
  try {
    source.execute(fmt::format("VACUUM INTO {}'", name));
  } catch (const Error& error) {
    if (error.id() != "sql.disk_full") throw;
    // SQLite names the database that it reads, and that one is well.
    throw Error(Fault::unavailable, "transfer.file", fmt::format("{} cannot be written: the disk is full", path),
                "Make room, or name another folder.");
  }
  watch.step("copied");
  const Connector connector{.url = {.dialect = sql::Dialect::sqlite, .path = path}, .options = {}};
  return sum_tables(connector, Which::all, false, watch);
}

Sums copy_server(const Connector& source, const Head& head, const std::string& path, Watch& watch) {
  const Connector target{.url = {.dialect = sql::Dialect::sqlite, .path = path}, .options = {}};
  const auto database = target.connect();
  const Marker marker{.transfer = random_name(),
                      .part = Part::attachment,
                      .other = source.url.redacted(),
                      .identity = head.identity,
                      .stage = Stage::prepared,
                      .started_at = sql::database_time(*database)};
  prepare_target(*database, marker, head, k_copy_guard);
  const Sums sums = carry_all(source, {target, marker.transfer}, false, Which::all, watch).sums;
  put_lease(*database, load_lease(*source.connect()));
  watch.step("copied");
  check_same(sums, source, sum_tables(target, Which::all, false, watch), target, watch);
  return sums;
}

Manifest manifest_of(const Head& head, const Sums& sums, const std::string& origin, const Job& job,
                     sql::Database& copy) {
  Manifest manifest{.schema = sql::schema_version(copy),
                    .identity = head.identity,
                    .program = job.program,
                    .origin = origin,
                    .made_at = sql::database_time(copy),
                    .tables = {}};
  for (const TableInfo& table : store_sql::all_tables()) {
    manifest.tables.emplace_back(table.name, sums.find(table.name)->second);
  }
  return manifest;
}

// One file that says what it is, readable from a folder nobody can write to.
Manifest complete(const std::string& path, const Head& head, const Sums& sums, const std::string& origin,
                  const Job& job) {
  const auto copy = sql::open_sqlite(path);
  Manifest manifest;
  {
    sql::Transaction transaction(*copy);
    manifest = manifest_of(head, sums, origin, job, *copy);
    store_sql::mark_moved(*copy, k_copy_guard, manifest.made_at);
    drop_marker(*copy);
    store_manifest(*copy, manifest);
    transaction.commit();
  }
  copy->execute("PRAGMA journal_mode = DELETE");
  return manifest;
}

}  // namespace

Manifest copy_database(const Place& source, const std::string& file, const Job& job) {
  Watch watch(job);
  const Connector connector = connector_of(source);
  const auto database = connector.connect();
  const Head head = check_source(*database);
  check_snapshots(*database);
  Draft draft(file);
  const Sums sums = connector.url.dialect == sql::Dialect::sqlite ? copy_file(*database, draft.path(), watch)
                                                                  : copy_server(connector, head, draft.path(), watch);
  const Manifest manifest = complete(draft.path(), head, sums, connector.url.redacted(), job);
  seal_copy(draft.path());
  watch.step("sealed");
  draft.publish();
  return manifest;
}

Manifest attach(const std::string& file, const Place& target, const AttachOptions& options) {
  Watch watch(options.job);
  const Manifest manifest = load_manifest(file);
  Connector into = connector_of(target);
  into.options.create = true;
  const auto database = connect_alone(into);
  if (auto obstacle = target_obstacle(*database, Part::attachment, manifest.identity, options.restart)) {
    throw std::move(*obstacle);
  }
  const Connector from{.url = {.dialect = sql::Dialect::sqlite, .path = file}, .options = {.read_only = true}};
  const auto copy = from.connect();
  (void)store_sql::look_at(*copy);  // throws unless its migrations are the ones this program has
  const Marker marker{.transfer = random_name(),
                      .part = Part::attachment,
                      .other = file,
                      .identity = manifest.identity,
                      .stage = Stage::prepared,
                      .started_at = sql::database_time(*database)};
  prepare_target(*database, marker, load_head(*copy),
                 fmt::format("half of an attach of {} that has not finished", file));
  watch.step("prepared");
  const Sums read = carry_all(from, {into, marker.transfer}, true, Which::all, watch).sums;
  put_lease(*database, load_lease(*copy));
  advance_marker(*database, marker.transfer, Stage::prepared, Stage::copied);
  watch.step("copied");
  check_equal(sums_of(manifest.tables), read, "the manifest", file);
  check_same(read, from, sum_tables(into, Which::all, true, watch), into, watch);
  advance_marker(*database, marker.transfer, Stage::copied, Stage::verified);
  watch.step("verified");
  release(*database, marker.transfer);
  watch.step("done");
  return manifest;
}

}  // namespace linkspan::transfer
