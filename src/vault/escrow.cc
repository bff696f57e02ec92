#include "vault/escrow.h"

#include <sodium.h>

#include "base/error.h"
#include "vault/internal/escrow_frame.h"
#include "vault/internal/sodium.h"

namespace linkspan::vault {
namespace {

void append_big_endian(std::string& out, std::uint32_t value) {
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>(value >> shift & 0xFFU);
}

Secret stretch(const Secret& passphrase, std::string_view salt, EscrowCost cost) {
  ensure_sodium();
  return Secret::filled(crypto_aead_xchacha20poly1305_ietf_KEYBYTES, [&](std::span<char> out) {
    const std::string_view words = passphrase.reveal();
    if (crypto_pwhash(bytes_of(out.data()), out.size(), words.data(), words.size(), bytes_of(salt), cost.passes,
                      std::size_t{cost.memory_kib} * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0) {
      throw Error(Fault::unavailable, "vault.memory",
                  fmt::format("stretching the passphrase needs {} MiB of memory", cost.memory_kib / 1024),
                  "run it where that much is free");
    }
  });
}

}  // namespace

std::string seal_escrow(const EscrowKind& kind, const Secret& content, const Secret& passphrase, EscrowCost cost) {
  if (passphrase.size() < k_shortest_passphrase) {
    throw Error(Fault::invalid, "vault.passphrase_short",
                fmt::format("the passphrase is shorter than {} characters", k_shortest_passphrase),
                "use several words: whoever has the copy can guess at leisure");
  }
  ensure_sodium();
  EscrowFrame frame;
  frame.salt.resize(crypto_pwhash_SALTBYTES);
  randombytes_buf(frame.salt.data(), frame.salt.size());
  frame.nonce.resize(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
  randombytes_buf(frame.nonce.data(), frame.nonce.size());
  frame.header = kind.version;
  append_big_endian(frame.header, cost.passes);
  append_big_endian(frame.header, cost.memory_kib);
  frame.header += frame.salt;
  frame.sealed.resize(content.size() + crypto_aead_xchacha20poly1305_ietf_ABYTES);
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      bytes_of(frame.sealed.data()), nullptr, bytes_of(content.reveal()), content.size(), bytes_of(frame.header),
      frame.header.size(), nullptr, bytes_of(frame.nonce), bytes_of(stretch(passphrase, frame.salt, cost).reveal()));
  return armour(frame.header + frame.nonce + frame.sealed, kind);
}

Secret open_escrow(const EscrowKind& kind, std::string_view armoured, const Secret& passphrase) {
  const EscrowFrame frame = read_frame(armoured, kind);
  const Secret key = stretch(passphrase, frame.salt, frame.cost);
  bool good = false;
  Secret content =
      Secret::filled(frame.sealed.size() - crypto_aead_xchacha20poly1305_ietf_ABYTES, [&](std::span<char> out) {
        good = crypto_aead_xchacha20poly1305_ietf_decrypt(
                   bytes_of(out.data()), nullptr, nullptr, bytes_of(frame.sealed), frame.sealed.size(),
                   bytes_of(frame.header), frame.header.size(), bytes_of(frame.nonce), bytes_of(key.reveal())) == 0;
      });
  if (!good) {
    throw Error(Fault::denied, "vault.passphrase", fmt::format("the passphrase does not open this {}", kind.noun),
                "check the passphrase, its language and its capitals");
  }
  return content;
}

std::string export_key_set(const KeySet& keys, const Secret& passphrase, EscrowCost cost) {
  return seal_escrow(k_key_set_escrow, keys.pack(), passphrase, cost);
}

KeySet import_key_set(std::string_view armoured, const Secret& passphrase) {
  return KeySet::unpack(open_escrow(k_key_set_escrow, armoured, passphrase));
}

}  // namespace linkspan::vault
