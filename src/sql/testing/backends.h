#pragma once
// For tests of this room and of those above: one fresh, empty database of each kind.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include <testkit/postgresql.h>
#include "base/error.h"
#include "sql/open.h"
#include "sql/testing/sqlserver.h"

namespace linkspan::sql::testing {

/// A folder that goes with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "linkspan-sql-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

enum class Kind : unsigned char { sqlite_file, sqlite_memory, postgresql, sqlserver };

/// One fresh database; `open` may be called again for another connection to it, but not with sqlite_memory.
class FreshDatabase {
 public:
  explicit FreshDatabase(Kind kind) {
    if (kind == Kind::sqlite_file) url_ = DatabaseUrl::parse("sqlite://" + folder_.file("state.db"));
    if (kind == Kind::sqlite_memory) url_ = DatabaseUrl::parse("sqlite::memory:");
    if (kind == Kind::postgresql) url_ = DatabaseUrl::parse(testkit::Postgresql::shared().fresh_database());
    if (kind == Kind::sqlserver) url_ = DatabaseUrl::parse(SqlServer::shared().fresh_database());
  }
  [[nodiscard]] std::unique_ptr<Database> open(OpenOptions options = {.create = true}) const {
    return sql::open(url_, options);
  }
  [[nodiscard]] const DatabaseUrl& url() const { return url_; }

 private:
  TemporaryFolder folder_;
  DatabaseUrl url_;
};

/// Base of a TEST_P suite; skips PostgreSQL where it is not installed, SQL Server where none is named.
class DatabaseTest : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (GetParam() == Kind::postgresql && !testkit::Postgresql::available()) GTEST_SKIP() << "no PostgreSQL here";
    if (GetParam() == Kind::sqlserver && !SqlServer::shared().available()) GTEST_SKIP() << "no SQL Server here";
    fresh_ = std::make_unique<FreshDatabase>(GetParam());
    db_ = fresh_->open();
  }
  [[nodiscard]] bool is_postgresql() const { return GetParam() == Kind::postgresql; }
  [[nodiscard]] bool is_sqlserver() const { return GetParam() == Kind::sqlserver; }

  std::unique_ptr<FreshDatabase> fresh_;
  std::unique_ptr<Database> db_;
};

/// The id of the Error `action` throws; "" when it throws none.
template <class Action>
std::string id_thrown_by(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return std::string(error.id());
  }
  return {};
}

inline std::string kind_name(const ::testing::TestParamInfo<Kind>& info) {
  constexpr const char* names[] = {"SqliteFile", "SqliteMemory", "Postgresql", "SqlServer"};
  return names[static_cast<std::size_t>(info.param)];
}

}  // namespace linkspan::sql::testing
