#include "transfer/internal/pump.h"

#include <fmt/format.h>

#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/bounded_queue.h"
#include "base/error.h"
#include "transfer/internal/bare_table.h"
#include "transfer/marker.h"

namespace linkspan::transfer {

namespace {

// What goes through the queue at once.
constexpr std::size_t k_chunk_bytes = std::size_t{192} * 1024;
constexpr std::size_t k_chunk_rows = 4096;
constexpr std::size_t k_queue = 4;

struct Chunk {
  sql::RowBatch rows;
  std::optional<CarriedBatch> ended;  ///< the batch that ends with the last row
};

// Chunks that were written, to be filled again: their memory is warm.
class Spares {
 public:
  sql::RowBatch take(std::size_t columns) {
    const std::lock_guard lock(mutex_);
    if (spares_.empty()) return sql::RowBatch(columns);
    sql::RowBatch batch = std::move(spares_.back());
    spares_.pop_back();
    return batch;
  }
  void give_back(sql::RowBatch batch) {
    batch.clear();
    const std::lock_guard lock(mutex_);
    spares_.push_back(std::move(batch));
  }

 private:
  std::mutex mutex_;
  std::vector<sql::RowBatch> spares_;
};

struct WriterGone {};

// Reads and sums in a thread of its own, while the caller writes.
class Reader {
 public:
  Reader(const RowFeed& feed, const TableInfo& table, const BatchLimits& limits, BoundedQueue<Chunk>& out,
         Spares& spares)
      : table_(table),
        limits_(limits),
        lead_(key_columns(table).front()),
        out_(out),
        spares_(spares),
        chunk_{spares.take(table.columns.size()), std::nullopt},
        thread_([this, &feed] { run(feed); }) {}

  /// After the queue has ended.
  [[nodiscard]] TableSum finish() {
    thread_.join();
    return sum_;
  }

 private:
  void run(const RowFeed& feed) noexcept {
    try {
      feed([&](const sql::Row& row) { take(row); });
      if (!chunk_.rows.empty()) end_batch();
      out_.close();
    } catch (const WriterGone&) {
      return;  // the writer failed and says why itself
    } catch (...) {
      out_.fail(std::current_exception());
    }
  }

  void take(const sql::Row& row) {
    // Rows that share the first column of the key stay together, so that a batch can be asked for by it alone.
    const bool full = batch_.sum().rows >= limits_.rows || batch_.sum().bytes >= limits_.bytes;
    if (full && row[lead_] != last_row()[lead_]) {
      end_batch();
    } else if (chunk_.rows.bytes() >= k_chunk_bytes || chunk_.rows.size() >= k_chunk_rows) {
      pass_on();
    }
    batch_.add(row);
    for (const sql::ValueView& cell : row.cells()) chunk_.rows.copy(cell);
  }

  [[nodiscard]] std::span<const sql::ValueView> last_row() const {
    const sql::Rows rows = chunk_.rows.rows();
    return rows[rows.size() - 1];
  }

  void end_batch() {
    chunk_.ended = CarriedBatch{.upto = sql::own(last_row()[lead_]), .sum = batch_.sum()};
    sum_ += batch_.sum();
    batch_.reset();
    pass_on();
  }

  void pass_on() {
    if (!out_.push(std::move(chunk_))) throw WriterGone();
    chunk_ = {spares_.take(table_.columns.size()), std::nullopt};
  }

  const TableInfo& table_;
  const BatchLimits& limits_;
  std::size_t lead_;
  BoundedQueue<Chunk>& out_;
  Spares& spares_;
  Chunk chunk_;
  Summing batch_;
  TableSum sum_;
  std::jthread thread_;  // last: it uses all of the above
};

// However the writer ends, the reader must not wait for it for ever.
class CancelAtEnd {
 public:
  explicit CancelAtEnd(BoundedQueue<Chunk>& queue) : queue_(queue) {}
  ~CancelAtEnd() { queue_.cancel(); }
  CancelAtEnd(const CancelAtEnd&) = delete;
  CancelAtEnd& operator=(const CancelAtEnd&) = delete;

 private:
  BoundedQueue<Chunk>& queue_;
};

template <class Write>
TableSum pump(const RowFeed& feed, const TableInfo& table, const BatchLimits& limits, Watch& watch,
              const Write& write) {
  Spares spares;
  BoundedQueue<Chunk> queue(k_queue);
  Reader reader(feed, table, limits, queue, spares);
  const CancelAtEnd cancel(queue);  // before the reader is joined
  std::uint64_t rows = 0;
  while (auto chunk = queue.pop()) {
    watch.check();
    write(*chunk);
    rows += chunk->rows.size();
    spares.give_back(std::move(chunk->rows));
    watch.report("copy", table.name, rows);
  }
  return reader.finish();
}

void check_arrived(std::uint64_t written, std::uint64_t read, const TableInfo& table, const sql::Database& target) {
  if (written == read) return;
  throw Error(Fault::corrupt, "transfer.mismatch",
              fmt::format("{}: {} of {} rows arrived in {}", table.name, written, read, target.name()),
              "Nothing was switched. Repeat the command; if it recurs, report this.");
}

// Writes chunks in transactions of some MiB, each with its lines of the ledger.
class BatchWriter {
 public:
  BatchWriter(sql::Database& target, const TableInfo& table, std::string_view transfer, std::size_t next,
              std::uint64_t commit_bytes, Watch& watch)
      : target_(target),
        table_(table),
        shape_(bulk_table(table)),
        transfer_(transfer),
        next_(next),
        commit_bytes_(commit_bytes),
        watch_(watch) {}

  void write(const Chunk& chunk) {
    if (copy_ == nullptr) open();
    copy_->write(chunk.rows.rows());
    if (!chunk.ended) return;
    ended_.push_back(*chunk.ended);
    open_sum_ += chunk.ended->sum;
    if (open_sum_.bytes >= commit_bytes_) commit();
  }

  void finish() {
    if (copy_ != nullptr) commit();
  }

 private:
  void open() {
    transaction_.emplace(target_, sql::Mode::write_deferred);
    check_marker(target_, transfer_);
    copy_ = target_.open_copy(shape_);
  }

  void commit() {
    const std::uint64_t written = copy_->finish();
    copy_.reset();
    check_arrived(written, open_sum_.rows, table_, target_);
    add_batches(target_, table_, next_, ended_);
    transaction_->commit();
    transaction_.reset();
    next_ += ended_.size();
    ended_.clear();
    open_sum_ = {};
    watch_.step(fmt::format("batch {}", table_.name));
  }

  sql::Database& target_;
  const TableInfo& table_;
  sql::Table shape_;
  std::string_view transfer_;
  std::size_t next_;
  std::uint64_t commit_bytes_;
  Watch& watch_;
  std::vector<CarriedBatch> ended_;
  TableSum open_sum_;
  std::optional<sql::Transaction> transaction_;
  std::unique_ptr<sql::CopyIn> copy_;  // after transaction_: it ends first
};

}  // namespace

TableSum fill_table(const RowFeed& feed, sql::Database& target, const TableInfo& table, std::string_view transfer,
                    Watch& watch) {
  watch.check();
  sql::Transaction transaction(target);
  check_marker(target, transfer);
  const auto dropped =
      strip_table(target, table.name, load_dropped(target, table).value_or(std::vector<std::string>()));
  forget_batches(target, table);
  const auto copy = target.open_copy(bulk_table(table));
  const TableSum sum = pump(feed, table, {}, watch, [&](const Chunk& chunk) { copy->write(chunk.rows.rows()); });
  check_arrived(copy->finish(), sum.rows, table, target);
  clothe_table(target, table.name, dropped);
  forget_dropped(target, table);
  transaction.commit();
  return sum;
}

TableSum append_rows(const RowFeed& feed, sql::Database& target, const TableInfo& table, std::string_view transfer,
                     std::size_t first, const BatchLimits& limits, Watch& watch) {
  BatchWriter writer(target, table, transfer, first, limits.commit_bytes, watch);
  const TableSum sum = pump(feed, table, limits, watch, [&](const Chunk& chunk) { writer.write(chunk); });
  writer.finish();
  return sum;
}

}  // namespace linkspan::transfer
