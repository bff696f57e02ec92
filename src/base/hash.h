#pragma once
// Content hashes. Not for secrets: use vault for those.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace linkspan {

/// XXH3, 64 and 128 bits; stable across platforms and versions of the program.
[[nodiscard]] std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0) noexcept;

/// 16 bytes, big-endian.
[[nodiscard]] std::string hash128(std::string_view bytes);

/// SHA-256, 32 bytes, for fingerprints that people approve.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(std::string_view bytes);
  /// Call once.
  [[nodiscard]] std::string finish();

 private:
  void* context_;
};

}  // namespace linkspan
