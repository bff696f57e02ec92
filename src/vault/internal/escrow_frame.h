#pragma once
// The escrow envelope without its opening: what can be read before anybody knows the passphrase.

#include <string>
#include <string_view>

#include "vault/escrow.h"

namespace linkspan::vault {

/// Bytes: version 1, passes 4, memory in KiB 4 (big-endian), salt 16, nonce 24, sealed keys.
struct EscrowFrame {
  std::string header;  ///< Version to salt: associated data of what follows.
  EscrowCost cost;
  std::string salt;
  std::string nonce;
  std::string sealed;
};

/// Throws "vault.escrow" for whatever is not a well-formed, affordable envelope.
[[nodiscard]] EscrowFrame read_frame(std::string_view armoured);

/// The lines between and with the BEGIN and END marks.
[[nodiscard]] std::string armour(std::string_view bytes);

}  // namespace linkspan::vault
