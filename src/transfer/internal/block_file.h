#pragma once
// The outermost layer of a backup: blocks of bytes, each with a hash that is chained to the one before, sealed with a
// passphrase if there is one. docs/design/0005-backup.md has the layout.

#include <sodium.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/wiped_text.h"

namespace linkspan::transfer {

inline constexpr std::size_t k_block_size = std::size_t{256} * 1024;  ///< of what a block carries
inline constexpr std::size_t k_preamble_size = 80;
/// What follows it in a file that is sealed to a recipient: the stream's key under crypto_box_seal, and a hash.
inline constexpr std::size_t k_sealed_key_size = 88;

/// What a backup is sealed with, or opened by; at most one of them. Neither: not sealed.
struct BlockKey {
  WipedText passphrase{};
  /// X25519, 32 bytes. To write: the recipient's public key. To read: the identity's private one.
  WipedText key{};
};

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
  /// Writes the preamble. Throws "transfer.recipient" for a key that is none.
  BlockWriter(int descriptor, std::string file, const BlockKey& key);
  void write(std::string_view bytes);
  /// The last block. Call once.
  void finish();

 private:
  /// How the stream's key comes about; what goes into the preamble for it.
  void seal_by_passphrase(const WipedText& passphrase);
  std::string seal_to(std::string_view recipient);
  void put_preamble(std::uint32_t kind);
  void put_block(std::string_view content, bool last);
  void put(std::string_view bytes) const;

  int descriptor_;
  std::string file_;
  std::string preamble_;  ///< and the sealed key, where there is one: associated data of every block
  std::string salt_;
  std::string stream_;
  std::uint32_t passes_ = 0;
  std::uint32_t memory_kib_ = 0;
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
  /// "transfer.passphrase" or "transfer.identity" (sealed so, and not given, or not the right one), or
  /// "transfer.not_sealed" (a key given for a file that needs none).
  BlockReader(ReadBytes read, std::string file, const BlockKey& key);

  /// The content of the next block, valid until the next call; empty after the last. Throws "transfer.backup_damaged",
  /// naming the block, and "transfer.passphrase" where the first one does not open.
  [[nodiscard]] std::string_view next();

  [[nodiscard]] std::uint64_t bytes_read() const noexcept { return place_; }
  [[nodiscard]] const std::string& file() const noexcept { return file_; }

 private:
  void read_preamble(const BlockKey& key);
  /// Throws where what is given is not what a file of this kind needs.
  void check_given(std::uint32_t kind, const BlockKey& key) const;
  void open_by_passphrase(const WipedText& passphrase);
  void open_by_identity(std::string_view identity);
  void start_stream(const unsigned char* key);
  void open_block();

  ReadBytes read_;
  std::string file_;
  std::string preamble_;
  std::uint32_t kind_ = 0;
  BlockCipher cipher_;
  std::uint64_t chain_ = 0;
  std::uint64_t place_ = 0;
  std::uint64_t number_ = 0;
  bool last_ = false;
  std::string block_;
  std::string opened_;
};

}  // namespace linkspan::transfer
