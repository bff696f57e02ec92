#include "vault/key_set.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "vault/internal/sodium.h"

namespace linkspan::vault {
namespace {

constexpr std::size_t k_id_size = 16;
constexpr std::size_t k_key_size = crypto_kdf_KEYBYTES;
constexpr std::size_t k_nonce_size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t k_tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t k_most_keys = 64;
constexpr std::size_t k_block = 64;
constexpr char k_version = 1;
constexpr std::size_t k_header_size = 1 + k_id_size;
static_assert(k_key_size == 32 && crypto_aead_xchacha20poly1305_ietf_KEYBYTES == 32);

// Each use of a key has a subkey of its own, so that what is published (the check value) says nothing of what seals.
constexpr std::uint64_t k_subkey_seal = 1;
constexpr std::uint64_t k_subkey_check = 2;
constexpr char k_kdf_context[crypto_kdf_CONTEXTBYTES + 1] = "lnkvault";

Secret derive(const Secret& key, std::uint64_t subkey) {
  return Secret::filled(k_key_size, [&](std::span<char> out) {
    crypto_kdf_derive_from_key(bytes_of(out.data()), out.size(), subkey, k_kdf_context, bytes_of(key.reveal()));
  });
}

std::string random_bytes(std::size_t size) {
  ensure_sodium();
  std::string bytes(size, '\0');
  randombytes_buf(bytes.data(), bytes.size());
  return bytes;
}

/// What the tag covers beside the secret: the purpose, the header and the place. The header has a fixed size, so the
/// parts cannot be shifted against each other.
std::string associated_data(std::string_view header, std::string_view associated) {
  std::string all("linkspan sealed value\0", 22);
  all.append(header).append(associated);
  return all;
}

Error tampered(std::string_view why) {
  return {Fault::corrupt, "vault.tampered", fmt::format("a sealed value cannot be trusted: {}", why),
          "it was changed in the database or moved to another row; enter the secret again"};
}

}  // namespace

KeySet::Key KeySet::make_key() {
  return {random_bytes(k_id_size),
          Secret::filled(k_key_size, [](std::span<char> out) { crypto_kdf_keygen(bytes_of(out.data())); })};
}

KeySet KeySet::create() {
  KeySet made;
  made.keys_.push_back(make_key());
  return made;
}

std::string KeySet::id() const { return to_hex(keys_.front().id); }

std::string KeySet::check_of(const Key& key) { return to_hex(derive(key.bytes, k_subkey_check).reveal()); }

std::string KeySet::check_value() const { return check_of(keys_.front()); }

bool KeySet::can_open(std::string_view id, std::string_view check_value) const {
  return std::ranges::any_of(keys_,
                             [&](const Key& key) { return to_hex(key.id) == id && check_of(key) == check_value; });
}

std::string KeySet::seal(const Secret& secret, std::string_view associated) const {
  if (secret.size() > k_longest_secret) {
    throw Error(Fault::invalid, "vault.secret_unfit", fmt::format("a secret is longer than {} bytes", k_longest_secret),
                "a secret is a password, token or key");
  }
  const std::size_t padded_size = (secret.size() / k_block + 1) * k_block;
  const Secret padded = Secret::filled(padded_size, [&](std::span<char> out) {
    if (!secret.empty()) std::memcpy(out.data(), secret.reveal().data(), secret.size());
    std::size_t length = 0;
    sodium_pad(&length, bytes_of(out.data()), secret.size(), k_block, out.size());
  });
  const Key& key = keys_.front();
  std::string sealed(1, k_version);
  sealed += key.id;
  const std::string covered = associated_data(sealed, associated);
  const std::string nonce = random_bytes(k_nonce_size);
  sealed += nonce;
  const std::size_t start = sealed.size();
  sealed.resize(start + padded_size + k_tag_size);
  crypto_aead_xchacha20poly1305_ietf_encrypt(bytes_of(sealed.data() + start), nullptr, bytes_of(padded.reveal()),
                                             padded.size(), bytes_of(covered), covered.size(), nullptr, bytes_of(nonce),
                                             bytes_of(derive(key.bytes, k_subkey_seal).reveal()));
  return sealed;
}

Secret KeySet::open(std::string_view sealed, std::string_view associated) const {
  constexpr std::size_t k_overhead = k_header_size + k_nonce_size + k_tag_size;
  if (sealed.size() < k_overhead + k_block || (sealed.size() - k_overhead) % k_block != 0 ||
      sealed.size() > k_overhead + k_longest_secret + k_block) {
    throw tampered("its length is impossible");
  }
  if (sealed.front() != k_version) throw tampered("its version is unknown");
  const std::string_view header = sealed.substr(0, k_header_size);
  const auto key = std::ranges::find(keys_, header.substr(1), &Key::id);
  if (key == keys_.end()) {
    throw Error(
        Fault::denied, "vault.wrong_key",
        fmt::format("a secret is sealed with key {}, which is not in this server's key set", to_hex(header.substr(1))),
        "import the key set that sealed it (linkspan key import), or enter the secret again");
  }
  const std::string covered = associated_data(header, associated);
  const std::string_view nonce = sealed.substr(k_header_size, k_nonce_size);
  const std::string_view body = sealed.substr(k_header_size + k_nonce_size);
  bool good = false;
  const Secret padded = Secret::filled(body.size() - k_tag_size, [&](std::span<char> out) {
    good = crypto_aead_xchacha20poly1305_ietf_decrypt(bytes_of(out.data()), nullptr, nullptr, bytes_of(body),
                                                      body.size(), bytes_of(covered), covered.size(), bytes_of(nonce),
                                                      bytes_of(derive(key->bytes, k_subkey_seal).reveal())) == 0;
  });
  if (!good) throw tampered("it is not what was sealed for this place");
  std::size_t length = 0;
  if (sodium_unpad(&length, bytes_of(padded.reveal()), padded.size(), k_block) != 0) throw tampered("its padding");
  return Secret::filled(length, [&](std::span<char> out) {
    if (length != 0) std::memcpy(out.data(), padded.reveal().data(), length);
  });
}

bool KeySet::is_current(std::string_view sealed) const noexcept {
  return sealed.size() > k_header_size && sealed.substr(1, k_id_size) == keys_.front().id;
}

void KeySet::rotate() {
  if (keys_.size() >= k_most_keys) {
    throw Error(Fault::conflict, "vault.too_many_keys", fmt::format("the key set already holds {} keys", k_most_keys),
                "seal everything with the current key and drop the old ones first");
  }
  keys_.insert(keys_.begin(), make_key());
}

void KeySet::forget_old() { keys_.resize(1); }

Secret KeySet::pack() const {
  return Secret::filled(keys_.size() * (k_id_size + k_key_size), [&](std::span<char> out) {
    char* at = out.data();
    for (const Key& key : keys_) {
      std::memcpy(at, key.id.data(), k_id_size);
      std::memcpy(at + k_id_size, key.bytes.reveal().data(), k_key_size);
      at += k_id_size + k_key_size;
    }
  });
}

KeySet KeySet::unpack(const Secret& packed) {
  constexpr std::size_t k_row = k_id_size + k_key_size;
  if (packed.empty() || packed.size() % k_row != 0 || packed.size() / k_row > k_most_keys) {
    throw Error(Fault::corrupt, "vault.key_file", "a key set has an impossible length", "restore it from its copy");
  }
  KeySet made;
  for (std::string_view rest = packed.reveal(); !rest.empty(); rest.remove_prefix(k_row)) {
    const std::string_view id = rest.substr(0, k_id_size);
    if (std::ranges::find(made.keys_, id, &Key::id) != made.keys_.end()) {
      throw Error(Fault::corrupt, "vault.key_file", "a key set names the same key twice", "restore it from its copy");
    }
    made.keys_.push_back({std::string(id), Secret::filled(k_key_size, [&](std::span<char> out) {
                            std::memcpy(out.data(), rest.data() + k_id_size, out.size());
                          })});
  }
  return made;
}

}  // namespace linkspan::vault
