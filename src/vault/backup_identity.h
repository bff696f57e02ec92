#pragma once
// The key pair of those who may open backups. The recipient, its public part, is all that the server that makes them
// has; the identity, its private part, stays where backups are restored.

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "vault/escrow.h"
#include "vault/secret.h"

namespace linkspan::vault {

/// X25519, both of 32 bytes.
struct BackupIdentity {
  Secret private_key;
  std::string public_key;
};

[[nodiscard]] BackupIdentity make_backup_identity();

/// "linkspan-backup:" and 48 characters of base64: the public key, and a check that finds typing errors.
[[nodiscard]] std::string recipient_text(std::string_view public_key);

/// The public key again; white space around it does not matter. Throws "vault.recipient" (invalid).
[[nodiscard]] std::string read_recipient(std::string_view text);

/// Writes the new file (mode 0600) of an identity, under the passphrase if one is given. Nothing is overwritten.
/// Throws "vault.identity_exists" (conflict), "vault.identity_write" (unavailable), "vault.passphrase_short".
void save_backup_identity(const BackupIdentity& identity, const std::filesystem::path& path, const Secret& passphrase,
                          EscrowCost cost = {});

/// Reads such a file, as read_secret_file does; `ask` is called for the passphrase where it has one.
/// Throws "vault.secret_missing", "vault.secret_exposed", "vault.secret_unreadable", "vault.secret_unfit",
/// "vault.backup_identity" (corrupt) and "vault.passphrase" (denied).
[[nodiscard]] BackupIdentity load_backup_identity(const std::filesystem::path& path,
                                                  const std::function<Secret()>& ask);
/// The same from the file's content.
[[nodiscard]] BackupIdentity parse_backup_identity(const Secret& text, const std::function<Secret()>& ask);

}  // namespace linkspan::vault
