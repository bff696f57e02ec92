#include "sql/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace linkspan::sql {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

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
  using Case = std::pair<std::string_view, std::string_view>;
  for (const auto& [text, id] : {Case{"", "sql.url_scheme"},
                                 {"state.db", "sql.url_scheme"},
                                 {"mysql://ada:geheim@h/db", "sql.url_scheme"},
                                 {"oracle://ada:geheim@h/db", "sql.url_scheme"},
                                 {"sqlite://relative.db", "sql.url_path"},
                                 {"sqlite:///a.db?x=geheim", "sql.url_parameter"},
                                 {"postgresql://ada:geheim@h/db?sslmode", "sql.url_parameter"},
                                 {"postgresql://ada:geheim@h/db?=x", "sql.url_parameter"},
                                 {"postgresql://ada:geheim@h:port/db", "sql.url_port"},
                                 {"postgresql://ada:geheim@h:0/db", "sql.url_port"},
                                 {"postgresql://ada:geheim@h:65536/db", "sql.url_port"},
                                 {"sqlserver://ada:geheim@h:0/db", "sql.url_port"},
                                 {"sqlserver://ada:geheim@h/db?encript=yes", "sql.url_parameter"},
                                 {"postgresql://ada:gehe%im@h/db", "sql.url_encoding"},
                                 {"postgresql://ada:geheim@h/db%2", "sql.url_encoding"},
                                 {"postgresql://ada:geheim@h/db?x=%00", "sql.url_encoding"},
                                 {"postgresql://ada:geheim@[::1/db", "sql.url"}}) {
    try {
      (void)DatabaseUrl::parse(text);
      ADD_FAILURE() << text << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.id(), id) << text;
      EXPECT_FALSE(error.hint().empty()) << text;
      EXPECT_THAT(error.what() + error.hint(), Not(HasSubstr("gehe"))) << text;
    }
  }
}

struct Endpoint {
  std::string_view url;
  std::string_view host;
  std::string_view instance;
  std::string_view port;
};

TEST(SqlServerUrlTest, ReadsHostInstanceAndPortInEveryWayTheyAreWritten) {
  for (const Endpoint& one : std::vector<Endpoint>{
           {"sqlserver://h/db", "h", "", ""},
           {"sqlserver://ada@h:1433/db", "h", "", "1433"},
           {"sqlserver://ada@h,1434/db", "h", "", "1434"},
           {"sqlserver://ada@h\\SQLEXPRESS/db", "h", "SQLEXPRESS", ""},
           {"sqlserver://ada@h%5CSQLEXPRESS/db", "h", "SQLEXPRESS", ""},
           {"sqlserver://ada@h\\PROD$1,50000/db", "h", "PROD$1", "50000"},
           {"mssql://[fe80::1%25eth0]:1433/db", "fe80::1%eth0", "", "1433"},
           {"sqlserver://[::1]\\I/db", "::1", "I", ""},
       }) {
    const auto url = DatabaseUrl::parse(one.url);
    EXPECT_EQ(url.dialect, Dialect::sqlserver);
    EXPECT_EQ(url.parameter("host"), one.host) << one.url;
    EXPECT_EQ(url.parameter("instance"), one.instance) << one.url;
    EXPECT_EQ(url.parameter("port"), one.port) << one.url;
    EXPECT_EQ(url.parameter("dbname"), "db") << one.url;
    const auto again = DatabaseUrl::parse(url.redacted());
    EXPECT_EQ(again.parameters, url.parameters) << url.redacted();
  }
}

TEST(SqlServerUrlTest, KeepsWhatFollowsTheQuestionMark) {
  const auto url = DatabaseUrl::parse(
      "sqlserver://CORP%5Cada:ge%40heim@h/my%20db?encrypt=strict&ca_file=/etc/"
      "ca.pem&driver=microsoft&host_name=db.corp");
  EXPECT_EQ(url.parameter("user"), "CORP\\ada");
  EXPECT_EQ(url.parameter("password"), "ge@heim");
  EXPECT_EQ(url.parameter("dbname"), "my db");
  EXPECT_EQ(url.parameter("encrypt"), "strict");
  EXPECT_EQ(url.redacted(),
            "sqlserver://CORP\\ada@h/my%20db?encrypt=strict&ca_file=/etc/ca.pem&driver=microsoft&host_name=db.corp");
  EXPECT_EQ(DatabaseUrl::parse("sqlserver://h/db?authentication=kerberos&server_spn=MSSQLSvc/h:1433").redacted(),
            "sqlserver://h/db?authentication=kerberos&server_spn=MSSQLSvc/h:1433");
}

TEST(SqlServerUrlTest, RefusesWhatItCannotReadOrWhatContradictsItself) {
  for (const std::string_view text : {"sqlserver://",
                                      "sqlserver:///db",
                                      "sqlserver://ada:geheim@h",
                                      "sqlserver://ada:geheim@h/",
                                      "sqlserver://ada:geheim@h/MASTER",
                                      "sqlserver://ada:geheim@h:0/db",
                                      "sqlserver://ada:geheim@h:1,2/db",
                                      "sqlserver://ada:geheim@tcp:h,1433/db",
                                      "sqlserver://ada:geheim@./db",
                                      "sqlserver://ada:geheim@h;PWD=x/db",
                                      "sqlserver://ada:geheim@h%0Ax/db",
                                      "sqlserver://ada:geheim@h\\/db",
                                      "sqlserver://ada:geheim@h\\a;b/db",
                                      "sqlserver://ada:geheim@h\\ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG/db",
                                      "sqlserver://ada:geheim@h/db?encrypt=true",
                                      "sqlserver://ada:geheim@h/db?trust=1",
                                      "sqlserver://ada:geheim@h/db?driver=odbc",
                                      "sqlserver://ada:geheim@h/db?authentication=kerberos",
                                      "sqlserver://h/db?server_spn=x",
                                      "sqlserver://h/db?trust=yes&ca_file=/x",
                                      "sqlserver://h/db?encrypt=strict&trust=yes",
                                      "sqlserver://h/db?encrypt=no&ca_file=/x",
                                      "sqlserver://h/db?password=geheim"}) {
    try {
      (void)DatabaseUrl::parse(text);
      ADD_FAILURE() << text << " was accepted";
    } catch (const Error& error) {
      EXPECT_THAT(error.id(), StartsWith("sql.url")) << text;
      EXPECT_FALSE(error.hint().empty()) << text;
      EXPECT_THAT(error.what() + error.hint(), Not(HasSubstr("geheim"))) << text;
    }
  }
}

TEST(SqlServerUrlTest, AMistypedParameterIsAnsweredWithTheNearest) {
  try {
    (void)DatabaseUrl::parse("sqlserver://h/db?encript=yes");
    ADD_FAILURE() << "was accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.hint(), HasSubstr("Did you mean encrypt?"));
  }
  try {
    (void)DatabaseUrl::parse("sqlserver://h/db?sslmode=verify-full");
    ADD_FAILURE() << "was accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.hint(), HasSubstr("encrypt, trust, ca_file"));
  }
}

}  // namespace
}  // namespace linkspan::sql
