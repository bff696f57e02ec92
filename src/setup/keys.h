#pragma once
// The key set's life: made, rotated, copied, abandoned. What touches the database needs the lease to be held by the
// caller.

#include <string>
#include <vector>

#include "setup/installation.h"
#include "vault/secret.h"

namespace linkspan::setup {

struct KeyState {
  bool present = false;      ///< there is a key file, and it can be read
  std::string problem;       ///< why it cannot
  std::string id;            ///< of the current key
  std::size_t keys = 0;      ///< in the set, old ones included
  std::string database_id;   ///< of the key set the database's secrets are sealed with; empty: none yet
  bool opens = true;         ///< this set opens what the database holds
  std::size_t secrets = 0;   ///< in the database
  std::size_t unopened = 0;  ///< of these, sealed by another key set or damaged
};
[[nodiscard]] KeyState key_state(Installation& installation);

/// Makes the key file. Throws "vault.key_exists" (conflict) where there is one.
void create_key_set(Installation& installation);

/// Makes a new key and seals every secret anew with it, in one transaction; then the old keys are dropped. Killed
/// anywhere, everything can still be opened. Returns how many secrets. Throws "setup.credentials" when one of them
/// cannot be opened: enter it again or abandon it first.
std::size_t rotate_keys(Installation& installation);

/// Erases from the database every secret that this server's key set cannot open, and makes a key set where there is
/// none. Returns how many were erased.
std::size_t abandon_secrets(Installation& installation);

/// The armoured copy under a passphrase.
[[nodiscard]] std::string export_keys(Installation& installation, const vault::Secret& passphrase);
/// Puts a copy in place as this server's key set. Throws "vault.key_exists" when it has another one already.
void import_keys(Installation& installation, std::string_view armoured, const vault::Secret& passphrase);

}  // namespace linkspan::setup
