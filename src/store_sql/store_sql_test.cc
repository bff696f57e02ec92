// The store's contract on every kind of database.

#include "store_sql/store_sql.h"

#include <testkit/postgresql.h>

#include "sql/testing/sqlserver.h"
#include "store/testing/store_contract.h"
#include "store_sql/testing/temporary_store.h"

namespace linkspan::store::testing {
namespace {

using store_sql::open_store;

class SqlPlace : public Place {
 public:
  explicit SqlPlace(std::string url) : url_(std::move(url)) {}
  std::unique_ptr<Store> open(const Clock* clock) override {
    return open_store(url_, {.create = true, .program = "test", .clock = clock});
  }

 private:
  std::string url_;
};

class SqlitePlace final : public Place {
 public:
  std::unique_ptr<Store> open(const Clock* clock) override {
    return open_store(temporary_.url(), {.create = true, .program = "test", .clock = clock});
  }

 private:
  store_sql::testing::TemporaryStore temporary_;
};

std::unique_ptr<Place> make_sqlite() { return std::make_unique<SqlitePlace>(); }

std::unique_ptr<Place> make_postgresql() {
  if (!testkit::Postgresql::available()) return nullptr;
  return std::make_unique<SqlPlace>(testkit::Postgresql::shared().fresh_database());
}

std::unique_ptr<Place> make_sqlserver() {
  auto& server = sql::testing::SqlServer::shared();
  return server.available() ? std::make_unique<SqlPlace>(server.fresh_database()) : nullptr;
}

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, ::testing::Values(Backend{"sqlite", &make_sqlite}));
INSTANTIATE_TEST_SUITE_P(Postgresql, StoreContract, ::testing::Values(Backend{"postgresql", &make_postgresql}));
INSTANTIATE_TEST_SUITE_P(SqlServer, StoreContract, ::testing::Values(Backend{"sqlserver", &make_sqlserver}));

}  // namespace
}  // namespace linkspan::store::testing
