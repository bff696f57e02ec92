#pragma once
// What the parts of one opened store share: connections, the clock, names, the ids given out.

#include <atomic>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "sql/database.h"
#include "sql/open.h"
#include "store/store.h"

namespace linkspan::store_sql {

class Pool;

/// A connection out of the pool with a transaction on it. Goes back when this ends, but not when a failure ended it: to
/// open another is cheap beside that, and it may be lost or lead to a server that is a standby by now. Uncommitted work
/// is rolled back.
class Session {
 public:
  Session(Pool& pool, std::unique_ptr<sql::Database> database, sql::Mode mode);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] sql::Database& database() { return *database_; }
  void commit() { transaction_->commit(); }

 private:
  Pool& pool_;
  std::unique_ptr<sql::Database> database_;
  std::optional<sql::Transaction> transaction_;
  int exceptions_ = std::uncaught_exceptions();
};

/// Connections to one database; a few idle ones are kept, since opening one costs a thousand times what using it does.
/// Safe to share between threads.
class Pool {
 public:
  Pool(sql::DatabaseUrl url, sql::OpenOptions options);

  /// A connection lost while it lay idle (the server was restarted, or another took over) is replaced unnoticed. Tries
  /// once: whether and how long to wait for a database that is away, the caller knows.
  [[nodiscard]] std::unique_ptr<Session> begin(sql::Mode mode);

  [[nodiscard]] std::string name() const { return url_.redacted(); }

 private:
  friend class Session;
  void give_back(std::unique_ptr<sql::Database> database);

  sql::DatabaseUrl url_;
  sql::OpenOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<sql::Database>> idle_;
};

/// Shared by the views, batches and the rest of one store, and outlives them.
struct Core {
  Core(sql::DatabaseUrl url, sql::OpenOptions options, const Clock* test_clock)
      : pool(std::move(url), std::move(options)), clock(test_clock) {
    renew_names();
  }

  Pool pool;
  const Clock* clock;  ///< null: the database's
  std::mutex mutex;    ///< over what follows
  model::NameId names_written = 0;
  store::Lease lease;  ///< of writes that are no batch: configuration, history
  bool batch_open = false;
  std::map<std::string, std::int64_t, std::less<>> next_ids;  ///< never lower than what was given out by this process

  [[nodiscard]] model::Names& names() const { return *names_; }
  /// Empty ones. Those of before are kept for whoever still holds a reference.
  void renew_names() {
    all_names_.push_back(std::make_unique<model::Names>());
    names_ = all_names_.back().get();
  }

  [[nodiscard]] Time now(sql::Database& database) const;

  /// Reserves `count` ids from `sequence`. In a write transaction; the caller stores the end with `store_sequence`.
  /// A rollback loses that, but this process remembers.
  [[nodiscard]] std::int64_t reserve(sql::Database& database, std::string_view sequence, std::int64_t count);
  void store_sequence(sql::Database& database, std::string_view sequence);

  /// Locks the lease row until the end of the transaction, so that nobody takes over before it is committed.
  /// Throws "store.lease_lost" or "store.moved".
  void check_in_charge(sql::Database& database, const store::Lease& held);
  /// Throws "store.moved".
  void check_not_moved(sql::Database& database);

  /// A transaction of its own under `lease`: checked first, which locks its row, so that it holds until the commit.
  template <class Write>
  void write_in_charge(const Write& write) {
    const auto session = pool.begin(sql::Mode::write);
    check_in_charge(session->database(), current_lease());
    write(session->database());
    session->commit();
  }

 private:
  [[nodiscard]] store::Lease current_lease() {
    const std::lock_guard lock(mutex);
    return lease;
  }

  std::vector<std::unique_ptr<model::Names>> all_names_;  ///< the last one counts
  std::atomic<model::Names*> names_;
};

[[nodiscard]] inline std::int64_t to_number(Time time) { return time.time_since_epoch().count(); }
[[nodiscard]] inline Time to_time(std::int64_t number) { return Time(std::chrono::microseconds(number)); }

}  // namespace linkspan::store_sql
