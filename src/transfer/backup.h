#pragma once
// A backup of the state in one packed file, sealed with a passphrase if one is given, and back into any kind of
// database. docs/design/0005-backup.md has the format and what a hostile file can do: nothing.

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/wiped_text.h"
#include "transfer/manifest.h"
#include "transfer/place.h"

namespace linkspan::transfer {

struct BackupOptions {
  Job job{};
  /// What the file is sealed with: a passphrase, or the recipient's public key (X25519, 32 bytes; whoever makes the
  /// backup cannot open it). At most one; none: not sealed.
  WipedText passphrase{};
  std::string recipient{};
};

/// Writes what one moment's snapshot of the database holds into the new file `file` (mode 0600), also while a service
/// works on it; memory does not depend on its size. Credentials stay sealed with the key set, which is not in it.
///
/// Throws what copy_database throws, and "transfer.recipient" for a key that is none. Nothing is left of a backup that
/// fails; one that is killed leaves FILE.part-XXXXXX.
Manifest backup(const Place& source, const std::string& file, const BackupOptions& options = {});

/// The setting that says when the last backup was made (RFC 3339, the database's clock). Absent: never.
inline constexpr std::string_view k_backup_completed = "backup.completed";

/// Notes in k_backup_completed that a backup of what `place` held at `made_at` is in a safe place, unless a later one
/// is noted. Under no lease, since backups are made beside whoever holds it: the one setting that is written so. Throws
/// what opening throws, and "transfer.not_in_charge".
void note_backup(const Place& place, Time made_at);

struct RestoreOptions {
  Job job{};
  WipedText passphrase{};
  WipedText identity{};  ///< the recipient's private key, 32 bytes
  bool restart = false;  ///< Begin again in a database that an unfinished restore, attach or move left half filled.
};

/// Reads the whole file and changes nothing: every block is whole, every row fits the schema, every checksum holds.
///
/// Throws "transfer.no_copy", "transfer.not_a_backup", "transfer.backup_damaged", "transfer.newer_backup",
/// "transfer.other_schema", "transfer.passphrase", "transfer.identity", "transfer.not_sealed".
[[nodiscard]] Manifest check_backup(const std::string& file, const RestoreOptions& options = {});

/// Checks the file, then fills the empty database `target` with it and reads every table back. What comes up there is a
/// copy: staging mode is on, and nobody has its lease. No key set is needed.
///
/// Throws what check_backup and attach throw, and "transfer.room". Whenever it does not come to its end the target
/// refuses to run.
Manifest restore(const std::string& file, const Place& target, const RestoreOptions& options = {});

}  // namespace linkspan::transfer
