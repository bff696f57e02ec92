#pragma once
// For tests of this room and of those above: databases on the SQL Server that LINKSPAN_TEST_SQLSERVER_URL names (with
// its password), whose account may create databases. Where it names none, that is said in one line a test program.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include "base/error.h"
#include "sql/open.h"

namespace linkspan::sql::testing {

class SqlServer {
 public:
  SqlServer(const SqlServer&) = delete;
  SqlServer& operator=(const SqlServer&) = delete;

  static SqlServer& shared() {
    static SqlServer server;
    return server;
  }

  /// Counts who asks in vain.
  [[nodiscard]] bool available() {
    if (!url_.empty()) return true;
    if (++missed_ == 1)
      std::printf("[  NOTE    ] no SQL Server here (LINKSPAN_TEST_SQLSERVER_URL): its tests are skipped\n");
    return false;
  }

  /// The URL of a new, empty database; it is dropped when the program ends.
  [[nodiscard]] std::string fresh_database() {
    names_.push_back(fmt::format("linkspan_{}_{}", ::getpid(), ++made_));
    return create(names_.back());
  }

  /// The same under a name of the caller's, who drops it.
  [[nodiscard]] std::string create(std::string_view name) {
    admin().execute(fmt::format("CREATE DATABASE {}", name));
    try {
      admin().execute(fmt::format("ALTER DATABASE {} SET ALLOW_SNAPSHOT_ISOLATION ON", name));
    } catch (const Error&) {  // then reads are read committed, or always of one moment
    }
    return url_of(name);
  }

  /// The URL given, with another database.
  [[nodiscard]] std::string url_of(std::string_view database) const {
    const std::size_t question = std::min(url_.find('?'), url_.size());
    const std::size_t slash = url_.rfind('/', question);
    return fmt::format("{}/{}{}", url_.substr(0, slash), database, url_.substr(question));
  }

  [[nodiscard]] Database& admin() {
    if (!admin_) admin_ = sql::open(DatabaseUrl::parse(url_));
    return *admin_;
  }

 private:
  SqlServer() {
    if (const char* given = std::getenv("LINKSPAN_TEST_SQLSERVER_URL")) url_ = given;
  }
  ~SqlServer() {
    if (missed_ > 1) std::printf("[  NOTE    ] %d tests on SQL Server were skipped\n", missed_);
    for (const std::string& name : names_) {
      try {
        admin().execute(fmt::format("DROP DATABASE {}", name));
      } catch (const Error& error) {
        std::fprintf(stderr, "%s stays behind: %s\n", name.c_str(), error.what());
        admin_.reset();
      }
    }
  }

  std::string url_;
  std::unique_ptr<Database> admin_;
  std::vector<std::string> names_;
  int made_ = 0;
  int missed_ = 0;
};

}  // namespace linkspan::sql::testing
