// What every driver promises: the same suite on a SQLite file, on SQLite in memory, on PostgreSQL and on SQL Server.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "sql/inspect.h"
#include "sql/row_batch.h"
#include "sql/testing/backends.h"

namespace linkspan::sql {
namespace {

using ::testing::ElementsAre;
using testing::id_thrown_by;
using ::testing::IsEmpty;
using testing::Kind;

const Table k_person{"person", {{"id", Role::key}, {"name"}, {"image"}, {"score"}, {"weight"}}};
const Table k_person_id{"person", {{"id", Role::key}}};

class SqlContract : public testing::DatabaseTest {
 protected:
  void SetUp() override {
    DatabaseTest::SetUp();
    if (IsSkipped()) return;
    if (is_sqlserver()) {
      return db_->execute(
          "CREATE TABLE person (id bigint PRIMARY KEY, name nvarchar(max) COLLATE Latin1_General_100_BIN2, image "
          "varbinary(max), score bigint, weight float); CREATE TABLE pet (owner bigint NOT NULL REFERENCES person "
          "(id), kind varbinary(400) NOT NULL, kind_length AS CAST(DATALENGTH(kind) AS int) PERSISTED NOT NULL, made "
          "bigint, note nvarchar(max) COLLATE Latin1_General_100_BIN2, PRIMARY KEY (owner, kind, kind_length))");
    }
    db_->execute(
        is_postgresql()
            ? "CREATE TABLE person (id bigint PRIMARY KEY, name text, image bytea, score bigint, weight double "
              "precision); CREATE TABLE pet (owner bigint NOT NULL REFERENCES person (id), kind bytea NOT "
              "NULL, made bigint, note text, PRIMARY KEY (owner, kind))"
            : "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, image BLOB, score INTEGER, weight REAL) "
              "STRICT; CREATE TABLE pet (owner INTEGER NOT NULL REFERENCES person (id), kind BLOB NOT NULL, "
              "made INTEGER, note TEXT, PRIMARY KEY (owner, kind)) STRICT");
  }

  std::int64_t count(std::string_view from = "person") {
    return query_integer(*db_, std::string("SELECT count(*) FROM ") + std::string(from)).value();
  }

  static RowBatch people(std::int64_t first, std::int64_t last, std::string_view name = "ada") {
    RowBatch rows(5);
    for (std::int64_t id = first; id <= last; ++id) {
      rows.integer(id);
      rows.text(name);
      rows.blob("image");
      rows.integer(id * 2);
      rows.real(0.5);
    }
    return rows;
  }

  void insert_people(std::int64_t first, std::int64_t last) { db_->insert(k_person, people(first, last).rows()); }
};

// Rows whose cells are hard to carry, one of each kind of trouble.
std::vector<std::vector<Value>> hard_rows(Kind kind) {
  std::string every_byte;
  for (int i = 0; i < 256; ++i) every_byte += static_cast<char>(i);
  std::string large(5'000'000, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 31 + i / 977);
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  return {{std::int64_t{1}, "Zoë 😀 \t\n\"quoted\" \\N \\", Blob{every_byte}, least, -0.1},
          {std::int64_t{2}, Value(), Value(), Value(), Value()},
          {std::int64_t{3}, "", Blob{""}, most, 1e300},
          {std::int64_t{4}, std::string(300'000, 'x'), Blob{large}, std::int64_t{0},
           // SQL Server has no infinity.
           kind == Kind::sqlserver ? 1e308 : std::numeric_limits<double>::infinity()},
          {std::int64_t{5}, "{a,NULL}", Blob{std::string(1, '\0')}, std::int64_t{-1}, 0.0}};
}

RowBatch batch_of(const std::vector<std::vector<Value>>& rows) {
  RowBatch batch(rows.front().size());
  for (const auto& row : rows) {
    for (const Value& cell : row) batch.copy(view(cell));
  }
  return batch;
}

std::vector<std::vector<Value>> all_people(Database& database) {
  std::vector<std::vector<Value>> found;
  database.query("SELECT id, name, image, score, weight FROM person ORDER BY id", {}, [&](const Row& row) {
    auto& kept = found.emplace_back();
    for (const ValueView& cell : row.cells()) kept.push_back(own(cell));
  });
  return found;
}

TEST_P(SqlContract, EveryValueComesBackAsItWasStoredByParameter) {
  const auto rows = hard_rows(GetParam());
  for (const auto& row : rows) {
    std::vector<ValueView> cells;
    for (const Value& cell : row) cells.push_back(view(cell));
    EXPECT_EQ(db_->run("INSERT INTO person (id, name, image, score, weight) VALUES ($1, $2, $3, $4, $5)", cells), 1);
  }
  EXPECT_EQ(all_people(*db_), rows);
}

TEST_P(SqlContract, EveryValueComesBackAsItWasStoredByEachBulkWrite) {
  const auto rows = hard_rows(GetParam());
  const RowBatch batch = batch_of(rows);
  EXPECT_EQ(db_->insert(k_person, batch.rows()), 5);
  EXPECT_EQ(all_people(*db_), rows);
  db_->run("DELETE FROM person");
  EXPECT_EQ(db_->upsert(k_person, batch.rows()), 5);
  EXPECT_EQ(all_people(*db_), rows);
  db_->run("UPDATE person SET name = NULL, image = NULL, score = NULL, weight = NULL");
  EXPECT_EQ(db_->update(k_person, batch.rows()), 5);
  EXPECT_EQ(all_people(*db_), rows);
  db_->run("DELETE FROM person");
  {
    Transaction transaction(*db_);
    const auto copy = db_->open_copy(k_person);
    copy->write(batch.rows().slice(0, 2));
    copy->write(batch.rows().slice(2, 3));
    EXPECT_EQ(copy->finish(), 5U);
    transaction.commit();
  }
  EXPECT_EQ(all_people(*db_), rows);
}

TEST_P(SqlContract, EveryValueComesBackByScanAndByCopyOut) {
  const auto rows = hard_rows(GetParam());
  db_->insert(k_person, batch_of(rows).rows());
  std::vector<std::vector<Value>> scanned;
  std::vector<std::vector<Value>> copied;
  const auto keep = [](std::vector<std::vector<Value>>& in, const Row& row) {
    auto& kept = in.emplace_back();
    for (const ValueView& cell : row.cells()) kept.push_back(own(cell));
    return true;
  };
  const Transaction transaction(*db_, Mode::read);
  const std::string_view select = "SELECT id, name, image, score, weight FROM person ORDER BY id";
  db_->scan(select, {}, [&](const Row& row) { return keep(scanned, row); });
  db_->copy_out(select, [&](const Row& row) { keep(copied, row); });
  EXPECT_EQ(scanned, rows);
  EXPECT_EQ(copied, rows);
}

TEST_P(SqlContract, ParametersAreBoundByTheirNumberNotByTheirPlace) {
  insert_people(1, 5);
  EXPECT_EQ(query_integer(*db_, "SELECT count(*) FROM person WHERE id < $2 AND id > $1 AND id <> $2",
                          {std::int64_t{1}, std::int64_t{4}}),
            2);
  EXPECT_EQ(query_integer(*db_, "SELECT count(*) FROM person WHERE name = '$1' OR score = $1", {std::int64_t{4}}), 1);
}

TEST_P(SqlContract, RunCountsChangedRowsAndQueryReturnsThem) {
  insert_people(1, 5);
  EXPECT_EQ(db_->run("UPDATE person SET name = $1 WHERE id <= $2", {"bob", std::int64_t{3}}), 3);
  EXPECT_EQ(db_->run("UPDATE person SET name = $1 WHERE id > $2", {"bob", std::int64_t{9}}), 0);
  EXPECT_EQ(query_row(*db_, "SELECT name, score FROM person WHERE id = 3")->front(), Value("bob"));
  EXPECT_EQ(query_row(*db_, "SELECT name FROM person WHERE id = 99"), std::nullopt);
  EXPECT_EQ(query_integer(*db_, "SELECT sum(score) FROM person"), 30);
}

TEST_P(SqlContract, AQueryMayAskTheDatabaseAgainEvenTheSame) {
  insert_people(1, 3);
  std::int64_t pairs = 0;
  const std::string_view text = "SELECT id FROM person";
  db_->query(text, {}, [&](const Row&) { db_->query(text, {}, [&](const Row&) { ++pairs; }); });
  EXPECT_EQ(pairs, 9);
}

TEST_P(SqlContract, UpsertInsertsReplacesAndKeepsWhatIsInitial) {
  insert_people(1, 1);
  const Table pet{"pet", {{"owner", Role::key}, {"kind", Role::key}, {"made", Role::initial}, {"note"}}};
  RowBatch rows(4);
  const auto add = [&](std::string_view kind, std::int64_t made, std::string_view note) {
    rows.integer(1);
    rows.blob(kind);
    rows.integer(made);
    rows.text(note);
  };
  add("cat", 1, "first");
  add("dog", 1, "first");
  EXPECT_EQ(db_->upsert(pet, rows.rows()), 2);
  rows.clear();
  add("cat", 2, "second");
  add("owl", 2, "second");
  db_->upsert(pet, rows.rows());
  std::vector<std::string> found;
  db_->query("SELECT kind, made, note FROM pet ORDER BY kind", {}, [&](const Row& row) {
    found.push_back(std::string(row.blob(0)) + std::to_string(row.integer(1)) + std::string(row.text(2)));
  });
  EXPECT_THAT(found, ElementsAre("cat1second", "dog1first", "owl2second"));
}

TEST_P(SqlContract, UpsertWithoutValueColumnsKeepsTheRow) {
  insert_people(1, 2);
  const std::vector<ValueView> cells{std::int64_t{2}, "new", std::int64_t{3}, "new"};
  EXPECT_EQ(db_->upsert(Table{"person", {{"id", Role::key}, {"name", Role::initial}}}, Rows{cells, 2}), 1);
  EXPECT_EQ(query_row(*db_, "SELECT name FROM person WHERE id = 2")->front(), Value("ada"));
  EXPECT_EQ(query_row(*db_, "SELECT name FROM person WHERE id = 3")->front(), Value("new"));
}

TEST_P(SqlContract, OfRowsWithTheSameKeyTheLastWins) {
  RowBatch rows = people(1, 3, "early");
  for (int again = 0; again < 3; ++again) {
    rows.integer(2);
    rows.text("late" + std::to_string(again));
    rows.null();
    rows.null();
    rows.null();
  }
  db_->upsert(k_person, rows.rows());
  EXPECT_EQ(query_row(*db_, "SELECT name FROM person WHERE id = 2")->front(), Value("late2"));
  EXPECT_EQ(count(), 3);
  const std::vector<ValueView> cells{std::int64_t{1}, "x", std::int64_t{1}, "y"};
  db_->update(Table{"person", {{"id", Role::key}, {"name"}}}, Rows{cells, 2});
  EXPECT_EQ(query_row(*db_, "SELECT name FROM person WHERE id = 1")->front(), Value("y"));
}

TEST_P(SqlContract, UpdateWritesOnlyRowsThatAreThere) {
  insert_people(1, 3);
  RowBatch rows(2);
  for (std::int64_t id = 2; id <= 6; ++id) {
    rows.text("new");
    rows.integer(id);
  }
  EXPECT_EQ(db_->update(Table{"person", {{"name"}, {"id", Role::key}}}, rows.rows()), 2);
  EXPECT_EQ(count(), 3);
  EXPECT_EQ(count("person WHERE name = 'new'"), 2);
}

TEST_P(SqlContract, EraseDeletesByKey) {
  insert_people(1, 1000);
  RowBatch keys(1);
  for (std::int64_t id = 500; id <= 1500; ++id) keys.integer(id);
  EXPECT_EQ(db_->erase(k_person_id, keys.rows()), 501);
  EXPECT_EQ(count(), 499);
}

TEST_P(SqlContract, LookupAnswersEachKeyThatIsThere) {
  insert_people(1, 100);
  RowBatch keys(1);
  for (const std::int64_t id : {7, 500, 7, 100}) keys.integer(id);
  keys.null();
  std::multimap<std::size_t, std::int64_t> found;
  db_->lookup(Table{"person", {{"id", Role::key}, {"score"}, {"name"}}}, keys.rows(),
              [&](std::size_t key, const Row& row) {
                EXPECT_EQ(row.text(1), "ada");
                found.emplace(key, row.integer(0));
                EXPECT_EQ(count("pet"), 0);  // the visitor may ask
              });
  EXPECT_THAT(found, ElementsAre(std::pair(0, 14), std::pair(2, 14), std::pair(3, 200)));
  std::size_t there = 0;
  db_->lookup(k_person_id, keys.rows(), [&](std::size_t, const Row& row) { there += 1 + row.size(); });
  EXPECT_EQ(there, 3U);
}

TEST_P(SqlContract, LookupByATupleOfKeysAndOfRowsThatShareAKey) {
  insert_people(1, 3);
  for (const std::int64_t id : {1, 2, 3}) {
    for (const std::string_view kind : {"cat", "dog"}) {
      db_->run("INSERT INTO pet (owner, kind, note) VALUES ($1, $2, $3)", {id, BlobView(kind), kind});
    }
  }
  const std::vector<ValueView> tuples{std::int64_t{1}, BlobView("dog"), std::int64_t{2}, BlobView("owl")};
  std::vector<std::size_t> hits;
  db_->lookup(Table{"pet", {{"owner", Role::key}, {"kind", Role::key}, {"note"}}}, Rows{tuples, 2},
              [&](std::size_t key, const Row&) { hits.push_back(key); });
  EXPECT_THAT(hits, ElementsAre(0));
  hits.clear();
  const std::vector<ValueView> owners{std::int64_t{9}, std::int64_t{3}};
  db_->lookup(Table{"pet", {{"owner", Role::key}, {"kind"}}}, Rows{owners, 1},
              [&](std::size_t key, const Row&) { hits.push_back(key); });
  EXPECT_THAT(hits, ElementsAre(1, 1));
}

TEST_P(SqlContract, KeysThatDifferOnlyAtTheirEndAreApart) {
  insert_people(1, 1);
  const Table pet{"pet", {{"owner", Role::key}, {"kind", Role::key}, {"note"}}};
  const std::string_view kinds[] = {
      std::string_view("a", 1), std::string_view("a\0", 2), "a ", "A", std::string_view("\0", 1), ""};
  // Few by one way, many by another.
  for (const std::size_t copies : {std::size_t{1}, std::size_t{60}}) {
    RowBatch rows(3);
    RowBatch keys(2);
    for (std::size_t copy = 0; copy < copies; ++copy) {
      for (const std::string_view kind : kinds) {
        rows.integer(1);
        rows.blob(kind);
        rows.text(std::to_string(copy));
        keys.integer(1);
        keys.blob(kind);
      }
    }
    db_->upsert(pet, rows.rows());
    EXPECT_EQ(count("pet"), 6);
    std::size_t found = 0;
    db_->lookup(pet, keys.rows(), [&](std::size_t, const Row&) { ++found; });
    EXPECT_EQ(found, 6 * copies);
  }
  const std::vector<ValueView> one{std::int64_t{1}, BlobView("a")};
  EXPECT_EQ(db_->erase(Table{"pet", {{"owner", Role::key}, {"kind", Role::key}}}, Rows{one, 2}), 1);
  EXPECT_EQ(count("pet"), 5);
}

TEST_P(SqlContract, ThousandsOfRowsGoInAndComeBackInOrder) {
  constexpr std::int64_t k_rows = 12'345;
  EXPECT_EQ(db_->insert(k_person, people(1, k_rows).rows()), k_rows);
  EXPECT_EQ(db_->upsert(k_person, people(1000, k_rows + 1000, "bob").rows()), k_rows + 1);
  const Transaction transaction(*db_, Mode::read);
  std::int64_t last = 0;
  std::int64_t bobs = 0;
  db_->scan("SELECT id, name FROM person WHERE id > $1 ORDER BY id", {std::int64_t{0}}, [&](const Row& row) {
    EXPECT_EQ(row.integer(0), last + 1);
    last = row.integer(0);
    bobs += row.text(1) == "bob" ? 1 : 0;
    return true;
  });
  EXPECT_EQ(last, k_rows + 1000);
  EXPECT_EQ(bobs, k_rows + 1);
  std::int64_t copied = 0;
  db_->copy_out("SELECT id FROM person", [&](const Row&) { ++copied; });
  EXPECT_EQ(copied, last);
  std::int64_t found = 0;
  RowBatch keys(1);
  for (std::int64_t id = 1; id <= k_rows; ++id) keys.integer(id);
  db_->lookup(Table{"person", {{"id", Role::key}, {"score"}}}, keys.rows(), [&](std::size_t key, const Row& row) {
    found += row.integer(0) == static_cast<std::int64_t>(key + 1) * 2 ? 1 : 0;
  });
  EXPECT_EQ(found, k_rows);
}

TEST_P(SqlContract, AScanMayStopEarlyAndMayAskWhileItRuns) {
  insert_people(1, 500);
  Transaction transaction(*db_);
  int seen = 0;
  db_->scan("SELECT id FROM person ORDER BY id", {}, [&](const Row& row) {
    EXPECT_EQ(query_integer(*db_, "SELECT score FROM person WHERE id = $1", {row.integer(0)}), row.integer(0) * 2);
    return ++seen < 150;
  });
  EXPECT_EQ(seen, 150);
  db_->run("DELETE FROM person WHERE id = 1");
  transaction.commit();
  EXPECT_EQ(count(), 499);
}

TEST_P(SqlContract, WhatAVisitorThrowsComesThroughAndLeavesTheConnectionUsable) {
  insert_people(1, 5000);
  const auto give_up = [](const Row&) -> void { throw std::runtime_error("enough"); };
  EXPECT_THROW(db_->query("SELECT id FROM person", {}, give_up), std::runtime_error);
  EXPECT_THROW(db_->copy_out("SELECT id, name FROM person", give_up), std::runtime_error);
  {
    const Transaction transaction(*db_, Mode::read);
    EXPECT_THROW(db_->scan("SELECT id FROM person", {}, [](const Row&) -> bool { throw std::runtime_error("enough"); }),
                 std::runtime_error);
  }
  EXPECT_EQ(count(), 5000);
}

TEST_P(SqlContract, UncommittedLeavesNoTrace) {
  {
    const Transaction transaction(*db_);
    insert_people(1, 1000);
    EXPECT_EQ(count(), 1000);
  }
  EXPECT_EQ(count(), 0);
  {
    Transaction transaction(*db_);
    insert_people(1, 10);
    transaction.commit();
  }
  EXPECT_EQ(count(), 10);
}

TEST_P(SqlContract, ABulkWriteThatFailsLeavesNothingOfIt) {
  insert_people(700, 700);
  EXPECT_EQ(id_thrown_by([&] { insert_people(1, 1000); }), "sql.constraint");
  EXPECT_EQ(count(), 1);
}

TEST_P(SqlContract, AFailedStatementSpoilsItsTransaction) {
  insert_people(1, 1);
  Transaction transaction(*db_);
  db_->run("INSERT INTO person (id) VALUES (2)");
  EXPECT_EQ(id_thrown_by([&] { db_->run("INSERT INTO person (id) VALUES (1)"); }), "sql.constraint");
  EXPECT_EQ(id_thrown_by([&] { db_->run("INSERT INTO person (id) VALUES (3)"); }), "sql.transaction_failed");
  EXPECT_EQ(id_thrown_by([&] { transaction.commit(); }), "sql.transaction_failed");
}

TEST_P(SqlContract, AnUnfinishedCopySpoilsItsTransaction) {
  {
    Transaction transaction(*db_);
    {
      db_->open_copy(k_person)->write(people(1, 50).rows());
    }
    EXPECT_EQ(id_thrown_by([&] { transaction.commit(); }), "sql.transaction_failed");
  }
  EXPECT_EQ(count(), 0);
}

TEST_P(SqlContract, ACopyReportsARowThatIsRefused) {
  insert_people(5, 5);
  {
    Transaction transaction(*db_);
    const auto copy = db_->open_copy(k_person);
    EXPECT_EQ(id_thrown_by([&] {
                copy->write(people(1, 10).rows());
                copy->finish();
              }),
              "sql.constraint");
  }
  EXPECT_EQ(count(), 1);
}

TEST_P(SqlContract, AReadTransactionRefusesToWriteAndKeepsItsSnapshot) {
  insert_people(1, 3);
  {
    const Transaction transaction(*db_, Mode::read);
    EXPECT_EQ(id_thrown_by([&] { db_->run("DELETE FROM person"); }), "sql.read_only");
  }
  db_->run("DELETE FROM person WHERE id = 1");
  EXPECT_EQ(count(), 2);
}

TEST_P(SqlContract, AReaderIsNotBlockedByAWriterAndSeesItsOwnMoment) {
  if (GetParam() == Kind::sqlite_memory) GTEST_SKIP() << "one connection only";
  insert_people(1, 3);
  const auto reader = fresh_->open();
  const auto seen = [&] { return query_integer(*reader, "SELECT count(*) FROM person"); };
  Transaction writing(*db_);
  insert_people(4, 6);
  {
    const Transaction reading(*reader, Mode::read);
    EXPECT_EQ(seen(), 3);
    writing.commit();
    EXPECT_EQ(seen(), 3);
  }
  EXPECT_EQ(seen(), 6);
}

TEST_P(SqlContract, TextNoDatabaseKeepsIsRefusedByEach) {
  const auto store = [&](std::string_view text) {
    return id_thrown_by([&] { db_->run("INSERT INTO person (id, name) VALUES (1, $1)", {text}); });
  };
  EXPECT_EQ(store(std::string_view("a\0b", 3)), "sql.bad_text");
  EXPECT_EQ(store("\xC0\xAF"), "sql.bad_text");
  RowBatch rows = people(1, 300, "\xff");
  EXPECT_EQ(id_thrown_by([&] { db_->insert(k_person, rows.rows()); }), "sql.bad_text");
  EXPECT_EQ(id_thrown_by([&] { db_->upsert(k_person, rows.rows()); }), "sql.bad_text");
  EXPECT_EQ(count(), 0);
}

TEST_P(SqlContract, AValueOfTheWrongKindIsRefused) {
  EXPECT_EQ(id_thrown_by([&] { db_->run("INSERT INTO person (id, image) VALUES (1, $1)", {"text"}); }),
            "sql.type_mismatch");
  // SQL Server makes a number of bytes where it is told one statement; it is not asked what a parameter should be.
  if (!is_sqlserver()) {
    EXPECT_EQ(id_thrown_by([&] { db_->run("INSERT INTO person (id, score) VALUES (1, $1)", {BlobView("x")}); }),
              "sql.type_mismatch");
  }
  const std::vector<ValueView> cells{std::int64_t{1}, BlobView("x")};
  EXPECT_EQ(id_thrown_by([&] { db_->insert(Table{"person", {{"id", Role::key}, {"score"}}}, Rows{cells, 2}); }),
            "sql.type_mismatch");
  insert_people(1, 1);
  db_->query("SELECT name FROM person", {}, [&](const Row& row) {
    EXPECT_EQ(id_thrown_by([&] { (void)row.integer(0); }), "sql.unexpected_type");
    EXPECT_EQ(row.maybe_text(0), "ada");
  });
}

TEST_P(SqlContract, ForeignKeysHold) {
  EXPECT_EQ(id_thrown_by([&] { db_->run("INSERT INTO pet (owner, kind) VALUES (1, $1)", {BlobView("cat")}); }),
            "sql.constraint");
}

TEST_P(SqlContract, AStatementTheServerDoesNotUnderstandNamesItself) {
  try {
    db_->run("SELEKT 1");
    ADD_FAILURE() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.id(), "sql.failed");
    EXPECT_THAT(error.what(), ::testing::HasSubstr("SELEKT 1"));
  }
}

TEST_P(SqlContract, StatementsSurviveAChangeOfTheSchema) {
  insert_people(1, 1);
  const std::string_view text = "SELECT * FROM person";
  EXPECT_EQ(query_row(*db_, text)->size(), 5U);
  db_->execute(is_sqlserver() ? "ALTER TABLE person ADD extra bigint" : "ALTER TABLE person ADD COLUMN extra text");
  EXPECT_EQ(query_row(*db_, text)->size(), 6U);
}

TEST_P(SqlContract, InspectTellsWhatIsThere) {
  insert_people(1, 1000);
  EXPECT_THAT(table_names(*db_), ElementsAre("person", "pet"));
  EXPECT_GT(database_bytes(*db_), 8192U);
  EXPECT_THAT(integrity_problems(*db_), IsEmpty());
  EXPECT_THAT(product(*db_), ::testing::MatchesRegex("(SQLite|PostgreSQL|SQL Server) [0-9.]+"));
  const auto apart = database_time(*db_) - SystemClock().now();
  EXPECT_LT(std::chrono::abs(apart), std::chrono::seconds(5));
}

TEST_P(SqlContract, AReadOnlyConnectionRefusesToWrite) {
  if (GetParam() == Kind::sqlite_memory) GTEST_SKIP() << "one connection only";
  insert_people(1, 2);
  const auto reader = fresh_->open({.read_only = true});
  EXPECT_EQ(query_integer(*reader, "SELECT count(*) FROM person"), 2);
  EXPECT_EQ(id_thrown_by([&] { reader->run("DELETE FROM person"); }), "sql.read_only");
}

INSTANTIATE_TEST_SUITE_P(Each, SqlContract,
                         ::testing::Values(Kind::sqlite_file, Kind::sqlite_memory, Kind::postgresql, Kind::sqlserver),
                         testing::kind_name);

}  // namespace
}  // namespace linkspan::sql
