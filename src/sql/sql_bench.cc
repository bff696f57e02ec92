// Rows a second of the bulk primitives, on a SQLite file and on PostgreSQL (both durable, both on the temporary
// folder's disk). The rows are those of a connector space: 12 columns, about 250 bytes.

#include <benchmark/benchmark.h>

#include "sql/row_batch.h"
#include "sql/testing/backends.h"

namespace linkspan::sql {
namespace {

constexpr std::int64_t k_rows = 100'000;
const Table k_table{"object",
                    {{"id", Role::key},
                     {"connector"},
                     {"type"},
                     {"anchor"},
                     {"dn"},
                     {"dn_key"},
                     {"image"},
                     {"hash"},
                     {"state"},
                     {"seen_at"},
                     {"changed_at"},
                     {"identity"}}};

class Fresh {
 public:
  explicit Fresh(bool postgresql) {
    if (postgresql) {
      static testkit::Postgresql durable({"fsync=on", "full_page_writes=on"});
      database_ = open(DatabaseUrl::parse(durable.fresh_database()));
    } else {
      database_ = open_sqlite(folder_.file("state.db"), {.create = true});
    }
    database_->execute(
        postgresql
            ? "CREATE TABLE object (id bigint PRIMARY KEY, connector bigint, type bigint, anchor bytea, dn text, "
              "dn_key bytea, image bytea, hash bytea, state bigint, seen_at bigint, changed_at bigint, identity "
              "bigint); CREATE UNIQUE INDEX object_anchor ON object (connector, anchor)"
            : "CREATE TABLE object (id INTEGER PRIMARY KEY, connector INTEGER, type INTEGER, anchor BLOB, dn "
              "TEXT, dn_key BLOB, image BLOB, hash BLOB, state INTEGER, seen_at INTEGER, changed_at INTEGER, "
              "identity INTEGER) STRICT; CREATE UNIQUE INDEX object_anchor ON object (connector, anchor)");
  }
  Database& operator*() { return *database_; }
  Database* operator->() { return database_.get(); }

 private:
  testing::TemporaryFolder folder_;
  std::unique_ptr<Database> database_;
};

RowBatch objects(std::int64_t first, std::int64_t count, std::int64_t generation) {
  RowBatch rows(12);
  const std::string image(100, 'i');
  for (std::int64_t id = first; id < first + count; ++id) {
    const std::string dn = "cn=person number " + std::to_string(id) + ",ou=people,dc=quay,dc=example";
    const std::string anchor = std::to_string((id * 7'919) % 1'000'003) + "-anchor";
    rows.integer(id);
    rows.integer(1);
    rows.integer(2);
    rows.blob(anchor);
    rows.text(dn);
    rows.blob(dn);
    rows.blob(image);
    rows.blob("0123456789abcdef");
    rows.integer(0);
    rows.integer(1'700'000'000'000'000 + generation);
    rows.integer(1'700'000'000'000'000 + generation);
    rows.null();
  }
  return rows;
}

void in_one(Database& database, const std::function<void()>& work) {
  Transaction transaction(database);
  work();
  transaction.commit();
}

// The bench's second argument is how many rows a call is given.
template <class Work>
void by_batches(const RowBatch& rows, std::int64_t batch, const Work& work) {
  for (std::int64_t first = 0; first < k_rows; first += batch) {
    work(rows.rows().slice(static_cast<std::size_t>(first), static_cast<std::size_t>(std::min(batch, k_rows - first))));
  }
}

void done(benchmark::State& state) { state.SetItemsProcessed(state.iterations() * k_rows); }

void BM_Insert(benchmark::State& state) {
  const RowBatch rows = objects(0, k_rows, 0);
  for (auto _ : state) {
    state.PauseTiming();
    std::optional<Fresh> database(state.range(0) == 1);
    state.ResumeTiming();
    in_one(**database,
           [&] { by_batches(rows, state.range(1), [&](Rows some) { (*database)->insert(k_table, some); }); });
    state.PauseTiming();
    database.reset();
    state.ResumeTiming();
  }
  done(state);
}

void BM_Upsert(benchmark::State& state) {
  Fresh database(state.range(0) == 1);
  std::int64_t generation = 0;
  database->insert(k_table, objects(0, k_rows, generation).rows());
  for (auto _ : state) {
    state.PauseTiming();
    const RowBatch rows = objects(0, k_rows, ++generation);
    state.ResumeTiming();
    in_one(*database, [&] { by_batches(rows, state.range(1), [&](Rows some) { database->upsert(k_table, some); }); });
  }
  done(state);
}

void BM_Lookup(benchmark::State& state) {
  Fresh database(state.range(0) == 1);
  database->insert(k_table, objects(0, k_rows, 0).rows());
  RowBatch keys(1);
  for (std::int64_t i = 0; i < k_rows; ++i) keys.integer((i * 7'919) % k_rows);
  const Table table{"object", {{"id", Role::key}, {"image"}, {"hash"}, {"state"}}};
  const Transaction transaction(*database, Mode::read);
  for (auto _ : state) {
    std::size_t bytes = 0;
    by_batches(keys, state.range(1), [&](Rows some) {
      database->lookup(table, some, [&](std::size_t, const Row& row) { bytes += row.blob(0).size(); });
    });
    benchmark::DoNotOptimize(bytes);
  }
  done(state);
}

void BM_Erase(benchmark::State& state) {
  Fresh database(state.range(0) == 1);
  RowBatch keys(1);
  for (std::int64_t i = 0; i < k_rows; ++i) keys.integer(i);
  const RowBatch rows = objects(0, k_rows, 0);
  const Table table{"object", {{"id", Role::key}}};
  for (auto _ : state) {
    state.PauseTiming();
    database->insert(k_table, rows.rows());
    state.ResumeTiming();
    in_one(*database, [&] { by_batches(keys, state.range(1), [&](Rows some) { database->erase(table, some); }); });
  }
  done(state);
}

void BM_Scan(benchmark::State& state) {
  Fresh database(state.range(0) == 1);
  database->insert(k_table, objects(0, k_rows, 0).rows());
  const Transaction transaction(*database, Mode::read);
  const std::string_view select =
      "SELECT id, connector, type, anchor, dn, dn_key, image, hash, state, seen_at, changed_at, identity FROM object "
      "ORDER BY id";
  for (auto _ : state) {
    std::size_t bytes = 0;
    const auto add = [&](const Row& row) { bytes += row.blob(6).size(); };
    if (state.range(1) == 1) {
      database->copy_out(select, add);
    } else {
      database->scan(select, {}, [&](const Row& row) { return add(row), true; });
    }
    benchmark::DoNotOptimize(bytes);
  }
  done(state);
}

// What durability costs: one small transaction after another.
void BM_Commit(benchmark::State& state) {
  Fresh database(state.range(0) == 1);
  std::int64_t id = 0;
  for (auto _ : state) {
    Transaction transaction(*database);
    database->run("INSERT INTO object (id, state) VALUES ($1, $2)", {id++, std::int64_t{0}});
    transaction.commit();
  }
  state.SetItemsProcessed(state.iterations());
}

void sizes(benchmark::internal::Benchmark* one) {
  one->ArgNames({"pg", "batch"})->Unit(benchmark::kMillisecond)->UseRealTime();
  for (const int server : {0, 1}) {
    for (const int batch : {10, 100, 500, 2000, 100'000}) one->Args({server, batch});
  }
}

BENCHMARK(BM_Insert)->Apply(sizes);
BENCHMARK(BM_Upsert)->Apply(sizes);
BENCHMARK(BM_Lookup)->Apply(sizes);
BENCHMARK(BM_Erase)
    ->ArgNames({"pg", "batch"})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Args({0, 2000})
    ->Args({1, 2000});
BENCHMARK(BM_Scan)
    ->ArgNames({"pg", "copy"})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Args({0, 0})
    ->Args({1, 0})
    ->Args({1, 1});
BENCHMARK(BM_Commit)->ArgNames({"pg"})->UseRealTime()->Arg(0)->Arg(1);

}  // namespace
}  // namespace linkspan::sql
