// What a loss of power leaves of an SQLite database: docs/design/0008-embedded-database.md has the promise.

#include <gtest/gtest.h>

#include "base/error.h"
#include "sql/inspect.h"
#include "sql/testing/backends.h"
#include "sql/testing/power_loss.h"

namespace linkspan::sql {
namespace {

// A history of transactions whose state after the n-th is known: a counter, and the rows of the last few transactions.
constexpr std::int64_t k_kept = 7;
constexpr std::int64_t k_rows = 12;

void write_step(Database& database, std::int64_t step, Mode mode) {
  Transaction transaction(database, mode);
  database.run("UPDATE progress SET step = $1", {step});
  const std::string image(700, static_cast<char>('a' + step % 26));
  for (std::int64_t i = 0; i < k_rows; ++i) {
    database.run("INSERT INTO t (step, place, image) VALUES ($1, $2, $3)",
                 {step, i, BlobView(std::string_view(image))});
  }
  database.run("DELETE FROM t WHERE step <= $1", {step - k_kept});
  transaction.commit();
}

// What is wrong with a database that was found after the power went; `least` and `most` are the steps it may be at.
std::string judge(const std::string& file, std::int64_t least, std::int64_t most) {
  try {
    const auto database = open_sqlite(file);
    if (const auto problems = integrity_problems(*database); !problems.empty()) return "damaged: " + problems.front();
    const auto step = query_integer(*database, "SELECT step FROM progress");
    if (!step || *step < least) return "a durable commit is lost";
    if (*step > most) return "it is ahead of its time";
    const auto rows = query_integer(*database, "SELECT count(*) FROM t").value();
    const auto fitting = query_integer(*database,
                                       "SELECT count(*) FROM t WHERE step > $1 AND step <= $2 AND image = "
                                       "CAST(replace(hex(zeroblob(350)), '0', char(97 + step % 26)) AS BLOB)",
                                       {*step - k_kept, *step});
    const std::int64_t expected = std::min(*step, k_kept) * k_rows;
    if (rows != expected || fitting != expected) return "it is no moment of its history";
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

struct Result {
  int cuts = 0;
  std::vector<std::string> problems{};
};

// `settings` are laid over the driver's own.
Result lose_power_again_and_again(std::string_view settings) {
  constexpr std::int64_t k_steps = 120;
  testing::TemporaryFolder folder;
  const std::filesystem::path home = folder.file("home");
  std::filesystem::create_directory(home);
  std::mt19937 random(20'261'130);
  Result result;
  testing::PowerLoss disk;
  const auto database = open_sqlite(home / "state.db", {.create = true});
  database->execute("PRAGMA wal_autocheckpoint = 12");  // so that many cuts fall into a checkpoint
  database->execute(settings);
  database->execute(
      "CREATE TABLE progress (step INTEGER NOT NULL) STRICT; INSERT INTO progress VALUES (0);"
      "CREATE TABLE t (step INTEGER, place INTEGER, image BLOB, PRIMARY KEY (step, place)) STRICT;"
      "CREATE INDEX t_place ON t (place, step)");
  {
    Transaction transaction(*database);  // durable from here on
    database->run("UPDATE progress SET step = 0");
    transaction.commit();
  }
  std::int64_t durable = 0;
  std::int64_t begun = 0;
  struct Cut {
    std::string file;
    std::int64_t least;
    std::int64_t most;
  };
  std::vector<Cut> cuts;
  disk.at_each_operation([&] {
    if (random() % 16 != 0) return;
    const std::filesystem::path into = folder.file("cut" + std::to_string(cuts.size()));
    disk.cut(home, into, random);
    cuts.push_back({into / "state.db", durable, begun});
  });
  for (std::int64_t step = 1; step <= k_steps; ++step) {
    begun = step;
    const bool deferred = random() % 3 == 0;
    write_step(*database, step, deferred ? Mode::write_deferred : Mode::write);
    if (!deferred) durable = step;
  }
  disk.at_each_operation({});
  for (const Cut& cut : cuts) {
    const std::string problem = judge(cut.file, cut.least, cut.most);
    if (!problem.empty()) result.problems.push_back(problem);
    std::filesystem::remove_all(std::filesystem::path(cut.file).parent_path());
  }
  result.cuts = static_cast<int>(cuts.size());
  return result;
}

TEST(PowerLossTest, WhateverTheMomentTheDatabaseIsWholeAndNoDurableCommitIsLost) {
  const Result result = lose_power_again_and_again("");
  EXPECT_GT(result.cuts, 100);
  for (const std::string& problem : result.problems) ADD_FAILURE() << problem;
}

// The test itself: where nothing is synced, it must find out.
TEST(PowerLossTest, ADatabaseThatDoesNotWaitForTheDiskIsFoundOut) {
  EXPECT_FALSE(lose_power_again_and_again("PRAGMA synchronous = OFF").problems.empty());
}

}  // namespace
}  // namespace linkspan::sql
