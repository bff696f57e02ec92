#pragma once
// A copy of the key set that may leave the server: sealed with a passphrase, as text that survives paper.

#include <cstdint>
#include <string>
#include <string_view>

#include "vault/key_set.h"
#include "vault/secret.h"

namespace linkspan::vault {

/// What one guess of the passphrase costs (Argon2id): passes over memory. The default is libsodium's "moderate".
struct EscrowCost {
  std::uint32_t passes = 3;
  std::uint32_t memory_kib = 256 * 1024;
};

inline constexpr std::size_t k_shortest_passphrase = 12;

/// The armoured copy: lines of four-digit hex groups, each with a check of its own, so that a typing error is found by
/// its line. Throws "vault.passphrase_short" (invalid) and "vault.memory" (unavailable).
[[nodiscard]] std::string export_key_set(const KeySet& keys, const Secret& passphrase, EscrowCost cost = {});

/// Reads it back; white space, letter case and text around it do not matter. Throws "vault.passphrase" (denied) when
/// the passphrase is wrong, "vault.escrow" (corrupt, naming the line) when the copy is damaged or asks for more than
/// 1 GiB of memory or 16 passes, "vault.memory" (unavailable).
[[nodiscard]] KeySet import_key_set(std::string_view armoured, const Secret& passphrase);

}  // namespace linkspan::vault
