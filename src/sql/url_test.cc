#include "sql/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace linkspan::sql {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(UrlTest, ReadsSqlitePaths) {
  EXPECT_EQ(DatabaseUrl::parse("sqlite:///var/lib/linkspan/state.db").path, "/var/lib/linkspan/state.db");
  EXPECT_EQ(DatabaseUrl::parse("sqlite:///a%20b.db").path, "/a b.db");
  EXPECT_EQ(DatabaseUrl::parse("sqlite:///a%20b.db").redacted(), "sqlite:///a%20b.db");
  EXPECT_EQ(DatabaseUrl::parse("sqlite::memory:").path, ":memory:");
}

TEST(UrlTest, ReadsPostgresqlAsLibpqDoes) {
  const auto url = DatabaseUrl::parse(
      "postgres://ada%40x:s%3Acret@h1:5433,[::1]:5434/my%2Fdb?sslmode=verify-full&options=-c%20a%3Db");
  EXPECT_EQ(url.dialect, Dialect::postgresql);
  EXPECT_EQ(url.parameter("user"), "ada@x");
  EXPECT_EQ(url.parameter("password"), "s:cret");
  EXPECT_EQ(url.parameter("host"), "h1,::1");
  EXPECT_EQ(url.parameter("port"), "5433,5434");
  EXPECT_EQ(url.parameter("dbname"), "my/db");
  EXPECT_EQ(url.parameter("sslmode"), "verify-full");
  EXPECT_EQ(url.parameter("options"), "-c a=b");
}

TEST(UrlTest, RedactedIsTheSameUrlWithoutItsSecrets) {
  const auto url = DatabaseUrl::parse("postgresql://ada:geheim@h1,h2:5434/db?sslpassword=geheim&sslmode=require");
  EXPECT_EQ(url.redacted(), "postgresql://ada@h1,h2:5434/db?sslmode=require");
  const auto again = DatabaseUrl::parse(url.redacted());
  EXPECT_EQ(again.parameter("host"), "h1,h2");
  EXPECT_EQ(again.parameter("port"), ",5434");
  EXPECT_EQ(DatabaseUrl::parse("postgresql:///db?host=/var/run/postgresql").redacted(),
            "postgresql://%2Fvar%2Frun%2Fpostgresql/db");
}

TEST(UrlTest, RefusesWhatItCannotReadWithoutQuotingIt) {
  for (const std::string_view text :
       {"", "state.db", "mysql://ada:geheim@h/db", "sqlite://relative.db", "sqlite:///a.db?x=geheim",
        "postgresql://ada:geheim@h:port/db", "postgresql://ada:gehe%im@h/db", "postgresql://ada:geheim@h:0/db",
        "postgresql://ada:geheim@h/db?sslmode", "postgresql://ada:geheim@[::1/db", "postgresql://ada:geheim@h/db?=x",
        "postgresql://ada:geheim@h/db?x=%00", "sqlserver://ada:geheim@h/db"}) {
    try {
      (void)DatabaseUrl::parse(text);
      ADD_FAILURE() << text << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.id(), "sql.url") << text;
      EXPECT_THAT(error.what() + error.hint(), Not(HasSubstr("gehe"))) << text;
    }
  }
}

}  // namespace
}  // namespace linkspan::sql
