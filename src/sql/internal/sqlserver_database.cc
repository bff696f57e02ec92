// The SQL Server driver, over ODBC: bulk writes as VALUES of parameters or by way of a stage filled by bulk copy.

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "sql/internal/key_rows.h"
#include "sql/internal/odbc_session.h"
#include "sql/internal/sqlserver_bulk.h"
#include "sql/internal/sqlserver_connect.h"
#include "sql/internal/sqlserver_text.h"
#include "sql/internal/statements.h"
#include "sql/open.h"

namespace linkspan::sql {

namespace {

constexpr std::chrono::seconds k_statement_limit = std::chrono::minutes(10);  // as with PostgreSQL
constexpr std::size_t k_most_statements = 500;
constexpr std::size_t k_stage_rows = 100;   // from here on bulk copy is faster, for all that it is three statements
constexpr std::size_t k_values_rows = 50;   // of one VALUES list: longer ones are slower by the row
constexpr std::size_t k_parameters = 2000;  // SQL Server takes 2100
constexpr std::size_t k_copy_rows = 10'000;
constexpr std::size_t k_copy_bytes = std::size_t{8} << 20;

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};

std::vector<std::string_view> names_of(const Table& table) {
  std::vector<std::string_view> names;
  for (const Column& column : table.columns) names.emplace_back(column.name);
  return names;
}

std::vector<std::size_t> all_rows(std::size_t count) {
  std::vector<std::size_t> all(count);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

class SqlServerDatabase final : public Database {
 public:
  SqlServerDatabase(OdbcConnection connection, const std::string& name, const OpenOptions& options)
      : Database(Dialect::sqlserver, name),
        session_(std::move(connection), name),
        bulk_(BulkCopy::of(session_.connection().get(), name)),
        read_only_(options.read_only) {
    session_.limit(k_statement_limit);
    session_.script(session_settings(options.lock_wait));
    OdbcParameters none;
    session_.query("SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()", none,
                   [&](const Row& row) { snapshots_ = row.maybe_integer(0) == 1; });
  }

  void execute(std::string_view script) override {
    guarded([&] {
      for (const std::string_view batch : batches_of(script)) {
        check_writable(batch);
        session_.script(batch);
      }
      shapes_.clear();
    });
  }

  std::int64_t run(std::string_view text, Params params) override {
    return guarded([&] {
      check_writable(text);
      return session_.run(given(text, params), parameters_);
    });
  }

  void query(std::string_view text, Params params, const RowVisitor& visit) override {
    guarded([&] {
      check_writable(text);
      session_.query(given(text, params), parameters_, visit);
    });
  }

  void scan(std::string_view text, Params params, const RowPredicate& visit) override {
    assert(in_transaction());
    guarded([&] { session_.stream(given(text, params), parameters_, visit); });
  }

  void copy_out(std::string_view text, const RowVisitor& visit) override {
    guarded([&] {
      const std::string& statement = given(text, {});
      const Unlimited unlimited(session_);
      const Occupied occupied(*this);
      session_.stream(statement, parameters_, [&](const Row& row) {
        visit(row);
        return true;
      });
    });
  }

  void lookup(const Table& table, Rows keys, const FoundVisitor& visit) override;

  [[nodiscard]] std::unique_ptr<CopyIn> open_copy(const Table& table) override;

 protected:
  std::int64_t write(Write what, const Table& table, Rows rows) override;

  void begin(Mode mode) override {
    const bool reading = mode == Mode::read;
    session_.script(!reading ? k_begin_write : snapshots_ ? k_begin_snapshot : k_begin_read);
    state_ = reading ? State::reading : State::writing;
  }

  void commit() override {
    session_.script(k_commit);
    state_ = State::idle;
  }

  void rollback() noexcept override {
    // What was made in the transaction went with it; a stage that is still there is made anew all the same.
    stages_.clear();
    state_ = State::idle;
    try {
      session_.script(k_rollback);
    } catch (...) {  // then the connection is lost, and the server does it
    }
  }

 private:
  class Copy;

  // No statement takes too long for as long as it lives.
  class Unlimited {
   public:
    explicit Unlimited(OdbcSession& session) : session_(session), before_(session.limit()) {
      session_.limit(std::chrono::seconds(0));
    }
    ~Unlimited() { session_.limit(before_); }
    Unlimited(const Unlimited&) = delete;
    Unlimited& operator=(const Unlimited&) = delete;

   private:
    OdbcSession& session_;
    std::chrono::seconds before_;
  };

  // SQL Server has no transactions that only read, so it is seen to here.
  void check_writable(std::string_view statement) const {
    if (state_ != State::reading && !read_only_) return;
    if (const std::string word = first_word(statement); word == "SELECT" || word == "DECLARE") return;
    refuse_to_write();
  }
  [[noreturn]] void refuse_to_write() const {
    throw Error(Fault::denied, "sql.read_only", fmt::format("{}: only to be read from here", name()),
                "Connect with an account that may write, or write outside the reading transaction.");
  }

  // The statement in T-SQL, and its parameters in `parameters_`.
  const std::string& given(std::string_view text, Params params) {
    auto found = statements_.find(text);
    if (found == statements_.end()) {
      if (statements_.size() >= k_most_statements) statements_.clear();
      found = statements_.emplace(std::string(text), translated(text)).first;
    }
    parameters_.clear();
    for (const std::size_t index : found->second.order) {
      assert(index < params.cells().size());
      parameters_.add(params.cells()[index]);
    }
    return found->second.text;
  }

  // What the columns are in the table, asked once.
  const std::vector<OdbcColumn>& shape_of(const Table& table, const std::vector<std::string_view>& names) {
    std::string text =
        fmt::format("SELECT {} FROM {} WHERE 1 = 0", each_column(names, "{}", ", "), quoted_name(table.name));
    const auto found = shapes_.find(text);
    if (found != shapes_.end()) return found->second;
    std::vector<OdbcColumn> columns = session_.describe(text);
    return shapes_.emplace(std::move(text), std::move(columns)).first->second;
  }

  // A stage that is there and empty.
  std::string empty_stage(const std::vector<std::string_view>& names, const std::vector<OdbcColumn>& columns,
                          bool numbered) {
    Stage stage = stage_for(names, columns, numbered);
    if (stages_.contains(stage.name)) {
      session_.script(fmt::format("TRUNCATE TABLE {}", stage.name));
    } else {
      session_.script(stage.create);
      stages_.insert(stage.name);
    }
    return std::move(stage.name);
  }

  [[nodiscard]] static std::size_t values_rows(std::size_t columns) {
    return std::clamp<std::size_t>(k_parameters / columns, 1, k_values_rows);
  }

  void add_row(std::span<const ValueView> row, const std::vector<OdbcColumn>& columns) {
    for (std::size_t i = 0; i < columns.size(); ++i) parameters_.add(row[i], columns[i].kind);
  }

  std::string staged(const std::vector<std::string_view>& names, const std::vector<OdbcColumn>& columns, Rows rows,
                     const std::vector<std::size_t>& chosen, const std::size_t* number);

  template <class Each>
  void each_source(const std::vector<std::string_view>& names, const std::vector<OdbcColumn>& columns, Rows rows,
                   const std::vector<std::size_t>& chosen, bool numbered, const Each& each);

  std::int64_t write_source(Write what, const Table& table, const std::vector<OdbcColumn>& columns,
                            const Source& source);

  OdbcSession session_;
  std::unique_ptr<BulkCopy> bulk_;  ///< null: the driver has none
  bool read_only_;
  bool snapshots_ = false;  ///< whether the DBA allowed them
  OdbcParameters parameters_;
  std::unordered_map<std::string, Translated, TextHash, std::equal_to<>> statements_;
  std::unordered_map<std::string, std::vector<OdbcColumn>> shapes_;
  std::unordered_set<std::string> stages_;
};

// Loads the rows into a stage, the few that bulk copy cannot take one by one; the stage's name.
std::string SqlServerDatabase::staged(const std::vector<std::string_view>& names,
                                      const std::vector<OdbcColumn>& columns, Rows rows,
                                      const std::vector<std::size_t>& chosen, const std::size_t* number) {
  std::vector<std::size_t> small;
  std::vector<std::size_t> large;
  for (const std::size_t row : chosen) (BulkCopy::takes(rows[row]) ? small : large).push_back(row);
  std::string stage = empty_stage(names, columns, number != nullptr);
  if (!small.empty()) bulk_->load(stage, columns, rows, small, number);
  if (large.empty()) return stage;
  const std::string marks = each_column(names, "?", ", ");
  const std::string text =
      fmt::format("INSERT INTO {} ({}{}) VALUES ({}{})", stage, number != nullptr ? "linkspan_index, " : "",
                  each_column(names, "{}", ", "), number != nullptr ? "?, " : "", marks);
  for (const std::size_t row : large) {
    parameters_.clear();
    if (number != nullptr) parameters_.add(static_cast<std::int64_t>(row + *number), OdbcKind::integer);
    add_row(rows[row], columns);
    session_.run(text, parameters_);
  }
  return stage;
}

// The rows by way of one stage or of several VALUES lists: `each(source, first)` runs what is to be done with them;
// the parameters are set, and linkspan_index counts from `first` (of a stage, from 0).
template <class Each>
void SqlServerDatabase::each_source(const std::vector<std::string_view>& names, const std::vector<OdbcColumn>& columns,
                                    Rows rows, const std::vector<std::size_t>& chosen, bool numbered,
                                    const Each& each) {
  if (bulk_ && chosen.size() >= k_stage_rows) {
    constexpr std::size_t k_from_zero = 0;
    const std::string stage = staged(names, columns, rows, chosen, numbered ? &k_from_zero : nullptr);
    parameters_.clear();
    each(Source::stage(stage), 0);
    return;
  }
  const std::size_t most = values_rows(names.size());
  for (std::size_t first = 0; first < chosen.size(); first += most) {
    const std::size_t count = std::min(most, chosen.size() - first);
    parameters_.clear();
    for (std::size_t i = 0; i < count; ++i) add_row(rows[chosen[first + i]], columns);
    each(Source::values(names, count, numbered), first);
  }
}

std::int64_t SqlServerDatabase::write_source(Write what, const Table& table, const std::vector<OdbcColumn>& columns,
                                             const Source& source) {
  switch (what) {
    case Write::insert:
      return session_.run(insert_text(table, source), parameters_);
    case Write::update:
      assert(columns_of(table, Role::initial).empty());
      return session_.run(update_text(table, columns, source, false), parameters_);
    case Write::erase:
      return session_.run(erase_text(table, columns, source), parameters_);
    case Write::upsert:
      break;
  }
  // What is there is written first, with locks that let nobody put in what is missing.
  std::int64_t written = 0;
  if (!columns_of(table, Role::value).empty()) {
    written += session_.run(update_text(table, columns, source, true), parameters_);
  }
  return written + session_.run(insert_missing_text(table, columns, source), parameters_);
}

std::int64_t SqlServerDatabase::write(Write what, const Table& table, Rows rows) {
  ready();
  if (rows.size() == 0) return 0;
  if (state_ == State::reading || read_only_) refuse_to_write();
  assert(rows.columns == table.columns.size());
  std::optional<Transaction> own;
  if (!in_transaction()) own.emplace(*this);
  const std::int64_t written = guarded([&] {
    const std::vector<std::string_view> names = names_of(table);
    const std::vector<OdbcColumn> columns = shape_of(table, names);
    const bool once = what == Write::upsert || what == Write::update;
    const std::size_t most = bulk_ ? k_copy_rows : k_values_rows;
    std::int64_t sum = 0;
    for (std::size_t first = 0; first < rows.size();) {
      const Rows chunk = rows.slice(first, chunk_size(rows, first, most));
      const auto chosen = once ? last_of_each_key(chunk, key_places(table)) : all_rows(chunk.size());
      each_source(names, columns, chunk, chosen, false,
                  [&](const Source& source, std::size_t) { sum += write_source(what, table, columns, source); });
      first += chunk.size();
    }
    return sum;
  });
  if (own) own->commit();
  return written;
}

void SqlServerDatabase::lookup(const Table& table, Rows keys, const FoundVisitor& visit) {
  guarded([&] {
    if (keys.size() == 0) return;
    const auto names = columns_of(table, Role::key);
    assert(keys.columns == names.size());
    const std::vector<OdbcColumn> columns = shape_of(table, names);
    for (std::size_t at = 0; at < keys.size();) {
      const Rows chunk = keys.slice(at, chunk_size(keys, at));
      each_source(names, columns, chunk, all_rows(chunk.size()), true, [&](const Source& source, std::size_t first) {
        session_.query(lookup_text(table, columns, source), parameters_, [&](const Row& row) {
          visit(at + first + static_cast<std::size_t>(row.integer(0)), Row(row.cells().subspan(1)));
        });
      });
      at += chunk.size();
    }
  });
}

// Rows are kept until there are enough of them for one stage.
class SqlServerDatabase::Copy final : public CopyIn {
 public:
  Copy(SqlServerDatabase& database, const Table& table)
      : database_(database), table_(table), rows_(table.columns.size()), unlimited_(database.session_) {
    database_.occupied_ = true;
  }
  ~Copy() override {
    if (!finished_) database_.spoil();
    database_.occupied_ = false;
  }

  void write(Rows rows) override {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (const ValueView& cell : rows[i]) rows_.copy(cell);
      if (rows_.size() >= k_copy_rows || rows_.bytes() >= k_copy_bytes) flush();
    }
  }

  std::uint64_t finish() override {
    assert(!finished_);
    flush();
    finished_ = true;
    database_.occupied_ = false;
    return count_;
  }

 private:
  void flush() {
    database_.occupied_ = false;
    count_ += static_cast<std::uint64_t>(database_.insert(table_, rows_.rows()));
    database_.occupied_ = true;
    rows_.clear();
  }

  SqlServerDatabase& database_;
  Table table_;
  RowBatch rows_;
  Unlimited unlimited_;
  std::uint64_t count_ = 0;
  bool finished_ = false;
};

std::unique_ptr<CopyIn> SqlServerDatabase::open_copy(const Table& table) {
  assert(state_ == State::writing || state_ == State::spoiled);
  return guarded([&] { return std::make_unique<Copy>(*this, table); });
}

}  // namespace

std::unique_ptr<Database> open_sqlserver(const DatabaseUrl& url, const OpenOptions& options) {
  assert(url.dialect == Dialect::sqlserver);
  return std::make_unique<SqlServerDatabase>(connect_sqlserver(url, options), url.redacted(), options);
}

}  // namespace linkspan::sql
