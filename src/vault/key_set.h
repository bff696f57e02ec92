#pragma once
// The key set: what seals the secrets that live in the database, and itself never lives there.

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "vault/secret.h"

namespace linkspan::vault {

/// Random 256-bit keys, the current one first; older ones are kept until everything is sealed anew. Never empty.
/// Thread rule: const members may be called from several threads at once.
class KeySet {
 public:
  /// One new random key.
  [[nodiscard]] static KeySet create();

  /// Reads a key file. Throws "vault.key_missing" (not_found), "vault.key_exposed" (denied: open to others or owned by
  /// a stranger), "vault.key_unreadable" (denied), "vault.key_unfit" (invalid: no regular file, or far too long) or
  /// "vault.key_file" (corrupt).
  [[nodiscard]] static KeySet load(const std::filesystem::path& path);

  /// Writes the key file, mode 0600, all or nothing and durable. It keeps the owner of the file it replaces; a new one
  /// written by root gets the owner of its directory. Throws "vault.key_exists" (conflict) rather than replace a key
  /// set that has no key in common with this one, and "vault.key_write" (unavailable).
  void save(const std::filesystem::path& path) const;

  /// The current key's id: 32 hex digits, public.
  [[nodiscard]] std::string id() const;

  /// Proves which key this is and tells nothing of it: 64 hex digits, public. Stored beside id() in the database.
  [[nodiscard]] std::string check_value() const;

  /// Whether some key of this set has that id and check value, so that what was sealed with it can be opened.
  [[nodiscard]] bool can_open(std::string_view id, std::string_view check_value) const;

  /// XChaCha20-Poly1305 with a random nonce under the current key. `associated` is the identity of the place where the
  /// value lives ("connector/7/password"); opening elsewhere fails. The length is hidden up to a block of 64 bytes.
  /// Throws "vault.secret_unfit" (invalid) above k_longest_secret.
  [[nodiscard]] std::string seal(const Secret& secret, std::string_view associated) const;

  /// Throws "vault.wrong_key" (denied) when none of these keys sealed it, "vault.tampered" (corrupt) when the bytes or
  /// `associated` are not those that were sealed.
  [[nodiscard]] Secret open(std::string_view sealed, std::string_view associated) const;

  /// Whether `sealed` was sealed with the current key; false asks for sealing anew.
  [[nodiscard]] bool is_current(std::string_view sealed) const noexcept;

  /// Adds a new random key and makes it current. Throws "vault.too_many_keys" (conflict) at 64.
  void rotate();

  /// Drops all but the current key: only after everything is sealed anew.
  void forget_old();

  [[nodiscard]] std::size_t key_count() const noexcept { return keys_.size(); }

  /// The text of the key file, and back. parse() throws "vault.key_file" (corrupt).
  [[nodiscard]] Secret text() const;
  [[nodiscard]] static KeySet parse(const Secret& text);

  /// All keys as bare bytes, for another envelope than the key file (escrow); unpack() throws "vault.key_file".
  [[nodiscard]] Secret pack() const;
  [[nodiscard]] static KeySet unpack(const Secret& packed);

 private:
  struct Key {
    std::string id;  ///< 16 bytes, public.
    Secret bytes;    ///< 32 bytes.
  };

  KeySet() = default;
  static Key make_key();
  static std::string check_of(const Key& key);
  /// Losing a key loses every secret sealed with it: only a later state of the same key set may replace a file.
  void refuse_stranger(const std::filesystem::path& path) const;

  std::vector<Key> keys_;
};

}  // namespace linkspan::vault
