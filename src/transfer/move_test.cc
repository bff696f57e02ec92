#include "transfer/move.h"

#include <signal.h>

#include <fstream>
#include <random>

#include "sql/inspect.h"
#include "sql/open.h"
#include "transfer/copy.h"
#include "transfer/delegation.h"
#include "transfer/internal/source.h"
#include "transfer/testing/transfer_fixture.h"

namespace linkspan::transfer {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class MoveTest : public TransferTest {
 protected:
  static MoveOptions later() {
    static const ManualClock clock(std::chrono::time_point_cast<std::chrono::microseconds>(SystemClock().now()) +
                                   std::chrono::hours(1));
    MoveOptions options;
    options.clock = &clock;
    return options;
  }

  /// What every command does that opens a database and finds it refusing.
  static bool settles(const Place& place, const Place& other = {}) {
    try {
      return settle(place, other);
    } catch (const Error&) {  // not there yet, or not even a file
      return false;
    }
  }

  /// Whoever comes next, on either side.
  enum class Next : unsigned char { source, target };

  static void expect_exactly_one_in_charge(const Place& source, const Place& target) {
    const bool source_is = may_be_in_charge(source);
    const bool target_is = may_be_in_charge(target);
    EXPECT_NE(source_is, target_is) << "source " << source_is << ", target " << target_is;
  }

  static MoveOptions dying_at(const std::string& at) {
    MoveOptions options = later();
    options.job.at_step = [at](std::string_view step) {
      if (step == at) ::_exit(k_killed);
    };
    return options;
  }

  /// Of one table each kind is enough.
  static std::vector<std::string> steps_of(const Place& source, const Place& target) {
    std::vector<std::string> steps;
    MoveOptions options;
    options.job.at_step = [&](std::string_view step) {
      const bool of_table = step.starts_with("table ") || step.starts_with("kept ") || step.starts_with("batch ");
      if (!of_table || step == "table connector" || step.ends_with(" connector_image")) steps.emplace_back(step);
    };
    move(source, target, options);
    return steps;
  }
};

TEST_F(MoveTest, CarriesEverythingAndLeavesTheOldDatabaseRefusingWithTheAddressOfTheNew) {
  const Place source = filled(sqlite("old.db"));
  copy_database(source, file("before.copy"));
  const Place target = postgresql();
  const Moved moved = move(source, target);
  EXPECT_EQ(moved.target, target.url);
  EXPECT_GT(moved.rows, 500U);
  expect_equal(source, target);
  expect_sound(target);
  EXPECT_TRUE(may_be_in_charge(target));
  EXPECT_EQ(setting(target, "staging"), "off");  // the same server goes on
  const auto refused =
      thrown_by([&] { (void)open_later(source)->operations().acquire("old", std::chrono::seconds(9)); });
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->id(), "store.moved");
  EXPECT_THAT(refused->what(), HasSubstr(target.url));
  // Nothing of the protocol is left where the state lives now.
  EXPECT_THAT(sql::table_names(*sql::open(sql::DatabaseUrl::parse(target.url))), Not(Contains("linkspan_transfer")));
  EXPECT_EQ(id_thrown_by([&] { move(source, postgresql()); }), "transfer.not_in_charge");
  // The same again: for a caller that died before it wrote down where the state lives now.
  EXPECT_EQ(move(source, target).target, target.url);
  EXPECT_TRUE(may_be_in_charge(target));
}

TEST_F(MoveTest, GoesInEveryDirection) {
  const Place first = filled(sqlite("old.db"));
  const Place second = postgresql();
  const Place third = postgresql();
  const Place fourth = sqlite("new.db");
  move(first, second);
  move(second, third);
  move(third, fourth);
  expect_equal(first, fourth);
  expect_sound(fourth);
  EXPECT_TRUE(may_be_in_charge(fourth));
  for (const Place& left : {first, second, third}) EXPECT_FALSE(may_be_in_charge(left)) << left.url;
}

TEST_F(MoveTest, KilledAtAnyStepExactlyOneIsInChargeAndRepeatingItEndsIt) {
  const std::vector<std::string> steps = steps_of(filled(sqlite("watched.db"), 5), postgresql());
  EXPECT_THAT(steps, Contains("switched"));
  const Place saved = filled(sqlite("saved.db"), 20);
  for (const std::string& at : steps) {
    SCOPED_TRACE(at);
    const Place source = sqlite("old " + at + ".db");
    std::filesystem::copy_file(file("saved.db"), file("old " + at + ".db"));
    const Place target = postgresql();
    ASSERT_EQ(in_child([&] { move(source, target, dying_at(at)); }), k_killed);
    // The bare databases never both accept, and neither does only for as long as nobody has come.
    EXPECT_FALSE(may_be_in_charge(source) && may_be_in_charge(target));
    if (at != "switched") expect_exactly_one_in_charge(source, target);
    if (may_be_in_charge(source) || at == "switched") move(source, target, later());
    expect_exactly_one_in_charge(source, target);
    EXPECT_TRUE(may_be_in_charge(target));
    expect_equal(saved, target);
  }
}

TEST_F(MoveTest, KilledAtAnyStepTheNextCommandOnEitherSideLeavesExactlyOneInCharge) {
  const std::vector<std::string> steps = steps_of(filled(sqlite("watched.db"), 5), postgresql());
  filled(sqlite("saved.db"), 5);
  for (const bool to_server : {true, false}) {
    for (const std::string& at : steps) {
      for (const Next next : {Next::source, Next::target}) {
        SCOPED_TRACE(at + (to_server ? " to a server" : " to a file") + (next == Next::source ? ", old" : ", new"));
        const std::string name = at + (to_server ? "s" : "f") + (next == Next::source ? "o" : "n") + ".db";
        Place source = sqlite(name);
        std::filesystem::copy_file(file("saved.db"), file(name));
        Place target = postgresql();
        if (!to_server) {
          move(source, target);
          source = target;
          target = sqlite("new " + name);
        }
        ASSERT_EQ(in_child([&] { move(source, target, dying_at(at)); }), k_killed);
        const bool had_settled = settles(next == Next::source ? source : target);
        EXPECT_EQ(had_settled, at == "switched" || (at == "in charge" && next == Next::source));
        expect_exactly_one_in_charge(source, target);
        const bool handed_over = at == "switched" || at == "in charge" || at == "done";
        EXPECT_EQ(may_be_in_charge(target), handed_over);
        // Whoever comes after that changes nothing any more.
        (void)settles(source);
        EXPECT_FALSE(settles(source));
        EXPECT_FALSE(settles(target));
        EXPECT_EQ(may_be_in_charge(target), handed_over);
        expect_exactly_one_in_charge(source, target);
      }
    }
  }
}

TEST_F(MoveTest, TheMoverAndWhoeverSettlesDoNotGetInEachOthersWay) {
  for (const std::string_view at : {"switched", "in charge"}) {
    for (const bool from_source : {true, false}) {
      SCOPED_TRACE(std::string(at) + (from_source ? " source" : " target"));
      const Place source = filled(sqlite(std::string(at) + (from_source ? "s" : "t") + ".db"), 5);
      const Place target = sqlite("new " + std::string(at) + (from_source ? "s" : "t") + ".db");
      MoveOptions options = later();
      options.job.at_step = [&](std::string_view step) {
        if (step == at) (void)settle(from_source ? source : target);
      };
      move(source, target, options);
      expect_exactly_one_in_charge(source, target);
      EXPECT_TRUE(may_be_in_charge(target));
    }
  }
}

TEST_F(MoveTest, WhatCannotReachTheOtherSideStaysRefusingAndSaysWhy) {
  const Place source = filled(sqlite("old.db"), 5);
  const Place target = sqlite("new.db");
  ASSERT_EQ(in_child([&] { move(source, target, dying_at("switched")); }), k_killed);
  for (const char* beside : {"", "-wal", "-shm"}) {
    std::filesystem::rename(file("old.db") + beside, file("away.db") + beside);
  }
  EXPECT_EQ(id_thrown_by([&] { (void)settle(target); }), "sql.no_database");
  EXPECT_FALSE(may_be_in_charge(target));
  EXPECT_TRUE(settle(target, sqlite("away.db")));
  EXPECT_TRUE(may_be_in_charge(target));
}

TEST_F(MoveTest, KilledRightBeforeTheSwitchTheTargetDoesNotHelpItself) {
  const Place source = filled(sqlite("old.db"), 20);
  const Place target = postgresql();
  ASSERT_EQ(in_child([&] { move(source, target, dying_at("source verified")); }), k_killed);
  EXPECT_FALSE(settle(target));
  EXPECT_FALSE(may_be_in_charge(target));
  EXPECT_TRUE(may_be_in_charge(source));
}

TEST_F(MoveTest, KilledAtRandomMomentsNothingIsLost) {
  const Place saved = filled(sqlite("saved.db"), 400);
  std::mt19937 random(11);
  for (const bool to_server : {true, false}) {
    for (int round = 0; round < (to_server ? 10 : 4); ++round) {
      SCOPED_TRACE(round);
      const std::string name = (to_server ? "up" : "down") + std::to_string(round);
      Place source = sqlite(name + ".db");
      std::filesystem::copy_file(file("saved.db"), file(name + ".db"));
      Place target = postgresql();
      if (!to_server) {
        move(source, target);
        source = target;
        target = sqlite(name + "-new.db");
      }
      // In the middle of a table, of a commit, between two: wherever this moment falls.
      const auto after = std::chrono::milliseconds(random() % 400);
      const pid_t child = ::fork();
      if (child == 0) {
        try {
          move(source, target, later());
          ::_exit(0);
        } catch (const std::exception&) {
          ::_exit(1);
        }
      }
      std::this_thread::sleep_for(after);
      ::kill(child, SIGKILL);
      int status = 0;
      ::waitpid(child, &status, 0);
      if (may_be_in_charge(source)) {
        EXPECT_FALSE(settles(target));
        EXPECT_FALSE(may_be_in_charge(target));
        // A server whose client was killed may need a moment to notice and give up its lock.
        for (int tries = 0; tries < 100; ++tries) {
          const std::string id = id_thrown_by([&] { move(source, target, later()); });
          if (id != "transfer.busy") {
            EXPECT_EQ(id, "nothing");
            break;
          }
          std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
      }
      (void)settles(round % 2 == 0 ? source : target);
      expect_exactly_one_in_charge(source, target);
      EXPECT_TRUE(may_be_in_charge(target));
      expect_equal(saved, target);
    }
  }
}

TEST_F(MoveTest, AfterAKillTheOldServerGoesOnAndItsNewRowsAreCarriedByTheNextAttempt) {
  const Place source = filled(sqlite("old.db"), 20);
  const Place target = postgresql();
  ASSERT_EQ(in_child([&] { move(source, target, dying_at("source verified")); }), k_killed);
  {
    const auto running = open_later(source);
    running->use_lease(running->operations().acquire("service", std::chrono::seconds(30)).value());
    running->configuration().put_settings(std::vector<std::pair<std::string, std::string>>{{"history.keep", "9d"}});
    running->operations().release(running->operations().acquire("service", std::chrono::seconds(30)).value());
  }
  move(source, target, later());
  EXPECT_EQ(setting(target, "history.keep"), "9d");
  expect_equal(source, target);
}

TEST_F(MoveTest, InterruptedItGoesOnFromTheLastWholeTable) {
  for (const bool to_server : {true, false}) {
    const std::string name = to_server ? "old1.db" : "old2.db";
    const Place source = filled(sqlite(name), 40);
    const Place target = to_server ? postgresql() : sqlite("new.db");
    MoveOptions only_resume = later();
    only_resume.resume = true;
    EXPECT_EQ(id_thrown_by([&] { move(source, target, only_resume); }), "transfer.no_move");
    ASSERT_EQ(in_child([&] { move(source, target, dying_at("target copied")); }), k_killed);
    // One table was written to since, by the server that went on.
    const std::pair<std::string, std::string> changed{"scheduler.interval", "1h"};
    {
      const auto running = open_later(source);
      const auto lease = running->operations().acquire("the old server", std::chrono::seconds(60)).value();
      running->use_lease(lease);
      running->configuration().put_settings({&changed, 1});
      running->operations().release(lease);
    }
    EXPECT_TRUE(look_over(source, target, only_resume).interrupted);
    std::vector<std::string> steps;
    only_resume.job.at_step = [&](std::string_view step) { steps.emplace_back(step); };
    const Moved moved = move(source, target, only_resume);
    EXPECT_THAT(steps, Contains("kept connector_image"));
    EXPECT_THAT(steps, Not(Contains("table connector_image")));
    EXPECT_THAT(steps, Contains("table setting"));
    EXPECT_GT(moved.kept, 300U);
    EXPECT_LT(moved.kept, moved.rows);
    EXPECT_EQ(setting(target, "scheduler.interval"), "1h");
    expect_exactly_one_in_charge(source, target);
    expect_equal(source, target);
    expect_sound(target);
  }
}

TEST_F(MoveTest, AbandonedItLeavesTheOldDatabaseInChargeAndTheNewOneEmpty) {
  const Place source = filled(sqlite("old.db"), 20);
  for (const char* at : {"target prepared", "source prepared", "source copied", "source verified"}) {
    SCOPED_TRACE(at);
    const Place target = postgresql();
    ASSERT_EQ(in_child([&] { move(source, target, dying_at(at)); }), k_killed);
    abandon_move(source, target, later());
    EXPECT_TRUE(may_be_in_charge(source));
    EXPECT_TRUE(sql::table_names(*sql::open(sql::DatabaseUrl::parse(target.url))).empty());
    EXPECT_EQ(id_thrown_by([&] { abandon_move(source, target, later()); }), "transfer.no_move");
  }
  const Place target = postgresql();
  ASSERT_EQ(in_child([&] { move(source, target, dying_at("switched")); }), k_killed);
  EXPECT_EQ(id_thrown_by([&] { abandon_move(source, target, later()); }), "transfer.handed_over");
}

TEST_F(MoveTest, AttachDoesNotTakeATargetThatMayHaveBeenHandedOverTo) {
  const Place source = filled(sqlite("old.db"), 20);
  copy_database(source, file("out.copy"));
  const Place target = postgresql();
  ASSERT_EQ(in_child([&] { move(source, target, dying_at("switched")); }), k_killed);
  EXPECT_EQ(id_thrown_by([&] { attach(file("out.copy"), target, {.restart = true}); }), "transfer.unfinished");
  EXPECT_TRUE(settle(target));
}

TEST_F(MoveTest, WaitsForNobodyWhoIsInCharge) {
  const Place source = filled(sqlite("old.db"), 5);
  const auto running = store_sql::open_store(source.url, {});
  const auto lease = running->operations().acquire("quay:4711", std::chrono::hours(1));
  const auto error = thrown_by([&] { move(source, postgresql()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->id(), "transfer.lease_held");
  EXPECT_THAT(error->what(), HasSubstr("quay:4711"));
}

TEST_F(MoveTest, NobodyElseWritesWhileItGoesOn) {
  const Place source = filled(sqlite("old.db"), 5);
  bool taken = true;
  MoveOptions options;
  options.job.at_step = [&](std::string_view step) {
    if (step != "source copied") return;
    taken = store_sql::open_store(source.url, {})->operations().acquire("service", std::chrono::seconds(9)).has_value();
  };
  move(source, postgresql(), options);
  EXPECT_FALSE(taken);
}

TEST_F(MoveTest, ALeaseLostOnTheWayStopsItBeforeTheSwitch) {
  const Place source = filled(sqlite("old.db"), 5);
  const Place target = postgresql();
  MoveOptions options;
  options.job.at_step = [&](std::string_view step) {
    if (step != "source verified") return;
    const auto running = open_later(source);  // by then it has lapsed
    const auto lease = running->operations().acquire("service", std::chrono::seconds(0));
    ASSERT_TRUE(lease);
  };
  EXPECT_EQ(id_thrown_by([&] { move(source, target, options); }), "transfer.lease_lost");
  EXPECT_TRUE(may_be_in_charge(source));
  EXPECT_FALSE(may_be_in_charge(target));
}

TEST_F(MoveTest, ARunRecordedMeanwhileStopsItBeforeTheSwitch) {
  const Place source = filled(sqlite("old.db"), 5);
  const Place target = postgresql();
  MoveOptions options = later();
  options.job.at_step = [&](std::string_view step) {
    if (step != "source verified") return;
    sql::open(sql::DatabaseUrl::parse(source.url))
        ->execute(
            "INSERT INTO run (id, profile, host, result, started_at, ended_at) VALUES (99, 'delta', '', '', 0, 0)");
  };
  EXPECT_EQ(id_thrown_by([&] { move(source, target, options); }), "transfer.source_changed");
  EXPECT_TRUE(may_be_in_charge(source));
  EXPECT_FALSE(may_be_in_charge(target));
  move(source, target, later());
  expect_equal(source, target);
}

TEST_F(MoveTest, AnAttemptThatWasAbandonedMeanwhileCannotSwitch) {
  const Place source = filled(sqlite("old.db"), 5);
  const Place target = postgresql();
  MoveOptions options;
  options.job.at_step = [&](std::string_view step) {
    if (step != "source verified") return;
    drop_marker(*sql::open(sql::DatabaseUrl::parse(source.url)));
    put_marker(*sql::open(sql::DatabaseUrl::parse(source.url)),
               {.transfer = "another", .part = Part::source, .other = "elsewhere", .identity = "x"});
  };
  EXPECT_EQ(id_thrown_by([&] { move(source, target, options); }), "transfer.superseded");
  EXPECT_TRUE(may_be_in_charge(source));
  EXPECT_FALSE(may_be_in_charge(target));
}

TEST_F(MoveTest, ALookChangesNothingAndNamesEverythingThatIsWrong) {
  const Place source = filled(sqlite("old.db"), 5);
  const Place target = postgresql();
  const Preflight fine = look_over(source, target);
  EXPECT_TRUE(fine.problems.empty());
  EXPECT_THAT(fine.source_product, HasSubstr("SQLite"));
  EXPECT_THAT(fine.target_product, HasSubstr("PostgreSQL"));
  EXPECT_TRUE(sql::table_names(*sql::open(sql::DatabaseUrl::parse(target.url))).empty());
  EXPECT_TRUE(look_over(source, sqlite("new.db")).problems.empty());
  EXPECT_FALSE(std::filesystem::exists(file("new.db")));

  const auto running = store_sql::open_store(source.url, {});
  (void)running->operations().acquire("quay:4711", std::chrono::hours(1));
  const Place taken = filled(postgresql(), 5);
  const auto error = thrown_by([&] { move(source, taken); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->id(), "transfer.preflight");
  EXPECT_THAT(error->what(), HasSubstr("quay:4711"));
  EXPECT_THAT(error->what(), HasSubstr("not empty"));
  const Preflight both = look_over({.url = "sqlite:///no/such.db"}, {.url = "postgresql://postgres@127.0.0.1:1/x"});
  ASSERT_EQ(both.problems.size(), 2U);
  EXPECT_EQ(both.problems[0].id(), "sql.no_folder");
  EXPECT_EQ(both.problems[1].id(), "sql.unreachable");
  EXPECT_EQ(id_thrown_by([&] { move(taken, taken, later()); }), "transfer.not_empty");
}

TEST_F(MoveTest, ADatabaseOfAnotherEncodingIsRefused) {
  auto& server = testkit::Postgresql::shared();
  server.execute("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
  const auto found = look_over(filled(sqlite("old.db"), 5), {.url = server.url("latin")});
  ASSERT_EQ(found.problems.size(), 1U);
  EXPECT_EQ(found.problems.front().id(), "sql.encoding");
}

TEST_F(MoveTest, ARoleThatOwnsJustTheDatabaseSufficesAndItsPasswordIsInNoMessage) {
  const std::string password = "Pa55-of-the-move";
  auto& server = testkit::Postgresql::shared();
  const std::string script = database_schema_sql("postgresql", {.database = "owned here", .role = "owner\"quoted"});
  std::ofstream(file("schema.sql")) << script;
  const std::string command = "psql -q -v ON_ERROR_STOP=1 -f '" + file("schema.sql") + "' '" + server.url() + "'";
  ASSERT_EQ(std::system(command.c_str()), 0);
  server.execute("ALTER ROLE \"owner\"\"quoted\" PASSWORD '" + password + "'");
  const std::string port = std::to_string(server.port());
  Place target{.url = "postgresql://owner%22quoted@127.0.0.1:" + port + "/owned%20here", .password = password};

  const Place source = filled(sqlite("old.db"), 20);
  std::string said;
  MoveOptions options;
  options.job.progress = [&](const Progress& progress) { said += progress.phase; };
  options.job.at_step = [&](std::string_view step) { said += step; };
  said += move(source, target, options).target;
  EXPECT_TRUE(may_be_in_charge(target));
  for (const Finding& finding : verify_against(source, target).findings) ADD_FAILURE() << finding.message;

  const auto keep = [&](const std::optional<Error>& error) {
    ASSERT_TRUE(error);
    said += error->what() + error->hint();
  };
  keep(thrown_by([&] { move(filled(sqlite("other.db"), 3), target); }));
  keep(thrown_by([&] { move(source, postgresql()); }));
  Place in_url = target;
  in_url.url.insert(in_url.url.find('@'), ":" + password);
  in_url.password = {};
  keep(thrown_by([&] { move(filled(sqlite("third.db"), 3), in_url); }));
  Place wrong = target;
  wrong.password = password + "-wrong";
  keep(thrown_by([&] { move(filled(sqlite("fourth.db"), 3), wrong); }));
  const auto stopped = thrown_by([&] {
    server.execute("CREATE DATABASE second OWNER \"owner\"\"quoted\"");
    MoveOptions dying = later();
    dying.job.at_step = [](std::string_view step) {
      if (step == "source prepared") throw Error(Fault::cancelled, "test", "stop");
    };
    Place second = in_url;
    second.url = "postgresql://owner%22quoted:" + password + "@127.0.0.1:" + port + "/second";
    move(filled(sqlite("fifth.db"), 3), second, dying);
  });
  keep(stopped);
  EXPECT_THAT(said, Not(HasSubstr(password)));
  // Nor in what was written down about the move.
  const auto marker = load_marker(*sql::open(sql::DatabaseUrl::parse(sqlite("fifth.db").url)));
  ASSERT_TRUE(marker);
  EXPECT_THAT(marker->other, Not(HasSubstr(password)));
}

TEST_F(MoveTest, ARoleWithoutTheRightToMakeTablesIsToldSoBeforehand) {
  auto& server = testkit::Postgresql::shared();
  server.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'");
  const Place target = postgresql();
  const std::string name = target.url.substr(target.url.rfind('/') + 1);
  server.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC", name);
  const Place as_guest{.url = "postgresql://guest@127.0.0.1:" + std::to_string(server.port()) + "/" + name,
                       .password = "guest"};
  EXPECT_EQ(id_thrown_by([&] { move(filled(sqlite("old.db"), 3), as_guest); }), "transfer.rights");
}

TEST(SchemaSql, RefusesNamesNoServerTakes) {
  for (const std::string& bad : {std::string(), std::string(64, 'x'), std::string("a\nb"), std::string("a\0b", 3)}) {
    EXPECT_THROW((void)database_schema_sql("postgresql", {.database = bad}), Error) << bad;
    EXPECT_THROW((void)database_schema_sql("postgresql", {.role = bad}), Error) << bad;
  }
  EXPECT_THROW((void)database_schema_sql("oracle"), Error);
  EXPECT_THROW((void)database_schema_sql("sqlserver", {.role = "$(x)"}), Error);
}

TEST(SchemaSql, OfSqlServerQuotesNamesAndHoldsNoPassword) {
  const std::string script = database_schema_sql("sqlserver", {.database = "id]state", .role = "link'span"});
  EXPECT_THAT(script, HasSubstr("CREATE DATABASE [id]]state];"));
  EXPECT_THAT(script, HasSubstr("CREATE LOGIN [link'span] WITH PASSWORD = N'$(LINKSPAN_PASSWORD)'"));
  EXPECT_THAT(script, HasSubstr("ALTER AUTHORIZATION ON DATABASE::[id]]state] TO [link'span];"));
  EXPECT_THAT(script, HasSubstr("ALTER DATABASE [id]]state] SET ALLOW_SNAPSHOT_ISOLATION ON;"));
  const std::string windows = database_schema_sql("sqlserver", {.role = "CORP\\linkspan"});
  EXPECT_THAT(windows, HasSubstr("CREATE LOGIN [CORP\\linkspan] FROM WINDOWS"));
  EXPECT_THAT(windows, Not(HasSubstr("PASSWORD =")));
}

}  // namespace
}  // namespace linkspan::transfer
