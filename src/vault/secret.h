#pragma once
// Secrets that never print. What holds one cannot be copied, formatted or streamed; the bytes leave by reveal() only,
// so that `grep reveal` lists every place where a secret is used.

#include <fmt/core.h>

#include <cstddef>
#include <filesystem>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace linkspan::vault {

/// The longest secret read from a file, the environment or a sealed value.
inline constexpr std::size_t k_longest_secret = std::size_t{64} * 1024;

/// Bytes in guarded, locked memory that is wiped before it is given back. Move-only; a moved-from Secret is empty.
/// Each costs some pages: meant for passwords and keys, not for bulk data.
class Secret {
 public:
  Secret() noexcept = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  /// Takes the bytes over and wipes `source` (its whole capacity, which is why it must be given up).
  [[nodiscard]] static Secret from(std::string&& source);

  /// `size` bytes as `fill(std::span<char>)` leaves them; zero before.
  template <class Fill>
  [[nodiscard]] static Secret filled(std::size_t size, Fill&& fill) {
    Secret made(size);
    std::forward<Fill>(fill)(std::span<char>(made.bytes_, made.size_));
    return made;
  }

  [[nodiscard]] Secret clone() const;

  /// The bytes. They live as long as this object stands still: never keep or log the view.
  [[nodiscard]] std::string_view reveal() const noexcept { return {bytes_ == nullptr ? "" : bytes_, size_}; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  /// In constant time for equal sizes.
  [[nodiscard]] bool same_as(const Secret& other) const noexcept;

 private:
  explicit Secret(std::size_t size);
  void wipe() noexcept;

  char* bytes_ = nullptr;
  std::size_t size_ = 0;
};

std::ostream& operator<<(std::ostream&, const Secret&) = delete;

/// Reads a secret, at most k_longest_secret bytes, one newline at the end cut off. Takes a regular file or a pipe that
/// nobody but its owner and root can read. Throws "vault.secret_missing" (not_found), "vault.secret_exposed" (denied),
/// "vault.secret_unfit" (invalid: empty, too long, a directory) or "vault.secret_unreadable" (denied).
[[nodiscard]] Secret read_secret_file(const std::filesystem::path& path);

/// Reads a secret from an environment variable, which stays as it is. Throws "vault.secret_missing" (not_found) or
/// "vault.secret_unfit" (invalid: empty or too long).
[[nodiscard]] Secret read_secret_environment(const std::string& name);

}  // namespace linkspan::vault

template <>
struct fmt::formatter<linkspan::vault::Secret> {
  formatter() = delete;
};
