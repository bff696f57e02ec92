#pragma once
// A disk that loses its power, for tests: an SQLite VFS in front of the real one that knows what has been synced and
// what has merely been written.

#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <string>

namespace linkspan::sql::testing {

/// For as long as it lives, every SQLite file that is opened goes through it. One at a time; files are opened by one
/// thread at a time.
class PowerLoss {
 public:
  PowerLoss();
  ~PowerLoss();
  PowerLoss(const PowerLoss&) = delete;
  PowerLoss& operator=(const PowerLoss&) = delete;

  /// Called before each write, truncation and sync, from within SQLite: the moment at which power may go.
  void at_each_operation(std::function<void()> hook);

  /// Lays the files of `folder` into `into` as they might be found after the power went now: what was synced is there;
  /// of what was written since, each sector of 512 bytes independently may be, as disks write in any order.
  void cut(const std::filesystem::path& folder, const std::filesystem::path& into, std::mt19937& random) const;

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace linkspan::sql::testing
