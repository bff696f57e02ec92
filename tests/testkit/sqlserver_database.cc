// Databases on the SQL Server that LINKSPAN_TEST_SQLSERVER_URL names, for tests in shell:
//
//   sqlserver_database create NAME PASSWORD_FILE    makes one; prints its URL, and writes the password to the file
//   sqlserver_database execute NAME SCRIPT          as its owner
//   sqlserver_database drop NAME

#include <sys/stat.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include "sql/open.h"
#include "sql/testing/sqlserver.h"

namespace {

using linkspan::sql::DatabaseUrl;
using linkspan::sql::testing::SqlServer;

void create(const std::string& name, const std::string& password_file) {
  const auto url = DatabaseUrl::parse(SqlServer::shared().create(name));
  ::umask(077);
  std::ofstream(password_file) << url.parameter("password");
  std::printf("%s\n", url.redacted().c_str());
}

void execute(std::string_view name, std::string_view script) {
  linkspan::sql::open(DatabaseUrl::parse(SqlServer::shared().url_of(name)))->execute(script);
}

}  // namespace

int main(int count, char** texts) try {
  const std::span arguments(texts, static_cast<std::size_t>(count));
  const std::string_view verb = count > 2 ? arguments[1] : "";
  if (!SqlServer::shared().available()) return 77;
  if (verb == "create" && count == 4) {
    create(arguments[2], arguments[3]);
  } else if (verb == "execute" && count == 4) {
    execute(arguments[2], arguments[3]);
  } else if (verb == "drop" && count == 3) {
    SqlServer::shared().admin().execute(fmt::format("DROP DATABASE {}", arguments[2]));
  } else {
    std::fprintf(stderr, "sqlserver_database create NAME PASSWORD_FILE | execute NAME SCRIPT | drop NAME\n");
    return 2;
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "sqlserver_database: %s\n", error.what());
  return 1;
}
