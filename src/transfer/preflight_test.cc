// Everything a look over both ends finds, each for itself.

#include <chrono>

#include "sql/inspect.h"
#include "sql/open.h"
#include "transfer/marker.h"
#include "transfer/move.h"
#include "transfer/testing/transfer_fixture.h"

namespace linkspan::transfer {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class PreflightTest : public TransferTest {
 protected:
  PreflightTest() : source_(filled(sqlite("old.db"), 5)) {}

  static std::string database_of(const Place& place) { return place.url.substr(place.url.rfind('/') + 1); }

  static std::vector<std::string> ids_of(const Preflight& found) {
    std::vector<std::string> ids;
    for (const Error& problem : found.problems) ids.emplace_back(problem.id());
    return ids;
  }

  Place source_;
};

TEST_F(PreflightTest, TellsHowTheServerIsReachedAndHowItWritesText) {
  const Preflight found = look_over(source_, postgresql());
  EXPECT_THAT(found.problems, IsEmpty());
  EXPECT_THAT(found.warnings, IsEmpty());
  EXPECT_EQ(found.target_link, "in clear, on this machine");
  EXPECT_THAT(found.target_encoding, StartsWith("UTF8, collation "));
  EXPECT_GT(found.round_trip.count(), 0);
}

TEST_F(PreflightTest, WarnsOfALinkThatIsTooSlowForTheInterval) {
  MoveOptions options;
  options.interval = std::chrono::seconds(0);
  const Place target = postgresql();
  EXPECT_THAT(look_over(source_, target, options).warnings,
              Contains(AllOf(HasSubstr("full cycle of 16 objects"), HasSubstr("one is due every 0 s"))));
  options.interval = std::chrono::hours(24);
  EXPECT_THAT(look_over(source_, target, options).warnings, IsEmpty());
}

TEST_F(PreflightTest, WarnsOfAClockThatIsWrong) {
  auto& server = testkit::Postgresql::shared();
  const Place target = postgresql();
  const std::string name = database_of(target);
  server.execute(
      "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT "
      "pg_catalog.clock_timestamp() + interval '90 seconds' $$",
      name);
  server.execute("ALTER DATABASE \"" + name + "\" SET search_path = public, pg_catalog");
  EXPECT_THAT(look_over(source_, target).warnings,
              Contains(AllOf(HasSubstr("the clock of"), HasSubstr(" s ahead of this host's"))));
}

TEST_F(PreflightTest, WarnsOfOthersWhoAreConnectedThere) {
  const Place target = postgresql();
  const auto other = sql::open(sql::DatabaseUrl::parse(target.url));
  EXPECT_THAT(look_over(source_, target).warnings, Contains(HasSubstr("1 other sessions")));
}

TEST_F(PreflightTest, WhoIsAtWorkIsInTheWayOrWaitedFor) {
  const auto service = store_sql::open_store(source_.url, {});
  (void)service->operations().acquire("quay:4711", std::chrono::hours(1));
  const Place target = postgresql();
  EXPECT_THAT(ids_of(look_over(source_, target)), ::testing::ElementsAre("transfer.lease_held"));
  MoveOptions options;
  options.lease_wait = std::chrono::minutes(1);
  const Preflight found = look_over(source_, target, options);
  EXPECT_THAT(found.problems, IsEmpty());
  EXPECT_EQ(found.at_work, "quay:4711");
  EXPECT_THAT(found.warnings, Contains(HasSubstr("quay:4711 is at work")));
  // A mover that has copied is not waited for.
  put_marker(
      *sql::open(sql::DatabaseUrl::parse(source_.url)),
      {.transfer = "another", .part = Part::source, .other = "elsewhere", .identity = "x", .stage = Stage::copied});
  EXPECT_THAT(ids_of(look_over(source_, target, options)), ::testing::ElementsAre("transfer.busy"));
}

TEST_F(PreflightTest, NamesEveryRightThatIsLacking) {
  auto& server = testkit::Postgresql::shared();
  server.execute("CREATE ROLE visitor LOGIN PASSWORD 'visitor'");
  const Place target = postgresql();
  const std::string name = database_of(target);
  server.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC", name);
  const Place visitor{.url = "postgresql://visitor@127.0.0.1:" + std::to_string(server.port()) + "/" + name,
                      .password = "visitor"};
  const Preflight found = look_over(source_, visitor);
  ASSERT_THAT(ids_of(found), ::testing::ElementsAre("transfer.rights"));
  EXPECT_THAT(found.problems.front().what(), AllOf(HasSubstr("USAGE on schema"), HasSubstr("CREATE on schema")));
}

TEST_F(PreflightTest, FindsThatThereIsNoRoomAndNoFolder) {
  // That file system has no room at all.
  EXPECT_THAT(ids_of(look_over(source_, {.url = "sqlite:///proc/new.db"})), Contains("transfer.room"));
  EXPECT_THAT(ids_of(look_over(source_, {.url = "sqlite:///no/such/folder/new.db"})), Contains("transfer.no_copy"));
}

TEST_F(PreflightTest, FindsWhatIsNotEmptyAndChangesNothing) {
  auto& server = testkit::Postgresql::shared();
  const Place target = postgresql();
  server.execute("CREATE TABLE somebody_elses (id bigint)", database_of(target));
  EXPECT_THAT(ids_of(look_over(source_, target)), ::testing::ElementsAre("transfer.not_empty"));
  EXPECT_THAT(sql::table_names(*sql::open(sql::DatabaseUrl::parse(target.url))),
              ::testing::ElementsAre("somebody_elses"));
}

}  // namespace
}  // namespace linkspan::transfer
