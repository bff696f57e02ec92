#pragma once
// Envelopes that a passphrase opens, as text that survives paper: copies of key sets, and backup identities.

#include <string>
#include <string_view>

#include "vault/escrow.h"

namespace linkspan::vault {

/// What is in an envelope. Its version is authenticated, so that one kind is never taken for another.
struct EscrowKind {
  char version;            ///< the first byte
  std::string_view label;  ///< between BEGIN or END and the dashes
  std::string_view noun;   ///< "copy of a key set", for messages
  std::string_view id;     ///< of the error about a damaged one
};
inline constexpr EscrowKind k_key_set_escrow{'\x01', "LINKSPAN KEY SET", "copy of a key set", "vault.escrow"};
inline constexpr EscrowKind k_identity_escrow{'\x02', "LINKSPAN BACKUP IDENTITY", "backup identity",
                                              "vault.backup_identity"};

/// Bytes: version 1, passes 4, memory in KiB 4 (big-endian), salt 16, nonce 24, sealed content.
struct EscrowFrame {
  std::string header;  ///< Version to salt: associated data of what follows.
  EscrowCost cost;
  std::string salt;
  std::string nonce;
  std::string sealed;
};

/// Throws the kind's id for whatever is not a well-formed, affordable envelope.
[[nodiscard]] EscrowFrame read_frame(std::string_view armoured, const EscrowKind& kind);

/// The lines between and with the BEGIN and END marks.
[[nodiscard]] std::string armour(std::string_view bytes, const EscrowKind& kind);

/// Throws "vault.passphrase_short" and "vault.memory".
[[nodiscard]] std::string seal_escrow(const EscrowKind& kind, const Secret& content, const Secret& passphrase,
                                      EscrowCost cost);

/// Throws "vault.passphrase", "vault.memory" and what read_frame throws.
[[nodiscard]] Secret open_escrow(const EscrowKind& kind, std::string_view armoured, const Secret& passphrase);

}  // namespace linkspan::vault
