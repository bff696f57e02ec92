#include "transfer/backup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "sql/inspect.h"
#include "transfer/internal/archive.h"
#include "transfer/internal/file.h"
#include "transfer/internal/pump.h"
#include "transfer/internal/room.h"
#include "transfer/internal/source.h"

namespace linkspan::transfer {

namespace {

constexpr std::uint64_t k_often = 4096;

// An open backup, from its beginning.
class OpenBackup {
 public:
  OpenBackup(const std::string& file, const RestoreOptions& options)
      : descriptor_(file, O_RDONLY),
        blocks_([this, file](char* into, std::size_t size) { return read(into, size, file); }, file,
                {.passphrase = options.passphrase, .key = options.identity}),
        source_(unpacked(blocks_)),
        reader_(*source_, file) {}
  [[nodiscard]] ArchiveReader& reader() { return reader_; }

 private:
  std::size_t read(char* into, std::size_t size, const std::string& file) const {
    std::size_t got = 0;
    while (got < size) {
      const ssize_t some = ::read(descriptor_.get(), into + got, size - got);
      if (some < 0 && errno == EINTR) continue;
      if (some < 0) fail_file(file, "cannot be read");
      if (some == 0) break;
      got += static_cast<std::size_t>(some);
    }
    return got;
  }

  Descriptor descriptor_;
  BlockReader blocks_;
  std::unique_ptr<RecordSource> source_;
  ArchiveReader reader_;
};

// By key from a server: SQLite fills its tables several times faster in that order.
TableSum write_table(sql::Database& source, const TableInfo& table, ArchiveWriter& out, Watch& watch) {
  const Order order = source.dialect() == sql::Dialect::sqlite ? Order::any : Order::by_key;
  Summing summing;
  out.open_table(table);
  source.copy_out(select_all(table, source.dialect(), order), [&](const sql::Row& row) {
    summing.add(row);
    out.row(row);
    if (summing.sum().rows % k_often != 0) return;
    watch.check();
    watch.report("backup", table.name, summing.sum().rows);
  });
  out.close_table(summing.sum());
  watch.report("backup", table.name, summing.sum().rows);
  return summing.sum();
}

Manifest write_archive(sql::Database& source, const Connector& connector, ArchiveWriter& out, Watch& watch,
                       const Job& job) {
  const sql::Transaction snapshot(source, sql::Mode::read);
  ArchiveHead head{.manifest = {.schema = sql::schema_version(source),
                                .identity = {},
                                .program = job.program,
                                .origin = connector.url.redacted(),
                                .made_at = sql::database_time(source),
                                .tables = {}},
                   .head = check_source(source),
                   .lease = load_lease(source)};
  head.manifest.identity = head.head.identity;
  out.begin(head);
  Sums sums;
  for (const TableInfo* table : archive_tables()) sums.emplace(table->name, write_table(source, *table, out, watch));
  for (const TableInfo& table : store_sql::all_tables()) {
    if (!is_bulk(table)) sums.emplace(table.name, sum_table(source, table, watch));
    head.manifest.tables.emplace_back(table.name, sums.find(table.name)->second);
  }
  out.finish(head.manifest.tables);
  return std::move(head.manifest);
}

// The last line of a backup names every table of the schema, in its order, with the sums of the rows that were there.
void check_sums(const TableSums& named, const Sums& found, const std::string& file) {
  const auto all = store_sql::all_tables();
  bool same = named.size() == all.size();
  for (std::size_t i = 0; same && i < all.size(); ++i) {
    const auto sum = found.find(all[i].name);
    same = named[i].first == all[i].name && (sum == found.end() || sum->second == named[i].second);
  }
  if (!same) damaged_backup(file, "its list of tables is not what it holds");
}

// Reads all tables in order, each by `read`; the sums of all tables, as the file has them.
template <class Read>
TableSums read_tables(ArchiveReader& reader, const std::string& file, const Read& read) {
  Sums sums;
  for (const TableInfo* table : archive_tables()) {
    if (reader.next_table() != table->name)
      damaged_backup(file, fmt::format("{} is not where it belongs", table->name));
    sums.emplace(table->name, read(*table));
  }
  if (reader.next_table()) damaged_backup(file, "it holds more tables than there are");
  TableSums named = reader.finish();
  check_sums(named, sums, file);
  return named;
}

ArchiveHead check_archive(const std::string& file, const RestoreOptions& options, Watch& watch) {
  OpenBackup open(file, options);
  ArchiveHead head = open.reader().read_head();
  check_schema(head.manifest, file, sql::Dialect::sqlite);
  head.manifest.tables = read_tables(open.reader(), file, [&](const TableInfo& table) {
    std::uint64_t rows = 0;
    const TableSum sum = open.reader().rows(table, [&](const sql::Row&) {
      if (++rows % k_often != 0) return;
      watch.check();
      watch.report("check", table.name, rows);
    });
    watch.report("check", table.name, rows);
    return sum;
  });
  return head;
}

}  // namespace

Manifest backup(const Place& source, const std::string& file, const BackupOptions& options) {
  Watch watch(options.job);
  const Connector connector = connector_of(source);
  const auto database = connector.connect();
  (void)check_source(*database);
  check_snapshots(*database);
  Draft draft(file);
  Manifest manifest;
  {
    const Descriptor descriptor(draft.path(), O_WRONLY);
    BlockWriter blocks(descriptor.get(), file, {.passphrase = options.passphrase, .key = options.recipient});
    ArchiveWriter archive(blocks);
    manifest = write_archive(*database, connector, archive, watch, options.job);
    blocks.finish();
  }
  watch.step("written");
  draft.publish();
  return manifest;
}

void note_backup(const Place& place, Time made_at) {
  static const sql::Table table{.name = "setting", .columns = {{"name", sql::Role::key}, {"value"}}};
  const auto database = connector_of(place).connect();
  sql::Transaction transaction(*database);
  (void)check_source(*database);
  bool later = true;
  database->query("SELECT value FROM setting WHERE name = $1", {k_backup_completed},
                  [&](const sql::Row& row) { later = from_rfc3339(row.text(0)) < made_at; });
  if (later) {
    const std::string value = to_rfc3339(made_at);
    const sql::ValueView row[] = {k_backup_completed, std::string_view(value)};
    database->upsert(table, {row, std::size(row)});
  }
  transaction.commit();
}

Manifest check_backup(const std::string& file, const RestoreOptions& options) {
  Watch watch(options.job);
  return check_archive(file, options, watch).manifest;
}

Manifest restore(const std::string& file, const Place& target, const RestoreOptions& options) {
  Watch watch(options.job);
  const ArchiveHead head = check_archive(file, options, watch);
  const Manifest& manifest = head.manifest;
  Connector into = connector_of(target);
  check_schema(manifest, file, into.url.dialect);
  if (auto obstacle = room_obstacle(into, manifest.bytes())) throw std::move(*obstacle);
  into.options.create = true;
  const auto database = connect_alone(into);
  if (auto obstacle = target_obstacle(*database, Part::attachment, manifest.identity, options.restart)) {
    throw std::move(*obstacle);
  }
  const Marker marker{.transfer = random_name(),
                      .part = Part::attachment,
                      .other = file,
                      .identity = manifest.identity,
                      .stage = Stage::prepared,
                      .started_at = sql::database_time(*database)};
  prepare_target(*database, marker, head.head, fmt::format("half of a restore of {} that has not finished", file));
  watch.step("prepared");
  {
    // The file may have been exchanged since it was checked: it is held to the same sums again below.
    OpenBackup open(file, options);
    (void)open.reader().read_head();
    const auto writer = into.connect();
    const TableSums read = read_tables(open.reader(), file, [&](const TableInfo& table) {
      TableSum sum;
      const RowFeed feed = [&](const auto& visit) { sum = open.reader().rows(table, visit); };
      (void)fill_table(feed, *writer, table, marker.transfer, watch);
      watch.step(fmt::format("table {}", table.name));
      return sum;
    });
    check_equal(sums_of(manifest.tables), sums_of(read), file, file);
  }
  put_lease(*database, head.lease);
  advance_marker(*database, marker.transfer, Stage::prepared, Stage::copied);
  watch.step("copied");
  check_equal(sums_of(manifest.tables), sum_tables(into, Which::all, true, watch), file, database->name());
  advance_marker(*database, marker.transfer, Stage::copied, Stage::verified);
  watch.step("verified");
  release(*database, marker.transfer);
  watch.step("done");
  return manifest;
}

}  // namespace linkspan::transfer
