#include "sql/testing/power_loss.h"

#include <sqlite3.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <new>
#include <stdexcept>
#include <vector>

namespace linkspan::sql::testing {

namespace {

// A write, or (where there are no bytes) a truncation to `offset`.
struct Change {
  std::size_t offset = 0;
  std::string bytes{};
  bool truncates = false;
};

struct Disk {
  std::string synced;
  std::vector<Change> since;
};

void apply(std::string& content, const Change& change) {
  if (change.truncates) {
    if (change.offset < content.size()) content.resize(change.offset);
    return;
  }
  content.resize(std::max(content.size(), change.offset + change.bytes.size()));
  content.replace(change.offset, change.bytes.size(), change.bytes);
}

}  // namespace

struct PowerLoss::State {
  sqlite3_vfs* real = nullptr;
  sqlite3_vfs own{};
  std::map<std::string, Disk> disks;
  std::function<void()> hook;

  void operation() const {
    if (hook) hook();
  }
};

namespace {

using State = PowerLoss::State;

// The real file follows in the same memory.
struct File {
  sqlite3_file base;
  State* state;
  Disk* disk;  // null: not a file that matters
};

File& self(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
sqlite3_file* real(sqlite3_file* file) { return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1); }

int close_file(sqlite3_file* file) { return real(file)->pMethods->xClose(real(file)); }
int read_file(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
  return real(file)->pMethods->xRead(real(file), into, size, offset);
}
int write_file(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
  self(file).state->operation();
  const int code = real(file)->pMethods->xWrite(real(file), from, size, offset);
  if (code == SQLITE_OK && self(file).disk != nullptr) {
    self(file).disk->since.push_back({static_cast<std::size_t>(offset),
                                      std::string(static_cast<const char*>(from), static_cast<std::size_t>(size)),
                                      false});
  }
  return code;
}
int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  self(file).state->operation();
  const int code = real(file)->pMethods->xTruncate(real(file), size);
  if (code == SQLITE_OK && self(file).disk != nullptr) {
    self(file).disk->since.push_back({static_cast<std::size_t>(size), {}, true});
  }
  return code;
}
int sync_file(sqlite3_file* file, int flags) {
  self(file).state->operation();
  const int code = real(file)->pMethods->xSync(real(file), flags);
  if (code == SQLITE_OK && self(file).disk != nullptr) {
    Disk& disk = *self(file).disk;
    for (const Change& change : disk.since) apply(disk.synced, change);
    disk.since.clear();
  }
  return code;
}
int size_of_file(sqlite3_file* file, sqlite3_int64* size) { return real(file)->pMethods->xFileSize(real(file), size); }
int lock_file(sqlite3_file* file, int level) { return real(file)->pMethods->xLock(real(file), level); }
int unlock_file(sqlite3_file* file, int level) { return real(file)->pMethods->xUnlock(real(file), level); }
int check_lock(sqlite3_file* file, int* out) { return real(file)->pMethods->xCheckReservedLock(real(file), out); }
int control_file(sqlite3_file* file, int what, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), what, argument);
}
int sector_size(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int traits_of(sqlite3_file* file) { return real(file)->pMethods->xDeviceCharacteristics(real(file)); }
int map_shared(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, out);
}
int lock_shared(sqlite3_file* file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
void barrier_shared(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
int unmap_shared(sqlite3_file* file, int remove) { return real(file)->pMethods->xShmUnmap(real(file), remove); }

constexpr sqlite3_io_methods k_methods{.iVersion = 2,
                                       .xClose = close_file,
                                       .xRead = read_file,
                                       .xWrite = write_file,
                                       .xTruncate = truncate_file,
                                       .xSync = sync_file,
                                       .xFileSize = size_of_file,
                                       .xLock = lock_file,
                                       .xUnlock = unlock_file,
                                       .xCheckReservedLock = check_lock,
                                       .xFileControl = control_file,
                                       .xSectorSize = sector_size,
                                       .xDeviceCharacteristics = traits_of,
                                       .xShmMap = map_shared,
                                       .xShmLock = lock_shared,
                                       .xShmBarrier = barrier_shared,
                                       .xShmUnmap = unmap_shared,
                                       .xFetch = nullptr,
                                       .xUnfetch = nullptr};

State& state_of(sqlite3_vfs* vfs) { return *static_cast<State*>(vfs->pAppData); }

int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  State& state = state_of(vfs);
  const int code = state.real->xOpen(state.real, name, real(file), flags, out_flags);
  self(file).base.pMethods = code == SQLITE_OK ? &k_methods : nullptr;
  self(file).state = &state;
  self(file).disk = nullptr;
  if (code != SQLITE_OK || name == nullptr) return code;
  const auto [found, fresh] = state.disks.try_emplace(name);
  if (fresh) {
    std::ifstream in(name, std::ios::binary);
    found->second.synced.assign(std::istreambuf_iterator<char>(in), {});
  }
  self(file).disk = &found->second;
  return code;
}

// Deleting is taken to be durable at once: nothing here relies on a file that was deleted.
int delete_file(sqlite3_vfs* vfs, const char* name, int sync) {
  State& state = state_of(vfs);
  state.disks.erase(name);
  return state.real->xDelete(state.real, name, sync);
}

}  // namespace

PowerLoss::PowerLoss() : state_(std::make_unique<State>()) {
  state_->real = sqlite3_vfs_find(nullptr);
  if (state_->real == nullptr) throw std::runtime_error("SQLite has no VFS");
  state_->own = *state_->real;
  state_->own.szOsFile = static_cast<int>(sizeof(File)) + state_->real->szOsFile;
  state_->own.pNext = nullptr;
  state_->own.zName = "power-loss";
  state_->own.pAppData = state_.get();
  state_->own.xOpen = open_file;
  state_->own.xDelete = delete_file;
  // What is not about one of our files goes to the real VFS, which must find its own data.
  state_->own.xAccess = [](sqlite3_vfs* vfs, const char* name, int flags, int* out) {
    return state_of(vfs).real->xAccess(state_of(vfs).real, name, flags, out);
  };
  state_->own.xFullPathname = [](sqlite3_vfs* vfs, const char* name, int size, char* out) {
    return state_of(vfs).real->xFullPathname(state_of(vfs).real, name, size, out);
  };
  sqlite3_vfs_register(&state_->own, 1);
}

PowerLoss::~PowerLoss() {
  sqlite3_vfs_register(state_->real, 1);
  sqlite3_vfs_unregister(&state_->own);
}

void PowerLoss::at_each_operation(std::function<void()> hook) { state_->hook = std::move(hook); }

void PowerLoss::cut(const std::filesystem::path& folder, const std::filesystem::path& into,
                    std::mt19937& random) const {
  constexpr std::size_t k_sector = 512;
  std::filesystem::create_directories(into);
  // How much of what was not synced reached the disk: nothing, all, or some.
  const auto luck = std::uniform_int_distribution<unsigned>(0, 4)(random);
  const auto reached = [&] { return luck == 4 || (luck != 0 && random() % 4 < luck); };
  for (const auto& [name, disk] : state_->disks) {
    const std::filesystem::path path(name);
    if (path.parent_path() != folder) continue;
    std::string content = disk.synced;
    for (const Change& change : disk.since) {
      if (change.truncates) {
        if (reached()) apply(content, change);
        continue;
      }
      for (std::size_t at = 0; at < change.bytes.size();) {
        const std::size_t some = std::min(change.bytes.size() - at, k_sector - (change.offset + at) % k_sector);
        if (reached()) apply(content, {change.offset + at, change.bytes.substr(at, some), false});
        at += some;
      }
    }
    std::ofstream(into / path.filename(), std::ios::binary) << content;
  }
}

}  // namespace linkspan::sql::testing
