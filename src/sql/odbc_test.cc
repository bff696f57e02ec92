// The ODBC layer through odbc-postgresql, against a real PostgreSQL: what no kind of server has a say in.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "sql/internal/odbc_handle.h"
#include "sql/internal/odbc_session.h"
#include "sql/internal/utf16.h"
#include "sql/testing/backends.h"

namespace linkspan::sql {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::id_thrown_by;
using ::testing::Not;

constexpr std::string_view k_driver = "PostgreSQL Unicode";

std::string connection_string(const std::string& database = "postgres") {
  return fmt::format("Driver={{{}}};Servername=127.0.0.1;Port={};Database={};UID=postgres", k_driver,
                     testkit::Postgresql::shared().port(), database);
}

// Skips where the server or the driver is not installed.
class OdbcTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testkit::Postgresql::available()) GTEST_SKIP() << "no PostgreSQL here";
    connection_.emplace();
    const OdbcDiagnostics said = connection_->connect(connection_string());
    if (!said.empty() && said.front().state == "IM002") GTEST_SKIP() << "no odbc-postgresql here";
    ASSERT_TRUE(said.empty()) << said.front().message;
  }

  // What executing it says; "" when it goes well.
  std::string id_of(const std::string& text) {
    const OdbcHandle statement(SQL_HANDLE_STMT, connection_->get());
    std::u16string wide = to_utf16(text);
    return id_thrown_by([&] {
      check_odbc(SQLExecDirectW(statement.get(), reinterpret_cast<SQLWCHAR*>(wide.data()), SQL_NTS), SQL_HANDLE_STMT,
                 statement.get(), "here");
    });
  }

  std::optional<OdbcConnection> connection_;
};

TEST_F(OdbcTest, AConnectionThatCannotBeMadeSaysWhyWithoutThePassword) {
  OdbcConnection other;
  const OdbcDiagnostics said = other.connect(connection_string("nowhere") + ";PWD=secret-word");
  ASSERT_FALSE(said.empty());
  EXPECT_FALSE(other.connected());
  EXPECT_EQ(said.front().state.size(), 5U);
  EXPECT_THAT(said.front().message, AllOf(HasSubstr("nowhere"), Not(HasSubstr("secret-word")), Not(HasSubstr("["))));
}

TEST_F(OdbcTest, StatementsFailWithTheIdOfTheirSqlstate) {
  EXPECT_EQ(id_of("CREATE TEMP TABLE odbc_thing (id int PRIMARY KEY, name text)"), "");
  EXPECT_EQ(id_of("INSERT INTO odbc_thing VALUES (1, 'Zoë')"), "");
  EXPECT_EQ(id_of("DELETE FROM odbc_thing WHERE id = 7"), "");  // no data is no failure
  EXPECT_EQ(id_of("INSERT INTO odbc_thing VALUES (1, 'again')"), "sql.constraint");
  EXPECT_EQ(id_of("INSERT INTO odbc_thing VALUES (99999999999, 'x')"), "sql.type_mismatch");
  EXPECT_EQ(id_of("SELEKT 1"), "sql.failed");
}

TEST_F(OdbcTest, ASessionThatTheServerEndsIsALostConnection) {
  EXPECT_EQ(id_of("SELECT pg_terminate_backend(pg_backend_pid())"), "sql.connection_lost");
}

class OdbcSessionTest : public OdbcTest {
 protected:
  void SetUp() override {
    OdbcTest::SetUp();
    if (!IsSkipped()) session_.emplace(std::move(*connection_), "here");
  }

  // All rows of a SELECT, each cell in words.
  std::vector<std::string> rows(const std::string& text) {
    std::vector<std::string> found;
    OdbcParameters none;
    session_->query(text, none, [&](const Row& row) { found.push_back(words(row)); });
    return found;
  }

  static std::string words(const Row& row) {
    std::string out;
    for (const ValueView& cell : row.cells()) {
      if (const auto* integer = std::get_if<std::int64_t>(&cell)) out += std::to_string(*integer);
      if (const auto* real = std::get_if<double>(&cell)) out += fmt::format("{:.1f}", *real);
      if (const auto* text = std::get_if<std::string_view>(&cell)) out += fmt::format("'{}'", *text);
      if (const auto* blob = std::get_if<BlobView>(&cell)) out += fmt::format("{} bytes", blob->bytes.size());
      out += ',';
    }
    return out;
  }

  std::optional<OdbcSession> session_;
};

TEST_F(OdbcSessionTest, ParametersGoInAndComeBackAsTheyWere) {
  session_->script("CREATE TEMP TABLE thing (id bigint, weight double precision, name text, image bytea)");
  std::string every_byte;
  for (int i = 0; i < 256; ++i) every_byte += static_cast<char>(i);
  const std::string long_text = std::string(70'000, 'x') + "ß😀";
  const std::string long_bytes(300'000, '\0');
  const std::vector<std::vector<ValueView>> given{
      {std::numeric_limits<std::int64_t>::min(), -0.5, "Zoë 😀", BlobView(every_byte)},
      {std::int64_t{2}, 1e300, "", BlobView("")},
      {std::int64_t{3}, 0.0, long_text, BlobView(long_bytes)}};
  for (const auto& row : given) {
    OdbcParameters parameters;
    for (const ValueView& cell : row) parameters.add(cell);
    EXPECT_EQ(session_->run("INSERT INTO thing VALUES (?, ?, ?, ?)", parameters), 1);
  }
  std::size_t at = 0;
  OdbcParameters none;
  session_->query("SELECT id, weight, name, image FROM thing ORDER BY id", none,
                  [&](const Row& row) { EXPECT_TRUE(std::ranges::equal(row.cells(), given.at(at++))); });
  EXPECT_EQ(at, given.size());
}

TEST_F(OdbcSessionTest, NullsAreNullsOfEveryKind) {
  session_->script("CREATE TEMP TABLE thing (id bigint, weight double precision, name text, image bytea)");
  OdbcParameters parameters;
  for (const OdbcKind kind : {OdbcKind::integer, OdbcKind::real, OdbcKind::text, OdbcKind::blob}) {
    parameters.add(null, kind);
  }
  EXPECT_EQ(session_->run("INSERT INTO thing VALUES (?, ?, ?, ?)", parameters), 1);
  EXPECT_EQ(rows("SELECT * FROM thing"), std::vector<std::string>{",,,,"});
  EXPECT_EQ(id_thrown_by([&] { parameters.add("text", OdbcKind::blob); }), "sql.type_mismatch");
  EXPECT_EQ(id_thrown_by([&] { parameters.add("\xff"); }), "sql.bad_text");
}

TEST_F(OdbcSessionTest, ARowOfNullsAfterOneOfTextsIsReadAsSuch) {
  EXPECT_EQ(rows("SELECT 1, 'ada', 'of the harbour' UNION ALL SELECT NULL, NULL, NULL ORDER BY 1 NULLS LAST"),
            (std::vector<std::string>{"1,'ada','of the harbour',", ",,,"}));
}

TEST_F(OdbcSessionTest, ChangedRowsAreCounted) {
  session_->script("CREATE TEMP TABLE thing (id bigint); INSERT INTO thing VALUES (1), (2), (3)");
  OdbcParameters parameters;
  parameters.add(std::int64_t{1});
  EXPECT_EQ(session_->run("DELETE FROM thing WHERE id > ?", parameters), 2);
  EXPECT_EQ(session_->run("DELETE FROM thing WHERE id > ?", parameters), 0);
}

TEST_F(OdbcSessionTest, AStreamIsParkedWhenSomethingElseIsAsked) {
  session_->script("CREATE TEMP TABLE thing (id bigint, name text)");
  session_->script("INSERT INTO thing SELECT i, 'name ' || i FROM generate_series(1, 1000) i");
  OdbcParameters parameters;
  parameters.add(std::int64_t{0});
  std::int64_t last = 0;
  session_->stream("SELECT id, name FROM thing WHERE id > ? ORDER BY id", parameters, [&](const Row& row) {
    const std::int64_t id = row.integer(0);
    if (id == 5 || id == 700) {
      EXPECT_EQ(rows("SELECT count(*) FROM thing"), std::vector<std::string>{"1000,"});
    }
    EXPECT_EQ(row.text(1), "name " + std::to_string(id)) << "the row stays what it was";
    EXPECT_EQ(id, ++last);
    return id < 900;
  });
  EXPECT_EQ(last, 900);
  EXPECT_EQ(rows("SELECT 1"), std::vector<std::string>{"1,"}) << "what was left of it is out of the way";
}

TEST_F(OdbcSessionTest, AStatementThatFailsIsNamedOnlyWhereItMayBeAtFault) {
  try {
    (void)rows("SELECT nothing FROM nowhere");
    ADD_FAILURE() << "was accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("SELECT nothing FROM nowhere"));
  }
}

TEST(OdbcErrorTest, SqlServersNumbersSayMoreThanTheirSqlstate) {
  const auto id_for = [](std::string_view state, std::int64_t native) {
    return std::string(odbc_error({{std::string(state), native, "said so"}}, "here").id());
  };
  EXPECT_EQ(id_for("40001", 1205), "sql.retry");
  EXPECT_EQ(id_for("HY000", 3960), "sql.retry");
  EXPECT_EQ(id_for("HY000", 1222), "sql.locked");
  EXPECT_EQ(id_for("23000", 2627), "sql.constraint");
  EXPECT_EQ(id_for("42000", 229), "sql.permission");
  EXPECT_EQ(id_for("HY000", 1827), "sql.disk_full");
  EXPECT_EQ(id_for("HY000", 40613), "sql.connection_lost");
  EXPECT_EQ(id_for("08S01", 10054), "sql.connection_lost");
  EXPECT_EQ(id_for("HYT00", 0), "sql.timeout");
  EXPECT_EQ(id_for("42S02", 208), "sql.failed");
}

TEST(OdbcErrorTest, TheFirstErrorThatMeansSomethingCounts) {
  const OdbcDiagnostics said{{"01000", 3621, "The statement has been terminated."},
                             {"23000", 2627, "Violation of PRIMARY KEY. The duplicate key value is (17)."}};
  const Error error = odbc_error(said, "sqlserver://db");
  EXPECT_EQ(error.id(), "sql.constraint");
  EXPECT_EQ(error.message(), "sqlserver://db: Violation of PRIMARY KEY.");
  EXPECT_EQ(odbc_error({}, "here").id(), "sql.failed");
}

TEST(Utf16Test, GoesThereAndBack) {
  const std::string text = "aß€😀";
  EXPECT_EQ(to_utf16(text), u"aß€😀");
  std::string back;
  EXPECT_TRUE(append_utf8(back, to_utf16(text)));
  EXPECT_EQ(back, text);
  EXPECT_FALSE(append_utf8(back, std::u16string(1, static_cast<char16_t>(0xD800))));
  EXPECT_EQ(back, text + "\xEF\xBF\xBD");
  EXPECT_EQ(id_thrown_by([] { (void)to_utf16("\xff"); }), "sql.bad_text");
}

}  // namespace
}  // namespace linkspan::sql
