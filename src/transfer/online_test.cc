// The old server goes on while its database is moved, and what was interrupted goes on from its last batch.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "sql/inspect.h"
#include "sql/open.h"
#include "transfer/marker.h"
#include "transfer/move.h"
#include "transfer/testing/transfer_fixture.h"

namespace linkspan::transfer {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class OnlineMoveTest : public TransferTest {
 protected:
  /// Batches so small that every table has many, each committed by itself.
  static MoveOptions small_batches() {
    MoveOptions options;
    options.batches = {.rows = 4, .bytes = 1U << 20U, .commit_bytes = 1};
    options.lease_wait = std::chrono::seconds(60);
    return options;
  }

  /// Dies at the `count`th step of that name.
  static MoveOptions dying_at(const std::string& at, int count) {
    MoveOptions options = small_batches();
    options.job.at_step = [at, left = count](std::string_view step) mutable {
      if (step == at && --left == 0) ::_exit(k_killed);
    };
    return options;
  }

  static MoveOptions noting(std::vector<std::string>& steps) {
    MoveOptions options = small_batches();
    options.job.at_step = [&](std::string_view step) { steps.emplace_back(step); };
    return options;
  }

  static std::unique_ptr<sql::Database> open(const Place& place) {
    return sql::open(sql::DatabaseUrl::parse(place.url));
  }

  /// A cycle of the old server that writes this, under the lease.
  static void service_writes(const Place& place, const std::vector<std::string>& statements) {
    const auto store = store_sql::open_store(place.url, {});
    const auto lease = store->operations().acquire("service", std::chrono::seconds(60)).value();
    const auto database = open(place);
    for (const std::string& statement : statements) EXPECT_GT(database->run(statement), 0) << statement;
    store->operations().release(lease);
  }

  static std::int64_t number(const Place& place, const std::string& statement) {
    return sql::query_integer(*open(place), statement).value();
  }

  static std::int64_t indexes_of(const Place& place) {
    return number(place, place.url.starts_with("sqlite") ? "SELECT count(*) FROM sqlite_schema WHERE type = 'index'"
                                                         : "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = "
                                                           "i.indexrelid WHERE c.relnamespace = "
                                                           "current_schema()::regnamespace");
  }

  Place fresh(bool server, const std::string& name) { return server ? postgresql() : sqlite(name); }

  /// Equal to the source, sound, in charge, and with every index a database has that was made the ordinary way.
  void expect_whole(const Place& source, const Place& target) {
    expect_equal(source, target);
    expect_sound(target);
    EXPECT_TRUE(may_be_in_charge(target));
    EXPECT_FALSE(may_be_in_charge(source));
    const bool server = !target.url.starts_with("sqlite");
    const Place plain = filled(fresh(server, "plain" + std::to_string(++plains_) + ".db"), 1);
    EXPECT_EQ(indexes_of(target), indexes_of(plain));
    EXPECT_THAT(sql::table_names(*open(target)), Not(Contains(HasSubstr("linkspan_transfer"))));
  }

 private:
  int plains_ = 0;
};

TEST_F(OnlineMoveTest, WhatNobodyHasWrittenToSinceItWasMovedHereIsReadOnce) {
  const Place first = filled(sqlite("first.db"), 20);
  service_writes(first, {"UPDATE metaverse_object SET touched = 1"});
  const Place second = fresh(true, "");
  const Place third = sqlite("third.db");
  (void)move(first, second, small_batches());
  std::vector<std::string> steps;
  (void)move(second, third, noting(steps));
  EXPECT_THAT(steps, Contains("carried"));
  EXPECT_THAT(steps, Not(Contains("caught up"))) << "the lease came with the state, and nobody has it";
  EXPECT_THAT(steps, Not(Contains(HasSubstr("kept connector_object"))));
  expect_whole(second, third);
}

TEST_F(OnlineMoveTest, AServerThatIsAwayForAMomentIsWaitedFor) {
  for (const std::string id : {"sql.connection_lost", "sql.no_answer"}) {
    SCOPED_TRACE(id);
    const Place source = filled(sqlite(id + ".db"), 20);
    const Place target = fresh(true, "");
    MoveOptions options = small_batches();
    options.patience = std::chrono::seconds(60);
    int left = 1;
    options.job.at_step = [&](std::string_view step) {
      if (step == "table connector_image" && left-- == 1) throw Error(Fault::unavailable, id, "cut");
    };
    const Moved moved = move(source, target, options);
    EXPECT_THAT(moved.interrupted, HasSubstr("cut"));
    EXPECT_GT(moved.kept, 0U) << "it went on, and did not begin anew";
    expect_whole(source, target);

    options.patience = {};
    left = 1;
    EXPECT_EQ(id_thrown_by([&] { (void)move(target, fresh(true, ""), options); }), id);
    // A file that may not be written is not waited for.
    options.patience = std::chrono::hours(1);
    options.job.at_step = [](std::string_view step) {
      if (step == "target prepared") throw Error(Fault::denied, "sql.read_only", "mounted so");
    };
    EXPECT_EQ(id_thrown_by([&] { (void)move(target, fresh(true, ""), options); }), "sql.read_only");
    EXPECT_TRUE(may_be_in_charge(target));
  }
}

TEST_F(OnlineMoveTest, KilledWithinATableItGoesOnFromItsLastBatch) {
  for (const bool server : {true, false}) {
    for (const char* table : {"connector_image", "connector_object_key", "connector_reference"}) {
      SCOPED_TRACE(table);
      const std::string name = std::string(table) + (server ? "1" : "2");
      const Place source = filled(sqlite(name + ".db"), 40);
      const Place target = fresh(server, name + "-new.db");
      ASSERT_EQ(in_child([&] { move(source, target, dying_at(fmt::format("batch {}", table), 5)); }), k_killed);
      EXPECT_FALSE(may_be_in_charge(target));
      std::vector<std::string> steps;
      MoveOptions options = noting(steps);
      options.resume = true;
      const Moved moved = move(source, target, options);
      EXPECT_THAT(steps, Contains(fmt::format("resumed {}", table)));
      EXPECT_GE(moved.kept, 20U);
      EXPECT_LT(moved.kept, moved.rows);
      expect_whole(source, target);
    }
  }
}

TEST_F(OnlineMoveTest, WhatTheOldServerChangedBetweenTwoAttemptsIsCarried) {
  for (const bool server : {true, false}) {
    const Place source = filled(sqlite(server ? "old1.db" : "old2.db"), 40);
    const Place target = fresh(server, "new.db");
    ASSERT_EQ(in_child([&] { move(source, target, dying_at("batch connector_image", 5)); }), k_killed);
    service_writes(source, {"UPDATE connector_image SET shadow = observed WHERE object_id = 2"});
    std::vector<std::string> steps;
    move(source, target, noting(steps));
    // The rows before the last batch are no longer the same, and the table has no index to mend it by.
    EXPECT_THAT(steps, Not(Contains("resumed connector_image")));
    expect_whole(source, target);
  }
}

TEST_F(OnlineMoveTest, ATargetThatSomebodyChangedIsFoundNamedAndCarriedAnew) {
  for (const bool server : {true, false}) {
    const Place source = filled(sqlite(server ? "old1.db" : "old2.db"), 40);
    const Place target = fresh(server, "new.db");
    MoveOptions options = small_batches();
    options.job.at_step = [&](std::string_view step) {
      if (step == "carried") open(target)->run("DELETE FROM metaverse_object WHERE id = 7");
    };
    const auto error = thrown_by([&] { move(source, target, options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->id(), "transfer.mismatch");
    EXPECT_THAT(error->what(), HasSubstr("metaverse_object, first at id 7"));
    EXPECT_TRUE(may_be_in_charge(source));
    std::vector<std::string> steps;
    move(source, target, noting(steps));
    EXPECT_THAT(steps, Contains("table metaverse_object"));
    EXPECT_THAT(steps, Contains("kept connector_image"));
    expect_whole(source, target);
  }
}

TEST_F(OnlineMoveTest, WhatTheServiceWritesMeanwhileIsCarriedBesideItAndThePauseHasNothingLeftToRead) {
  for (const bool server : {true, false}) {
    const Place source = filled(sqlite(server ? "old1.db" : "old2.db"), 40);
    const Place target = fresh(server, "new.db");
    std::vector<std::string> steps;
    MoveOptions options = noting(steps);
    options.job.at_step = [&, note = options.job.at_step](std::string_view step) {
      note(step);
      if (step != "carried") return;
      service_writes(source, {"UPDATE connector_image SET shadow = observed WHERE object_id = 2",
                              "DELETE FROM connector_object_key WHERE object_id = 5",
                              "UPDATE metaverse_object SET touched = 1 - touched WHERE id = 9",
                              "INSERT INTO setting (name, value) VALUES ('online.test', '9d')"});
    };
    move(source, target, options);
    EXPECT_THAT(steps, Contains("caught up"));
    EXPECT_THAT(steps, Contains("mended connector_image"));
    EXPECT_THAT(steps, Contains("mended connector_object_key"));
    // Once beside the service; under the lease the large tables are not even looked at.
    EXPECT_EQ(std::ranges::count(steps, "mended connector_image") + std::ranges::count(steps, "kept connector_image"),
              1);
    EXPECT_EQ(setting(target, "online.test"), "9d");
    expect_whole(source, target);
  }
}

TEST_F(OnlineMoveTest, WhoIsAtWorkAllTheWhileIsWaitedForAndHisLastWritesAreCarried) {
  for (const bool server : {true, false}) {
    const Place source = filled(sqlite(server ? "old1.db" : "old2.db"), 40);
    const Place target = fresh(server, "new.db");
    const auto service = store_sql::open_store(source.url, {});
    const auto lease = service->operations().acquire("service", std::chrono::seconds(60)).value();
    std::vector<std::string> steps;
    MoveOptions options = noting(steps);
    options.job.progress = [&](const Progress& progress) {
      if (progress.phase != "wait for service" || !service->operations().lease_state().held) return;
      // Unique anchors change hands, both ways; rows go, come, and change.
      const auto database = open(source);
      database->execute(
          "CREATE TEMPORARY TABLE anchors AS SELECT id, anchor FROM connector_object WHERE id IN (2, 70);"
          "UPDATE connector_object SET anchor = NULL WHERE id IN (2, 70);"
          "UPDATE connector_object SET anchor = (SELECT anchor FROM anchors WHERE id = 2) WHERE id = 70;"
          "UPDATE connector_object SET anchor = (SELECT anchor FROM anchors WHERE id = 70) WHERE id = 2;"
          "UPDATE metaverse_object SET touched = 1 - touched WHERE id IN (1, 20);"
          "DELETE FROM connector_object_key WHERE object_id IN (5, 60);"
          "INSERT INTO connector_object_key (key, attribute_id, object_id) VALUES (x'00', 1, 5), (x'FFFF', 1, 60)");
      service->operations().release(lease);
    };
    move(source, target, options);
    for (const char* table : {"connector_object", "metaverse_object", "connector_object_key"}) {
      EXPECT_THAT(steps, Contains(fmt::format("mended {}", table)));
    }
    EXPECT_THAT(steps, Contains("kept connector_image"));
    expect_equal(source, target);
    EXPECT_TRUE(may_be_in_charge(target));
  }
}

TEST_F(OnlineMoveTest, KilledWhileItMendsTheNextAttemptEndsIt) {
  const Place source = filled(sqlite("old.db"), 40);
  for (const bool server : {true, false}) {
    for (const int after : {1, 2, 3, 5, 8}) {
      SCOPED_TRACE(after);
      const std::string name = fmt::format("{}{}", server ? "s" : "f", after);
      std::filesystem::copy_file(file("old.db"), file(name + ".db"));
      const Place from = sqlite(name + ".db");
      const Place target = fresh(server, name + "-new.db");
      EXPECT_EQ(in_child([&] {
                  MoveOptions options = small_batches();
                  int mending = 0;
                  options.job.at_step = [&](std::string_view step) {
                    if (step == "carried") {
                      service_writes(from, {"UPDATE connector_object SET touched = 1 - touched WHERE id % 7 = 0",
                                            "DELETE FROM connector_object_key WHERE object_id % 5 = 0"});
                    }
                    if (step == "mending" && ++mending == after) ::_exit(k_killed);
                  };
                  move(from, target, options);
                }),
                k_killed);
      MoveOptions again = small_batches();
      move(from, target, again);
      expect_equal(from, target);
      EXPECT_TRUE(may_be_in_charge(target));
    }
  }
}

TEST_F(OnlineMoveTest, WhoIsAtWorkForTooLongIsNamedAndWhatWasCopiedIsKept) {
  const Place source = filled(sqlite("old.db"), 20);
  const Place target = postgresql();
  const auto service = store_sql::open_store(source.url, {});
  const auto lease = service->operations().acquire("quay:4711", std::chrono::seconds(60)).value();
  MoveOptions options = small_batches();
  options.lease_wait = std::chrono::seconds(1);
  const auto error = thrown_by([&] { move(source, target, options); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->id(), "transfer.lease_held");
  EXPECT_THAT(error->what(), HasSubstr("quay:4711"));
  service->operations().release(lease);
  const Moved moved = move(source, target, small_batches());
  EXPECT_GE(moved.kept + 30, moved.rows);  // all but the tables that are never kept
  expect_whole(source, target);
}

TEST_F(OnlineMoveTest, OfTwoMoversIntoOneTargetOneWinsAndTheOtherIsTold) {
  for (const bool server : {true, false}) {
    const Place source = filled(sqlite(server ? "old1.db" : "old2.db"), 20);
    const Place target = fresh(server, "new.db");
    std::string second = "not begun";
    MoveOptions options = small_batches();
    options.job.at_step = [&](std::string_view step) {
      if (step == "batch connector_image" && second == "not begun") {
        second = "begun";
        second = id_thrown_by([&] { move(source, target, small_batches()); });
      }
    };
    const std::string first = id_thrown_by([&] { move(source, target, options); });
    EXPECT_THAT((std::pair{first, second}),
                AnyOf(std::pair<std::string, std::string>{"nothing", "transfer.busy"},
                      std::pair<std::string, std::string>{"transfer.superseded", "nothing"}));
    expect_whole(source, target);
  }
}

}  // namespace
}  // namespace linkspan::transfer
