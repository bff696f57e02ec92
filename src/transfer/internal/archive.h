#pragma once
// What is inside the blocks of a backup: one zstd stream of records. Everything read is taken to be hostile: sizes are
// bounded before memory is had, cells are held to the schema, and sums are added up again.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transfer/checksum.h"
#include "transfer/internal/block_file.h"
#include "transfer/internal/tables.h"
#include "transfer/internal/target.h"
#include "transfer/manifest.h"

namespace linkspan::transfer {

/// No row is longer.
inline constexpr std::size_t k_longest_row = std::size_t{256} * 1024 * 1024;

struct ArchiveHead {
  Manifest manifest;  ///< without the sums, which are known at the end only
  Head head;
  LastLease lease;
};

using TableSums = std::vector<std::pair<std::string, TableSum>>;

/// Calls in the order of the format: begin; for each table open_table, row..., close_table; finish.
class ArchiveWriter {
 public:
  explicit ArchiveWriter(BlockWriter& blocks);
  ~ArchiveWriter();
  ArchiveWriter(const ArchiveWriter&) = delete;
  ArchiveWriter& operator=(const ArchiveWriter&) = delete;

  void begin(const ArchiveHead& head);
  void open_table(const TableInfo& table);
  /// Throws "transfer.row" for one beyond k_longest_row.
  void row(const sql::Row& row);
  void close_table(const TableSum& sum);
  void finish(const TableSums& sums);

 private:
  class Compressor;
  void flush_if_large();

  std::unique_ptr<Compressor> out_;
  std::string pending_;
};

/// The uncompressed records: from blocks, or, for the fuzzer, from bytes.
class RecordSource {
 public:
  virtual ~RecordSource() = default;
  /// Appends some bytes to `out`; false at the end.
  virtual bool more(std::string& out) = 0;
};

/// What the blocks hold, unpacked. Throws "transfer.backup_damaged" for what is no zstd, wants a large window, goes on
/// after its end, or unpacks to a thousand times its size.
[[nodiscard]] std::unique_ptr<RecordSource> unpacked(BlockReader& blocks);

/// Reads in the order of the format. Throws "transfer.backup_damaged" for everything that is not as it should be.
class ArchiveReader {
 public:
  ArchiveReader(RecordSource& source, std::string file) : source_(source), file_(std::move(file)) {}

  [[nodiscard]] ArchiveHead read_head();
  /// The name of the next table; nullopt after the last.
  [[nodiscard]] std::optional<std::string> next_table();
  /// The rows of the table next_table named, each held to the columns of `table`. What they add up to, compared with
  /// what the file says.
  TableSum rows(const TableInfo& table, const std::function<void(const sql::Row&)>& visit);
  /// After the last table: the sums of all tables; nothing may follow.
  [[nodiscard]] TableSums finish();

 private:
  [[noreturn]] void broken(std::string_view what) const;
  /// The next `size` bytes, valid until the next call.
  std::string_view take(std::size_t size);
  [[nodiscard]] bool at_end();
  std::uint64_t number();
  std::string text();
  TableSum sum();
  void parse_row(std::string_view bytes, const TableInfo& table, std::vector<sql::ValueView>& cells) const;

  RecordSource& source_;
  std::string file_;
  std::string buffer_;
  std::size_t place_ = 0;
};

/// In which a backup holds the tables: those that can be filled in bulk, in an order in which they can be.
[[nodiscard]] std::vector<const TableInfo*> archive_tables();

}  // namespace linkspan::transfer
