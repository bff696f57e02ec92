#include "store_sql/store_sql.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "sql/inspect.h"
#include "store_sql/internal/batch.h"
#include "store_sql/internal/configuration.h"
#include "store_sql/internal/core.h"
#include "store_sql/internal/operations.h"
#include "store_sql/internal/servers.h"
#include "store_sql/internal/summary.h"
#include "store_sql/internal/view.h"
#include "store_sql/schema.h"

namespace linkspan::store_sql {

namespace {

class SqlStore final : public store::Store {
 public:
  SqlStore(sql::DatabaseUrl url, sql::OpenOptions options, const Clock* clock)
      : core_(std::move(url), std::move(options), clock) {
    refresh_names();
  }

  std::unique_ptr<store::View> view() override { return make_view(core_); }
  std::unique_ptr<store::Summary> summary() override { return make_summary(core_); }
  std::unique_ptr<store::Batch> batch(const store::Lease& lease, store::Durability durability) override {
    return make_batch(core_, lease, durability);
  }
  store::Configuration& configuration() override { return configuration_; }
  store::Operations& operations() override { return operations_; }
  store::Servers& servers() override { return servers_; }
  void use_lease(const store::Lease& lease) override {
    const std::lock_guard lock(core_.mutex);
    core_.lease = lease;
  }
  model::Names& names() override { return core_.names(); }
  void refresh_names() override;
  void check_names() override {
    for (const auto& [id, name] : load_names()) core_.names().load(id, name);
  }
  store::DatabaseInfo info() override;

 private:
  std::vector<std::pair<model::NameId, std::string>> load_names();

  Core core_;
  SqlConfiguration configuration_{core_};
  SqlOperations operations_{core_};
  SqlServers servers_{core_};
};

// With the commit of an open batch unknown or undone, only the database knows which names it holds.
std::vector<std::pair<model::NameId, std::string>> SqlStore::load_names() {
  std::vector<std::pair<model::NameId, std::string>> names;
  const auto session = core_.pool.begin(sql::Mode::read);
  session->database().query("SELECT id, name FROM name ORDER BY id", {}, [&](const sql::Row& row) {
    names.emplace_back(static_cast<model::NameId>(row.integer(0)), row.text(1));
  });
  const std::lock_guard lock(core_.mutex);
  core_.names_written = names.empty() ? 0 : names.back().first;
  return names;
}

void SqlStore::refresh_names() {
  try {
    check_names();
  } catch (const Error& error) {
    if (error.fault() != Fault::corrupt) throw;
    // Another has given away ids that stand for something else here and were never written: begin anew.
    core_.renew_names();
    check_names();
  }
}

store::DatabaseInfo SqlStore::info() {
  const auto session = core_.pool.begin(sql::Mode::read);
  const Found found = look_at(session->database());
  return {.product = sql::product(session->database()),
          .location = core_.pool.name(),
          .schema = found.schema,
          .id = found.identity,
          .moved_to = found.moved_to};
}

void check_usable(const Found& found, const sql::Database& database) {
  switch (found.occupant) {
    case Occupant::nothing:
      throw Error(Fault::not_found, "store.empty", fmt::format("{} is empty", database.name()),
                  "Set up Linkspan in it, or name the database it lives in.");
    case Occupant::other:
      throw Error(Fault::invalid, "store.not_linkspan", fmt::format("{} is not a Linkspan database", database.name()),
                  "It holds tables of something else. Name another database, or an empty one.");
    case Occupant::linkspan:
      break;
  }
  if (found.upgrade_needed) {
    throw Error(
        Fault::conflict, "store.upgrade_needed",
        fmt::format("{} has schema {}, which an earlier version of the program made", database.name(), found.schema),
        "Upgrade it: `linkspan database upgrade`.");
  }
  if (found.identity.empty()) {
    throw Error(Fault::not_found, "store.empty", fmt::format("{} has the schema and no content yet", database.name()),
                "Set up Linkspan in it.");
  }
}

}  // namespace

std::unique_ptr<store::Store> open_store(std::string_view text, const OpenOptions& options) {
  const sql::DatabaseUrl url = sql::DatabaseUrl::parse(text);
  if (url.path == ":memory:") {
    throw Error(Fault::invalid, "store.memory", "an in-memory database has one connection, and the store needs several",
                "Name a file.");
  }
  sql::OpenOptions connect;
  connect.create = options.create;
  connect.password = options.password;
  {
    const auto database = sql::open(url, connect);
    const Found found = look_at(*database);
    // One that holds something else is refused below and left as it is; one that moved away is only read.
    const bool ours = found.occupant == Occupant::linkspan && found.moved_to.empty();
    if ((options.create && (ours || found.occupant == Occupant::nothing)) ||
        (options.upgrade && ours && found.upgrade_needed)) {
      prepare(*database, options.program,
              options.clock != nullptr ? options.clock->now() : sql::database_time(*database));
    }
    check_usable(look_at(*database), *database);
  }
  connect.create = false;
  return std::make_unique<SqlStore>(url, connect, options.clock);
}

}  // namespace linkspan::store_sql
