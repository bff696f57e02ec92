// A server whose database is moved, and who dies in it.

#include "setup/moving.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "run/lease.h"
#include "setup/installation.h"
#include "sql/testing/backends.h"
#include "store_sql/store_sql.h"
#include "transfer/move.h"

namespace linkspan::setup {
namespace {

class MovingTest : public ::testing::Test {
 protected:
  MovingTest() {
    server().create_store();
    save_server_file(server().file());
  }

  [[nodiscard]] std::string place(const std::string& name) const { return "sqlite://" + folder_.file(name); }

  /// A command on the server; `database`: named on the command line.
  Installation server(const std::string& database = {}) {
    Wiring wiring;
    wiring.version = "test";
    wiring.open_store = [this](const std::string& url, const StoreOptions& options) {
      return store_sql::open_store(
          url, {.create = options.create, .upgrade = options.upgrade, .program = "test", .clock = &clock_});
    };
    return {std::move(wiring),
            load_server_file(folder_.file("linkspan.toml"), {.state_dir = folder_.file("."), .database_url = database}),
            clock_, logger_};
  }

  /// Begins a move to `url` and dies right after it handed over, as the command would.
  void die_in_a_move(const std::string& url) {
    const ServerFile file = server().file();
    note_destination(file, {.url = url});
    transfer::MoveOptions options;
    options.job.at_step = [](std::string_view step) {
      if (step == "switched") throw Error(Fault::cancelled, "test.killed", "killed");
    };
    EXPECT_THROW(transfer::move({file.database_url}, {url}, options), Error);
  }

  sql::testing::TemporaryFolder folder_;
  ManualClock clock_;
  QuietLogger logger_;
};

TEST_F(MovingTest, WhateverStartsNextFinishesTheMoveAndGoesAlong) {
  die_in_a_move(place("new.db"));
  Installation next = server();
  EXPECT_EQ(next.store().info().moved_to, "");
  EXPECT_EQ(next.file().database_url, place("new.db"));
  EXPECT_EQ(server().file().database_url, place("new.db"));  // it stands in the file
  EXPECT_FALSE(noted_destination(next.file()));
  EXPECT_NO_THROW(run::HeldLease(next.store(), logger_));
}

TEST_F(MovingTest, ADatabaseNamedByHandIsFinishedButNotFollowed) {
  const std::string old_url = server().file().database_url;
  die_in_a_move(place("new.db"));
  Installation on_the_old = server(old_url);
  EXPECT_EQ(on_the_old.store().info().moved_to, place("new.db"));
  EXPECT_EQ(on_the_old.file().database_url, old_url);
  EXPECT_EQ(server(place("new.db")).store().info().moved_to, "");
  EXPECT_EQ(server().store().info().moved_to, "");  // this server's own next command goes along
}

TEST_F(MovingTest, FromTheNewDatabasesSideItIsFinishedToo) {
  die_in_a_move(place("new.db"));
  EXPECT_EQ(server(place("new.db")).store().info().moved_to, "");
}

TEST_F(MovingTest, ANoteOfAMoveThatNeverSwitchedMeansNothing) {
  const std::string old_url = server().file().database_url;
  note_destination(server().file(), {.url = place("elsewhere.db")});
  Installation next = server();
  EXPECT_EQ(next.store().info().moved_to, "");
  EXPECT_EQ(next.file().database_url, old_url);
}

TEST_F(MovingTest, WhereTheOtherSideCannotBeReachedTheDatabaseOpensRefusing) {
  die_in_a_move(place("new.db"));
  std::filesystem::rename(folder_.file("new.db"), folder_.file("away.db"));
  Installation next = server();
  EXPECT_EQ(next.store().info().moved_to, place("new.db"));
  EXPECT_THROW(run::HeldLease(next.store(), logger_), Error);
  EXPECT_TRUE(noted_destination(next.file()));
}

}  // namespace
}  // namespace linkspan::setup
