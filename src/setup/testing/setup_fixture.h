#pragma once
// What the tests of this room stand on: servers set up on fake directories and real embedded databases.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/testing/temporary_folder.h"
#include "connector/testing/fake_directory.h"
#include "setup/installation.h"
#include "setup/step_machine.h"

namespace linkspan::setup {

namespace fs = std::filesystem;

inline constexpr std::string_view k_password = "Tarn-4417";
inline constexpr std::string_view k_token = "Fell-2093";

/// The id of the Error that `act` throws; "nothing" if none.
template <class Act>
std::string id_thrown_by(const Act& act) {
  try {
    act();
  } catch (const Error& error) {
    return std::string(error.id());
  }
  return "nothing";
}

std::vector<std::string> ids_of(const Problems& problems);

/// One secret under its name.
connector::Secrets secrets(std::string name, std::string_view text);

/// A directory of kind ldap, opened by k_password, and a target of kind scim, opened by k_token. Each server is known
/// by the name of its state folder.
class SetupTest : public ::testing::Test {
 protected:
  SetupTest();

  virtual std::vector<connector::Kind> kinds();

  Installation server(const std::string& name);
  [[nodiscard]] fs::path state(const std::string& name) const { return folder_.path() / name; }

  /// Custom mode as in every test, answered right.
  static Problems fill(StepMachine& machine, std::string_view mode = "custom");

  /// Filled and installed.
  void set_up(const std::string& name, bool staging = false);

  /// The second server ("new") finds a copy of the first one's ("old") database.
  void copy_database();

  static Problems begin_adoption(StepMachine& machine);

  static Problems enter_credentials(StepMachine& machine);

  /// Everything setup writes, readable; without the random and the momentary.
  std::vector<std::string> state_of(const std::string& name);

  linkspan::testing::TemporaryFolder folder_;
  ManualClock clock_;
  QuietLogger logger_;
  connector::FakeDirectory directory_;
  connector::FakeDirectory target_;
  bool newer_ = false;  // the database is of a newer program
};

}  // namespace linkspan::setup
