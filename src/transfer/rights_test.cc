#include "transfer/rights.h"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "transfer/delegation.h"
#include "transfer/testing/transfer_fixture.h"

namespace linkspan::transfer {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class RightsTest : public TransferTest {
 protected:
  static std::vector<std::string> of(const std::vector<Right>& rights, Right::State state) {
    std::vector<std::string> lines;
    for (const Right& one : rights) {
      if (one.state == state) lines.push_back(one.right + " on " + one.on);
    }
    return lines;
  }

  // What `database schema` prints, run by an administrator.
  Place delegated(const std::string& name) {
    auto& server = testkit::Postgresql::shared();
    std::ofstream(file("schema.sql")) << database_schema_sql("postgresql", {.database = name, .role = name});
    const std::string command = "psql -q -v ON_ERROR_STOP=1 -f '" + file("schema.sql") + "' '" + server.url() + "'";
    EXPECT_EQ(std::system(command.c_str()), 0);
    server.execute("ALTER ROLE " + name + " PASSWORD 'delegated'");
    return {.url = "postgresql://" + name + "@127.0.0.1:" + std::to_string(server.port()) + "/" + name,
            .password = "delegated"};
  }
};

TEST_F(RightsTest, ARoleThatOwnsNothingButItsDatabaseHasAllItNeedsAndNothingElse) {
  const Place place = filled(delegated("modest"), 3);
  const std::vector<Right> rights = rights_of(place);
  EXPECT_THAT(of(rights, Right::State::missing), IsEmpty());
  EXPECT_THAT(of(rights, Right::State::needless), IsEmpty());
  EXPECT_THAT(of(rights, Right::State::held),
              ElementsAre("CONNECT on database modest", "USAGE on schema public", "CREATE on schema public",
                          HasSubstr("SELECT on "), HasSubstr("INSERT on "), HasSubstr("UPDATE on "),
                          HasSubstr("DELETE on "), HasSubstr("owner on ")));
}

TEST_F(RightsTest, EachRightThatIsTakenAwayIsNamedWithWhatItIsFor) {
  const Place place = filled(delegated("robbed"), 3);
  auto& server = testkit::Postgresql::shared();
  server.execute(
      "REVOKE CREATE ON SCHEMA public FROM robbed; ALTER SCHEMA public OWNER TO postgres;"
      "ALTER TABLE run OWNER TO postgres; GRANT SELECT, INSERT ON run TO robbed",
      "robbed");
  const std::vector<Right> rights = rights_of(place);
  EXPECT_THAT(of(rights, Right::State::missing),
              ElementsAre("CREATE on schema public", StartsWith("UPDATE on 1 of "), StartsWith("DELETE on 1 of "),
                          StartsWith("owner on 1 of ")));
  for (const Right& one : rights) EXPECT_EQ(one.remark.empty(), one.state == Right::State::held) << one.right;
}

TEST_F(RightsTest, RightsWithoutNeedAreNamedWithTheStatementThatTakesThemAway) {
  const Place place = filled(delegated("mighty"), 3);
  auto& server = testkit::Postgresql::shared();
  server.execute("ALTER ROLE mighty CREATEDB; GRANT pg_read_all_data TO mighty");
  server.execute("CREATE DATABASE \"Her own\" OWNER mighty");
  const std::vector<Right> rights = rights_of(place);
  EXPECT_THAT(of(rights, Right::State::needless),
              ElementsAre("CREATEDB on the server", "member on role pg_read_all_data", "owner on database Her own"));
  EXPECT_THAT(rights, Contains(AllOf(Field(&Right::right, "CREATEDB"),
                                     Field(&Right::remark, HasSubstr("ALTER ROLE mighty NOCREATEDB")))));
}

TEST_F(RightsTest, OfAFileOthersMayReadIsToldSo) {
  const Place place = filled(sqlite("state.db"), 3);
  EXPECT_THAT(of(rights_of(place), Right::State::needless), IsEmpty());
  ASSERT_EQ(::chmod(file("state.db").c_str(), 0644), 0);
  EXPECT_THAT(of(rights_of(place), Right::State::needless), ElementsAre(StartsWith("mode 0644 on ")));
  EXPECT_EQ(of(rights_of(place), Right::State::held).size(), 3U);
}

}  // namespace
}  // namespace linkspan::transfer
