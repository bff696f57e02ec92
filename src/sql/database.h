#pragma once
// One connection to a database. Three drivers, SQLite, PostgreSQL and SQL Server, behind the same few primitives; what
// differs between the servers stops here and in db/migrations. open.h makes one; inspect.h and migrate.h ask about one.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sql/value.h"

namespace linkspan::sql {

enum class Dialect : unsigned char { sqlite, postgresql, sqlserver };
[[nodiscard]] std::string_view name_of(Dialect dialect) noexcept;

/// What a column is to a bulk primitive.
enum class Role : unsigned char {
  key,      ///< Names the row; has a unique index in the database wherever upsert is used.
  value,    ///< Written; read by lookup.
  initial,  ///< Written when upsert makes the row, kept when the row is there.
};

struct Column {
  std::string name;  ///< As in the schema, lower case: [a-z_][a-z0-9_]*
  Role role = Role::value;
};

/// The shape of rows given to, or looked up by, a bulk primitive: `{"metaverse_object", {{"id", Role::key},
/// {"image"}}}`.
struct Table {
  std::string name;
  std::vector<Column> columns;
};

/// Takes rows into one table as fast as the driver can, in constant memory. Until `finish` the connection does nothing
/// else. Destroying it unfinished spoils the transaction: nothing of it can be committed.
class CopyIn {
 public:
  virtual ~CopyIn() = default;
  /// Rows of all the table's columns, in their order.
  virtual void write(Rows rows) = 0;
  /// Rows taken, all told. Call once. Throws what was wrong with any row so far.
  virtual std::uint64_t finish() = 0;
};

/// What a transaction is for.
enum class Mode : unsigned char {
  read,   ///< One consistent snapshot, taken at once; never blocks a writer and is never blocked by one; writes are
          ///< refused.
  write,  ///< SQLite: takes the write lock at once. The servers: read committed.
  /// As write, but a loss of power may take it back, and with it all later ones of this kind: it lasts with the next
  /// `write` that changes something. Only where power cannot go without this process: elsewhere it is `write`.
  write_deferred,
};

/// One connection, one thread at a time. Placeholders are `$1`, `$2`... in every dialect.
///
/// Outside a Transaction every call but `execute` is atomic by itself. Inside one, a call that throws spoils it: only
/// rolling back is left, and `commit` refuses. All failures are linkspan::Error with an id of docs/messages/sql.md.
/// After "sql.connection_lost" the object is of no more use: open another.
///
/// Text that is not UTF-8, or holds NUL, is refused ("sql.bad_text") by every driver, so that what one database holds
/// any other can.
class Database {
 public:
  using RowVisitor = std::function<void(const Row&)>;
  using RowPredicate = std::function<bool(const Row&)>;
  using FoundVisitor = std::function<void(std::size_t key, const Row&)>;

  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  virtual ~Database() = default;

  [[nodiscard]] Dialect dialect() const noexcept { return dialect_; }
  /// What to call it in messages: the URL without secrets.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] bool in_transaction() const noexcept { return state_ != State::idle; }

  /// A script of any number of statements, without parameters; schema changes are made with it.
  virtual void execute(std::string_view script) = 0;

  /// One statement; how many rows it changed. Prepared once, kept by its text: give constant texts.
  virtual std::int64_t run(std::string_view statement, Params params = {}) = 0;

  /// One statement whose whole answer fits in memory. The visitor may use the database.
  virtual void query(std::string_view statement, Params params, const RowVisitor& visit) = 0;

  /// One SELECT of any size, streamed in the order it asks for, until `visit` returns false. Only in a transaction.
  /// The visitor may read from the database, even scan, but not change the tables scanned.
  virtual void scan(std::string_view statement, Params params, const RowPredicate& visit) = 0;

  /// As scan, for a SELECT without parameters that is read to its end, as fast as the server can send it.
  /// The visitor may not use the database.
  virtual void copy_out(std::string_view statement, const RowVisitor& visit) = 0;

  /// Bulk writes. Rows hold all the table's columns in their order; how many rows were written comes back.
  std::int64_t insert(const Table& table, Rows rows) { return write(Write::insert, table, rows); }
  /// Inserts, or where the key is there already, writes the `value` columns. Of rows with the same key the last wins.
  std::int64_t upsert(const Table& table, Rows rows) { return write(Write::upsert, table, rows); }
  /// Writes the `value` columns of the rows whose key is there; other keys are passed over. The last of a key wins.
  std::int64_t update(const Table& table, Rows rows) { return write(Write::update, table, rows); }
  /// Deletes by key; the table has key columns only.
  std::int64_t erase(const Table& table, Rows keys) { return write(Write::erase, table, keys); }

  /// Reads the `value` columns of the rows whose `key` columns equal one of `keys` (rows of key columns only), in any
  /// order; `visit` is told which of `keys` it was. A key that holds NULL finds nothing; one asked for twice is
  /// answered twice; without `value` columns the row is empty. The visitor may read from the database.
  virtual void lookup(const Table& table, Rows keys, const FoundVisitor& visit) = 0;

  /// For loads of any size. Only in a write transaction. The database must outlive it.
  [[nodiscard]] virtual std::unique_ptr<CopyIn> open_copy(const Table& table) = 0;

 protected:
  enum class State : unsigned char { idle, reading, writing, spoiled };
  enum class Write : unsigned char { insert, upsert, update, erase };

  Database(Dialect dialect, std::string name) : dialect_(dialect), name_(std::move(name)) {}

  virtual std::int64_t write(Write what, const Table& table, Rows rows) = 0;
  virtual void begin(Mode mode) = 0;
  virtual void commit() = 0;
  /// Never throws: a connection that cannot roll back is lost, and the server does it.
  virtual void rollback() noexcept = 0;

  /// Every call begins with it: throws in a spoiled transaction.
  void ready() const;
  /// Runs `work`; what it throws spoils the transaction.
  template <class Work>
  auto guarded(const Work& work) {
    ready();
    try {
      return work();
    } catch (...) {
      spoil();
      throw;
    }
  }
  void spoil() noexcept {
    if (state_ != State::idle) state_ = State::spoiled;
  }

  /// A copy is under way for as long as it lives.
  class Occupied {
   public:
    explicit Occupied(Database& database) : database_(database) { database_.occupied_ = true; }
    ~Occupied() { database_.occupied_ = false; }
    Occupied(const Occupied&) = delete;
    Occupied& operator=(const Occupied&) = delete;

   private:
    Database& database_;
  };

  State state_ = State::idle;
  bool occupied_ = false;  ///< Nothing else may be asked.

 private:
  friend class Transaction;
  Dialect dialect_;
  std::string name_;
};

/// All or nothing. Destroying one that was not committed rolls it back. They do not nest.
class Transaction {
 public:
  explicit Transaction(Database& database, Mode mode = Mode::write);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  /// Makes it durable (unless it is deferred): when this returns, the loss of power loses nothing of it. Call once.
  /// Throws "sql.transaction_failed" where an earlier call in it had thrown, and leaves nothing.
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

/// The first cell of the first row, which must be an integer; nullopt where there is no row or it is NULL.
[[nodiscard]] std::optional<std::int64_t> query_integer(Database& database, std::string_view statement,
                                                        Params params = {});
/// The first row, owned; nullopt where there is none.
[[nodiscard]] std::optional<std::vector<Value>> query_row(Database& database, std::string_view statement,
                                                          Params params = {});

}  // namespace linkspan::sql
