#include "setup/backup_age.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "run/settings.h"
#include "store_sql/testing/temporary_store.h"
#include "transfer/backup.h"

namespace linkspan::setup {
namespace {

using std::chrono::hours;

class BackupAgeTest : public ::testing::Test {
 protected:
  void put(std::string_view name, std::string_view value) {
    const auto lease = state_.store().operations().acquire("test", std::chrono::minutes(1));
    state_.store().use_lease(lease.value());
    run::put_setting(state_.store().configuration(), name, value);
  }
  BackupAge at(Time now) { return backup_age(state_.store().configuration(), now); }

  const Time made_ = from_rfc3339("2026-11-22T17:00:00Z");
  store_sql::testing::TemporaryStore state_;
};

TEST_F(BackupAgeTest, ADatabaseThatWasNeverBackedUpIsOverdueUnlessNobodyAsks) {
  EXPECT_TRUE(at(made_).overdue);
  EXPECT_FALSE(at(made_).completed_at);
  put(run::k_backup_age, "off");
  EXPECT_FALSE(at(made_).overdue);
}

TEST_F(BackupAgeTest, ABackupIsOverdueAfterAWeekOrWhatTheSettingSays) {
  transfer::note_backup({.url = state_.url()}, made_);
  EXPECT_FALSE(at(made_ + hours(7 * 24)).overdue);
  EXPECT_TRUE(at(made_ + hours(7 * 24 + 1)).overdue);
  EXPECT_EQ(at(made_ + hours(3)).age, hours(3));
  EXPECT_EQ(at(made_ - hours(3)).age, hours(0));  // the database's clock is ahead
  put(run::k_backup_age, "2d");
  EXPECT_TRUE(at(made_ + hours(49)).overdue);
  put(run::k_backup_age, "off");
  EXPECT_FALSE(at(made_ + hours(1000)).overdue);
}

TEST_F(BackupAgeTest, TheSettingIsAnHourAtLeastOrOff) {
  EXPECT_NO_THROW(run::check_setting(run::k_backup_age, "1h"));
  EXPECT_NO_THROW(run::check_setting(run::k_backup_age, "off"));
  EXPECT_THROW(run::check_setting(run::k_backup_age, "59m"), Error);
  EXPECT_THROW(run::check_setting(run::k_backup_age, "on"), Error);
}

}  // namespace
}  // namespace linkspan::setup
