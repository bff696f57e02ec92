#pragma once
// Whether a connection that a driver made is encrypted, seen from outside of it: by how many bytes it sends. What the
// other side says proves nothing, for who sits in between may say it.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>

namespace linkspan::sql {

/// A socket of this process that is connected to `port`; it belongs to a driver.
class ForeignSocket {
 public:
  using Inode = std::uint64_t;

  /// Those that are there now.
  [[nodiscard]] static std::set<Inode> all(int port);
  /// The one that is there now and was not among `before`; nullopt where that is none or several.
  [[nodiscard]] static std::optional<ForeignSocket> added(int port, const std::set<Inode>& before);

  /// Bytes of data sent so far, each once; nullopt where the kernel does not tell (Linux before 4.19).
  [[nodiscard]] std::optional<std::uint64_t> sent() const;

 private:
  explicit ForeignSocket(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

/// Whether `sent` bytes were an encrypted batch of a statement of `units` UTF-16 units, in one packet. In clear it has
/// 8 bytes of packet head and at most 22 of other heads before the text ([MS-TDS] 2.2.3.1, 2.2.5.3); a record of TLS
/// adds 21 at the least: its own head of 5 and a tag of 16 (RFC 5246 6.2, RFC 8446 5.2).
[[nodiscard]] constexpr bool was_encrypted(std::uint64_t sent, std::size_t units) noexcept {
  constexpr std::uint64_t k_heads = 8 + 22;
  constexpr std::uint64_t k_record = 5 + 16;
  return sent >= k_heads + 2 * units + k_record;
}

}  // namespace linkspan::sql
