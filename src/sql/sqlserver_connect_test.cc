#include "sql/internal/sqlserver_connect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlext.h>
#include <testkit/browser_stub.h>
#include <testkit/tds_stub.h>

#include <cstdlib>

#include "base/error.h"
#include "sql/internal/utf16.h"

namespace linkspan::sql {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testkit::BrowserStub;
using testkit::TdsStub;

constexpr std::string_view k_password = "geh;e=1 {i}m 'ü€";

OpenOptions options() {
  OpenOptions made;
  made.password = k_password;
  made.connect_wait = std::chrono::seconds(60);  // the machine may be busy
  return made;
}

OdbcConnection connect(const std::string& url) { return connect_sqlserver(DatabaseUrl::parse(url), options()); }

// What `work` throws; never the password.
template <class Work>
Error refusal(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_THAT(error.what() + error.hint(), Not(HasSubstr("geh;e")));
    EXPECT_FALSE(error.hint().empty()) << error.what();
    return error;
  }
  return {Fault::invalid, "none", "nothing was thrown"};
}

Error refusal(const TdsStub& stub, const std::string& more = {}) {
  return refusal([&] { (void)connect(stub.url(more)); });
}

// One statement, all its answers.
void execute(const OdbcConnection& connection, std::string_view statement) {
  const OdbcHandle handle(SQL_HANDLE_STMT, connection.get());
  std::u16string text = to_utf16(statement);
  SQLRETURN code =
      SQLExecDirectW(handle.get(), reinterpret_cast<SQLWCHAR*>(text.data()), static_cast<SQLINTEGER>(text.size()));
  check_odbc(code, SQL_HANDLE_STMT, handle.get(), "sqlserver://h/db");
  while (SQL_SUCCEEDED(code = SQLFetch(handle.get()))) {
  }
  if (code != SQL_ERROR) return;
  const auto said = odbc_diagnostics(SQL_HANDLE_STMT, handle.get());
  if (said.empty() || said.front().state != "24000") throw odbc_error(said, "sqlserver://h/db");  // 24000: no rows
}

json sign_in_error(int number, const std::string& message) {
  return {{"encryption", "full"}, {"login", {{"error", {{"number", number}, {"class", 14}, {"message", message}}}}}};
}

class SqlServerConnect : public ::testing::Test {
 protected:
  TdsStub stub_{json{{"encryption", "full"}}};
  std::string ca_ = "&ca_file=" + stub_.ca_file();
};

TEST_F(SqlServerConnect, SignsInEncryptedWithACertificateThatIsChecked) {
  const OdbcConnection connection = connect(stub_.url(ca_));
  EXPECT_TRUE(connection.connected());
  const auto requests = stub_.requests();
  ASSERT_FALSE(requests.empty());
  EXPECT_EQ(requests[0]["kind"], "login");
  EXPECT_EQ(requests[0]["user"], "ada");
  EXPECT_EQ(requests[0]["password"], k_password);
  EXPECT_EQ(requests[0]["database"], "state");
  EXPECT_EQ(requests[0]["application"], "Linkspan");
  EXPECT_THAT(requests[0]["server"].get<std::string>(), Not(HasSubstr(std::string(1, '\0'))));
  for (const json& request : requests) EXPECT_EQ(request["encrypted"], true) << request;
}

TEST_F(SqlServerConnect, EveryPasswordArrivesAsItIs) {
  for (const std::string password :
       {"plain", "{", "}", "{}}", "a;b", "a=b", "a{b}", " blank ", "';--", "ü€😀", "[x]"}) {
    OpenOptions with = options();
    with.password = password;
    (void)connect_sqlserver(DatabaseUrl::parse(stub_.url(ca_)), with);
    std::string last;
    for (const json& request : stub_.requests()) {
      if (request["kind"] == "login") last = request["password"];
    }
    EXPECT_EQ(last, password);
  }
}

TEST_F(SqlServerConnect, ACertificateOfAnotherAuthorityIsRefused) {
  const TdsStub other(json{{"encryption", "full"}});
  const Error error = refusal(stub_, "&ca_file=" + other.ca_file());
  EXPECT_EQ(error.id(), "sql.certificate");
  EXPECT_THAT(error.hint(), HasSubstr("ca_file"));
  EXPECT_EQ(refusal(stub_).id(), "sql.certificate") << "the system's authorities do not know it";
  EXPECT_THAT(stub_.requests(), IsEmpty()) << "no password was sent";
}

TEST_F(SqlServerConnect, ACertificateForAnotherHostIsRefused) {
  const TdsStub other(json{{"encryption", "full"}, {"names", "DNS:db.corp.example"}});
  const Error error = refusal(other, "&ca_file=" + other.ca_file());
  EXPECT_EQ(error.id(), "sql.certificate");
  EXPECT_THAT(error.message(), HasSubstr("ostname mismatch"));
  EXPECT_THAT(other.requests(), IsEmpty());
}

TEST_F(SqlServerConnect, WhoTrustsAnyCertificateStillGetsEncryption) {
  (void)connect(stub_.url("&trust=yes"));
  ASSERT_EQ(stub_.requests().size(), 2U);
  EXPECT_EQ(stub_.requests()[1]["encrypted"], true);
}

TEST_F(SqlServerConnect, AnAuthorityThatCannotBeReadIsToldAtOnce) {
  EXPECT_EQ(refusal(stub_, "&ca_file=/nowhere/ca.pem").id(), "sql.certificate");
}

TEST(SqlServerConnectTest, AServerWithoutEncryptionGetsNoPassword) {
  const TdsStub stub;
  const Error error = refusal(stub);
  EXPECT_EQ(error.id(), "sql.tls");
  EXPECT_THAT(error.message(), HasSubstr("offers no encryption"));
  EXPECT_EQ(refusal(stub, "&trust=yes").id(), "sql.tls");
  EXPECT_THAT(stub.requests(), IsEmpty());
  (void)connect(stub.url("&encrypt=no"));
  EXPECT_THAT(stub.statements(), Contains(HasSubstr("SERVERPROPERTY")));
}

// FreeTDS asks for encryption, and goes on in clear where the server, or who is between, says "for the sign-in only".
TEST(SqlServerConnectTest, EncryptionThatEndsAfterTheSignInIsRefused) {
  const TdsStub stub(json{{"encryption", "login"}});
  const Error error = refusal(stub, "&ca_file=" + stub.ca_file());
  EXPECT_EQ(error.id(), "sql.tls");
  EXPECT_THAT(error.message(), HasSubstr("not encrypted"));
  EXPECT_EQ(stub.requests().size(), 2U) << "nothing was asked but what it is";
}

TEST(SqlServerConnectTest, EachRefusalOfASignInHasItsNameAndItsHint) {
  struct Case {
    int number;
    std::string_view id;
    std::string_view hint;
  };
  for (const Case& one :
       {Case{18456, "sql.denied", "password"}, Case{18470, "sql.denied", "ENABLE"}, Case{18486, "sql.denied", "UNLOCK"},
        Case{18487, "sql.denied", "expired"}, Case{4060, "sql.no_database", "database schema"},
        Case{916, "sql.permission", "database schema"}}) {
    const TdsStub stub(sign_in_error(one.number, "refused by the stub"));
    const Error error = refusal(stub, "&ca_file=" + stub.ca_file());
    EXPECT_EQ(error.id(), one.id) << one.number;
    EXPECT_THAT(error.hint(), HasSubstr(one.hint)) << one.number;
    EXPECT_THAT(error.message(), AllOf(HasSubstr("refused by the stub"), HasSubstr("sqlserver://ada@localhost")));
  }
}

TEST(SqlServerConnectTest, AMissingDatabaseIsNotTakenForAWrongPassword) {
  const TdsStub stub(json{{"encryption", "full"},
                          {"login",
                           {{"error",
                             {{{"number", 4060}, {"class", 11}, {"message", "Cannot open database"}},
                              {{"number", 18456}, {"class", 14}, {"message", "Login failed"}}}}}}});
  EXPECT_EQ(refusal(stub, "&ca_file=" + stub.ca_file()).id(), "sql.no_database");
}

json server_is(const std::string& version, const std::string& edition) {
  return {{"encryption", "full"},
          {"answers",
           {{{"match", "SERVERPROPERTY"},
             {"columns", {"v:nvarchar", "e:nvarchar", "b:nvarchar", "d:nvarchar"}},
             {"rows", {{version, edition, nullptr, "STATE"}}}}}}};
}

TEST(SqlServerConnectTest, AServerOlderThan2016IsRefusedButNotOneInTheCloud) {
  const TdsStub old(server_is("12.0.6024.0", "3"));
  const Error error = refusal(old, "&trust=yes");
  EXPECT_EQ(error.id(), "sql.old_server");
  EXPECT_THAT(error.message(), HasSubstr("12.0.6024.0"));
  const TdsStub oldest_good(server_is("13.0.1601.5", "4"));
  EXPECT_TRUE(connect(oldest_good.url("&trust=yes")).connected());
  const TdsStub azure(server_is("12.0.2000.8", "5"));
  EXPECT_TRUE(connect(azure.url("&trust=yes")).connected());
}

TEST(SqlServerConnectTest, AnotherDatabaseThanTheOneNamedIsRefused) {
  const TdsStub stub(json{{"encryption", "full"}, {"database", "master"}});
  const Error error = refusal(stub, "&trust=yes");
  EXPECT_EQ(error.id(), "sql.no_database");
  EXPECT_THAT(error.message(), HasSubstr("master"));
}

TEST(SqlServerConnectTest, WhoIsNotThereIsUnreachable) {
  int closed = 0;
  {
    closed = TdsStub().port();
  }
  EXPECT_EQ(refusal([&] {
              (void)connect("sqlserver://ada@127.0.0.1:" + std::to_string(closed) + "/state?driver=freetds");
            }).id(),
            "sql.unreachable");
  EXPECT_EQ(refusal([] { (void)connect("sqlserver://ada@no-such-host.invalid/state?driver=freetds"); }).id(),
            "sql.unreachable");
}

TEST(SqlServerConnectTest, AServerThatSaysNothingIsGivenUpInTime) {
  const TdsStub at_sign_in(json{{"encryption", "full"}, {"login", {{"hang", true}}}});
  const TdsStub afterwards(json{{"encryption", "full"}, {"answers", {{{"match", "SERVERPROPERTY"}, {"hang", true}}}}});
  OpenOptions hasty = options();
  hasty.connect_wait = std::chrono::seconds(3);
  for (const TdsStub* stub : {&at_sign_in, &afterwards}) {
    const auto begun = std::chrono::steady_clock::now();
    const Error error = refusal([&] { (void)connect_sqlserver(DatabaseUrl::parse(stub->url("&trust=yes")), hasty); });
    EXPECT_EQ(error.fault(), Fault::unavailable) << error.what();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(60));
  }
}

TEST(SqlServerConnectTest, AnInstanceIsFoundByItsBrowserAndItsPortIsShown) {
  const TdsStub stub(sign_in_error(18456, "Login failed"));
  const BrowserStub browser([&](const std::string&) -> std::vector<std::string> {
    return {BrowserStub::answer(BrowserStub::instance("SQLEXPRESS", stub.port()))};
  });
  const auto url = DatabaseUrl::parse("sqlserver://ada@127.0.0.1\\SQLEXPRESS/state?driver=freetds&trust=yes");
  const Error error =
      refusal([&] { (void)connect_sqlserver(url, options(), {browser.port(), std::chrono::seconds(20)}); });
  EXPECT_EQ(error.id(), "sql.denied");
  EXPECT_THAT(error.message(), HasSubstr("(port " + std::to_string(stub.port()) + ")"));
}

TEST(SqlServerConnectTest, APortBesideAnInstanceNeedsNoBrowser) {
  const TdsStub stub(json{{"encryption", "full"}});
  const auto url = DatabaseUrl::parse("sqlserver://ada@localhost\\SQLEXPRESS," + std::to_string(stub.port()) +
                                      "/state?driver=freetds&trust=yes");
  EXPECT_TRUE(connect_sqlserver(url, options(), {1, std::chrono::milliseconds(1)}).connected());
}

TEST(SqlServerConnectTest, ADriverThatIsNotThereIsToldWithTheNameOfItsPackage) {
  const Error missing = refusal([] { (void)connect("sqlserver://ada@h/state?driver=/opt/none/libtdsodbc.so"); });
  EXPECT_EQ(missing.id(), "sql.driver_missing");
  EXPECT_THAT(missing.hint(), AllOf(HasSubstr("msodbcsql18"), HasSubstr("tdsodbc")));
  EXPECT_EQ(refusal([] { (void)connect("sqlserver://ada@h/state?driver=/bin/true"); }).id(), "sql.driver_missing");
}

class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  ~Variable() { ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

TEST_F(SqlServerConnect, AVariableThatWouldLeadFreetdsElsewhereIsRefused) {
  const Variable elsewhere("TDSHOST", "127.0.0.9");
  const Error error = refusal(stub_, ca_);
  EXPECT_EQ(error.id(), "sql.driver_unable");
  EXPECT_THAT(error.message(), HasSubstr("TDSHOST"));
}

TEST_F(SqlServerConnect, WithoutATicketKerberosIsToldAsSuch) {
  const Variable cache("KRB5CCNAME", "FILE:/nonexistent/cache");
  const Variable keytab("KRB5_CLIENT_KTNAME", "FILE:/nonexistent/keytab");
  const Error error = refusal([&] {
    (void)connect_sqlserver(DatabaseUrl::parse("sqlserver://localhost:" + std::to_string(stub_.port()) +
                                               "/state?driver=freetds&authentication=kerberos" + ca_),
                            {.connect_wait = std::chrono::seconds(60)});
  });
  EXPECT_EQ(error.id(), "sql.kerberos");
  EXPECT_THAT(error.hint(), HasSubstr("KRB5_CLIENT_KTNAME"));
  EXPECT_THAT(stub_.requests(), IsEmpty());
}

TEST(SqlServerSessionTest, ErrorsOfStatementsBearTheServersMeaning) {
  json answers = json::array();
  for (const int number : {1205, 1222, 3960, 229, 2627}) {
    answers.push_back({{"match", "#" + std::to_string(number)}, {"error", {{"number", number}, {"class", 13}}}});
  }
  const TdsStub stub(json{{"encryption", "full"}, {"answers", answers}});
  const OdbcConnection connection = connect(stub.url("&trust=yes"));
  const auto id = [&](std::string_view statement) {
    return std::string(refusal([&] { execute(connection, statement); }).id());
  };
  EXPECT_EQ(id("SELECT '#1205'"), "sql.retry");
  EXPECT_EQ(id("SELECT '#1222'"), "sql.locked");
  EXPECT_EQ(id("SELECT '#3960'"), "sql.retry");
  EXPECT_EQ(id("SELECT '#229'"), "sql.permission");
}

TEST(SqlServerSessionTest, AConnectionThatBreaksInTheMiddleOfAnAnswerIsLost) {
  const TdsStub stub(json{{"encryption", "full"},
                          {"answers",
                           {{{"match", "half"},
                             {"columns", {"a:int", "b:nvarchar"}},
                             {"rows", json::array({{1, std::string(300, 'x')}, {2, "y"}})},
                             {"close", "middle"}},
                            {{"match", "gone"}, {"close", true}}}}});
  for (const std::string_view statement : {"SELECT half", "SELECT gone"}) {
    const OdbcConnection connection = connect(stub.url("&trust=yes"));
    EXPECT_EQ(refusal([&] { execute(connection, statement); }).id(), "sql.connection_lost") << statement;
  }
}

}  // namespace
}  // namespace linkspan::sql
