#pragma once
// The outermost layer of a backup: blocks of bytes, each with a hash that is chained to the one before, sealed with a
// passphrase if there is one. docs/design/0005-backup.md has the layout.

#include <sodium.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace linkspan::transfer {

inline constexpr std::size_t k_block_size = std::size_t{256} * 1024;  ///< of what a block carries
inline constexpr std::size_t k_preamble_size = 80;

/// Throws Fault::corrupt "transfer.backup_damaged" about `file`.
[[noreturn]] void damaged_backup(const std::string& file, std::string_view what);

/// A key that is wiped, and the stream it opens.
class BlockCipher {
 public:
  BlockCipher() = default;
  ~BlockCipher();
  BlockCipher(const BlockCipher&) = delete;
  BlockCipher& operator=(const BlockCipher&) = delete;

  crypto_secretstream_xchacha20poly1305_state state{};
  bool used = false;
};

/// Writes to an open descriptor. Throws "transfer.file" where the file system does not take it.
class BlockWriter {
 public:
  /// Writes the preamble. An empty passphrase: not sealed.
  BlockWriter(int descriptor, std::string file, const std::string& passphrase);
  void write(std::string_view bytes);
  /// The last block. Call once.
  void finish();

 private:
  void put_block(std::string_view content, bool last);
  void put(std::string_view bytes) const;

  int descriptor_;
  std::string file_;
  std::string preamble_;
  BlockCipher cipher_;
  std::uint64_t chain_ = 0;
  std::string pending_;
  std::string sealed_;
};

/// Fills the span as far as there are bytes; how many there were.
using ReadBytes = std::function<std::size_t(char* into, std::size_t size)>;

class BlockReader {
 public:
  /// Reads the preamble. Throws "transfer.not_a_backup", "transfer.backup_damaged", "transfer.newer_backup",
  /// "transfer.passphrase" (none given for a sealed file) or "transfer.not_sealed" (one given for a file that is not).
  BlockReader(ReadBytes read, std::string file, const std::string& passphrase);

  /// The content of the next block, valid until the next call; empty after the last. Throws "transfer.backup_damaged",
  /// naming the block, and "transfer.passphrase" where the first one does not open.
  [[nodiscard]] std::string_view next();

  [[nodiscard]] std::uint64_t bytes_read() const noexcept { return place_; }
  [[nodiscard]] const std::string& file() const noexcept { return file_; }

 private:
  void read_preamble(const std::string& passphrase);
  void open_block();

  ReadBytes read_;
  std::string file_;
  std::string preamble_;
  BlockCipher cipher_;
  std::uint64_t chain_ = 0;
  std::uint64_t place_ = 0;
  std::uint64_t number_ = 0;
  bool last_ = false;
  std::string block_;
  std::string opened_;
};

}  // namespace linkspan::transfer
