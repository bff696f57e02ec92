// The SQLite driver: one file, one writer, prepared statements.

#include <fmt/format.h>
#include <sqlite3.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

#include "base/error.h"
#include "sql/internal/sqlite_error.h"
#include "sql/internal/sqlite_file.h"
#include "sql/internal/sqlite_statement.h"
#include "sql/internal/statements.h"
#include "sql/open.h"

namespace linkspan::sql {

namespace {

struct CloseConnection {
  void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
};
using Connection = std::unique_ptr<sqlite3, CloseConnection>;

constexpr std::size_t k_most_statements = 500;

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};

std::string placeholders(std::size_t count) {
  std::string out;
  for (std::size_t i = 1; i <= count; ++i) out += fmt::format("{}${}", i == 1 ? "" : ", ", i);
  return out;
}

std::string insert_text(const Table& table) {
  return fmt::format("INSERT INTO {} ({}) VALUES ({})", quoted_name(table.name), column_list(table),
                     placeholders(table.columns.size()));
}

// `"a" = $1 AND "b" = $3`: the columns of one role, each with the number it has in a row.
std::string equations(const Table& table, Role role, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].role != role) continue;
    if (!out.empty()) out += separator;
    out += fmt::format("{} = ${}", quoted_name(table.columns[i].name), i + 1);
  }
  return out;
}

// Ends what a connection does, once its time is up.
class TimeLimit {
 public:
  TimeLimit(sqlite3* connection, std::chrono::milliseconds limit) {
    if (limit.count() <= 0) return;
    const auto end = std::chrono::steady_clock::now() + limit;
    thread_ = std::jthread([connection, end](const std::stop_token& stop) {
      std::mutex mutex;
      std::condition_variable_any wake;
      std::unique_lock lock(mutex);
      wake.wait_until(lock, stop, end, [] { return false; });
      // It ends the statement under way only, and there may be another.
      while (!stop.stop_requested()) {
        sqlite3_interrupt(connection);
        wake.wait_for(lock, stop, std::chrono::milliseconds(20), [] { return false; });
      }
    });
  }

 private:
  std::jthread thread_;
};

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(Connection connection, std::string name, const OpenOptions& options)
      : Database(Dialect::sqlite, std::move(name)),
        connection_(std::move(connection)),
        read_only_(options.read_only),
        limit_(connection_.get(), options.time_limit) {}

  void execute(std::string_view script) override {
    guarded([&] { exec(script); });
  }

  std::int64_t run(std::string_view text, Params params) override {
    return guarded([&] {
      Lent lent(*this, text);
      return lent.statement().run(params.cells());
    });
  }

  void query(std::string_view text, Params params, const RowVisitor& visit) override {
    guarded([&] { query_rows(text, params, visit); });
  }

  void scan(std::string_view text, Params params, const RowPredicate& visit) override {
    assert(in_transaction());
    guarded([&] {
      Lent lent(*this, text);
      lent.statement().bind(params.cells());
      while (lent.statement().step() && visit(lent.statement().row())) {
      }
    });
  }

  void copy_out(std::string_view text, const RowVisitor& visit) override {
    guarded([&] {
      const Occupied occupied(*this);
      query_rows(text, {}, visit);
    });
  }

  void lookup(const Table& table, Rows keys, const FoundVisitor& visit) override;

  [[nodiscard]] std::unique_ptr<CopyIn> open_copy(const Table& table) override;

 protected:
  std::int64_t write(Write what, const Table& table, Rows rows) override;

  void begin(Mode mode) override {
    if (mode != Mode::read) {
      wait_for_disk(mode == Mode::write);
      exec("BEGIN IMMEDIATE");
      state_ = State::writing;
      return;
    }
    // A deferred transaction takes its snapshot with its first read.
    exec("BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1");
    state_ = State::reading;
    if (!read_only_) exec("PRAGMA query_only = ON");
  }

  void commit() override {
    exec("COMMIT");
    ended();
  }

  void rollback() noexcept override {
    // After some failures (disk full) SQLite has rolled back already.
    if (sqlite3_get_autocommit(connection_.get()) == 0) {
      sqlite3_exec(connection_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    }
    ended();
  }

 private:
  class Copy;
  using Statements = std::unordered_map<std::string, std::unique_ptr<SqliteStatement>, TextHash, std::equal_to<>>;

  // A statement from the cache for as long as this lives, or one of its own where the cached one is being read.
  class Lent {
   public:
    Lent(SqliteDatabase& database, std::string_view text)
        : statement_(database.prepared(text, own_)), use_(statement_) {}
    [[nodiscard]] SqliteStatement& statement() { return statement_; }

   private:
    std::unique_ptr<SqliteStatement> own_;
    SqliteStatement& statement_;
    SqliteUse use_;
  };

  SqliteStatement& prepared(std::string_view text, std::unique_ptr<SqliteStatement>& own) {
    const auto found = statements_.find(text);
    if (found != statements_.end() && !found->second->busy) return *found->second;
    own = std::make_unique<SqliteStatement>(connection_.get(), name(), text);
    if (found != statements_.end()) return *own;
    if (statements_.size() >= k_most_statements) {
      std::erase_if(statements_, [](const auto& kept) { return !kept.second->busy; });
    }
    return *statements_.emplace(std::string(text), std::move(own)).first->second;
  }

  void query_rows(std::string_view text, Params params, const RowVisitor& visit) {
    Lent lent(*this, text);
    lent.statement().bind(params.cells());
    while (lent.statement().step()) visit(lent.statement().row());
  }

  void exec(std::string_view script) {
    const std::string text(script);
    if (sqlite3_exec(connection_.get(), text.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return;
    throw sqlite_error(connection_.get(), name());
  }

  // In WAL mode a commit without it is as atomic and keeps its place in the order.
  void wait_for_disk(bool wait) {
    if (wait == waits_for_disk_) return;
    exec(wait ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    waits_for_disk_ = wait;
  }

  void ended() noexcept {
    if (!read_only_) sqlite3_exec(connection_.get(), "PRAGMA query_only = OFF", nullptr, nullptr, nullptr);
    state_ = State::idle;
  }

  Connection connection_;
  bool read_only_;
  bool waits_for_disk_ = true;
  Statements statements_;  // after connection_: finalized before it is closed
  TimeLimit limit_;        // likewise
};

class SqliteDatabase::Copy final : public CopyIn {
 public:
  Copy(SqliteDatabase& database, const Table& table)
      : database_(database), lent_(database, insert_text(table)), columns_(table.columns.size()) {
    database_.occupied_ = true;
  }
  ~Copy() override {
    if (!finished_) database_.spoil();
    database_.occupied_ = false;
  }

  void write(Rows rows) override {
    assert(rows.columns == columns_);
    for (std::size_t i = 0; i < rows.size(); ++i) lent_.statement().run(rows[i]);
    count_ += rows.size();
  }

  std::uint64_t finish() override {
    assert(!finished_);
    finished_ = true;
    database_.occupied_ = false;
    return count_;
  }

 private:
  SqliteDatabase& database_;
  Lent lent_;
  std::size_t columns_;
  std::uint64_t count_ = 0;
  bool finished_ = false;
};

std::unique_ptr<CopyIn> SqliteDatabase::open_copy(const Table& table) {
  assert(state_ == State::writing || state_ == State::spoiled);
  return guarded([&] { return std::make_unique<Copy>(*this, table); });
}

std::int64_t SqliteDatabase::write(Write what, const Table& table, Rows rows) {
  ready();
  if (rows.size() == 0) return 0;
  assert(rows.columns == table.columns.size());
  std::optional<Transaction> own;
  if (!in_transaction()) own.emplace(*this);
  const std::string name_of_table = quoted_name(table.name);
  std::string text;
  switch (what) {
    case Write::insert:
      text = insert_text(table);
      break;
    case Write::upsert:
      text = fmt::format("{} {}", insert_text(table), on_conflict(table));
      break;
    case Write::update:
      assert(columns_of(table, Role::initial).empty());
      text = fmt::format("UPDATE {} SET {} WHERE {}", name_of_table, equations(table, Role::value, ", "),
                         equations(table, Role::key, " AND "));
      break;
    case Write::erase:
      assert(columns_of(table, Role::key).size() == table.columns.size());
      text = fmt::format("DELETE FROM {} WHERE {}", name_of_table, equations(table, Role::key, " AND "));
      break;
  }
  const std::int64_t written = guarded([&] {
    Lent lent(*this, text);
    std::int64_t changed = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) changed += lent.statement().run(rows[i]);
    return changed;
  });
  if (own) own->commit();
  return written;
}

void SqliteDatabase::lookup(const Table& table, Rows keys, const FoundVisitor& visit) {
  const auto key_columns = columns_of(table, Role::key);
  const auto value_columns = columns_of(table, Role::value);
  assert(keys.size() == 0 || keys.columns == key_columns.size());
  std::string condition;
  for (std::size_t i = 0; i < key_columns.size(); ++i) {
    condition += fmt::format("{}{} = ${}", i == 0 ? "" : " AND ", quoted_name(key_columns[i]), i + 1);
  }
  const std::string text =
      fmt::format("SELECT {} FROM {} WHERE {}", value_columns.empty() ? "NULL" : each_column(value_columns, "{}", ", "),
                  quoted_name(table.name), condition);
  ready();
  if (keys.size() == 0) return;
  // Taking and giving up the read lock for each key would cost more than finding it.
  std::optional<Transaction> own;
  if (!in_transaction()) own.emplace(*this, Mode::read);
  guarded([&] {
    Lent lent(*this, text);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      lent.statement().bind(keys[i]);
      while (lent.statement().step()) visit(i, Row(lent.statement().row().cells().first(value_columns.size())));
      lent.statement().reset();
    }
  });
}

void configure(sqlite3* connection, const std::string& name, bool read_only) {
  // FULL: in WAL mode NORMAL may lose the last commits with the power, and a watermark that was exported must not be
  // lost. Memory is bounded: no mmap, 16 MiB of pages. Nothing in a hostile file's schema runs functions of ours.
  // Pages of 16 KiB (of a new file; an older one keeps its own): a batch of thousands of rows then writes and checks
  // a fourth of them. Checkpoints come after 2,000 of them: a batch that writes to random places of an index dirties
  // hundreds, and those of several batches then go to the file once.
  constexpr const char* k_settings =
      "PRAGMA page_size = 16384; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA mmap_size = 0; PRAGMA "
      "cache_size = -16384;"
      "PRAGMA wal_autocheckpoint = 2000; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA "
      "journal_size_limit = 67108864;";
  const auto exec = [&](const char* text) {
    if (sqlite3_exec(connection, text, nullptr, nullptr, nullptr) != SQLITE_OK) throw sqlite_error(connection, name);
  };
  sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  exec(k_settings);
  exec(read_only ? "PRAGMA schema_version" : "PRAGMA journal_mode = WAL");  // both read the header: is it one at all?
}

}  // namespace

std::unique_ptr<Database> open_sqlite(const std::string& path, const OpenOptions& options) {
  assert(!path.empty());
  const bool memory = path == ":memory:";
  const std::string name = memory ? "sqlite::memory:" : path;
  if (!memory) prepare_sqlite_file(path, options);
  // A leading "./" keeps SQLite from reading a meaning into names that begin with a colon.
  const std::string file = memory || path.front() == '/' ? path : "./" + path;
  // Counting its memory would take a mutex for each allocation of every connection. Too late, it is merely refused.
  static const int uncounted = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(uncounted);
  sqlite3* opened = nullptr;
  const int flags = options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  const int code = sqlite3_open_v2(file.c_str(), &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Connection connection(opened);
  if (code != SQLITE_OK) throw sqlite_error(code, opened != nullptr ? sqlite3_errmsg(opened) : "out of memory", name);
  sqlite3_busy_timeout(opened, static_cast<int>(options.lock_wait.count()));
  configure(opened, name, options.read_only);
  return std::make_unique<SqliteDatabase>(std::move(connection), name, options);
}

}  // namespace linkspan::sql
