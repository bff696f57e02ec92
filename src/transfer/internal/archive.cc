#include "transfer/internal/archive.h"

#include <endian.h>
#include <fmt/format.h>
#include <zstd.h>

#include <bit>
#include <cstring>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::transfer {

namespace {

constexpr std::size_t k_flush = std::size_t{256} * 1024;
constexpr std::size_t k_longest_text = std::size_t{16} * 1024;
constexpr std::size_t k_most_tables = 1000;
constexpr int k_level = 1;
constexpr int k_window_log = 23;  // 8 MiB: more than level 1 ever asks for
// Real states shrink to a fifth. What grows a thousandfold was made to fill somebody's disk.
constexpr std::uint64_t k_most_growth = 1000;
constexpr std::uint64_t k_free_growth = std::uint64_t{16} << 20U;

// Kinds of records and of cells.
constexpr char k_head = 'H';
constexpr char k_table = 'T';
constexpr char k_row = 'R';
constexpr char k_end_of_table = 'E';
constexpr char k_end = 'Z';
constexpr char k_null = 'n';
constexpr char k_integer = 'i';
constexpr char k_real = 'r';
constexpr char k_text = 't';
constexpr char k_blob = 'b';

void put32(std::string& out, std::uint32_t number) {
  const std::uint32_t raw = htole32(number);
  out.append(reinterpret_cast<const char*>(&raw), sizeof raw);
}

void put64(std::string& out, std::uint64_t number) {
  const std::uint64_t raw = htole64(number);
  out.append(reinterpret_cast<const char*>(&raw), sizeof raw);
}

void put_text(std::string& out, std::string_view text) {
  put32(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

void put_sum(std::string& out, const TableSum& sum) {
  for (const std::uint64_t number : {sum.rows, sum.bytes, sum.low, sum.high}) put64(out, number);
}

std::uint32_t get32(std::string_view bytes) {
  std::uint32_t raw = 0;
  std::memcpy(&raw, bytes.data(), sizeof raw);
  return le32toh(raw);
}

std::uint64_t get64(std::string_view bytes) {
  std::uint64_t raw = 0;
  std::memcpy(&raw, bytes.data(), sizeof raw);
  return le64toh(raw);
}

void put_bytes(std::string& out, char kind, std::string_view bytes) {
  if (bytes.size() > k_longest_row) return;  // the row is refused for its size
  out += kind;
  put_text(out, bytes);
}

void put_cell(std::string& out, const sql::ValueView& cell) {
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) {
    out += k_integer;
    put64(out, static_cast<std::uint64_t>(*integer));
  } else if (const auto* text = std::get_if<std::string_view>(&cell)) {
    put_bytes(out, k_text, *text);
  } else if (const auto* blob = std::get_if<sql::BlobView>(&cell)) {
    put_bytes(out, k_blob, blob->bytes);
  } else if (const auto* real = std::get_if<double>(&cell)) {
    out += k_real;
    put64(out, std::bit_cast<std::uint64_t>(*real));
  } else {
    out += k_null;
  }
}

std::uint64_t size_of(const sql::Row& row) {
  std::uint64_t size = 0;
  for (const sql::ValueView& cell : row.cells()) {
    size += 9;
    if (const auto* text = std::get_if<std::string_view>(&cell)) size += text->size();
    if (const auto* blob = std::get_if<sql::BlobView>(&cell)) size += blob->bytes.size();
  }
  return size;
}

bool suits(char kind, const store_sql::ColumnInfo& column) {
  switch (column.type) {
    case store_sql::ColumnType::integer:
      return kind == k_integer || (kind == k_null && column.nullable);
    case store_sql::ColumnType::text:
      return kind == k_text || (kind == k_null && column.nullable);
    case store_sql::ColumnType::blob:
      return kind == k_blob || (kind == k_null && column.nullable);
  }
  return false;
}

class Unpacked : public RecordSource {
 public:
  explicit Unpacked(BlockReader& blocks) : blocks_(blocks), stream_(::ZSTD_createDCtx(), ::ZSTD_freeDCtx) {
    if (!stream_) throw std::bad_alloc();
    ::ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, k_window_log);
  }

  bool more(std::string& out) override {
    constexpr std::size_t k_step = std::size_t{128} * 1024;
    const std::size_t before = out.size();
    while (out.size() == before) {
      if (in_.pos == in_.size && !next_block()) return false;
      if (ended_) damaged_backup(blocks_.file(), "something follows the end of its content");
      out.resize(before + k_step);
      ZSTD_outBuffer buffer{out.data() + before, k_step, 0};
      const std::size_t left = ::ZSTD_decompressStream(stream_.get(), &buffer, &in_);
      out.resize(before + buffer.pos);
      if (::ZSTD_isError(left) != 0U) {
        damaged_backup(blocks_.file(), fmt::format("it does not unpack ({})", ::ZSTD_getErrorName(left)));
      }
      ended_ = left == 0;
      given_ += buffer.pos;
      // What did not fit waits inside, with no input left that would say so.
      full_ = buffer.pos == k_step;
    }
    if (given_ > k_free_growth + k_most_growth * blocks_.bytes_read()) {
      damaged_backup(blocks_.file(), "it unpacks to more than any state takes");
    }
    return true;
  }

 private:
  bool next_block() {
    if (full_ && !ended_) return true;
    const std::string_view block = blocks_.next();
    in_ = {block.data(), block.size(), 0};
    if (!block.empty()) return true;
    if (!ended_) damaged_backup(blocks_.file(), "its content ends too early");
    return false;
  }

  BlockReader& blocks_;
  std::unique_ptr<ZSTD_DCtx, decltype(&::ZSTD_freeDCtx)> stream_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  std::uint64_t given_ = 0;
  bool ended_ = false;
  bool full_ = false;
};

}  // namespace

class ArchiveWriter::Compressor {
 public:
  explicit Compressor(BlockWriter& blocks)
      : blocks_(blocks), stream_(::ZSTD_createCCtx(), ::ZSTD_freeCCtx), buffer_(::ZSTD_CStreamOutSize(), '\0') {
    if (!stream_) throw std::bad_alloc();
    ::ZSTD_CCtx_setParameter(stream_.get(), ZSTD_c_compressionLevel, k_level);
    // Beside the reading. A library without threads refuses, and packs in this one.
    ::ZSTD_CCtx_setParameter(stream_.get(), ZSTD_c_nbWorkers, 1);
  }

  void put(std::string_view bytes, bool last) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{buffer_.data(), buffer_.size(), 0};
      const std::size_t left = ::ZSTD_compressStream2(stream_.get(), &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
      if (::ZSTD_isError(left) != 0U) {
        throw Error(Fault::unavailable, "transfer.memory",
                    fmt::format("the backup cannot be packed: {}", ::ZSTD_getErrorName(left)),
                    "Free some memory, then repeat the command.");
      }
      blocks_.write(std::string_view(buffer_).substr(0, out.pos));
      if (last ? left == 0 : in.pos == in.size) return;
    }
  }

 private:
  BlockWriter& blocks_;
  std::unique_ptr<ZSTD_CCtx, decltype(&::ZSTD_freeCCtx)> stream_;
  std::string buffer_;
};

ArchiveWriter::ArchiveWriter(BlockWriter& blocks) : out_(std::make_unique<Compressor>(blocks)) {}
ArchiveWriter::~ArchiveWriter() = default;

void ArchiveWriter::flush_if_large() {
  if (pending_.size() < k_flush) return;
  out_->put(pending_, false);
  pending_.clear();
}

void ArchiveWriter::begin(const ArchiveHead& head) {
  pending_ += k_head;
  put64(pending_, static_cast<std::uint64_t>(head.manifest.schema));
  put64(pending_, static_cast<std::uint64_t>(head.manifest.made_at.time_since_epoch().count()));
  put64(pending_, static_cast<std::uint64_t>(head.head.created_at));
  put64(pending_, head.lease.known ? 1 : 0);
  put64(pending_, static_cast<std::uint64_t>(head.lease.fence));
  put64(pending_, static_cast<std::uint64_t>(head.lease.seen_at));
  for (const std::string* text : {&head.manifest.identity, &head.manifest.program, &head.manifest.origin,
                                  &head.head.created_by, &head.lease.holder}) {
    put_text(pending_, *text);
  }
}

void ArchiveWriter::open_table(const TableInfo& table) {
  pending_ += k_table;
  put_text(pending_, table.name);
}

void ArchiveWriter::row(const sql::Row& row) {
  if (size_of(row) > k_longest_row) {
    throw Error(Fault::invalid, "transfer.row",
                fmt::format("a row is longer than {} MiB, and a backup takes none that is", k_longest_row >> 20U),
                "Use `linkspan database copy`.");
  }
  pending_ += k_row;
  const std::size_t start = pending_.size();
  put32(pending_, 0);
  for (const sql::ValueView& cell : row.cells()) put_cell(pending_, cell);
  const std::uint32_t size = htole32(static_cast<std::uint32_t>(pending_.size() - start - sizeof size));
  std::memcpy(pending_.data() + start, &size, sizeof size);
  flush_if_large();
}

void ArchiveWriter::close_table(const TableSum& sum) {
  pending_ += k_end_of_table;
  put_sum(pending_, sum);
}

void ArchiveWriter::finish(const TableSums& sums) {
  pending_ += k_end;
  put64(pending_, sums.size());
  for (const auto& [name, sum] : sums) {
    put_text(pending_, name);
    put_sum(pending_, sum);
  }
  out_->put(pending_, true);
  pending_.clear();
}

std::unique_ptr<RecordSource> unpacked(BlockReader& blocks) { return std::make_unique<Unpacked>(blocks); }

void ArchiveReader::broken(std::string_view what) const { damaged_backup(file_, what); }

std::string_view ArchiveReader::take(std::size_t size) {
  if (buffer_.size() - place_ < size) {
    buffer_.erase(0, place_);
    place_ = 0;
    while (buffer_.size() < size) {
      if (!source_.more(buffer_)) broken("its content ends too early");
    }
  }
  const std::string_view taken = std::string_view(buffer_).substr(place_, size);
  place_ += size;
  return taken;
}

bool ArchiveReader::at_end() {
  if (place_ < buffer_.size()) return false;
  buffer_.clear();
  place_ = 0;
  return !source_.more(buffer_);
}

std::uint64_t ArchiveReader::number() { return get64(take(sizeof(std::uint64_t))); }

std::string ArchiveReader::text() {
  const std::size_t size = get32(take(sizeof(std::uint32_t)));
  if (size > k_longest_text) broken("a name is longer than any is");
  std::string out(take(size));
  if (!is_utf8(out) || out.find('\0') != std::string::npos) broken("a name is no text");
  return out;
}

TableSum ArchiveReader::sum() {
  TableSum sum;
  for (std::uint64_t* one : {&sum.rows, &sum.bytes, &sum.low, &sum.high}) *one = number();
  return sum;
}

ArchiveHead ArchiveReader::read_head() {
  if (take(1)[0] != k_head) broken("its content does not begin with a head");
  ArchiveHead head;
  const std::uint64_t schema = number();
  if (schema == 0 || schema > 1'000'000) broken("its schema has a number that none has");
  head.manifest.schema = static_cast<int>(schema);
  head.manifest.made_at = Time(std::chrono::microseconds(static_cast<std::int64_t>(number())));
  head.head.created_at = static_cast<std::int64_t>(number());
  head.lease.known = number() != 0;
  head.lease.fence = static_cast<std::int64_t>(number());
  head.lease.seen_at = static_cast<std::int64_t>(number());
  if (head.lease.fence < 0 || head.lease.fence > (std::int64_t{1} << 62U)) broken("its lease has no sound number");
  for (std::string* text_field : {&head.manifest.identity, &head.manifest.program, &head.manifest.origin,
                                  &head.head.created_by, &head.lease.holder}) {
    *text_field = text();
  }
  if (head.manifest.identity.empty()) broken("it does not say whose it is");
  head.head.identity = head.manifest.identity;
  return head;
}

std::optional<std::string> ArchiveReader::next_table() {
  const char kind = take(1)[0];
  if (kind == k_end) return std::nullopt;
  if (kind != k_table) broken("a record is of no known kind");
  return text();
}

void ArchiveReader::parse_row(std::string_view bytes, const TableInfo& table,
                              std::vector<sql::ValueView>& cells) const {
  const auto wrong = [&] { broken(fmt::format("a row of {} is not one of that table", table.name)); };
  cells.clear();
  for (const auto& column : table.columns) {
    if (bytes.empty() || !suits(bytes.front(), column)) wrong();
    const char kind = bytes.front();
    bytes.remove_prefix(1);
    if (kind == k_null) {
      cells.emplace_back();
      continue;
    }
    const std::size_t fixed = kind == k_integer ? sizeof(std::uint64_t) : sizeof(std::uint32_t);
    if (bytes.size() < fixed) wrong();
    if (kind == k_integer) cells.emplace_back(static_cast<std::int64_t>(get64(bytes)));
    const std::size_t size = kind == k_integer ? 0 : get32(bytes);
    bytes.remove_prefix(fixed);
    if (bytes.size() < size) wrong();
    if (kind == k_text) {
      const std::string_view text = bytes.substr(0, size);
      if (!is_utf8(text) || text.find('\0') != std::string_view::npos) wrong();
      cells.emplace_back(text);
    }
    if (kind == k_blob) cells.emplace_back(sql::BlobView(bytes.substr(0, size)));
    bytes.remove_prefix(size);
  }
  if (!bytes.empty()) wrong();
}

TableSum ArchiveReader::rows(const TableInfo& table, const std::function<void(const sql::Row&)>& visit) {
  Summing summing;
  std::vector<sql::ValueView> cells;
  for (;;) {
    const char kind = take(1)[0];
    if (kind == k_end_of_table) break;
    if (kind != k_row) broken("a record is of no known kind");
    const std::size_t size = get32(take(sizeof(std::uint32_t)));
    if (size > k_longest_row) broken(fmt::format("a row of {} is longer than any is", table.name));
    parse_row(take(size), table, cells);
    const sql::Row row(cells);
    summing.add(row);
    visit(row);
  }
  if (sum() != summing.sum()) broken(fmt::format("the rows of {} do not add up to its checksum", table.name));
  return summing.sum();
}

TableSums ArchiveReader::finish() {
  const std::uint64_t count = number();
  if (count > k_most_tables) broken("it names more tables than there are");
  TableSums sums;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string name = text();
    sums.emplace_back(std::move(name), sum());
  }
  if (!at_end()) broken("something follows the end of its content");
  return sums;
}

std::vector<const TableInfo*> archive_tables() {
  std::vector<const TableInfo*> tables(small_tables().begin(), small_tables().end());
  tables.insert(tables.end(), large_tables().begin(), large_tables().end());
  return tables;
}

}  // namespace linkspan::transfer
