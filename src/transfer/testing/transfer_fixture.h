#pragma once
// What the tests of this room stand on: databases of each kind, filled ones, and who may be in charge of them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <testkit/postgresql.h>
#include <testkit/sample_state.h>
#include "base/error.h"
#include "sql/testing/backends.h"
#include "store_sql/store_sql.h"
#include "transfer/place.h"
#include "transfer/verify.h"

namespace linkspan::transfer {

inline constexpr int k_killed = 77;

class TransferTest : public ::testing::Test {
 protected:
  [[nodiscard]] Place sqlite(const std::string& name) const { return {.url = "sqlite://" + folder_.file(name)}; }
  [[nodiscard]] static Place postgresql() { return {.url = testkit::Postgresql::shared().fresh_database()}; }
  /// An empty database on the SQL Server that the tests were given; its password beside the URL.
  [[nodiscard]] static Place sqlserver() {
    const auto url = sql::DatabaseUrl::parse(sql::testing::SqlServer::shared().fresh_database());
    return {.url = url.redacted(), .password = std::string(url.parameter("password"))};
  }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }

  /// Two hours from now, so that no lease of a dead process is in the way.
  static std::unique_ptr<store::Store> open_later(const Place& place) {
    static const ManualClock later(std::chrono::time_point_cast<std::chrono::microseconds>(SystemClock().now()) +
                                   std::chrono::hours(2));
    return store_sql::open_store(place.url, {.password = place.password, .clock = &later});
  }

  static Place filled(Place place, std::size_t people = 60, const std::string& secret = "sealed bytes") {
    testkit::fill(*store_sql::open_store(place.url, {.create = true, .password = place.password, .program = "0.1"}),
                  {.people = people, .seed = 7, .secret = secret});
    return place;
  }

  /// Whether a server that opens this database could take its lease.
  static bool may_be_in_charge(const Place& place) {
    try {
      const auto opened = open_later(place);
      const auto lease = opened->operations().acquire("probe", std::chrono::seconds(1));
      if (!lease) return false;
      opened->operations().release(*lease);
      return true;
    } catch (const Error&) {
      return false;
    }
  }

  static std::optional<std::string> setting(const Place& place, const std::string& name) {
    return open_later(place)->configuration().setting(name);
  }

  static void expect_equal(const Place& left, const Place& right) {
    for (const Finding& finding : verify_against(left, right).findings) {
      ADD_FAILURE() << finding.table << " " << finding.key << ": " << finding.message;
    }
  }
  static void expect_sound(const Place& place) {
    for (const Finding& finding : verify(place).findings) {
      ADD_FAILURE() << place.url << ": " << finding.table << " " << finding.key << ": " << finding.message;
    }
  }

  /// The Error `act` throws.
  template <class Act>
  static std::optional<Error> thrown_by(const Act& act) {
    try {
      act();
    } catch (const Error& error) {
      return error;
    }
    return std::nullopt;
  }
  template <class Act>
  static std::string id_thrown_by(const Act& act) {
    const auto error = thrown_by(act);
    return error ? std::string(error->id()) : "nothing";
  }

  /// Runs `work` in a process of its own, which is gone without a farewell when `work` says so; its exit status.
  static int in_child(const std::function<void()>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        work();
        ::_exit(0);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "child: %s\n", error.what());
        ::_exit(1);
      }
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  sql::testing::TemporaryFolder folder_;
};

}  // namespace linkspan::transfer
