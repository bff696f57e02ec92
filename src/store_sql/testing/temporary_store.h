#pragma once
// A store of its own for a test of any room: on SQLite, in a folder that goes with it.

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include "base/clock.h"
#include "store_sql/store_sql.h"

namespace linkspan::store_sql::testing {

class TemporaryStore {
 public:
  /// `clock` tells the time of leases; null: the host's.
  explicit TemporaryStore(const Clock* clock = nullptr) : clock_(clock), folder_(make_folder()) { reopen(); }
  ~TemporaryStore() {
    store_.reset();
    std::error_code ignored;  // what stays behind in a temporary folder harms nobody
    std::filesystem::remove_all(folder_, ignored);
  }
  TemporaryStore(const TemporaryStore&) = delete;
  TemporaryStore& operator=(const TemporaryStore&) = delete;

  [[nodiscard]] store::Store& store() { return *store_; }
  [[nodiscard]] std::string url() const { return "sqlite://" + (folder_ / "state.db").string(); }

  /// As after a restart of the program: what views and batches were made of the old store must be gone.
  store::Store& reopen() {
    store_.reset();
    store_ = open_store(url(), {.create = true, .program = "test", .clock = clock_});
    return *store_;
  }

 private:
  static std::filesystem::path make_folder() {
    // In memory where the host has it: a test waits for no disk.
    const std::filesystem::path shared = "/dev/shm";
    std::error_code none;
    const auto parent = std::filesystem::is_directory(shared, none) ? shared : std::filesystem::temp_directory_path();
    std::string name = (parent / "linkspan-store-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), name);
    return name;
  }

  const Clock* clock_;
  std::filesystem::path folder_;
  std::unique_ptr<store::Store> store_;
};

}  // namespace linkspan::store_sql::testing
