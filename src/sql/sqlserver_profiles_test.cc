#include "sql/internal/sqlserver_profiles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "sql/internal/sqlserver_connect_error.h"
#include "sql/internal/sqlserver_probe.h"
#include "sql/internal/sqlserver_wire.h"

namespace linkspan::sql {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

SqlServerTarget target(std::string_view url, std::string_view driver = "The Driver") {
  SqlServerTarget made = sqlserver_target(DatabaseUrl::parse(url), "");
  made.driver = driver;
  made.port = 1433;
  return made;
}

std::string refused_by(void (*check)(const SqlServerTarget&, std::string_view), const SqlServerTarget& wanted) {
  try {
    check(wanted, "sqlserver://h/db");
  } catch (const Error& error) {
    EXPECT_THAT(error.what() + error.hint(), Not(HasSubstr("geheim")));
    return std::string(error.id());
  }
  return "nothing";
}

TEST(SqlServerProfileTest, FreetdsIsToldEverythingAboutTlsInItsSection) {
  EXPECT_EQ(freetds::configuration(target("sqlserver://ada@db.corp/state"), "system"),
            "[linkspan]\n"
            "host = db.corp\n"
            "port = 1433\n"
            "tds version = 7.4\n"
            "client charset = UTF-8\n"
            "encryption = require\n"
            "ca file = system\n"
            "check certificate hostname = yes\n");
  EXPECT_EQ(freetds::configuration(target("sqlserver://ada@db.corp/state?trust=yes"), "system"),
            "[linkspan]\n"
            "host = db.corp\n"
            "port = 1433\n"
            "tds version = 7.4\n"
            "client charset = UTF-8\n"
            "encryption = require\n"
            "check certificate hostname = no\n");
  EXPECT_EQ(freetds::configuration(target("sqlserver://ada@db.corp/state?encrypt=no"), "system"),
            "[linkspan]\n"
            "host = db.corp\n"
            "port = 1433\n"
            "tds version = 7.4\n"
            "client charset = UTF-8\n"
            "encryption = request\n");
}

TEST(SqlServerProfileTest, FreetdsConnectsByTheSectionAlone) {
  EXPECT_EQ(freetds::connection_string(target("sqlserver://CORP%5Cada:a%7Bb%7D@h/my%20db", "FreeTDS")),
            "Driver={FreeTDS};Servername=linkspan;Database={my db};UID={CORP\\ada};PWD={a{b}};APP=Linkspan;"
            "ClientCharset=UTF-8;");
  EXPECT_EQ(freetds::connection_string(
                target("sqlserver://h/db?authentication=kerberos&server_spn=MSSQLSvc/h:1", "/opt/libtdsodbc.so")),
            "Driver={/opt/libtdsodbc.so};Servername=linkspan;Database={db};Trusted_Connection=yes;"
            "ServerSPN={MSSQLSvc/h:1};APP=Linkspan;ClientCharset=UTF-8;");
}

TEST(SqlServerProfileTest, MicrosoftsDriverIsToldInItsOwnWords) {
  EXPECT_EQ(microsoft::connection_string(target("sqlserver://ada:a%7Bb%7D;c@h/db", "ODBC Driver 18 for SQL Server")),
            "Driver={ODBC Driver 18 for SQL Server};Server={tcp:h,1433};Database={db};UID={ada};PWD={a{b}};c};"
            "Encrypt=yes;TrustServerCertificate=no;APP=Linkspan;");
  EXPECT_EQ(microsoft::connection_string(target("sqlserver://h/db?authentication=kerberos&encrypt=strict&host_name=n")),
            "Driver={The Driver};Server={tcp:h,1433};Database={db};Trusted_Connection=yes;Encrypt=strict;"
            "TrustServerCertificate=no;HostNameInCertificate={n};APP=Linkspan;");
  EXPECT_THAT(microsoft::connection_string(target("sqlserver://ada@h/db?trust=yes")),
              HasSubstr("Encrypt=yes;TrustServerCertificate=yes;"));
  EXPECT_THAT(microsoft::connection_string(target("sqlserver://ada@h/db?encrypt=no")), HasSubstr("Encrypt=no;"));
}

TEST(SqlServerProfileTest, ThePasswordGivenGoesBeforeTheUrls) {
  EXPECT_EQ(sqlserver_target(DatabaseUrl::parse("sqlserver://ada:old@h/db"), "new").password, "new");
  EXPECT_EQ(sqlserver_target(DatabaseUrl::parse("sqlserver://ada:old@h/db"), "").password, "old");
}

TEST(SqlServerProfileTest, WhatADriverCannotDoIsRefusedBeforeItIsAsked) {
  EXPECT_EQ(refused_by(freetds::check, target("sqlserver://ada@h/db?encrypt=strict")), "sql.driver_unable");
  EXPECT_EQ(refused_by(freetds::check, target("sqlserver://ada@h/db?host_name=n")), "sql.driver_unable");
  EXPECT_EQ(refused_by(freetds::check, target("sqlserver://ada:geheim%7D;x@h/db")), "sql.driver_unable");
  EXPECT_EQ(refused_by(freetds::check, target("sqlserver://ada:geheim%7DDSN=x@h/db")), "sql.driver_unable");
  EXPECT_EQ(refused_by(freetds::check, target("sqlserver://ada:geheim%0A@h/db")), "sql.driver_unable");
  EXPECT_EQ(refused_by(freetds::check, target("sqlserver://ada:geheim%7D%7D;%7B@h/db")), "sql.driver_unable");
  EXPECT_EQ(refused_by(freetds::check, target("sqlserver://ada:ge;he=im%7D%7D@h/db")), "nothing");
  EXPECT_EQ(refused_by(microsoft::check, target("sqlserver://ada@h/db?ca_file=/x")), "sql.driver_unable");
  EXPECT_EQ(refused_by(microsoft::check, target("sqlserver://ada:geheim%7D;x@h/db")), "nothing");
}

struct Said {
  OdbcDiagnostics diagnostics;
  std::string_view id;
};

TEST(SqlServerConnectErrorTest, EachReasonHasItsOwnName) {
  const SqlServerTarget password = target("sqlserver://ada@h/db");
  for (const Said& one : std::vector<Said>{
           {{{"08001", 20009, "Unable to connect"}}, "sql.unreachable"},
           {{{"28000", 18456, "Login failed for user 'ada'."}}, "sql.denied"},
           {{{"42000", 18456, "Login failed"}, {"42000", 4060, "Cannot open database"}}, "sql.no_database"},
           {{{"08004", 916, "not able to access the database"}}, "sql.permission"},
           {{{"01000", 0, "Can't open lib '/x.so' : file not found"}}, "sql.driver_missing"},
           {{{"IM002", 0, "Data source name not found"}}, "sql.driver_missing"},
           {{{"HYT00", 0, "Login timeout expired"}}, "sql.unreachable"},
           // Microsoft's driver, as its documentation quotes it
           {{{"08001", -1,
              "SSL Provider: [error:0A000086:SSL routines::certificate verify failed:self-signed "
              "certificate]"}},
            "sql.certificate"},
           {{{"HY000", 851968, "SSPI Provider: No Kerberos credentials available"}}, "sql.kerberos"},
           {{{"08001", 111, "TCP Provider: Error code 0x6F"}}, "sql.unreachable"},
       }) {
    const auto error = sqlserver_connect_error(one.diagnostics, password, "sqlserver://ada@h/db");
    ASSERT_TRUE(error) << one.diagnostics.front().message;
    EXPECT_EQ(error->id(), one.id) << one.diagnostics.front().message;
    EXPECT_FALSE(error->hint().empty());
  }
  EXPECT_FALSE(sqlserver_connect_error({{"08S01", 20002, "Adaptive Server connection failed"}}, password, "h"));
  const auto ticket = sqlserver_connect_error({{"28000", 18452, "The login is from an untrusted domain"}},
                                              target("sqlserver://h/db?authentication=kerberos"), "h");
  EXPECT_EQ(ticket->id(), "sql.kerberos");
}

TEST(SqlServerProbeTest, ReadsTheEncryptionOfAPreloginAndNothingBeyondIt) {
  using namespace std::string_literals;
  const std::string head = "\x00\x00\x0b\x00\x06\x01\x00\x11\x00\x01\xff"s + std::string(6, '\0');
  EXPECT_EQ(prelogin_encryption(head + "\x02"), 2);
  EXPECT_EQ(prelogin_encryption(head + "\x03"), 3);
  EXPECT_FALSE(prelogin_encryption(head));
  EXPECT_FALSE(prelogin_encryption(""));
  EXPECT_FALSE(prelogin_encryption("\x01\x00"s));
  EXPECT_FALSE(prelogin_encryption("\xff"s));
  EXPECT_FALSE(prelogin_encryption("\x01\xff\xff\x00\x01\xff"s));
  EXPECT_FALSE(prelogin_encryption("\x01\x00\x00\x00\x00\xff"s)) << "an option of no bytes";
}

TEST(SqlServerWireTest, ATlsRecordIsToldFromAPacketInClearByItsSize) {
  constexpr std::size_t k_units = 100;
  EXPECT_FALSE(was_encrypted(0, k_units));
  EXPECT_FALSE(was_encrypted(8 + 2 * k_units, k_units)) << "without heads";
  EXPECT_FALSE(was_encrypted(30 + 2 * k_units, k_units)) << "with the transaction's head";
  EXPECT_TRUE(was_encrypted(30 + 2 * k_units + 5 + 16, k_units)) << "ChaCha20-Poly1305 in TLS 1.2, the smallest";
  EXPECT_TRUE(was_encrypted(30 + 2 * k_units + 5 + 8 + 16, k_units)) << "AES-GCM in TLS 1.2";
}

}  // namespace
}  // namespace linkspan::sql
