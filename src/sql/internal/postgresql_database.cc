// The PostgreSQL driver: binary throughout; bulk writes as arrays or COPY, reads by cursor or COPY.

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "sql/internal/key_rows.h"
#include "sql/internal/postgresql_arrays.h"
#include "sql/internal/postgresql_copy.h"
#include "sql/internal/postgresql_session.h"
#include "sql/internal/statements.h"
#include "sql/open.h"

namespace linkspan::sql {

namespace {

constexpr std::size_t k_copy_rows = 200;      // from here on COPY is faster than arrays
constexpr std::size_t k_prepared_rows = 100;  // up to here planning anew would cost more than the work
constexpr std::int64_t k_plans_last = 5000;   // rows written, after which plans made for smaller tables are dropped
constexpr std::size_t k_fetch_rows = 1000;
constexpr std::size_t k_fetch_bytes = std::size_t{2} << 20;
constexpr std::string_view k_index = "linkspan_index";  // the column of a lookup that numbers its keys

class PostgresqlDatabase final : public Database {
 public:
  PostgresqlDatabase(SignedIn signed_in, const std::string& name)
      : Database(Dialect::postgresql, name), session_(std::move(signed_in), name) {}

  void execute(std::string_view script) override {
    guarded([&] {
      session_.script(script);
      session_.forget();
    });
  }

  std::int64_t run(std::string_view text, Params params) override {
    return guarded([&] { return rows_changed(session_.run(session_.prepared(text), params.cells()).get()); });
  }

  void query(std::string_view text, Params params, const RowVisitor& visit) override {
    guarded([&] {
      const PgResult result = session_.run(session_.prepared(text), params.cells());
      std::vector<ValueView> cells;
      const int rows = PQntuples(result.get());
      for (int i = 0; i < rows; ++i) {
        read_row(result.get(), i, cells);
        visit(Row(cells));
      }
    });
  }

  void scan(std::string_view text, Params params, const RowPredicate& visit) override;

  void copy_out(std::string_view text, const RowVisitor& visit) override {
    guarded([&] {
      const std::vector<Oid> types = session_.prepared(text).columns;
      if (in_transaction()) session_.script("SET LOCAL statement_timeout = 0");
      const Occupied occupied(*this);
      sql::copy_out(session_, text, types, visit);
    });
  }

  void lookup(const Table& table, Rows keys, const FoundVisitor& visit) override;

  [[nodiscard]] std::unique_ptr<CopyIn> open_copy(const Table& table) override;

 protected:
  std::int64_t write(Write what, const Table& table, Rows rows) override;

  void begin(Mode mode) override {
    if (mode != Mode::read) {
      session_.script("BEGIN");
      state_ = State::writing;
      return;
    }
    // The snapshot is taken by the first query, so here is one.
    session_.script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1");
    state_ = State::reading;
  }

  void commit() override {
    const PgResult result = session_.script("COMMIT");
    // A server that could not commit says ROLLBACK, and calls that a success.
    if (std::string_view(PQcmdStatus(result.get())) != "COMMIT") {
      throw Error(Fault::conflict, "sql.transaction_failed", name() + ": the server rolled the transaction back");
    }
    state_ = State::idle;
  }

  void rollback() noexcept override {
    const PgWatch::Waiting waiting(session_.watch());
    if (PQtransactionStatus(session_.get()) != PQTRANS_IDLE) PQclear(PQexec(session_.get(), "ROLLBACK"));
    state_ = State::idle;
  }

 private:
  class Copy;

  // What the columns are in the table, asked once.
  std::vector<Oid> types_of(std::string_view table, std::string_view columns) {
    return session_.prepared(fmt::format("SELECT {} FROM {} LIMIT 0", columns, table)).columns;
  }

  // Large chunks are planned anew each time: a plan for these rows and this table costs less than one that is stale.
  PgResult run_arrays(const std::string& statement, const PgParameters& parameters, std::size_t rows) {
    return rows <= k_prepared_rows ? session_.run(session_.prepared(statement), parameters)
                                   : session_.run_once(statement, parameters);
  }

  // Tables grow under the plans that were kept for them, and the server looks again only once it has counted the rows
  // anew, which in a long transaction it never does.
  void count_written(std::int64_t rows) {
    written_ += rows;
    if (written_ < k_plans_last) return;
    written_ = 0;
    session_.script("DISCARD PLANS");
  }

  std::int64_t write_arrays(const std::string& statement, const std::vector<Oid>& types, Rows rows,
                            const std::vector<std::size_t>* keys);

  PgSession session_;
  std::uint64_t next_cursor_ = 1;
  std::int64_t written_ = 0;
};

// `unnest($1::bigint[]) AS "id", unnest($2::text[]) AS "name"...`: expanded side by side, so row by row.
std::string unnested(const std::vector<Oid>& types, const std::vector<std::string_view>& names) {
  std::string out;
  for (std::size_t i = 0; i < types.size(); ++i) {
    out +=
        fmt::format("{}unnest(${}::{}[]) AS {}", i == 0 ? "" : ", ", i + 1, type_name(types[i]), quoted_name(names[i]));
  }
  return out;
}

std::vector<Oid> arrays_of(const std::vector<Oid>& types) {
  std::vector<Oid> arrays;
  for (const Oid type : types) arrays.push_back(array_type_of(type));
  return arrays;
}

// Closes the cursor however the scan ends; a transaction that is spoiled has closed it already.
class Cursor {
 public:
  Cursor(PgSession& session, std::string name) : session_(session), name_(std::move(name)) {}
  ~Cursor() {
    const PgWatch::Waiting waiting(session_.watch());
    if (PQtransactionStatus(session_.get()) == PQTRANS_INTRANS) {
      PQclear(PQexec(session_.get(), fmt::format("CLOSE {}", name_).c_str()));
    }
  }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  PgResult fetch(std::size_t rows) { return session_.run_once(fmt::format("FETCH {} FROM {}", rows, name_), {}); }

 private:
  PgSession& session_;
  std::string name_;
};

// Few rows at first, then as many as fill the room that is allowed.
std::size_t next_fetch(const PGresult* result, std::size_t rows) {
  std::size_t bytes = 1;
  for (int i = 0; i < PQntuples(result); ++i) {
    for (int column = 0; column < PQnfields(result); ++column) {
      bytes += static_cast<std::size_t>(PQgetlength(result, i, column));
    }
  }
  return std::clamp<std::size_t>(k_fetch_bytes * rows / bytes, 1, std::min(k_fetch_rows, rows * 10));
}

void PostgresqlDatabase::scan(std::string_view text, Params params, const RowPredicate& visit) {
  assert(in_transaction());
  guarded([&] {
    const std::string name = fmt::format("linkspan_scan_{}", next_cursor_++);
    PgParameters parameters;
    parameters.set(session_.prepared(text).parameters, params.cells());
    session_.run_once(fmt::format("DECLARE {} NO SCROLL CURSOR FOR {}", name, text), parameters);
    Cursor cursor(session_, name);
    std::vector<ValueView> cells;
    for (std::size_t wanted = 100;;) {
      const PgResult result = cursor.fetch(wanted);
      const int rows = PQntuples(result.get());
      for (int i = 0; i < rows; ++i) {
        read_row(result.get(), i, cells);
        if (!visit(Row(cells))) return;
      }
      if (static_cast<std::size_t>(rows) < wanted) return;
      wanted = next_fetch(result.get(), wanted);
    }
  });
}

class PostgresqlDatabase::Copy final : public CopyIn {
 public:
  Copy(PostgresqlDatabase& database, const std::string& table, const std::string& columns, std::vector<Oid> types)
      : database_(database), copy_(database.session_, table, columns, std::move(types)) {
    database_.occupied_ = true;
  }
  ~Copy() override {
    if (!finished_) database_.spoil();
    copy_.abort();
    database_.occupied_ = false;
  }

  void write(Rows rows) override { copy_.write(rows); }

  std::uint64_t finish() override {
    const std::int64_t count = copy_.finish();
    finished_ = true;
    database_.occupied_ = false;
    database_.guarded([&] { database_.count_written(count); });
    return static_cast<std::uint64_t>(count);
  }

 private:
  PostgresqlDatabase& database_;
  PgCopyIn copy_;
  bool finished_ = false;
};

std::unique_ptr<CopyIn> PostgresqlDatabase::open_copy(const Table& table) {
  assert(state_ == State::writing || state_ == State::spoiled);
  return guarded([&] {
    const std::string name_of_table = quoted_name(table.name);
    const std::string columns = column_list(table);
    std::vector<Oid> types = types_of(name_of_table, columns);
    session_.script("SET LOCAL statement_timeout = 0");
    return std::make_unique<Copy>(*this, name_of_table, columns, std::move(types));
  });
}

std::int64_t PostgresqlDatabase::write_arrays(const std::string& statement, const std::vector<Oid>& types, Rows rows,
                                              const std::vector<std::size_t>* keys) {
  const std::vector<Oid> arrays = arrays_of(types);
  std::vector<std::string> encoded(types.size());
  std::vector<std::size_t> chosen;
  PgParameters parameters;
  std::int64_t written = 0;
  for (std::size_t first = 0; first < rows.size();) {
    const Rows chunk = rows.slice(first, chunk_size(rows, first));
    if (keys != nullptr) {
      chosen = last_of_each_key(chunk, *keys);
    } else {
      chosen.resize(chunk.size());
      std::iota(chosen.begin(), chosen.end(), std::size_t{0});
    }
    for (std::size_t column = 0; column < types.size(); ++column) {
      encode_column(encoded[column], types[column], chunk, column, chosen);
    }
    parameters.set(arrays, encoded);
    // Not prepared by name: a plan made for these rows and this size of the table, each time, costs less than a stale
    // one.
    written += rows_changed(session_.run_once(statement, parameters).get());
    first += chunk.size();
  }
  return written;
}

std::int64_t PostgresqlDatabase::write(Write what, const Table& table, Rows rows) {
  ready();
  if (rows.size() == 0) return 0;
  assert(rows.columns == table.columns.size());
  std::optional<Transaction> own;
  if (!in_transaction() && rows.size() > 1) own.emplace(*this);
  const std::int64_t written = guarded([&] {
    const std::string target = quoted_name(table.name);
    const std::string columns = column_list(table);
    const std::vector<Oid> types = types_of(target, columns);
    if (what == Write::insert && rows.size() >= k_copy_rows) {
      PgCopyIn copy(session_, target, columns, types);
      copy.write(rows);
      return copy.finish();
    }
    std::vector<std::string_view> names;
    for (const Column& column : table.columns) names.emplace_back(column.name);
    const std::string given = unnested(types, names);
    const std::string same = each_column(columns_of(table, Role::key), "t.{} = k.{}", " AND ");
    const std::vector<std::size_t> keys = key_places(table);
    switch (what) {
      case Write::insert:
        return write_arrays(fmt::format("INSERT INTO {} ({}) SELECT {}", target, columns, given), types, rows, nullptr);
      case Write::upsert:
        return write_arrays(fmt::format("INSERT INTO {} ({}) SELECT {} {}", target, columns, given, on_conflict(table)),
                            types, rows, &keys);
      case Write::update:
        assert(columns_of(table, Role::initial).empty());
        return write_arrays(fmt::format("UPDATE {} t SET {} FROM (SELECT {}) k WHERE {}", target,
                                        each_column(columns_of(table, Role::value), "{} = k.{}", ", "), given, same),
                            types, rows, &keys);
      case Write::erase:
        break;
    }
    assert(keys.size() == table.columns.size());
    return write_arrays(fmt::format("DELETE FROM {} t USING (SELECT {}) k WHERE {}", target, given, same), types, rows,
                        nullptr);
  });
  guarded([&] { count_written(written); });
  if (own) own->commit();
  return written;
}

void PostgresqlDatabase::lookup(const Table& table, Rows keys, const FoundVisitor& visit) {
  guarded([&] {
    auto names = columns_of(table, Role::key);
    assert(keys.size() == 0 || keys.columns == names.size());
    if (keys.size() == 0) return;
    const std::string target = quoted_name(table.name);
    std::vector<Oid> types = types_of(target, each_column(names, "{}", ", "));
    const std::string same = each_column(names, "t.{} = k.{}", " AND ");
    types.push_back(k_int8);
    names.push_back(k_index);
    const std::string statement =
        fmt::format("SELECT k.{}{} FROM (SELECT {}) k JOIN {} t ON {}", k_index,
                    each_column(columns_of(table, Role::value), ", t.{}", ""), unnested(types, names), target, same);
    const std::vector<Oid> arrays = arrays_of(types);
    std::vector<std::string> encoded(types.size());
    std::vector<ValueView> cells;
    PgParameters parameters;
    for (std::size_t first = 0; first < keys.size();) {
      const Rows chunk = keys.slice(first, chunk_size(keys, first));
      std::vector<std::size_t> all(chunk.size());
      std::iota(all.begin(), all.end(), std::size_t{0});
      for (std::size_t i = 0; i < keys.columns; ++i) encode_column(encoded[i], types[i], chunk, i, all);
      encoded.back().clear();
      append_array_head(encoded.back(), k_int8, chunk.size());
      for (std::size_t i = 0; i < chunk.size(); ++i) {
        append_field(encoded.back(), k_int8, static_cast<std::int64_t>(first + i));
      }
      parameters.set(arrays, encoded);
      const PgResult result = run_arrays(statement, parameters, chunk.size());
      for (int i = 0; i < PQntuples(result.get()); ++i) {
        read_row(result.get(), i, cells);
        visit(static_cast<std::size_t>(std::get<std::int64_t>(cells.front())), Row(std::span(cells).subspan(1)));
      }
      first += chunk.size();
    }
  });
}

}  // namespace

std::unique_ptr<Database> open_postgresql(const DatabaseUrl& url, const OpenOptions& options) {
  assert(url.dialect == Dialect::postgresql);
  return std::make_unique<PostgresqlDatabase>(connect_postgresql(url, options), url.redacted());
}

}  // namespace linkspan::sql
