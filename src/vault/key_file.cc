// The key file: text, so that a person sees what it is, with a checksum, so that a torn copy is never taken for a key.
//
//   linkspan-key-set 1
//   <96 hex digits: id and key>      the current key first, one a line
//   check <64 hex digits: BLAKE2b of all above>

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "vault/internal/private_file.h"
#include "vault/internal/sodium.h"
#include "vault/key_set.h"

namespace linkspan::vault {
namespace {

constexpr std::string_view k_first_line = "linkspan-key-set 1\n";
constexpr std::string_view k_check_word = "check ";
constexpr std::size_t k_row_bytes = 48;
constexpr std::size_t k_row_line = 2 * k_row_bytes + 1;
constexpr std::size_t k_check_line = k_check_word.size() + 2 * crypto_generichash_BYTES + 1;
constexpr std::size_t k_longest_file = std::size_t{16} * 1024;

constexpr PrivateFileKind k_key_file{.noun = "key file",
                                     .missing = "vault.key_missing",
                                     .exposed = "vault.key_exposed",
                                     .unreadable = "vault.key_unreadable",
                                     .unfit = "vault.key_unfit",
                                     .may_be_pipe = false,
                                     .owner_must_be_us = true};

std::string checksum(std::string_view above) {
  std::string sum(crypto_generichash_BYTES, '\0');
  crypto_generichash(bytes_of(sum.data()), sum.size(), bytes_of(above), above.size(), nullptr, 0);
  return to_hex(sum);
}

Error garbled(std::string_view why) {
  return {Fault::corrupt, "vault.key_file", fmt::format("the key file is damaged: {}", why),
          "restore it from a backup or from its printed copy (linkspan key import)"};
}

[[noreturn]] void throw_write(const std::string& path, std::string_view step, int error) {
  throw Error(Fault::unavailable, "vault.key_write",
              fmt::format("the key file {} cannot be written ({}): {}", path, step, std::strerror(error)),
              "check the directory's owner, mode and free space");
}

/// A file beside `path` that vanishes unless it takes its place.
class Draft {
 public:
  explicit Draft(const std::filesystem::path& path) : target_(path.native()), draft_(target_ + ".XXXXXX") {
    fd_ = ::mkostemp(draft_.data(), O_CLOEXEC);
    if (fd_ < 0) throw_write(target_, "create", errno);
  }
  ~Draft() {
    if (fd_ >= 0) ::close(fd_);
    if (!draft_.empty()) ::unlink(draft_.c_str());
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t done = ::write(fd_, bytes.data(), bytes.size());
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) throw_write(target_, "write", errno);
      bytes.remove_prefix(static_cast<std::size_t>(done));
    }
  }

  void own_like(const struct stat& model) {
    // Only root can give a file away, and for anybody else the owner is right already.
    if (::geteuid() != 0) return;
    if (::fchown(fd_, model.st_uid, model.st_gid) != 0) throw_write(target_, "chown", errno);
  }

  void take_place(bool replace) {
    if (::fchmod(fd_, S_IRUSR | S_IWUSR) != 0) throw_write(target_, "chmod", errno);
    if (::fsync(fd_) != 0) throw_write(target_, "fsync", errno);
    if (replace) {
      if (::rename(draft_.c_str(), target_.c_str()) != 0) throw_write(target_, "rename", errno);
      draft_.clear();
    } else if (::link(draft_.c_str(), target_.c_str()) != 0) {  // unlike rename, never replaces
      throw_write(target_, "link", errno);
    }
  }

 private:
  std::string target_;
  std::string draft_;
  int fd_ = -1;
};

void sync_directory(const std::filesystem::path& directory, const std::string& target) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw_write(target, "open the directory", errno);
  const int failed = ::fsync(fd) != 0 ? errno : 0;
  ::close(fd);
  if (failed != 0) throw_write(target, "fsync the directory", failed);
}

}  // namespace

Secret KeySet::text() const {
  const Secret packed = pack();
  const std::size_t rows_end = k_first_line.size() + keys_.size() * k_row_line;
  return Secret::filled(rows_end + k_check_line, [&](std::span<char> out) {
    char* at = std::ranges::copy(k_first_line, out.data()).out;
    for (std::string_view rest = packed.reveal(); !rest.empty(); rest.remove_prefix(k_row_bytes)) {
      sodium_bin2hex(at, k_row_line, bytes_of(rest), k_row_bytes);
      at[k_row_line - 1] = '\n';
      at += k_row_line;
    }
    at = std::ranges::copy(k_check_word, at).out;
    at = std::ranges::copy(checksum({out.data(), rows_end}), at).out;
    *at = '\n';
  });
}

KeySet KeySet::parse(const Secret& text) {
  const std::string_view whole = text.reveal();
  if (!whole.starts_with(k_first_line)) throw garbled("it does not begin as a key file of a known version");
  if (whole.size() < k_first_line.size() + k_row_line + k_check_line) throw garbled("it is cut short");
  const std::size_t rows_end = whole.size() - k_check_line;
  if (whole.substr(rows_end) != fmt::format("{}{}\n", k_check_word, checksum(whole.substr(0, rows_end)))) {
    throw garbled("its checksum does not fit");
  }
  const std::string_view rows = whole.substr(k_first_line.size(), rows_end - k_first_line.size());
  if (rows.size() % k_row_line != 0) throw garbled("a line has the wrong length");
  const std::size_t count = rows.size() / k_row_line;
  return unpack(Secret::filled(count * k_row_bytes, [&](std::span<char> out) {
    for (std::size_t row = 0; row < count; ++row) {
      const std::string_view line = rows.substr(row * k_row_line, k_row_line);
      std::size_t length = 0;
      const bool hex = sodium_hex2bin(bytes_of(out.data() + row * k_row_bytes), k_row_bytes, line.data(),
                                      line.size() - 1, nullptr, &length, nullptr) == 0;
      if (!hex || length != k_row_bytes || line.back() != '\n') throw garbled("a line is not hexadecimal");
    }
  }));
}

KeySet KeySet::load(const std::filesystem::path& path) {
  try {
    return parse(read_private_file(path, k_key_file, k_longest_file));
  } catch (Error& error) {
    if (error.id() != "vault.key_file") throw;
    throw std::move(error).while_doing(fmt::format("reading {}", path.string()));
  }
}

void KeySet::save(const std::filesystem::path& given) const {
  // Through a symbolic link: the file it names is replaced, not the link.
  std::error_code unresolved;
  std::filesystem::path path = std::filesystem::weakly_canonical(given, unresolved);
  if (unresolved) throw_write(given.string(), "resolve the path", unresolved.value());
  struct stat model{};
  const bool replaces = ::lstat(path.c_str(), &model) == 0;
  if (replaces) {
    refuse_stranger(path);
  } else if (::stat(path.parent_path().c_str(), &model) != 0) {
    throw_write(path.string(), "look at the directory", errno);
  }
  {
    Draft draft(path);
    draft.write(text().reveal());
    draft.own_like(model);
    draft.take_place(replaces);
  }
  sync_directory(path.parent_path(), path.string());
}

void KeySet::refuse_stranger(const std::filesystem::path& path) const {
  bool related = false;
  try {
    const KeySet there = load(path);
    related = std::ranges::any_of(there.keys_, [&](const Key& theirs) {
      return std::ranges::any_of(keys_, [&](const Key& ours) { return ours.bytes.same_as(theirs.bytes); });
    });
  } catch (const Error& error) {
    if (error.fault() != Fault::corrupt && error.fault() != Fault::invalid) throw;
  }
  if (related) return;
  throw Error(Fault::conflict, "vault.key_exists",
              fmt::format("{} exists and is not an earlier state of this key set", path.string()),
              "move it away first, and keep it: it may be the only way to open secrets sealed with it");
}

}  // namespace linkspan::vault
